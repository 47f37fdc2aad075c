"""Twins and likeness: fingerprints read from folders are those of the scoring, and twins differ in the strategy alone."""

import pytest

from lab.config import preset
from lab.runs import list_runs
from lab.training import fine_tune
from lab.twins import differing_scorings, find_twins, fingerprint_of

SMALL = {"max_train_chunks": 8, "max_test_chunks": 4, "max_steps": 1, "num_train_epochs": 1.0, "probes": ()}


def train(films, tiny, **settings):
    small = SMALL | {"model": tiny.id, "corpus": str(films), "chunk_size": 32, "device": "cpu", "precision": "fp32"}
    started, *_ = fine_tune(preset("quick", **small | settings))
    return next(run for run in list_runs() if run.id == started.run)


def test_the_fingerprint_in_the_folder_is_the_one_that_was_scored_under(films, tiny):
    for settings in ({}, {"score_seed": 3, "score_strategy": "whole_word", "special_tokens": "chunk"}):
        run = train(films, tiny, **settings)
        assert fingerprint_of(run).digest == run.summary()["fingerprint"]


def test_a_run_that_has_not_begun_has_no_fingerprint(tiny):
    assert fingerprint_of(tiny) is None


def test_differing_scorings_are_told_by_name_and_value(films, tiny):
    one, other = (fingerprint_of(train(films, tiny, score_seed=seed)) for seed in (0, 3))
    assert differing_scorings([one, other]) == {"score_seed": (0, 3)}
    assert differing_scorings([one, one]) == {}


def test_runs_that_differ_in_strategy_alone_are_twins(films, tiny):
    token, whole_word = (train(films, tiny, strategy=strategy) for strategy in ("token", "whole_word"))
    (twins,) = find_twins(reversed(list_runs()))
    assert (twins.token, twins.whole_word, twins.seed) == (token, whole_word, 42)


@pytest.mark.parametrize("settings", [{"score_seed": 1}, {"eval_steps": 1}, {"max_test_chunks": 3}, {"probe_steps": 1}])
def test_how_a_run_is_scored_and_told_does_not_part_twins(films, tiny, settings):
    train(films, tiny)
    train(films, tiny, strategy="whole_word", **settings)
    assert len(find_twins(list_runs())) == 1


@pytest.mark.parametrize("settings", [{"seed": 1}, {"learning_rate": 1e-5}, {"max_steps": 2}, {"mlm_probability": 0.3}])
def test_what_shapes_a_model_parts_twins(films, tiny, settings):
    train(films, tiny)
    train(films, tiny, strategy="whole_word", **settings)
    assert find_twins(list_runs()) == []


def test_twins_of_two_seeds_are_two_pairs(films, tiny):
    for seed in (1, 2):
        for strategy in ("token", "whole_word"):
            train(films, tiny, seed=seed, strategy=strategy)
    assert {twins.seed for twins in find_twins(list_runs())} == {1, 2}


def test_a_damaged_run_is_passed_over(films, tiny):
    run = train(films, tiny)
    train(films, tiny, strategy="whole_word")
    (run.folder / "config.json").write_text("{")
    assert find_twins(list_runs()) == []
