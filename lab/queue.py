"""The queue: which runs wait for a worker, or have one, in the order in which they came.

One file a run in LAB_HOME/queue, from when the run is asked for until its end has been written down. All that is needed to
find a run's place stands in the file's name, so the queue is read by listing a folder:

    0000000042,RUN,VISITOR.json     the content is what is needed to undo it, see `Entry.before`

Numbers, not times, make the order, for a clock may jump; none is given twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.home import home, lock, make_folder, plain_words, read_json, write_json


@dataclass(frozen=True, slots=True)
class Entry:
    """A run's place in the queue."""

    number: int
    run: str
    visitor: str  # who has asked for it, as twelve hexadecimal digits; empty for nobody in particular
    path: Path

    def stands(self) -> bool:
        """Whether it is still in the queue."""
        return self.path.exists()

    def log_bytes(self) -> int:
        """How long its log was when it came: what is behind that was written since."""
        return (read_json(self.path) or {}).get("log_bytes", 0)

    def before(self) -> dict[str, Any] | None:
        """The summary it had before it was resumed; None for a new run."""
        return (read_json(self.path) or {}).get("before")


def entries(folder: Path | None = None) -> list[Entry]:
    """All, first come first; `folder` takes the place of LAB_HOME."""
    folder = (folder or home()) / "queue"
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".json" and path.name[0].isdigit())
    except OSError:
        return []
    parts = ((name, *name.removesuffix(".json").split(",")) for name in names)
    return [Entry(int(number), run, visitor, folder / name) for name, number, run, visitor in parts]


def find(run: str, folder: Path | None = None) -> Entry | None:
    """A run's entry, if it has one."""
    return next((entry for entry in entries(folder) if entry.run == run), None)


@contextmanager
def changing() -> Iterator[None]:
    """Hold the queue still for everyone else, while something is decided by what stands in it."""
    make_folder(home() / "queue")
    with lock(home() / "queue" / "lock"):
        yield


def add(run: str, visitor: str = "", *, log_bytes: int = 0, before: dict[str, Any] | None = None) -> Entry:
    """Put a run at the end. Only while `changing`."""
    counter = home() / "queue" / "last"
    number = 1 + max([read_json(counter) or 0, *(entry.number for entry in entries())])
    write_json(counter, number)
    path = home() / "queue" / f"{number:010d},{run},{visitor}.json"
    write_json(path, {"log_bytes": log_bytes, "before": before})
    return Entry(number, run, visitor, path)


def attempt(entry: Entry) -> int:
    """Count one more worker that died before it had begun this run; returns how many that makes."""
    content = read_json(entry.path) or {}
    content["attempts"] = content.get("attempts", 0) + 1
    write_json(entry.path, content)
    return content["attempts"]


def remove(entry: Entry) -> None:
    """Take a run out; nothing happens if it is out already."""
    with plain_words(f"change {entry.path.parent}"):
        entry.path.unlink(missing_ok=True)
