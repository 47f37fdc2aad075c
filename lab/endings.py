"""Endings: how a run in the queue ends that can't say so itself, because it never began or because its worker died."""

import signal
from contextlib import suppress
from pathlib import Path

from lab import queue
from lab.errors import RunError
from lab.events import Event, Failed, Stopped, is_last
from lab.log import latest
from lab.runs import Run, Writer
from lab.story import CUT_OFF, summarize


def withdraw(run: Run, entry: queue.Entry, reason: str) -> bool:
    """End a run that waits: a new one as Stopped, one to be resumed as it was before. False if a worker has it already."""
    with suppress(RunError), run.writing(patience=0) as writer:
        if entry.stands() and not run.has_ended():
            if (run.folder / "worker.json").exists():
                return False
            _take_back(writer, entry, reason)
        queue.remove(entry)
        return True
    return False


def revive(run: Run, entry: queue.Entry, attempts: int) -> bool:
    """Let a run wait again whose worker died before it had begun; False if it had, or if that has happened too often."""
    with run.ending():
        if entry.stands() and not run.has_ended():
            began = run.log_bytes() > entry.log_bytes()
            if began or run.asked_to_stop() is not None or queue.attempt(entry) >= attempts:
                return False
            (run.folder / "worker.json").unlink(missing_ok=True)
        return True


def bury(run: Run, entry: queue.Entry, why: str) -> None:
    """End a run whose worker is dead, for the reason `why`. What it said last stands."""
    with run.ending() as writer:
        if entry.stands() and not run.has_ended():  # or it has just been resumed, under another entry
            last = latest(run, Event)
            went_on = run.log_bytes() > entry.log_bytes()
            asked = run.asked_to_stop()
            if went_on and last is not None and is_last(last):
                writer.conclude(summarize(run.events()))
            elif asked and (last is None or not went_on or last.step == 0):
                _take_back(writer, entry, asked)
            elif last is None:
                writer.append(Failed(step=0, seconds=0.0, reason=why))
            else:
                writer.conclude(summarize(run.events()) | {"state": "interrupted", "reason": why})
        queue.remove(entry)


def _take_back(writer: Writer, entry: queue.Entry, reason: str) -> None:
    before = entry.before()
    if before is None:
        writer.append(Stopped(step=0, seconds=0.0, reason=reason))
    else:
        writer.conclude(before)


def cause_of_death(code: int | None, memory_ran_out: bool, last_words: str) -> str:
    """Why a worker died, in one sentence or two. `code` is its exit code, None if nobody was there to see it.

    >>> cause_of_death(-11, False, "")
    'Its process was ended from outside (SIGSEGV).'
    """
    if code is None:
        return CUT_OFF
    if code == -signal.SIGKILL:
        cause = "The computer ran out of memory" if memory_ran_out else "Its process was killed, as when memory runs out"
        return (
            f"{cause}. Halve per_device_train_batch_size and double gradient_accumulation_steps: the result is the same, "
            "and takes less memory."
        )
    if code < 0:
        return f"Its process was ended from outside ({signal.Signals(-code).name})."
    return f"Its process ended with an error: {last_words or f'code {code}, without a word'}"


def out_of_memory_kills() -> int:
    """How many processes the system has killed so far because memory ran out."""
    kills = 0
    for file in ("/sys/fs/cgroup/memory.events", "/proc/vmstat"):
        with suppress(OSError, ValueError):
            lines = dict(line.split(maxsplit=1) for line in Path(file).read_text().splitlines())
            kills += int(lines.get("oom_kill", 0))
    return kills
