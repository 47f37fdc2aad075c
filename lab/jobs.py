"""Jobs: ask for a run, follow it, stop it, go on with it. What a server calls: nothing here loads torch, and all is quick.

A run is asked for once, gets a place in the queue, and belongs to whoever holds its token. Only a hash of that is kept. The
desk (`lab/desk.py`) takes it from there, in this process or in another one on the same LAB_HOME.
"""

import hashlib
import hmac
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lab import queue
from lab.config import RunConfig
from lab.desk import Desk, is_open
from lab.endings import withdraw
from lab.errors import RunError, require
from lab.estimate import estimate
from lab.events import Event, Stepped
from lab.home import home, lock, make_folder, plain_words, read_json, write_json
from lab.limits import Limits
from lab.log import latest, read
from lab.room import went
from lab.runs import STOPPED, Run, create_run, is_id, settled

__all__ = [
    "Desk",
    "Standing",
    "Ticket",
    "administrator",
    "delete",
    "follow",
    "is_open",
    "open_in_background",
    "owns",
    "resume",
    "standing",
    "stop",
    "submit",
]


@dataclass(frozen=True, slots=True)
class Ticket:
    """What whoever asked for a run keeps."""

    run: str
    token: str  # the owner's secret


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands."""

    run: str
    state: str  # waiting, starting, running, stopping, finished, stopped, failed or interrupted
    position: int | None  # 1 = next, while it waits
    expected_start: float | None  # seconds from now, while it waits
    expected_seconds: float | None  # from its start to its end
    reason: str | None  # why it stopped, failed or was interrupted; or why it waits in vain
    resumable: bool


def submit(config: RunConfig, *, visitor: str = "") -> Ticket:
    """Put a run into the queue. `visitor` tells people apart, in whatever way the server does.

    Raises SettingError or RunError, in a sentence, for what goes beyond a limit. What can't be loaded shows later, as a run
    that failed.
    """
    config = settled(config)
    limits = Limits.from_environment()
    expected = estimate(config)
    limits.check(config, expected.steps if expected.counted else None, expected.train_tokens if expected.counted else None)
    token = secrets.token_urlsafe(24)
    with queue.changing():
        _check_queue(limits, _short(visitor))

        def enter(run: str, folder: Path) -> None:
            write_json(folder / "owner.json", {"token": _hash(token), "visitor": _short(visitor)})
            queue.add(run, _short(visitor))

        run = create_run(config, enter)
    return Ticket(run.id, token)


def standing(run: str) -> Standing:
    """Where a run stands now. Raises RunError if there is no such run."""
    found = _get(run)
    state = found.state()
    entry = queue.find(run)
    if state == "waiting" and entry is None:  # it was taken out between two looks
        return standing(run)
    summary = found.summary() if state not in ("waiting", "running") else {}
    position = start = seconds = None
    reason = summary.get("reason")
    if state == "waiting" and entry is not None:
        seconds = _expected_seconds(entry)
        ahead = [each for each in queue.entries() if each.number < entry.number]
        position = 1 + sum(not _taken(each) for each in ahead)
        if is_open():
            start = sum(_seconds_left(each) for each in ahead)
        else:
            reason = "Nobody takes runs from the queue now. It goes on when the lab is opened again."
    elif state == "running":
        state, seconds = _going_on(found, entry)
    return Standing(run, state, position, start, seconds, reason, _resumable(found, state))


def stop(run: str, token: str) -> None:
    """Stop a run after the step it is at, and keep its model; take one that waits out of the queue.

    Raises RunError for a stranger, and for a run that has ended.
    """
    found = _owned(run, token, "stop")
    state = found.state()
    require(state in ("waiting", "running"), f"The run {run} is {state} already.", RunError)
    found.ask_to_stop(STOPPED)
    entry = queue.find(run)
    if state == "waiting" and entry is not None:
        withdraw(found, entry, "taken out of the queue before it began")


def resume(run: str, token: str) -> None:
    """Put a run that was stopped, failed or was interrupted back into the queue, to go on from its last checkpoint.

    Raises RunError for a stranger, and for a run that can't go on.
    """
    found = _owned(run, token, "resume")
    limits = Limits.from_environment()
    with queue.changing():
        state = found.state()
        require(
            _resumable(found, state),
            f"The run {run} is {state}"
            + (", so it can't be resumed." if found.checkpoints() else " and has no checkpoint. Start it anew."),
            RunError,
        )
        visitor, before = _owner(found).get("visitor", ""), found.summary()
        _check_queue(limits, visitor)
        with found.writing():  # whatever is torn in its log is cut off
            if (stale := queue.find(run)) is not None:  # the desk has not looked yet since it ended
                queue.remove(stale)
            queue.add(run, visitor, log_bytes=found.log_bytes(), before=before)
            found.begin_again()


def delete(run: str, token: str) -> None:
    """Remove a run and all that it has made. Raises RunError for a stranger, and while the run goes on."""
    found = _owned(run, token, "delete")
    with queue.changing():
        found.delete()
        entry = queue.find(run)
        if entry is not None:
            queue.remove(entry)


def follow(run: str, on_wait: Callable[[Standing], None] = lambda _: None) -> Iterator[Event]:
    """The events of a run from its first to its last, as they come; `on_wait` hears of each new place in the queue."""
    place: Standing | None = None
    line = 0
    while True:
        now = standing(run)  # asked first: what is in the log after a run has ended is all there will be
        if now.state == "waiting" and (place is None or (place.position, place.reason) != (now.position, now.reason)):
            place = now
            on_wait(now)
        tail = read(_get(run), line)
        line = tail.next
        yield from tail.events
        if tail.lines == line:
            if now.state in ("finished", "stopped", "failed", "interrupted"):
                return
            time.sleep(_GLANCE)


_GLANCE = 0.2  # seconds between two looks of a follower


def open_in_background() -> None:
    """See that somebody takes runs from the queue: a process of its own, if there is none, until the queue is empty."""
    if not is_open():
        with plain_words("start a process"), (home() / "desk.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "lab.desk"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).resolve().parent.parent,
                env=os.environ | {"LAB_HOME": str(home())},
                start_new_session=True,
            )


def owns(run: str, token: str) -> bool:
    """Whether this token may stop, resume and delete this run: its owner's, or an administrator's."""
    owner = _owner(_get(run))
    allowed = [_hash(each) for each in (os.environ.get("LAB_ADMIN_TOKEN"), _local_token()) if each]
    given = _hash(token)
    return any(hmac.compare_digest(given, each) for each in (*allowed, owner.get("token") or ""))


def administrator() -> str:
    """The token of whoever can read LAB_HOME, as the command line does; made when first asked for."""
    token = _local_token()
    if token is None:
        token = secrets.token_urlsafe(24)
        make_folder(home())
        with plain_words(f"write {_local_file()}"), lock(home() / "administrator.lock"):
            if _local_token() is None:
                with os.fdopen(os.open(_local_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                    file.write(token)
    return _local_token() or ""


def _get(run: str) -> Run:
    """A run of this home by its whole id, as a stranger may name it: never a path."""
    found = Run(home() / "runs" / run)
    if is_id(run) and (found.folder / "config.json").exists():
        return found
    raise RunError(went(run) or f"There is no run {run!r}. It may have been deleted.")


def _owned(run: str, token: str, what: str) -> Run:
    require(owns(run, token), f"Only whoever started the run {run} may {what} it.", RunError)
    return _get(run)


def _owner(run: Run) -> dict[str, Any]:
    return read_json(run.folder / "owner.json") or {}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _short(visitor: str) -> str:
    return hashlib.sha256(visitor.encode()).hexdigest()[:12] if visitor else ""


def _local_file() -> Path:
    return home() / "administrator"


def _local_token() -> str | None:
    with suppress(OSError):
        return _local_file().read_text() or None
    return None


def _check_queue(limits: Limits, visitor: str) -> None:
    """Raise RunError if no more runs may be asked for, by this visitor or by anyone. Only while the queue is held still."""
    entries = queue.entries()
    theirs = sum(entry.visitor == visitor for entry in entries) if visitor else 0
    require(
        theirs < limits.visitor,
        f"You have {theirs} runs waiting or going on, and more are not allowed here. Stop one, or wait until it ends.",
        RunError,
    )
    require(
        sum(not _taken(entry) for entry in entries) < limits.queue,
        f"{len(entries)} runs are waiting already, and more are not allowed here. Try again in a while.",
        RunError,
    )


def _taken(entry: queue.Entry) -> bool:
    return (home() / "runs" / entry.run / "worker.json").exists()


def _resumable(run: Run, state: str) -> bool:
    return state in ("stopped", "failed", "interrupted") and bool(run.checkpoints())


def _going_on(run: Run, entry: queue.Entry | None) -> tuple[str, float | None]:
    """What a run that a worker has is at, and how long it takes in all."""
    begun = run.log_bytes() > (entry.log_bytes() if entry else 0)
    state = "stopping" if run.asked_to_stop() else "running" if begun else "starting"
    stepped = latest(run, Stepped) if begun else None
    if stepped is not None:
        return state, stepped.seconds + stepped.eta_seconds
    return state, _expected_seconds(entry) if entry else None


def _seconds_left(entry: queue.Entry) -> float:
    """How long a run before us in the queue will still take."""
    stepped = latest(Run(home() / "runs" / entry.run), Stepped) if _taken(entry) else None
    return stepped.eta_seconds if stepped else _expected_seconds(entry)


def _expected_seconds(entry: queue.Entry) -> float:
    try:
        measured = (home() / "speeds.json").stat().st_mtime_ns
    except OSError:
        measured = 0
    return _estimated(Run(home() / "runs" / entry.run), measured)


@lru_cache(maxsize=1024)
def _estimated(run: Run, _measured: int) -> float:
    return estimate(run.config()).seconds
