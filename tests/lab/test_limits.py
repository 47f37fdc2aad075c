"""Limits: what a person reads of them is what is in force, and a run that reaches one stops."""

import math
from dataclasses import fields
from pathlib import Path

import pytest

from lab.errors import SettingError
from lab.events import RunStarted, Stopped
from lab.limits import Limits

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_readme_names_every_limit_with_its_default_and_meaning():
    for limit in fields(Limits):
        row = f"| `{limit.metadata['variable']}` | {limit.metadata['default']:,} | {limit.metadata['help']} |"
        assert row in README


def test_the_environment_sets_and_lifts_a_limit(monkeypatch):
    monkeypatch.setenv("LAB_MAX_SECONDS", "90")
    monkeypatch.setenv("LAB_MAX_STEPS", "None")
    limits = Limits.from_environment()
    assert (limits.seconds, limits.steps, limits.queue) == (90, math.inf, 100)


@pytest.mark.parametrize("text", ["soon", "0", "-3", "nan"])
def test_what_is_no_limit_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("LAB_MAX_QUEUE", text)
    with pytest.raises(SettingError, match="LAB_MAX_QUEUE is"):
        Limits.from_environment()


STARTED = RunStarted(
    step=0, seconds=0.0, run="r", model="bundled", corpus="reviews", said="Here.", device="cpu", precision="fp32",
    parameters=1, train_chunks=100, test_chunks=1, chunk_size=50, total_steps=1000, steps_an_epoch=10, processes=1,
    fingerprint="abc", uniform=10.0, unigram=5.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "step", "seconds", "words"),
    [
        ({}, 999, 100, None),
        ({"seconds": 60}, 5, 60.1, "60 seconds that a run may take here; the model so far is kept"),
        ({"seconds": 900}, 5, 901, "15 minutes"),
        ({"steps": 20}, 19, 1, None),
        ({"steps": 20}, 20, 1, "20 steps"),
        ({"tokens": 10_000}, 19, 1, None),  # 500 tokens a step
        ({"tokens": 10_000}, 20, 1, "20 steps"),
        ({"steps": 20}, 1000, 1, None),  # it has come to its own end
    ],
)
def test_a_run_stops_at_the_first_limit_that_it_reaches(limits, step, seconds, words):
    reason = Limits(**limits).reached(STARTED, Stopped(step=step, seconds=seconds, reason=""), seconds)
    assert reason is None if words is None else words in reason
