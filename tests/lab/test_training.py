"""Training: the stock Trainer's losses, every end an event, and a run that can be resumed as if nothing had happened."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import SequentialSampler
from transformers import AutoModelForMaskedLM, Trainer, TrainingArguments

from lab import trainer as trainer_module
from lab.chunking import Chunking
from lab.config import preset
from lab.corpus import Corpus
from lab.errors import CorpusError, LabError, ModelError, RunError
from lab.evaluation import Scoring, evaluate
from lab.events import CheckpointSaved, Evaluated, Failed, Finished, Probed, RunStarted, Stepped, Stopped
from lab.fill_mask import fill
from lab.masking import Masking
from lab.model import load, load_model
from lab.preparation import prepare
from lab.runs import get_run, list_runs
from lab.settings import values
from lab.trainer import MaskedTrainer
from lab.training import fine_tune, resume

ROOT = Path(__file__).resolve().parents[2]


def arguments(folder, **settings):
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=20,
        learning_rate=1e-3,
        use_cpu=True,
        report_to="none",
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        **settings,
    )


class Stock(Trainer):
    """transformers' Trainer, on batches that were masked elsewhere, in the order given."""

    def _get_train_sampler(self, *_):
        return SequentialSampler(self.train_dataset)


@pytest.mark.parametrize("strategy", ["token", "whole_word"])
@pytest.mark.parametrize("portions", [1, 4])
def test_losses_over_20_steps_equal_those_of_the_stock_trainer_and_model(tiny, films, tmp_path, strategy, portions):
    """Also where ours takes each step in four portions, and the stock one in a single big batch."""
    prepared = prepare(tiny.id, Corpus(corpus=str(films)), Chunking(chunk_size=16))
    drawn = []

    class Recording(MaskedTrainer):
        def get_batch_samples(self, *args):
            batches, scored = super().get_batch_samples(*args)
            drawn.extend(batches)
            return batches, scored

    ours = Recording(
        model=load_model(tiny.id, dropout=0.0),
        args=arguments(tmp_path, per_device_train_batch_size=8 // portions, gradient_accumulation_steps=portions),
        train=prepared.train.sample(40, 0),
        held_out=prepared.held_out(Scoring()),
        masking=Masking(strategy=strategy, mlm_probability=0.3),
        vocabulary=prepared.vocabulary,
    )
    ours.train()
    rows = [{name: tensor[i] for name, tensor in batch.items()} for batch in drawn for i in range(len(batch["labels"]))]
    assert len(rows) == 160
    stock = Stock(
        model=load_model(tiny.id, dropout=0.0),
        args=arguments(tmp_path, per_device_train_batch_size=8),
        train_dataset=rows,
    )
    stock.train()
    losses = [[log["loss"] for log in each.state.log_history if "loss" in log] for each in (ours, stock)]
    assert len(losses[0]) == len(losses[1]) == 20
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert losses[0][-1] < losses[0][0]


def quick(tiny, films, **settings):
    """A run of a second: tiny model, forty short documents, two epochs of five steps."""
    settings = {
        "model": tiny.id,
        "corpus": str(films),
        "chunk_size": 16,
        "max_train_chunks": 40,
        "per_device_train_batch_size": 8,
        "num_train_epochs": 2,
        "learning_rate": 1e-3,
        "warmup_steps": 0,
        "precision": "fp32",
        "device": "cpu",
        "probes": ["The [MASK] of Ada."],
        **settings,
    }
    return preset("quick", **settings)


def steps(events):
    return [event for event in events if isinstance(event, Stepped)]


def losses(events):
    return [event.loss for event in steps(events)]


def test_a_run_tells_its_story_in_order(tiny, films):
    events = list(fine_tune(quick(tiny, films)))
    kinds = [type(event) for event in events]
    assert kinds[:3] == [RunStarted, Evaluated, Probed]
    assert kinds[-1] is Finished
    assert set(kinds[3:-1]) == {Stepped, Probed, Evaluated, CheckpointSaved}
    assert [event.step for event in steps(events)] == list(range(1, 11))
    assert [event.step for event in events if isinstance(event, Evaluated)] == [0, 5, 10]
    assert [event.seconds for event in events] == sorted(event.seconds for event in events)
    started, last = events[0], events[-1]
    assert (started.total_steps, started.steps_an_epoch) == (10, 5)
    assert last.perplexity == [event for event in events if isinstance(event, Evaluated)][-1].perplexity
    assert events[1].perplexity < started.uniform * 1.5
    assert last.perplexity < events[1].perplexity
    assert all(event.scored > 0 and event.tokens_per_second > 0 and event.eta_seconds >= 0 for event in steps(events))


def test_a_finished_run_loads_with_plain_transformers_and_its_log_is_the_stream(tiny, films):
    events = list(fine_tune(quick(tiny, films)))
    run = get_run(events[0].run)
    assert list(run.events()) == events
    assert run.state() == "finished"
    assert AutoModelForMaskedLM.from_pretrained(run.model).config.dim == 32
    assert run.summary()["perplexity"] == events[-1].perplexity
    assert not run.checkpoints()
    assert not run.staging.exists()
    assert run.config() == quick(tiny, films)


def test_the_same_seed_gives_the_same_losses_and_another_does_not(tiny, films):
    one, two, other = (losses(fine_tune(quick(tiny, films, seed=seed))) for seed in (1, 1, 2))
    assert one == two != other


def test_what_trains_in_bf16_scores_itself_and_answers_as_its_model_does_when_asked_later(tiny, films):
    config = quick(tiny, films, precision="bf16")
    events = list(fine_tune(config))
    prepared = prepare(
        tiny.id, config.data, config.chunking,
        max_train_chunks=config.max_train_chunks, max_test_chunks=config.max_test_chunks,
    )  # fmt: skip
    scores = [event for event in events if isinstance(event, Evaluated)]
    answers = [dict(event.fills) for event in events if isinstance(event, Probed)]
    for model, scored, answered in [(tiny.id, scores[0], answers[0]), (events[0].run, scores[-1], answers[-1])]:
        asked = load(model, device="cpu")
        later = evaluate(asked.model, prepared.held_out(config.scoring))
        assert (scored.perplexity, scored.accuracy) == pytest.approx((later.perplexity, later.accuracy), rel=1e-9)
        best = fill(asked, "The [MASK] of Ada.").blanks[0]
        assert answered["The [MASK] of Ada."] == tuple((each.word, round(each.probability, 5)) for each in best)
    exact = losses(fine_tune(quick(tiny, films)))
    assert exact != losses(events), "the training itself is in bf16"
    assert exact == pytest.approx(losses(events), rel=0.01)


def test_masks_are_drawn_afresh_each_epoch(tiny, films):
    frozen = quick(tiny, films, learning_rate=1e-12, dropout=0.0, per_device_train_batch_size=64)
    first, second = losses(fine_tune(frozen))
    assert first != pytest.approx(second, abs=1e-6)


def test_portions_of_a_step_add_up_to_the_step(tiny, films):
    whole = quick(tiny, films, dropout=0.0)
    portions = quick(tiny, films, dropout=0.0, per_device_train_batch_size=2, gradient_accumulation_steps=4)
    assert losses(fine_tune(portions)) == pytest.approx(losses(fine_tune(whole)), abs=1e-4)


def test_scoring_saving_and_probing_come_as_often_as_asked(tiny, films):
    events = list(fine_tune(quick(tiny, films, eval_steps=2, save_steps=3, probe_steps=4)))
    where = {kind: [e.step for e in events if isinstance(e, kind)] for kind in (Evaluated, CheckpointSaved, Probed)}
    assert where[Evaluated] == [0, 2, 4, 5, 6, 8, 10]
    assert where[CheckpointSaved] == [3, 5, 6, 9]
    assert where[Probed] == [0, 4, 8, 10]


def test_max_steps_ends_a_run_wherever_it_is(tiny, films):
    events = list(fine_tune(quick(tiny, films, max_steps=3)))
    assert isinstance(events[-1], Finished)
    assert [event.step for event in events if isinstance(event, Evaluated)] == [0, 3]


def test_stopping_takes_effect_within_a_step_and_keeps_the_model(tiny, films):
    asked = []
    events = []
    for event in fine_tune(quick(tiny, films, num_train_epochs=100), should_stop=lambda: bool(asked)):
        events.append(event)
        if isinstance(event, Stepped) and event.step == 3:
            asked.append(True)
    assert isinstance(events[-1], Stopped)
    assert events[-1].step <= 5  # one step may be under way, one told but not yet heard
    run = get_run(events[0].run)
    assert run.state() == "stopped"
    assert load_model(run.id).config.dim == 32


def test_leaving_the_loop_stops_the_run(tiny, films):
    for event in fine_tune(quick(tiny, films, num_train_epochs=1000)):
        if isinstance(event, Stepped):
            break
    assert list_runs()[0].state() == "stopped"


def test_a_stopped_run_resumes_and_continues_the_same_curve(tiny, films):
    config = quick(tiny, films, seed=5, precision="fp32", num_train_epochs=3)
    whole = losses(fine_tune(config))
    asked = []
    first = []
    for event in fine_tune(config, should_stop=lambda: bool(asked)):
        first.append(event)
        if isinstance(event, Stepped) and event.step == 7:
            asked.append(True)
    run = get_run(first[0].run)
    at = first[-1].step
    rest = list(resume(run))
    assert isinstance(rest[0], RunStarted)
    assert rest[0].step == at
    assert isinstance(rest[-1], Finished)
    assert losses(first)[:at] + losses(rest) == pytest.approx(whole, abs=1e-5)
    assert run.state() == "finished"
    assert rest[0].seconds >= first[-3].seconds


@pytest.mark.parametrize("settings", [{}, {"eval_steps": 2}])
@pytest.mark.parametrize("while_scoring", [False, True])
def test_a_score_that_a_stop_came_in_between_is_made_up_for(tiny, films, settings, while_scoring):
    """Stopped at a step that is to be scored, or while it is being scored: resumed, it is scored as if nothing had been."""
    config = quick(tiny, films, **settings)
    whole = [event for event in fine_tune(config) if isinstance(event, Evaluated)]
    at = whole[1].step
    asked = 0

    def stop() -> bool:  # asked after each step, and between two batches of a score; the first score is of one batch
        nonlocal asked
        asked += 1
        return asked >= at + 1 + while_scoring

    first = list(fine_tune(config, should_stop=stop))
    assert isinstance(first[-1], Stopped)
    assert (first[-1].step, first[-2].step) == (at, at)
    rest = list(resume(get_run(first[0].run)))
    assert isinstance(rest[-1], Finished)
    scores = [event for event in [*first, *rest] if isinstance(event, Evaluated)]
    assert [event.step for event in scores] == [event.step for event in whole]
    assert [event.perplexity for event in scores] == pytest.approx([event.perplexity for event in whole], rel=1e-6)


@pytest.mark.parametrize(
    "file", ["model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json", "rng_state.pth"]
)
def test_a_torn_checkpoint_is_passed_over_for_an_earlier_one_and_alone_it_is_named(tiny, films, file):
    events = []
    for event in fine_tune(quick(tiny, films, save_steps=3)):
        events.append(event)
        if isinstance(event, CheckpointSaved) and event.step == 3:
            break
    run = get_run(events[0].run)
    (kept,) = run.checkpoints()
    tear(shutil.copytree(kept, kept.with_name("checkpoint-99")) / file)
    for resumed in resume(run):
        assert resumed.step == int(kept.name.partition("-")[2])
        break
    assert "checkpoint-99" not in [path.name for path in run.checkpoints()]
    for path in run.checkpoints():
        tear(path / file)
    with pytest.raises(RunError, match="checkpoints of the run .* are damaged"):
        list(resume(run))


def tear(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def test_the_latest_run_is_kept_by_its_name_for_another_will_be_the_latest_then(tiny, films):
    events = list(fine_tune(quick(tiny, films, model="latest", max_steps=1)))
    assert get_run(events[0].run).config().model == events[0].model == tiny.id


def test_a_rate_that_selects_nothing_is_refused_before_anything_starts(tiny, films):
    before = list_runs()
    with pytest.raises(LabError, match="selects nothing to learn from"):
        list(fine_tune(quick(tiny, films, mlm_probability=1e-9)))
    assert list_runs() == before


def test_a_killed_run_is_interrupted_and_resumes_from_its_last_whole_checkpoint(tiny, films):
    """Killed for real, in a process of its own, while a checkpoint is half written."""
    config = quick(tiny, films, num_train_epochs=3, save_steps=2)
    script = f"""
import os, signal
from lab import trainer
from lab.config import preset
from lab.training import fine_tune
publish = trainer.publish
def kill_on_the_third(draft, final):
    if final.name == "checkpoint-5":
        os.kill(os.getpid(), signal.SIGKILL)
    publish(draft, final)
trainer.publish = kill_on_the_third
list(fine_tune(preset("quick", **{values(config)!r})))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.returncode == -9, done.stderr.decode()
    (run,) = [run for run in list_runs() if run.id != tiny.id]
    assert run.state() == "interrupted"
    assert (run.staging / "checkpoint-5").exists()
    assert [path.name for path in run.checkpoints()] == ["checkpoint-4"]
    with pytest.raises(ModelError, match="no model yet"):
        load_model(run.id)
    rest = list(resume(run))
    assert rest[0].step == 4
    assert isinstance(rest[-1], Finished)
    assert losses(rest) == pytest.approx(losses(fine_tune(config))[4:], abs=1e-5)


def test_a_finished_run_is_not_resumed(tiny, films):
    events = list(fine_tune(quick(tiny, films, max_steps=1)))
    with pytest.raises(RunError, match="is finished, so it can't be resumed"):
        list(resume(get_run(events[0].run)))


def test_a_run_without_a_checkpoint_is_not_resumed(tiny):
    with pytest.raises(RunError, match="has no checkpoint"):
        list(resume(tiny))


def test_a_divergence_ends_the_run_as_failed_with_what_to_try(tiny, films):
    events = list(fine_tune(quick(tiny, films, learning_rate=1e30, max_grad_norm=0)))
    assert isinstance(events[-1], Failed)
    assert "learning_rate below 1e+30" in events[-1].reason
    run = get_run(events[0].run)
    assert run.state() == "failed"
    assert run.summary()["reason"] == events[-1].reason


def test_too_little_memory_ends_the_run_as_failed_with_what_to_try(tiny, films, monkeypatch):
    def explode(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(MaskedTrainer, "compute_loss", explode)
    events = list(fine_tune(quick(tiny, films)))
    assert isinstance(events[-1], Failed)
    assert "Halve per_device_train_batch_size" in events[-1].reason


def test_a_full_disk_while_saving_ends_the_run_as_failed_and_leaves_no_half_checkpoint(tiny, films, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.save", full)
    events = list(fine_tune(quick(tiny, films)))
    assert isinstance(events[-1], Failed)
    assert "disk is full" in events[-1].reason
    run = get_run(events[0].run)
    assert not run.checkpoints()
    assert run.state() == "failed"


def test_a_fault_of_the_lab_is_told_and_shown(tiny, films, monkeypatch):
    def explode(*_, **__):
        raise ZeroDivisionError("oh no")

    monkeypatch.setattr(trainer_module, "mask_batch", explode)
    events = []
    with pytest.raises(ZeroDivisionError):
        events.extend(fine_tune(quick(tiny, films)))
    assert "fault of the lab" in list_runs()[0].summary()["reason"]


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ({"corpus": "nowhere.txt"}, CorpusError, "no corpus 'nowhere.txt'"),
        ({"chunk_size": 4096}, ModelError, "this model reads 512"),
        ({"model": "distilbert/distilbert-base-uncased"}, ModelError, "the Hub can't be reached"),
        ({"precision": "fp16"}, LabError, "fp16 needs a CUDA GPU"),
    ],
)
def test_what_can_not_start_leaves_no_run_behind(tiny, films, bad, error, words):
    before = len(list_runs())
    with pytest.raises(error, match=words):
        list(fine_tune(quick(tiny, films, **bad)))
    assert len(list_runs()) == before


def test_padding_is_neither_read_nor_scored(tiny, films):
    events = list(fine_tune(quick(tiny, films, remainder="pad", max_train_chunks=None, max_test_chunks=None)))
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_two_processes_walk_the_same_curve_as_one(tiny, films, accumulation):
    options = {
        "dropout": 0.0,
        "max_train_chunks": 37,  # the last batch has fewer chunks than processes can share evenly
        "gradient_accumulation_steps": accumulation,
    }
    one = list(fine_tune(quick(tiny, films, per_device_train_batch_size=8, **options)))
    flags = []
    for name, value in values(quick(tiny, films, per_device_train_batch_size=4, **options)).items():
        if name == "probes":
            flags += ["--probes", *value]
        elif isinstance(value, bool):
            flags.append(f"--{'' if value else 'no-'}{name.replace('_', '-')}")
        elif value is not None:
            flags += [f"--{name.replace('_', '-')}", str(value)]
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launch, "-m", "lab", "train", "--json", *flags], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert told[0]["processes"] == 2
    assert [event["event"] for event in told].count("RunStarted") == 1  # one process alone tells and writes
    two = [event["loss"] for event in told if event["event"] == "Stepped"]
    assert two == pytest.approx(losses(one), abs=1e-4)
    scores = [event["perplexity"] for event in told if event["event"] == "Evaluated"]
    assert scores == pytest.approx([event.perplexity for event in one if isinstance(event, Evaluated)], rel=1e-4)
    assert [event["scored"] for event in told if event["event"] == "Stepped"] == [event.scored for event in steps(one)]
    run = get_run(told[0]["run"])
    assert len(list(run.events())) == len(told)


def test_a_run_learns_what_the_corpus_says(films, home):
    """The bundled model, a minute's worth in seconds: perplexity falls, and the probe takes up the corpus' word."""
    shutil.copy(films, films.with_name("again.txt"))
    config = preset(
        "quick",
        corpus=str(films),
        max_train_chunks=24,
        max_test_chunks=None,
        chunk_size=24,
        per_device_train_batch_size=8,
        num_train_epochs=4,
        learning_rate=5e-4,
        precision="fp32",
        probes=["The ending was [MASK]."],
    )
    events = list(fine_tune(config))
    scores = [event.perplexity for event in events if isinstance(event, Evaluated)]
    assert scores[-1] < scores[0] / 2
    probes = [dict(event.fills[0][1]) for event in events if isinstance(event, Probed)]
    assert probes[0] != probes[-1]
    assert math.isfinite(scores[-1])


def test_a_tracker_is_handed_the_curve_by_transformers_own_integration(tiny, films, home):
    from tensorboardX.proto.event_pb2 import Event

    list(fine_tune(quick(tiny, films, report_to="tensorboard")))
    (log,) = home.rglob("events.out.tfevents.*")
    content, names = log.read_bytes(), set()
    while content:  # each record: its length, a checksum, the event, a checksum
        size = int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12 : 12 + size])
        names |= {value.tag for value in event.summary.value}
        content = content[16 + size :]
    assert {"train/loss", "train/learning_rate"} <= names


def test_a_tracker_that_is_not_installed_is_named_before_anything_starts(tiny, films, monkeypatch):
    monkeypatch.setattr("lab.training.find_spec", lambda _: None)
    before = len(list_runs())
    with pytest.raises(LabError, match="pip install wandb"):
        list(fine_tune(quick(tiny, films, report_to="wandb")))
    assert len(list_runs()) == before
