"""The bench keeps models and their answers ready, and never those of weights that are no longer there."""

import os

import pytest
import torch

from lab.errors import ModelError
from lessons import bench
from lessons.bench import Using, remembered

pytestmark = pytest.mark.usefixtures("warm")


def go_on(run, by: float) -> None:
    """What a run that was stopped and resumed leaves under its name: other weights, written later."""
    model = bench.loaded(run.id).model
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(by)
    model.save_pretrained(run.model)
    weights = run.model / "model.safetensors"
    later = weights.stat().st_mtime_ns + 10**9
    os.utime(weights, ns=(later, later))


def total(model: str) -> float:
    return float(next(bench.loaded(model).model.parameters()).detach().double().sum())


def test_a_run_that_went_on_is_loaded_again(tiny):
    before = bench.loaded(tiny.id)
    assert bench.loaded(tiny.id) is before
    weight = total(tiny.id)
    go_on(tiny, 0.5)
    assert bench.loaded(tiny.id) is not before
    assert total(tiny.id) != weight


@pytest.mark.parametrize("named", [str, lambda id: ("bundled", id), lambda id: Using(model=id)])
def test_its_answers_are_remembered_until_then(tiny, named):
    asked = []

    @remembered(4)
    def answer(models, text):
        asked.append(text)
        return len(asked)

    given = named(tiny.id)
    assert [answer(given, "a"), answer(given, "a"), answer(given, "b")] == [1, 1, 2]
    go_on(tiny, 0.5)
    assert answer(given, "a") == 3


def test_whose_runs_stand_beside_what_is_in_use_makes_no_difference():
    asked = []

    @remembered(4)
    def answer(using):
        asked.append(using)
        return len(asked)

    run = "20260101-000000-000-token-dead"
    assert answer(Using(runs=(run,))) == answer(Using()) == 1
    assert answer(Using(text_column="other")) == 2
    assert asked[0].runs == ()


def test_what_a_run_answered_is_not_told_once_it_is_gone(tiny):
    @remembered(4)
    def answer(model):
        return model

    assert answer(tiny.id) == tiny.id
    (tiny.folder / "config.json").unlink()
    with pytest.raises(ModelError, match="no longer on this computer"):
        answer(tiny.id)
