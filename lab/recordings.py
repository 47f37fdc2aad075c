"""Recordings: runs that were trained elsewhere, kept without their models, to be watched as if they went on."""

from lab.events import RunStarted
from lab.home import ASSETS
from lab.log import read
from lab.runs import Run

FOLDER = ASSETS / "replays"


def recordings() -> list[Run]:
    """All that come along, by name.

    >>> [recording.id for recording in recordings()]
    ['imdb-token', 'imdb-whole-word', 'too-fast']
    """
    return [Run(log.parent) for log in sorted(FOLDER.glob("*/events.jsonl"))]


def recording(name: str) -> Run | None:
    """A recording by its name; None if there is none of it."""
    return next((each for each in recordings() if each.id == name), None)


def made_on(run: Run) -> str:
    """What it was computed on, as its log says."""
    return next((event.said for event in read(run, 0).events if isinstance(event, RunStarted)), "")
