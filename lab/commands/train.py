"""`train`: a model fine-tuned, before your eyes."""

import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.commands import quiet
from lab.config import PRESETS, RunConfig, preset
from lab.options import add_settings, read_settings
from lab.terminal import console, minutes, show_events, show_events_as_json


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    lines = "; ".join(f"{name}: {words}" for name, (words, _) in PRESETS.items())
    parser.epilog = (
        f"Presets. {lines}. An option given beside a preset takes the place of the preset's value; `none` lifts a limit. "
        "Ctrl-C stops the run after the step it is at, and keeps the model so far."
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="quick", help="where to start from (default: quick)")
    parser.add_argument(
        "--resume", metavar="RUN", help="go on with a stopped or interrupted run; other options are ignored"
    )
    add_settings(parser, RunConfig)
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.events import Failed, Stopped
    from lab.runs import get_run
    from lab.training import fine_tune, resume

    stop = threading.Event()
    quiet()
    with _stop_on_signal(stop):
        if options.resume:
            events = resume(get_run(options.resume), should_stop=stop.is_set)
        else:
            config = read_settings(RunConfig, options, preset(options.preset))
            events = fine_tune(config, should_stop=stop.is_set)
        last = show_events_as_json(events) if options.json else show_events(events)
    if isinstance(last, Failed):
        if not options.json:
            print(last.reason, file=sys.stderr)
        return 1
    if not options.json and last is not None:
        stopped = isinstance(last, Stopped)
        console.print(f"{'Stopped' if stopped else 'Finished'} after {last.step:,} steps, {minutes(last.seconds)}.")
        console.print(
            'Ask it:  python -m lab fill --model latest --against bundled "This is a great [MASK]."', markup=False
        )
    return 130 if isinstance(last, Stopped) else 0


@contextmanager
def _stop_on_signal(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C (or a polite kill) asks the run to stop; the second one is as rude as ever."""

    def ask(number: int, _frame: Any) -> None:
        stop.set()
        print("\nStopping after this step, and keeping the model so far. Once more stops at once.", file=sys.stderr)
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
