"""What the command line shows: tables, and a run as it goes on. Only drawing needs rich; JSON doesn't."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from lab.errors import LabError
from lab.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    Failed,
    Finished,
    Probed,
    RunStarted,
    Stepped,
    Stopped,
    to_json,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


class _WhenFirstUsed:
    """rich's console, made when something is first drawn."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_console(), name)


@cache
def _console() -> "Console":
    try:
        from rich.console import Console
    except ModuleNotFoundError as error:
        raise LabError(
            "Tables and progress are drawn by rich, which isn't installed. Install rich, or add --json."
        ) from error
    return Console(highlight=False)


console: Any = _WhenFirstUsed()


def show_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table; numbers stand to the right."""
    show = console.print  # says so if rich isn't there
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    cells = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
    for i, name in enumerate(columns):
        numeric = bool(cells) and all(isinstance(row[i], int | float | None) for row in cells)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(escape(as_text(value)) for value in row))
    show(table)


def as_text(value: Any) -> str:
    """A value as a person reads it: 0.123456 → 0.1235, None → –."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show_json(content: Any) -> None:
    """Print one JSON document."""
    json.dump(content, sys.stdout, indent=2, ensure_ascii=False, default=str)
    print()


def minutes(seconds: float) -> str:
    """A time as a person says it: 75 → 1 min 15 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def show_events_as_json(events: Iterable[Event]) -> Event | None:
    """Print one JSON object a line, as they come; returns the last event."""
    last = None
    for last in events:
        print(to_json(last), flush=True)
    return last


def show_events(events: Iterable[Event]) -> Event | None:
    """Draw a run as it goes on: a bar, the score of each evaluation, and how the probes move; returns the last event."""
    last = None
    first_fills: dict[str, str] = {}
    with _bar() as bar:
        for last in events:
            match last:
                case RunStarted():
                    bar.start(last)
                case Stepped():
                    bar.step(last)
                case Evaluated():
                    bar.score(last)
                case Probed():
                    words = {sentence: ", ".join(word for word, _ in fill[:4]) for sentence, fill in last.fills}
                    first_fills = first_fills or words
                    latest = words
                case CheckpointSaved() | Finished() | Stopped() | Failed():
                    pass
    if first_fills:
        show_table(
            "The probes", ("sentence", "before", "now"), ((s, first_fills[s], latest.get(s, "")) for s in first_fills)
        )
    return last


class _Bar:
    """A progress bar on a terminal; in a file or a pipe, a line about twenty times a run."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, visible=False, said="")
        self._total = 1
        self._perplexity = ""

    def start(self, event: RunStarted) -> None:
        self._total = event.total_steps
        console.print(f"[bold]{event.run}[/]: {event.model} on {event.corpus}")
        console.print(f"  {event.said}")
        console.print(
            f"  {event.train_chunks:,} training and {event.test_chunks:,} held-out chunks of {event.chunk_size}, "
            f"{event.total_steps:,} steps"
        )
        console.print(f"  To beat: {event.uniform:,.0f} for blind guessing, {event.unigram:,.0f} for guessing by frequency")
        self._progress.update(self._task, total=event.total_steps, completed=event.step, visible=True)

    def score(self, event: Evaluated) -> None:
        self._perplexity = f"perplexity {event.perplexity:,.2f}  "
        console.print(
            f"  step {event.step:>5}  held-out perplexity [bold]{event.perplexity:,.2f}[/]  "
            f"accuracy {event.accuracy:.1%}  ({event.positions:,} positions)"
        )

    def step(self, event: Stepped) -> None:
        speed = f"{event.tokens_per_second:,.0f} tokens/s  {minutes(event.eta_seconds)} left"
        said = f"loss {event.loss:.3f}  {self._perplexity}{speed}"
        self._progress.update(self._task, completed=event.step, said=said)
        if not console.is_terminal and event.step % max(1, self._total // 20) == 0:
            console.print(f"  step {event.step:>5}  {said}")


@contextmanager
def _bar() -> Iterator[_Bar]:
    terminal = console.is_terminal  # says so if rich isn't there
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("  "), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=_console(), transient=True, disable=not terminal) as progress:
        yield _Bar(progress)
