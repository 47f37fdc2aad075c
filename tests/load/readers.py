"""Fifty readers of one long log while it is written: `python -m tests.load.readers`. Reports the time of a poll.

The readers are threads of one process, as a web server's are; the writer is another process, as a worker is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys, time
from lab.events import Stepped
from lab.runs import Run
from pathlib import Path
common = dict(epoch=0.1, loss=4.125, learning_rate=2e-4, grad_norm=1.5, scored=614, tokens_per_second=9.5, eta_seconds=1.5)
with Run(Path(sys.argv[1])).writing() as writer:
    for step in range(10**9):
        writer.append(Stepped(step=step, seconds=step * 0.1, **common))
        time.sleep(0.01)
"""


def poll(readers: int, events: int, seconds: float) -> dict[str, float]:
    """So many readers, each asking four times a second; a third begin at the start of the log, as after a reload."""
    from lab.config import RunConfig
    from lab.events import Stepped, to_json
    from lab.log import read
    from lab.runs import create_run

    run = create_run(RunConfig())
    event = Stepped(
        step=7, seconds=0.7, epoch=0.1, loss=4.125, learning_rate=2e-4, grad_norm=1.5, scored=614,
        tokens_per_second=2345.6, eta_seconds=61.5,
    )  # fmt: skip
    run.log.write_bytes(f"{to_json(event)}\n".encode() * events)
    began = time.perf_counter()
    read(run, events)
    first = time.perf_counter() - began
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(run.folder)], cwd=ROOT)
    took: list[float] = []
    got = [0] * readers
    until = time.monotonic() + seconds

    def follow(which: int) -> None:
        line = 0 if which % 3 == 0 else events
        time.sleep(which / readers / 4)
        while time.monotonic() < until:
            began = time.perf_counter()
            tail = read(run, line, 250)
            took.append(time.perf_counter() - began)
            got[which] += len(tail.events)
            line = tail.next
            time.sleep(0.25)

    threads = [threading.Thread(target=follow, args=(which,)) for which in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.kill()
    writer.wait()
    took.sort()
    return {
        "polls": len(took),
        "events read": sum(got),
        "lines at the end": read(run, 10**9).lines,
        "first look, ms": first * 1000,
        "median, ms": took[len(took) // 2] * 1000,
        "p95, ms": took[int(len(took) * 0.95)] * 1000,
        "worst, ms": took[-1] * 1000,
    }


def main() -> None:
    from tests.benchmarks import report

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAB_HOME"] = folder
        report(**poll(options.readers, options.events, options.seconds))


if __name__ == "__main__":
    main()
