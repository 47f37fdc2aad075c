"""A worker: the process that trains one run, apart from the server. Both sides of it: `Worker` here, `main` over there.

A spare one waits with everything imported, so that a run starts at once. It takes one job, a line of JSON on its standard
input, and from then on it needs nobody: it tells what happens in the run's own log, is stopped by a file in the run's
folder, and outlives the server that started it. While it is idle the end of its input ends it.

It works at low priority and is the first to go when memory runs out: the server and the computer's owner come first.
"""

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import psutil

from lab import queue
from lab.errors import LabError, RunError
from lab.events import Event, Failed, RunStarted
from lab.home import home, make_folder, read_json, write_json
from lab.limits import Limits
from lab.log import step_of
from lab.runs import Run
from lab.speeds import learn_from

_ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """A worker as the one who started it sees it."""

    module: ClassVar = "lab.worker"

    def __init__(self) -> None:
        make_folder(home() / "workers")
        self.name = secrets.token_hex(8)
        self.ready = self.taken = False
        self._run: Run | None = None
        self._heard = b""
        self._log = home() / "workers" / f"{self.name}.log"  # moves into the run's folder when it takes that up
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, self.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=_ROOT,
                env=_environment(),
                start_new_session=True,  # or Ctrl-C in the server's terminal would end it too
            )
        assert self._process.stdout is not None, "it is a pipe"
        os.set_blocking(self._process.stdout.fileno(), False)

    def listen(self) -> None:
        """Take in what it has said since: that it is ready, that it has taken a job."""
        assert self._process.stdout is not None, "it is a pipe"
        self._heard += self._process.stdout.read() or b""
        self.ready |= b"ready\n" in self._heard
        self.taken |= b"taken\n" in self._heard

    def give(self, run: Run) -> None:
        """Hand it its job. Raises OSError if it is no longer there."""
        assert self._process.stdin is not None, "it is a pipe"
        self._run = run
        self._process.stdin.write(json.dumps({"run": str(run.folder)}).encode() + b"\n")
        self._process.stdin.close()

    def exit_code(self, timeout: float = 0) -> int | None:
        """Its exit code, or minus the number of the signal that killed it; None while it lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def dismiss(self) -> None:
        """Let an idle one go."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._log.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last line that it wrote before it broke down."""
        log = self._run.folder / "worker.log" if self._run and self.taken else self._log
        with contextlib.suppress(OSError):
            lines = log.read_text(errors="replace").strip().splitlines()
            return lines[-1].strip() if lines else ""
        return ""


def signal_worker(run: Run, number: signal.Signals) -> bool:
    """Send a signal to the process that trains a run; False if there is none. Never to another that got its number."""
    mark = read_json(run.folder / "worker.json")
    if not mark or not run.goes_on():
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(mark["pid"])
        if mark["name"] in process.cmdline():
            process.send_signal(number)
            return True
    return False


def _environment() -> dict[str, str]:
    cores = psutil.cpu_count() or 1
    return os.environ | {
        "OMP_WAIT_POLICY": "PASSIVE",  # 0.34 s a step instead of 3.4 where cores are contended
        "TOKENIZERS_PARALLELISM": "true",
        "PYTHONUNBUFFERED": "1",
        "LAB_HOME": str(home()),
        "OMP_NUM_THREADS": os.environ.get("LAB_THREADS") or str(cores if cores <= 2 else cores - 1),
    }


# The other side.


def main() -> int:
    """Be a worker; returns the exit code."""
    _step_back()
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Trainer prints to standard output
    state = _State()
    signal.signal(signal.SIGTERM, state.on_terminate)
    idle_work = _warm_up()
    said.write("ready\n")
    said.flush()
    job = _wait_for_job(idle_work)
    if job is None:
        return 0
    run = Run(Path(job["run"]))
    try:
        with run.reserved():
            if queue.find(run.id) is None or (run.folder / "summary.json").exists():
                return 0  # somebody has stopped or deleted it meanwhile
            (run.folder / "ending").unlink(missing_ok=True)  # a desk may have died over it
            write_json(run.folder / "worker.json", {"pid": os.getpid(), "name": sys.argv[1]})
            with contextlib.suppress(OSError):
                (home() / "workers" / f"{sys.argv[1]}.log").replace(run.folder / "worker.log")
            with contextlib.suppress(OSError):
                said.write("taken\n")
                said.flush()
            return _train(run, state)
    except RunError as error:
        print(error, file=sys.stderr)
        return 1


class _State:
    """What signals ask for."""

    def __init__(self) -> None:
        self.began = False  # there is something to keep
        self.stop = threading.Event()

    def on_terminate(self, _number: int, _frame: FrameType | None) -> None:
        if not self.began:
            os._exit(0)
        self.stop.set()


def _train(run: Run, state: _State) -> int:
    from lab.failures import UNEXPECTED, explain
    from lab.training import fine_tune, resume

    limits = Limits.from_environment()
    clock = time.monotonic()
    started: RunStarted | None = None
    last: Event | None = None

    def should_stop() -> bool | str | None:
        if started is None or last is None:
            return False
        return state.stop.is_set() or limits.reached(started, last, time.monotonic() - clock)

    try:
        if run.checkpoints():
            events = resume(run, should_stop=should_stop)
        else:
            events = fine_tune(run.config(), run=run, should_stop=should_stop)
        for last in events:
            state.began = True
            started = last if isinstance(last, RunStarted) else started
    except Exception as error:
        if not isinstance(error, LabError):
            traceback.print_exc()
        if last is None:  # it never began, so nobody has said yet why
            with run.writing() as writer:
                reason = explain(error) or UNEXPECTED.format(error)
                last = Failed(step=step_of(run), seconds=0.0, reason=reason)
                writer.append(last)
    if isinstance(last, Failed):
        print(last.reason, file=sys.stderr)  # heard by the desk even where the log can't be written any more
        return 1
    learn_from(run)
    return 0


def _wait_for_job(idle_work: Iterator[None]) -> dict[str, Any] | None:
    """The job, or None if whoever might bring one is gone. Until it comes, there is `idle_work` to do, piece by piece."""
    parent = os.getppid()
    idle = False
    while not select.select([sys.stdin], [], [], 5 if idle else 0)[0]:
        if os.getppid() != parent:
            return None
        try:
            idle = next(idle_work, "done") == "done"
        except LabError as error:
            print(error, file=sys.stderr)
            idle = True
    line = sys.stdin.readline()
    return json.loads(line) if line else None


def _warm_up() -> Iterator[None]:
    """Import what training needs, and have the bundled model and corpus at hand; what to do then, while idle."""
    import lab.training  # noqa: F401
    from lab.calibration import calibrate
    from lab.commands import quiet
    from lab.config import RunConfig
    from lab.model import load_model
    from lab.preparation import prepare

    quiet()
    with contextlib.suppress(LabError):
        config = RunConfig()
        load_model(config.model)
        prepare(config.model, config.data, config.chunking)
    return calibrate()


def _step_back() -> None:
    """Let everyone else go first: with the processor, and when memory runs out."""
    with contextlib.suppress(OSError):
        nice = int(os.environ.get("LAB_NICE") or 10)
        os.nice(nice)
    for file, value in (("autogroup", f"{nice}"), ("oom_score_adj", "500")):
        # Where autogroup is on, `nice` counts only within a session, and this is one of its own.
        with contextlib.suppress(OSError):
            Path("/proc/self", file).write_text(value)


if __name__ == "__main__":
    sys.exit(main())
