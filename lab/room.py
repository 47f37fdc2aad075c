"""Room: the disk kept for runs has a limit, and the oldest make room for the next.

A run goes only if it came through the queue, has ended, isn't pinned, and no run in the queue is to begin from its model.
What a person has trained in the foreground counts, and stays. Who comes back to a run that went is told so.
"""

from collections.abc import Collection
from pathlib import Path

from lab.errors import RunError
from lab.home import home, read_json, write_json
from lab.runs import Run, list_runs

_TOLD = 1000  # so many runs that went are remembered
_GB = 1e9


def make_room(gigabytes: float, needed: Collection[str] = ()) -> list[str]:
    """Remove the oldest runs until what is left takes so much at most; `needed` stay. Returns the ids of those that went.

    Raises RunError if those that may go are not enough.
    """
    runs = list_runs()[::-1]
    sizes = {run: bytes_of(run.folder) for run in runs}
    excess = sum(sizes.values()) - gigabytes * _GB
    gone: list[str] = []
    for run in runs:
        if excess <= 0:
            break
        if run.id not in needed and _may_go(run):
            run.delete()
            excess -= sizes[run]
            gone.append(run.id)
    if gone:
        said = read_json(_record()) or {}
        said |= {
            run: f"The run {run} was removed to make room for newer ones: it was the oldest not pinned." for run in gone
        }
        write_json(_record(), dict(list(said.items())[-_TOLD:]))
    if excess > 0:
        raise RunError(
            f"The {gigabytes:g} GB kept for runs are used up, and no run may be removed to make room. "
            "Delete or unpin some (`python -m lab runs`), or raise LAB_MAX_DISK_GB."
        )
    return gone


def went(run: str) -> str | None:
    """The sentence for a run that was removed to make room."""
    return (read_json(_record()) or {}).get(run)


def bytes_of(folder: Path) -> int:
    """What a folder takes on the disk."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:  # it went meanwhile
            continue
    return total


def _may_go(run: Run) -> bool:
    return run.is_queued() and not run.is_pinned() and run.has_ended() and not run.goes_on()


def _record() -> Path:
    return home() / "removed.json"
