"""The desk: takes runs from the queue in order, hands each to a worker, and writes down the end of those that died.

It is a thread of a server. What it must know after a crash it reads from the disk: the queue, the locks that workers hold,
and the runs' own folders. So it may die at any moment, and the next one goes on where it was: a worker that still lives is
left to its work, and a run whose worker is gone is said to be interrupted. Time is measured by a clock that can't be set.
"""

import shutil
import signal
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import Timeout

from lab import queue
from lab.corpus import Corpus
from lab.endings import bury, cause_of_death, out_of_memory_kills, revive, withdraw
from lab.errors import LabError
from lab.home import held, home, lock, make_folder, read_json
from lab.limits import Limits
from lab.room import make_room
from lab.runs import Run
from lab.sizes import size_of
from lab.worker import Worker, signal_worker

_TICK = 0.1  # seconds between two looks at the queue
_PATIENCE = 60.0  # seconds that a step may last before a worker that is to stop is sent a signal
_LAST_PATIENCE = 15.0  # and then before it is killed
_ATTEMPTS = 3  # workers that may die before one has begun a run
_SETTLED = 5.0  # seconds after which a new run has begun, and importing for the next one doesn't slow its start
_LETTING_GO = 10.0  # s that a process may take to end after its run, so that why it ended can be told


def is_open() -> bool:
    """Whether a process takes runs from the queue now."""
    return held(home() / "desk.lock")


