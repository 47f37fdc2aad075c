"""Settings: declared once, checked by name, and the same after a journey through JSON."""

import json
from pathlib import Path

import pytest

from lab.chunking import Chunking
from lab.config import PRESETS, Masking, Optimization, RunConfig, preset
from lab.corpus import Corpus
from lab.errors import SettingError
from lab.settings import build, declared, values


def test_every_setting_has_a_name_of_its_own_and_a_help():
    names = [each.name for each in declared(RunConfig)]
    assert len(names) == len(set(names))
    assert all(each.help for each in declared(RunConfig))


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_json(name):
    config = preset(name, max_steps=7, strategy="whole_word", dropout=0.2)
    assert build(RunConfig, json.loads(json.dumps(values(config)))) == config


def test_the_tutorial_preset_is_the_source_experiment():
    config = values(preset("tutorial"))
    expected = {
        "model": "distilbert/distilbert-base-uncased",
        "corpus": "imdb",
        "max_train_chunks": 10_000,
        "max_test_chunks": 1_000,
        "chunk_size": 128,
        "per_device_train_batch_size": 64,
        "num_train_epochs": 3.0,
        "learning_rate": 5e-5,
        "lr_scheduler_type": "linear",
        "mlm_probability": 0.15,
        "precision": "auto",
    }
    assert expected.items() <= config.items()


def test_the_full_preset_leaves_nothing_out():
    config = values(preset("full"))
    assert all(value is None for name, value in config.items() if name.startswith("max_") and name != "max_grad_norm")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"learning_rat": 1}, "no setting learning_rat. Did you mean learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast', which is not a number"),
        ({"learning_rate": 0}, "learning_rate is 0.0. Set it above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"max_steps": 2.5}, "max_steps is 2.5, which is not a whole number"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"max_steps": True}, "max_steps is True"),
        ({"num_train_epochs": -1}, "num_train_epochs is -1"),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size is 0"),
        ({"gradient_accumulation_steps": 0}, "gradient_accumulation_steps is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"seed": -1}, "seed is -1"),
        ({"eval_steps": 0}, "eval_steps is 0"),
        ({"strategy": "words"}, "strategy is 'words'. It can be 'token' or 'whole_word'"),
        ({"score_probability": 2}, "score_probability is 2.0"),
        ({"score_mask_share": -1}, "score_mask_share is -1.0"),
        ({"probes": ["No blank."]}, "No blank.* has no .MASK."),
        ({"clean_markup": 1}, "clean_markup is 1, which is not true or false"),
    ],
)
def test_a_bad_value_is_refused_by_name_with_the_way_out(bad, words):
    with pytest.raises(SettingError, match=words):
        preset("quick", **bad)


def test_an_unknown_preset_is_refused_with_those_that_there_are():
    with pytest.raises(SettingError, match="no preset 'slow'. There are: quick, tutorial, full"):
        preset("slow")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Masking(strategy="wholeword"), "strategy is 'wholeword'. It can be 'token' or 'whole_word'"),
        (lambda: Masking(mlm_probability="0.2"), "mlm_probability is '0.2', which is not a number"),
        (lambda: Chunking(special_tokens="x"), "special_tokens is 'x'"),
        (lambda: Chunking(chunk_size="8"), "chunk_size is '8', which is not a whole number"),
        (lambda: Chunking(chunk_size=2**31), "to 65,536 at most"),
        (lambda: RunConfig(masking="token"), "masking is 'token'. Give it a Masking"),
        (lambda: RunConfig(probes="a [MASK]"), "probes is 'a [MASK]', which is not a list"),
        (lambda: RunConfig(probes=[1]), "probes is 1, which is not a text"),
        (lambda: RunConfig(probes=["\udcff [MASK]"]), "probes holds signs that are no text"),
        (lambda: RunConfig(report_to="os"), "report_to is 'os'. It can be 'none'"),
        (lambda: Optimization(weight_decay=float("inf")), "weight_decay is"),
        (lambda: Optimization(learning_rate=10**400), "learning_rate is too large a number"),
        (lambda: Corpus(split_seed=-1), "split_seed is -1"),
    ],
)
def test_a_group_that_is_made_by_hand_checks_itself_too(make, words):
    with pytest.raises(SettingError) as refused:
        make()
    assert words in str(refused.value)


def test_what_means_the_same_is_taken_for_it():
    assert Corpus(corpus=Path("mine.txt")).corpus == "mine.txt"
    assert RunConfig(max_train_chunks=8.0).max_train_chunks == 8
    assert RunConfig(probes=["a [MASK]"]).probes == ("a [MASK]",)
