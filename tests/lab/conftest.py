"""Workers for the tests of what stands round a training."""

import contextlib
import os

import psutil
import pytest

from lab.worker import Worker


@pytest.fixture
def quick_workers(home, monkeypatch):
    """Workers that are up in half a second, see quick_worker.py; none of them outlives the test."""
    monkeypatch.setattr(Worker, "module", "tests.lab.quick_worker")
    yield
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("LAB_HOME") == os.environ["LAB_HOME"] and process.pid != os.getpid():
                process.kill()
