"""Surprisals: what was kept of a step is of the tokens that it read, after a resumption too, and never costs a run."""

import numpy as np
import pytest
import torch

from lab import surprisals
from lab.config import preset
from lab.dropout import score_both_ways
from lab.errors import RunError
from lab.events import Finished, Stepped
from lab.masking import UNTOUCHED
from lab.model import load_model, logits_at
from lab.preparation import prepare
from lab.runs import get_run
from lab.surprisals import nearest, read_step, recorded
from lab.training import fine_tune, resume


def quick(tiny, films, **settings):
    """A run of a second: tiny model, forty short documents, five steps an epoch."""
    settings = {
        "model": tiny.id,
        "corpus": str(films),
        "chunk_size": 16,
        "max_train_chunks": 40,
        "max_test_chunks": 4,
        "per_device_train_batch_size": 8,
        "num_train_epochs": 2,
        "learning_rate": 1e-3,
        "warmup_steps": 0,
        "mlm_probability": 0.3,
        "precision": "fp32",
        "device": "cpu",
        "probes": [],
        **settings,
    }
    return preset("quick", **settings)


def prepared_for(config):
    limits = {"max_train_chunks": config.max_train_chunks, "max_test_chunks": config.max_test_chunks}
    return prepare(config.model, config.data, config.chunking, **limits)


def losses(events):
    return {event.step: event.loss for event in events if isinstance(event, Stepped)}


def trained(config, **how):
    events = list(fine_tune(config, **how))
    return get_run(events[0].run), losses(events)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strategy": "whole_word", "gradient_accumulation_steps": 3, "per_device_train_batch_size": 3},
        {"max_train_chunks": None, "remainder": "pad", "num_train_epochs": 1},
    ],
)
def test_each_step_is_kept_and_its_mean_is_the_loss_of_the_curve(tiny, films, settings):
    config = quick(tiny, films, **settings)
    run, curve = trained(config)
    assert recorded(run) == list(curve)
    prepared = prepared_for(config)
    for step, loss in curve.items():
        seen = read_step(run, prepared, step)
        assert seen.loss == pytest.approx(loss, rel=2e-3)
        assert np.array_equal(np.isfinite(seen.nats), seen.action != UNTOUCHED)


def test_the_tokens_are_those_that_the_model_was_asked_for(tiny, films):
    """The untrained model, asked anew about what the first step is said to have read, is as surprised at each place."""
    config = quick(tiny, films, dropout=0.0, gradient_accumulation_steps=2, per_device_train_batch_size=4)
    run, _ = trained(config)
    seen = read_step(run, prepared_for(config), 1)
    where = torch.from_numpy(seen.action != UNTOUCHED)
    logits = logits_at(load_model(tiny.id), torch.from_numpy(seen.read), where)
    asked = torch.nn.functional.cross_entropy(logits, torch.from_numpy(seen.original)[where], reduction="none")
    assert seen.nats[where.numpy()] == pytest.approx(asked.detach().numpy(), rel=1e-3)
    assert seen.parts == (4, 4)
    assert (seen.read != seen.original)[seen.action == UNTOUCHED].sum() == 0


def test_what_a_resumed_run_did_again_takes_the_place_of_what_was_lost(tiny, films):
    config = quick(tiny, films)
    straight, _ = trained(config)
    events = fine_tune(config)
    for event in events:  # left after step 7; of its checkpoints, that of step 5 stays
        if isinstance(event, Stepped) and event.step == 7:
            break
    events.close()
    run = get_run("latest")
    for checkpoint in run.checkpoints()[1:]:
        checkpoint.rename(checkpoint.with_name("gone"))
    assert recorded(run)[-1] >= 7
    list(resume(run))
    assert recorded(run) == recorded(straight) == list(range(1, 11))
    prepared = prepared_for(config)
    for step in (5, 6, 7, 10):
        both = [read_step(each, prepared, step).nats for each in (run, straight)]
        assert np.allclose(*both, rtol=2e-3, equal_nan=True)


def test_a_record_torn_by_a_crash_is_passed_over_and_written_over(tiny, films):
    run, _ = trained(quick(tiny, films, num_train_epochs=1))
    path = run.folder / "surprisals.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert recorded(run) == [1, 2, 3, 4]
    recorder = surprisals.Recorder(run, run.config(), 5, 4)
    recorder.keep(5, [torch.frombuffer(bytearray(whole[-4:]), dtype=torch.float16)])
    recorder.close()
    assert recorded(run) == [1, 2, 3, 4, 5]


def test_a_long_run_keeps_only_some_steps_and_the_nearest_is_found(tiny, films, monkeypatch):
    monkeypatch.setattr(surprisals, "ROOM", 300)
    run, _ = trained(quick(tiny, films))
    kept = recorded(run)
    assert 1 <= len(kept) < 10
    assert (run.folder / "surprisals.bin").stat().st_size <= 300 * 1.2
    assert nearest(run, kept[0] - 1) == kept[0]


def test_what_cannot_be_kept_does_not_fail_the_run(tiny, films, monkeypatch):
    monkeypatch.setattr(surprisals, "_path", lambda run: run.folder)
    assert isinstance(list(fine_tune(quick(tiny, films, num_train_epochs=1)))[-1], Finished)


def test_a_run_may_keep_nothing_and_says_so(tiny, films):
    run, _ = trained(quick(tiny, films, num_train_epochs=1, keep_surprisals=False))
    assert recorded(run) == []
    with pytest.raises(RunError, match="kept no surprisals"):
        nearest(run, 3)


def test_another_corpus_is_not_passed_off_as_what_was_read(tiny, films):
    config = quick(tiny, films, num_train_epochs=1)
    run, _ = trained(config)
    films.write_text(films.read_text().replace("wonderful", "dreadful"))
    with pytest.raises(RunError, match="has changed since it began"):
        read_step(run, prepared_for(config), 2)
    with pytest.raises(RunError, match="was not kept"):
        read_step(run, prepared_for(config), 6)


def test_dropout_is_what_is_switched_and_nothing_else(tiny, films):
    config = quick(tiny, films, dropout=0.4)
    prepared = prepared_for(config)
    model = load_model(tiny.id, dropout=0.4)
    *parts, found = score_both_ways(model, config, prepared, 3)
    assert [len(part.disturbed) for part in parts] == [1, 2, 3]
    assert (found.chunks, found.dropout) == (8, 0.4)
    assert len(set(found.disturbed)) == 3
    assert found.calm is not None
    assert all(abs(loss - found.calm) > 1e-6 for loss in found.disturbed)
    assert found == list(score_both_ways(model, config, prepared, 3))[-1]
    assert not model.training
    still = list(score_both_ways(load_model(tiny.id, dropout=0.0), config, prepared, 3))[-1]
    assert still.disturbed == pytest.approx((found.calm,) * 3)