class Desk:
    """Serves the queue of LAB_HOME from `open` to `close`, in a thread. A second one waits until the first is gone.

    `until_empty`: close when nothing waits and nothing goes on, or when another one serves.
    """

    def __init__(self, *, until_empty: bool = False) -> None:
        self._until_empty = until_empty
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="desk", daemon=True)
        self._spare: Worker | None = None
        self._broken = 0  # spare workers in a row that died before they were ready
        self._next_spare = 0.0
        # By the number of the queue's entry:
        self._workers: dict[int, Worker] = {}  # our own
        self._attempts: dict[int, int] = {}
        self._since: dict[tuple[str, int], float] = {}  # when we first saw what
        self._kills = 0
        self._last_words = ""
        self._noted = ""

    def open(self) -> "Desk":
        """Begin. Returns at once."""
        make_folder(home() / "runs")
        self._thread.start()
        return self

    def wait(self) -> None:
        """Until it has closed."""
        self._thread.join()

    def close(self) -> None:
        """End. A worker that trains goes on with its run; the next desk takes notice of it."""
        self._closing.set()
        self.wait()

    def __enter__(self) -> "Desk":
        return self.open()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _serve(self) -> None:
        size_of(Corpus())  # counted once, before anybody asks how long a run will take
        ours = lock(home() / "desk.lock", timeout=0.5)
        try:
            while not self._closing.is_set():
                try:
                    if not ours.is_locked:
                        ours.acquire()
                        _sweep()
                    self._look()
                    if self._until_empty:
                        with queue.changing():  # or a run could come after we looked and before we are gone
                            if not queue.entries():
                                ours.release()
                                return
                except Timeout:  # another one serves
                    if self._until_empty:
                        return
                    self._closing.wait(1)
                except (
                    Exception
                ) as error:  # whatever it is, it may be better in a moment, and the queue must not stand still
                    self._note(str(error) if isinstance(error, LabError | OSError) else traceback.format_exc())
                    self._closing.wait(1)
                self._closing.wait(_TICK)
        finally:
            if self._spare is not None:
                self._spare.dismiss()
            ours.release()

    def _look(self) -> None:
        """One look at the queue, and what follows from it."""
        for each in self._workers.values():
            each.listen()
        busy = False
        waiting: list[tuple[Run, queue.Entry]] = []
        for entry in queue.entries():
            run = Run(home() / "runs" / entry.run)
            try:
                at = self._see_to(run, entry)
            except (LabError, OSError) as error:  # a full disk, perhaps: it may be better next time
                self._note(str(error))
                continue
            busy |= at == "busy"
            if at == "waiting":
                waiting.append((run, entry))
        self._forget()
        self._keep_a_spare(busy)
        if waiting and not busy:
            self._serve_next(*waiting[0])

    def _see_to(self, run: Run, entry: queue.Entry) -> str:
        """What one run in the queue is at, "waiting", "busy" or "gone", and what follows from it."""
        worker = self._workers.get(entry.number)
        taken = (run.folder / "worker.json").exists()
        if taken and run.goes_on():
            self._watch(run, entry)
            return "busy"
        if run.has_ended() or not run.folder.exists():
            with queue.changing():  # a run that is just being asked for has its entry before its folder
                if run.has_ended() or not run.folder.exists():
                    queue.remove(entry)
            return "gone"
        if worker is not None:
            self._wait_for(worker, run, entry)
            return "busy"
        if taken:  # by a worker of a desk before us, that died without anyone seeing it
            if not revive(run, entry, _ATTEMPTS):
                bury(run, entry, cause_of_death(None, False, ""))
            return "gone"
        reason = run.asked_to_stop()
        if reason is not None:
            withdraw(run, entry, reason)
        return "waiting" if reason is None else "gone"

    def _serve_next(self, run: Run, entry: queue.Entry) -> None:
        if self._broken >= _ATTEMPTS:
            self._broken = 0
            bury(run, entry, f"No worker could be started. {self._last_words}")
        elif self._spare is not None and self._spare.ready:
            try:
                make_room(Limits.from_environment().disk, _needed())
            except LabError as error:
                bury(run, entry, str(error))
                return
            worker, self._spare = self._spare, None
            self._next_spare = time.monotonic() + _SETTLED
            self._kills = out_of_memory_kills()
            self._workers[entry.number] = worker
            worker.give(run)

    def _wait_for(self, worker: Worker, run: Run, entry: queue.Entry) -> None:
        """Our worker doesn't hold the run: it is about to take it up, or it is dead."""
        code = worker.exit_code()
        if code is None and not worker.taken:
            if self._seconds_since("given to a worker", entry) > _PATIENCE:
                worker.dismiss()
            return
        code = worker.exit_code(timeout=_LETTING_GO) if code is None else code
        del self._workers[entry.number]
        attempts = self._attempts[entry.number] = self._attempts.get(entry.number, 0) + 1
        if not worker.taken and attempts < _ATTEMPTS:
            return  # it died too early to have had to do with the run: the next one takes it
        memory_ran_out = out_of_memory_kills() > self._kills
        bury(run, entry, cause_of_death(code, memory_ran_out, worker.last_words()))

    def _watch(self, run: Run, entry: queue.Entry) -> None:
        """See that a run that goes on ends when it is to."""
        gone_on = self._seconds_since("going on", entry)
        reason = run.asked_to_stop()
        if reason is None:
            if gone_on > Limits.from_environment().seconds + _PATIENCE:  # its worker would have, if it answered
                run.ask_to_stop("stopped at the limit of time that a run may take here")
            return
        patience = _PATIENCE if run.log_bytes() > entry.log_bytes() else 0  # before it has begun, nothing is lost
        waited = self._seconds_since("asked to stop", entry)
        if waited > patience + _LAST_PATIENCE:
            signal_worker(run, signal.SIGKILL)
        elif (
            waited >= patience and ("told to stop", entry.number) not in self._since and signal_worker(run, signal.SIGTERM)
        ):
            self._seconds_since("told to stop", entry)

    def _seconds_since(self, what: str, entry: queue.Entry) -> float:
        """Since we saw that for the first time."""
        now = time.monotonic()
        return now - self._since.setdefault((what, entry.number), now)

    def _forget(self) -> None:
        """Of runs that have left the queue, keep nothing; and see their workers off."""
        there = {entry.number for entry in queue.entries()}
        self._attempts = {number: count for number, count in self._attempts.items() if number in there}
        self._since = {(what, number): moment for (what, number), moment in self._since.items() if number in there}
        for number, worker in list(self._workers.items()):
            if number not in there and worker.exit_code() is not None:
                del self._workers[number]

    def _keep_a_spare(self, busy: bool) -> None:
        if self._spare is not None:
            self._spare.listen()
            if self._spare.exit_code() is None:
                self._broken = 0 if self._spare.ready else self._broken
                return
            self._last_words = self._spare.last_words()
            self._spare.dismiss()
            self._spare = None
            self._broken += 1
            self._next_spare = time.monotonic() + 2**self._broken
        if time.monotonic() >= self._next_spare or not (busy or self._broken):
            self._spare = Worker()

    def _note(self, what: str) -> None:
        """Write down, once, what went wrong with the desk itself, for whoever looks after the server."""
        if what != self._noted:
            self._noted = what
            with suppress(OSError), (home() / "desk.log").open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {what}\n")


def _needed() -> set[str]:
    """The runs that the queue needs: those in it, and those whose models they begin from."""
    runs = {each.run for each in queue.entries()}
    configs = (read_json(home() / "runs" / run / "config.json") for run in runs)
    return runs | {config["settings"]["model"] for config in configs if config}


def main() -> None:
    """Be a desk without a server, until there is nothing left to do."""
    Desk(until_empty=True).open().wait()


def _sweep() -> None:
    """Clear away what a crash left half made or half deleted, but no draft that another process may be at."""
    runs = home() / "runs"
    with queue.changing():
        drafts = [draft for draft in runs.glob(".new-*") if time.time() - _changed(draft) > _ABANDONED]
        for folder in (*drafts, *runs.glob(".deleted-*"), home() / "workers"):
            shutil.rmtree(folder, ignore_errors=True)


_ABANDONED = 60  # seconds; a draft of a run is made in some milliseconds


def _changed(folder: Path) -> float:
    """When a folder was last changed; now, if it is gone meanwhile."""
    with suppress(OSError):
        return folder.stat().st_mtime
    return time.time()


if __name__ == "__main__":
    main()
