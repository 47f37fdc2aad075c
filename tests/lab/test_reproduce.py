"""A run exported as a script and as a notebook comes to the number that was shown, to the last digit."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lab.config import preset
from lab.errors import RunError
from lab.events import Evaluated
from lab.export import export
from lab.reproduce import as_script
from lab.runs import create_run, list_runs
from lab.training import fine_tune


@pytest.fixture
def run(home):
    config = preset(
        "quick",
        max_train_chunks=24,
        max_test_chunks=4,
        max_steps=3,
        per_device_train_batch_size=4,
        chunk_size=32,
        strategy="whole_word",
        precision="fp32",
        device="cpu",
        probes=("A [MASK] in 'quotes'.",),
    )
    list(fine_tune(config))
    return list_runs()[0]


def test_the_script_comes_to_the_same_number(run, tmp_path):
    script = export(run, tmp_path / "again.py")
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "the same to the last digit", done.stdout + done.stderr


def test_the_notebook_comes_to_the_same_number(run, tmp_path):
    notebook = nbformat.read(export(run, tmp_path / "again.ipynb"), as_version=4)
    nbformat.validate(notebook)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(Path.cwd())}}
    ).execute()
    assert "the same to the last digit" in str(notebook.cells[-1].outputs)


def test_a_number_that_is_not_the_same_is_told(run, tmp_path):
    source = as_script(run).replace("'chunk_size': 32", "'chunk_size': 24")
    assert "the same to the last digit" not in _run(source, tmp_path)


def test_a_run_of_another_computer_is_given_its_corpus_by_name(run):
    assert "'corpus': 'mine.csv'" in as_script(run, corpus="mine.csv")


def test_a_run_that_was_never_scored_has_no_number_to_reproduce(home):
    with pytest.raises(RunError, match="never scored"):
        as_script(create_run(preset("quick")))


def test_a_stopped_run_is_reproduced_up_to_its_last_score_on_the_very_same_schedule(home, tmp_path):
    settings = {"max_train_chunks": 16, "max_test_chunks": 4, "chunk_size": 32, "per_device_train_batch_size": 4}
    config = preset("quick", **settings, max_steps=6, eval_steps=2, precision="fp32", device="cpu", probes=())
    for event in fine_tune(config):
        if isinstance(event, Evaluated) and event.step == 4:
            break
    run = list_runs()[0]
    assert run.state() == "stopped"
    assert _run(as_script(run), tmp_path).splitlines()[-1] == "the same to the last digit"


def _run(source, folder):
    script = folder / "changed.py"
    script.write_text(source)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    return subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120
    ).stdout
