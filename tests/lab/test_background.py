"""Runs in the background, from the command line: put into the queue, watched, stopped, resumed, taken away."""

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from transformers import AutoModelForMaskedLM

from lab import jobs
from lab.__main__ import main
from lab.config import preset
from lab.errors import RunError
from lab.export import export
from lab.jobs import Desk
from lab.runs import get_run, list_runs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def served(quick_workers, monkeypatch):
    """A desk in this process takes the place of the one that would be started."""
    monkeypatch.setattr(jobs, "open_in_background", lambda: None)
    with Desk():
        yield


@pytest.fixture
def told(capsys):
    """Run a command; returns (exit code, what it printed)."""

    def run(*arguments):
        capsys.readouterr()
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def background(told, *options):
    code, printed = told("train", "--background", "--corpus", "steps", "--json", *options)
    assert code == 0, printed
    return json.loads(printed)["run"]


def test_a_run_put_into_the_background_says_how_long_it_takes_and_how_to_watch_it(quick_workers, told, monkeypatch):
    monkeypatch.setattr(jobs, "open_in_background", lambda: None)
    code, printed = told("train", "--background")
    assert code == 0
    run = list_runs()[0].id
    assert f"{run} is in the queue." in printed
    assert "It takes about" in printed
    assert f"python -m lab runs watch {run}" in printed
    assert "behind 1 others" in told("train", "--background")[1]


def test_watching_shows_the_wait_and_the_run_to_its_end(served, told):
    run = background(told)
    code, printed = told("runs", "watch", run)
    assert code == 0
    assert "held-out perplexity 4.00" in printed
    assert "loss 1.000  perplexity 4.00  100 tokens/s" in printed
    assert "Finished after 100 steps, 2 s." in printed
    code, again = told("runs", "watch", run, "--json")
    kinds = [json.loads(line)["event"] for line in again.splitlines()]
    assert (kinds[0], kinds[-1], len(kinds)) == ("RunStarted", "Finished", 103)


def test_stop_resume_and_delete_from_the_command_line(served, told):
    run = background(told)
    while not get_run(run).log_bytes():
        time.sleep(0.01)
    assert told("runs", "stop", run) == (0, f"Asked to stop after this step: {run}.\n")
    code, printed = told("runs", "watch", run)
    assert code == 130
    assert "Stopped after" in printed
    assert "stopped when asked to" in printed
    assert told("runs", "resume", run)[0] == 0
    assert told("runs", "watch", run)[0] == 0
    assert told("runs", "delete", run) == (0, f"Deleted {run}.\n")
    assert list_runs() == []


def test_a_waiting_run_is_listed_as_waiting_and_shown(quick_workers, told):
    run = jobs.submit(preset("quick")).run
    (listed,) = json.loads(told("runs", "list", "--json")[1])
    assert listed == {"run": run, "state": "waiting"}
    assert "Waiting: Nobody takes runs from the queue now." in told("runs", "show", run)[1]


def test_a_run_that_waits_to_be_resumed_is_not_resumed_in_the_foreground_too(quick_workers, told):
    run = jobs.submit(preset("quick")).run
    code, printed = told("train", "--resume", run)
    assert code == 1
    assert "waits in the queue" in printed


def test_pinning_and_unpinning(quick_workers, told):
    run = jobs.submit(preset("quick")).run
    assert told("runs", "pin", run)[0] == 0
    assert get_run(run).is_pinned()
    told("runs", "unpin", run)
    assert not get_run(run).is_pinned()


@pytest.mark.parametrize("name", ["mine.zip", "mine"])
def test_an_exported_run_is_whole_and_has_nothing_of_its_owner(tiny, tmp_path, name):
    for extra in ("checkpoint-3/model.safetensors", "owner.json", "worker.log", "partial/x"):
        (tiny.folder / extra).parent.mkdir(exist_ok=True)
        (tiny.folder / extra).write_text("{}")
    target = export(tiny, tmp_path / name)
    folder = target
    if name.endswith(".zip"):
        zipfile.ZipFile(target).extractall(tmp_path / "out")
        folder = tmp_path / "out" / tiny.id
    assert {path.name for path in folder.iterdir()} == {"config.json", "events.jsonl", "model"}
    assert AutoModelForMaskedLM.from_pretrained(folder / "model").config.dim == 32
    with pytest.raises(RunError, match="is there already"):
        export(tiny, tmp_path / name)
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_goes_on_is_not_exported(tiny, tmp_path):
    with tiny.writing(), pytest.raises(RunError, match="still going on"):
        export(tiny, tmp_path / "mine.zip")


def test_a_process_of_its_own_trains_what_was_asked_for_and_goes_when_the_queue_is_empty(tiny, films, monkeypatch, told):
    monkeypatch.setenv("LAB_NICE", "0")
    tiny_run = [
        "--model",
        tiny.id,
        "--corpus",
        str(films),
        "--chunk-size",
        "16",
        "--max-train-chunks",
        "16",
        "--device",
        "cpu",
    ]
    command = [sys.executable, "-m", "lab", "train", "--background", "--json", "--precision", "fp32", *tiny_run]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)["run"]
    code, printed = told("runs", "watch", run)
    assert code == 0, printed
    until = time.monotonic() + 30
    while jobs.is_open():
        assert time.monotonic() < until
        time.sleep(0.1)
