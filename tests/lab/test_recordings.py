"""Recordings: real logs, whole, without models and without anything of the computer that they were made on."""

import json

import pytest

from lab.events import Evaluated, Finished, Probed, RunStarted, Stepped
from lab.recordings import FOLDER, made_on, recording, recordings


@pytest.mark.parametrize("run", recordings(), ids=lambda run: run.id)
def test_a_recording_is_a_whole_run_without_its_model(run):
    events = list(run.events())
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], Finished)
    kinds = {type(event) for event in events}
    assert {Stepped, Evaluated, Probed} <= kinds
    assert sum(isinstance(event, Stepped) for event in events) == events[0].total_steps == run.summary()["steps"]
    assert {path.name for path in run.folder.iterdir()} == {"config.json", "events.jsonl", "summary.json"}
    assert "CPU" in made_on(run) or "GPU" in made_on(run)


def test_nothing_in_them_tells_of_the_computer_that_they_were_made_on():
    for path in FOLDER.rglob("*.json*"):
        for line in path.read_text().splitlines():
            assert "/work" not in line
            assert "/tmp" not in line
            assert "/home" not in line


def test_they_are_named_and_others_are_not_found():
    assert len(recordings()) == 3
    assert recording("../model") is None
    assert recording("") is None
    for run in recordings():
        assert recording(run.id) == run
        assert run.config().data.corpus in ("reviews", "imdb")


def test_what_the_readme_of_the_recordings_says_is_what_they_did():
    told = (FOLDER / "README.md").read_text()
    for run in recordings():
        summary = json.loads((run.folder / "summary.json").read_text())
        assert f"| `{run.id}` |" in told
        assert f"{summary['perplexity_before']:.1f} → {summary['perplexity']:.1f}" in told
