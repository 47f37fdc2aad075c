"""A Space of two cores at its first start: how long until its page is there, and what memory a run on it takes.

python -m tests.benchmarks.space

What `python -m lab deploy` uploads is copied to a folder and started there as Spaces does it: two cores, nothing cached, no
network. Where this user may limit a group of processes, they get 4 GB together, the files they read counted in.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from gradio_client import Client

from lab.space import ROOT, plan
from tests.benchmarks import Peak, report
from tests.benchmarks.startup import free_port

LIMIT = 4 * 2**30  # bytes
# A group's folder, its limit and its peak, in the first and the second version of Linux' control groups.
GROUPS = (
    ("/sys/fs/cgroup/memory/lab-space", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    ("/sys/fs/cgroup/lab-space", "memory.max", "memory.peak"),
)


class Group:
    """A group of processes with a limit to their memory, or none where this user may make none."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        for folder, limit, peak in GROUPS:
            try:
                Path(folder).mkdir(exist_ok=True)
                (Path(folder) / limit).write_text(str(LIMIT))
            except OSError:
                continue
            self.folder, self.peak = Path(folder), Path(folder) / peak
            return

    def join(self) -> None:
        """Put the process that calls this, and its children, into the group, on two cores."""
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def counted(self) -> dict[str, Any]:
        if not self.folder:
            return {"limit": "none: this user may make no group of processes with one"}
        return {"limit_gb": LIMIT / 2**30, "peak_with_files_gb": int(self.peak.read_text()) / 2**30}


def wait_for(address: str) -> None:
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                answer.read(1)
            return
        except OSError:
            time.sleep(0.02)


def main(scratch: Path) -> None:
    folder, port, group = scratch / "space", free_port(), Group()
    for name, _ in plan().files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "HF_", "GRADIO_", "OMP_"))}
    space = {
        "HOME": str(scratch / "home"),
        "SPACE_ID": "ada/lab",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "HF_HUB_OFFLINE": "1",
    }
    address, began = f"http://127.0.0.1:{port}", time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=folder,
        env=kept | space,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=group.join,
    )
    try:
        with Peak(server.pid) as starting:
            wait_for(address)
            served = time.perf_counter() - began
            lab = Client(address, verbose=False)
            lab.predict("This is a great [MASK].", api_name="/fill_mask")
            answered = time.perf_counter() - began
        with Peak(server.pid) as training:
            asked = time.perf_counter()
            ticket, after, event = lab.predict({}, api_name="/start_run"), 0, ""
            while event not in ("Finished", "Stopped", "Failed"):
                told = lab.predict(ticket["run"], after, api_name="/run_events")
                after = told["next"]
                event = told["events"][-1]["event"] if told["events"] else event
                time.sleep(0.5)
            took = time.perf_counter() - asked
        report(
            page_served_seconds=served,
            first_answer_seconds=answered,
            start_gb=starting.gb,
            quick_run=event,
            quick_run_seconds=took,
            training_gb=training.gb,
            **group.counted(),
        )
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch))
