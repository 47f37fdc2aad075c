"""Several processes: when one is killed the run ends soon, says so in a sentence, and keeps what it had saved."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab.commands import train
from lab.failures import LOST
from lab.runs import get_run
from lab.story import CUT_OFF

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = (
    "-m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no"
)
TRAIN = "-m lab train --json --device cpu --precision fp32 --max-train-chunks 32 --max-test-chunks 4 --chunk-size 32"


def children(process: subprocess.Popen) -> dict[int, int]:
    """The processes that a launcher has started: rank → process id."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            settings = dict(each.split("=", 1) for each in (folder / "environ").read_text().split("\0") if "=" in each)
        except (OSError, ValueError):
            continue
        if parent == process.pid and "RANK" in settings:
            found[int(settings["RANK"])] = int(folder.name)
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_among_several_ends_the_run_with_a_sentence(home, victim):
    command = [sys.executable, *f"{LAUNCH} --main_process_port 0 {TRAIN} --num-train-epochs 10000".split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    lifeline = threading.Timer(300, process.kill)
    lifeline.start()
    try:
        told = []
        for line in process.stdout:
            told.append(json.loads(line) if line.startswith("{") else {})
            if told[-1].get("event") == "Stepped" and told[-1]["step"] == 3:
                os.kill(children(process)[victim], signal.SIGKILL)
        assert process.wait() == 1
    finally:
        lifeline.cancel()
        process.kill()
    run = get_run(told[0]["run"])
    assert run.checkpoints()
    if victim == 0:  # the one that writes: nobody is left to say it
        assert (run.state(), run.summary()["reason"]) == ("interrupted", CUT_OFF)
    else:
        assert (run.state(), run.summary()["reason"]) == ("failed", LOST)
        assert LOST in [event.get("reason") for event in told]


def test_a_process_that_waits_for_ever_for_another_gives_up_after_a_while(monkeypatch, capfd):
    ended = threading.Event()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(train, "_PATIENCE", 0.05)
    monkeypatch.setattr(train.os, "_exit", lambda code: ended.set() if code == 1 else None)
    stop = threading.Event()
    with train._stop_on_signal(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended.wait(30)
    assert stop.is_set()
    assert "The other processes of this run don't answer" in capfd.readouterr().err


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_run_that_stops_in_time_is_not_ended_by_force(monkeypatch, processes):
    monkeypatch.setenv("WORLD_SIZE", processes)
    monkeypatch.setattr(train, "_PATIENCE", 0.2)
    ended = threading.Event()
    monkeypatch.setattr(train.os, "_exit", lambda _: ended.set())
    with train._stop_on_signal(threading.Event()):
        os.kill(os.getpid(), signal.SIGTERM)
        if processes == "1":
            assert not ended.wait(0.4)  # alone, a step may take as long as it likes
    assert not ended.wait(0.4)
