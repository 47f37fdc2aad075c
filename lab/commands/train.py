"""`train`: a model fine-tuned, before your eyes."""

import os
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lab.commands import quiet
from lab.config import PRESETS, RunConfig, preset
from lab.errors import RunError, require
from lab.events import Event, Failed, RunStarted, Stopped
from lab.options import add_settings, read_settings
from lab.runs import get_run
from lab.terminal import console, minutes, show_events, show_events_as_json, show_json


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
    parser.add_argument(
        "--background", action="store_true", help="put the run into the queue and return; `runs watch` follows it"
    )
    add_settings(parser, RunConfig)
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    if options.background:
        return _in_background(options)
    from lab.training import fine_tune, resume

    def start(should_stop: Callable[[], bool]) -> Iterator[Event]:
        if options.resume:
            run = get_run(options.resume)
            require(run.state() != "waiting", f"The run {run.id} waits in the queue to be resumed.", RunError)
            return resume(run, should_stop=should_stop)
        return fine_tune(read_settings(RunConfig, options, preset(options.preset)), should_stop=should_stop)

    return follow(options, start)


def follow(options: Namespace, start: Callable[[Callable[[], bool]], Iterator[Event]]) -> int:
    """Start a training, show it as it goes on, and stop it on Ctrl-C; returns the exit code."""
    from lab.speeds import learn_from

    started: list[str] = []
    stop = threading.Event()

    def noting(events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, RunStarted):
                started.append(event.run)
            yield event

    quiet()
    with _stop_on_signal(stop):
        events = noting(start(stop.is_set))
        last = show_events_as_json(events) if options.json else show_events(events)
    if started and last is not None and not isinstance(last, Failed):
        learn_from(get_run(started[0]))
    if isinstance(last, Failed):
        if not options.json:
            print(last.reason, file=sys.stderr)
        return 1
    _part_company()
    if not options.json and last is not None:
        stopped = isinstance(last, Stopped)
        console.print(f"{'Stopped' if stopped else 'Finished'} after {last.step:,} steps, {minutes(last.seconds)}.")
        console.print(
            'Ask it:  python -m lab fill --model latest --against bundled "This is a great [MASK]."', markup=False
        )
    return 130 if isinstance(last, Stopped) else 0


def _part_company() -> None:
    """Of several processes: end what ties them together, whose threads would outlive the interpreter and abort it."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _in_background(options: Namespace) -> int:
    """Into the queue, and see that somebody takes it from there."""
    from lab import jobs

    if options.resume:
        run, token = get_run(options.resume).id, jobs.administrator()
        jobs.resume(run, token)
    else:
        ticket = jobs.submit(read_settings(RunConfig, options, preset(options.preset)))
        run, token = ticket.run, ticket.token
    jobs.open_in_background()
    if options.json:
        show_json({"run": run, "token": token})
        return 0
    standing = jobs.standing(run)
    wait = f" behind {standing.position - 1} others" if standing.position and standing.position > 1 else ""
    console.print(f"{run} is in the queue{wait}.")
    if standing.expected_seconds is not None:
        console.print(f"It takes about {minutes(standing.expected_seconds)} from its start.")
    console.print(f"Watch it:  python -m lab runs watch {run}", markup=False)
    return 0


@contextmanager
def _stop_on_signal(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C (or a polite kill) asks the run to stop; the second one is as rude as ever.

    One process of several may wait for ever for another that is gone, so it is given a while to stop, and no longer.
    """
    late = threading.Timer(_PATIENCE, _give_up)
    late.daemon = True

    def ask(number: int, _frame: Any) -> None:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not stop.is_set():
            late.start()
        stop.set()
        print("\nStopping after this step, and keeping the model so far. Once more stops at once.", file=sys.stderr)
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        late.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


_PATIENCE = 20.0  # seconds; whoever launches several processes kills them 30 s after having asked


def _give_up() -> None:
    print(
        "The other processes of this run don't answer, so it ends here without its last steps. "
        "Resume it from its last checkpoint: python -m lab train --resume RUN",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)
