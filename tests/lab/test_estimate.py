"""The estimate: counted, measured, and honest about which of it was not."""

import json

import pytest

from lab import jobs
from lab.chunking import Chunking
from lab.config import RunConfig, preset
from lab.corpus import Corpus
from lab.estimate import estimate
from lab.events import Evaluated, Finished, RunStarted, Stepped
from lab.preparation import prepare
from lab.runs import create_run
from lab.sizes import size_of
from lab.speeds import Speed, cost, learn, learn_from, shape_of, speeds

BUNDLED = shape_of("bundled")


def speed(**changes):
    config = RunConfig()
    given = {
        "device": "auto", "precision": "auto", "shape": BUNDLED, "cost": cost(config, BUNDLED),
        "training": 1000.0, "scoring": 2000.0, "probe": 0.5, "save": 2.0,
    }  # fmt: skip
    return Speed(**given | changes)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"chunk_size": 64, "special_tokens": "chunk"},
        {"remainder": "pad"},
        {"clean_markup": False},
        {"max_train_chunks": 99},
    ],
)
def test_the_bundled_reviews_are_counted_to_the_chunk(home, settings):
    config = preset("quick", **settings)
    prepared = prepare("bundled", config.data, config.chunking, max_train_chunks=config.max_train_chunks)
    found = estimate(config)
    assert found.train_chunks == len(prepared.train)
    assert found.counted


def test_the_steps_are_those_that_the_trainer_will_take(home):
    config = preset(
        "quick", per_device_train_batch_size=10, gradient_accumulation_steps=3, num_train_epochs=2.5, max_train_chunks=91
    )
    assert estimate(config).steps == 10  # 10 batches, 4 steps an epoch
    assert estimate(preset("quick", max_steps=7)).steps == 7


@pytest.mark.parametrize("suffix", ["txt", "csv", "jsonl"])
def test_an_own_file_is_counted_as_it_will_be_cut(home, tmp_path, suffix):
    texts = [f"The film number {i} was wonderful,\nand its ending unforgettable." for i in range(200)]
    path = tmp_path / f"films.{suffix}"
    write = {
        "txt": lambda: "\n\n".join(texts),
        "csv": lambda: "label,story\n" + "\n".join(f'1,"{text}"' for text in texts),
        "jsonl": lambda: "\n".join(json.dumps({"label": "x", "story": text}) for text in texts),
    }
    path.write_text(write[suffix]())
    prepared = prepare("bundled", Corpus(corpus=str(path)), Chunking(chunk_size=16))
    found = estimate(RunConfig(data=Corpus(corpus=str(path)), chunking=Chunking(chunk_size=16)))
    assert found.train_chunks == pytest.approx(len(prepared.train), rel=0.02)


def test_a_large_file_is_reckoned_from_its_beginning_and_says_so(home, tmp_path):
    path = tmp_path / "large.txt"
    path.write_text("\n\n".join("A wonderful film with an unforgettable ending." for _ in range(100_000)))
    found = size_of(Corpus(corpus=str(path)))
    assert found.train_documents + found.test_documents == pytest.approx(100_000, rel=0.01)
    assert not found.counted
    assert "not counted yet" in estimate(RunConfig(data=Corpus(corpus=str(path)))).basis


def test_a_file_that_changes_is_counted_anew(home, tmp_path):
    path = tmp_path / "films.txt"
    path.write_text("\n\n".join(["One film."] * 20))
    before = size_of(Corpus(corpus=str(path)))
    path.write_text("\n\n".join(["One film."] * 40))
    assert size_of(Corpus(corpus=str(path))).train_documents == 2 * before.train_documents


@pytest.mark.parametrize("corpus", ["nowhere.txt", "imdb"])
def test_what_is_not_there_to_be_counted_stops_no_estimate(home, corpus):
    assert estimate(preset("quick", corpus=corpus)).seconds > 0


def test_without_a_measurement_it_says_that_it_guesses(home):
    assert estimate(RunConfig()).basis.startswith("a guess")


def test_the_time_is_that_of_training_scoring_probing_and_saving(home):
    learn(speed())
    config = RunConfig(max_train_chunks=32, max_test_chunks=10, probes=())
    found = estimate(config)
    assert found.basis == "measured on the last run like this"
    assert found.steps == 3
    assert found.tokens_per_second == pytest.approx(1000)
    # 3 epochs of 32 chunks; scored at step 0 and after each; 2 checkpoints and the model; a second to begin.
    assert found.seconds == pytest.approx(3 * 32 * 128 / 1000 + 4 * 10 * 128 / 2000 + 3 * 2.0 + 1.0)


def test_a_model_of_another_size_is_reckoned_by_what_a_token_costs_in_it(home):
    learn(speed())
    found = estimate(preset("tutorial"))
    config = preset("tutorial")
    assert found.tokens_per_second == pytest.approx(
        1000 * cost(RunConfig(), BUNDLED) / cost(config, shape_of(config.model))
    )
    assert "another size" in found.basis
    assert found.tokens_per_second < 500


def test_a_speed_of_the_same_precision_is_taken_before_another(home):
    learn(speed())
    learn(speed(precision="fp32", training=500.0))
    assert estimate(RunConfig(precision="fp32")).tokens_per_second == pytest.approx(500)
    assert "another precision" in estimate(RunConfig(precision="bf16")).basis


def test_an_idle_hour_s_speed_gives_way_to_a_run_s_and_not_the_other_way_round(home):
    learn(speed(idle=True, training=1.0))
    assert "while it was idle" in estimate(RunConfig()).basis
    learn(speed(training=2.0))
    learn(speed(idle=True, training=3.0))
    assert [each.training for each in speeds()] == [2.0]


def told(run, steps):
    started = RunStarted(
        step=0, seconds=0.5, run=run.id, model="bundled", corpus="reviews", said="Here.", device="cpu", precision="fp32",
        parameters=1, train_chunks=10, test_chunks=20, chunk_size=100, total_steps=100, steps_an_epoch=10, processes=1,
        fingerprint="abc", uniform=10.0, unigram=5.0,
    )  # fmt: skip
    score = {"epoch": 0.0, "perplexity": 4.0, "mean_nll": 1.4, "accuracy": 0.5, "positions": 9}
    common = {"epoch": 0.0, "learning_rate": 0.1, "grad_norm": None, "scored": 5, "eta_seconds": 1.0, "loss": 1.0}
    with run.writing() as writer:
        writer.append(started)
        writer.append(Evaluated(step=0, seconds=1.5, **score))
        for step in range(1, steps + 1):
            writer.append(Stepped(step=step, seconds=1.5 + step, tokens_per_second=777.0, **common))
        writer.append(Finished(step=steps, seconds=20.0, perplexity=4.0))


def test_a_run_that_has_ended_leaves_its_speed(home):
    run = create_run(RunConfig())
    told(run, 6)
    learn_from(run)
    (found,) = speeds()
    assert (found.training, found.scoring, found.shape, found.idle) == (777.0, 2000.0, BUNDLED, False)


def test_a_run_too_short_to_show_a_speed_leaves_none(home):
    run = create_run(RunConfig())
    told(run, 2)
    learn_from(run)
    assert speeds() == []


def test_a_damaged_file_of_speeds_is_as_if_there_were_none(home):
    learn(speed())
    (home / "speeds.json").write_text("[{")
    assert estimate(RunConfig()).basis.startswith("a guess")


def test_those_who_wait_are_told_anew_when_a_speed_is_learnt(home):
    ticket = jobs.submit(RunConfig(max_train_chunks=1000))
    before = jobs.standing(ticket.run).expected_seconds
    learn(speed(training=10.0))
    assert jobs.standing(ticket.run).expected_seconds > 5 * before
