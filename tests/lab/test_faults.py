"""Faults: killed at moments of chance, a full disk, too little memory. What a run says afterwards is true."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import jobs, queue
from lab.config import RunConfig, preset
from lab.endings import bury, cause_of_death, out_of_memory_kills
from lab.errors import RunError
from lab.events import Evaluated, Failed, Finished, RunStarted, Stepped, Stopped, is_last
from lab.log import read
from lab.runs import Run, create_run, get_run
from lab.training import fine_tune, resume

ROOT = Path(__file__).resolve().parents[2]
MILLION = {"epoch": 0.1, "learning_rate": 0.1, "grad_norm": None, "scored": 5, "tokens_per_second": 10.0}


def test_servers_and_workers_killed_at_moments_of_chance_lose_nothing_and_nobody_lies(home):
    """The shortened form; `python -m tests.faults --kills 200` is the whole."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--kills", "2", "--seed", str(os.getpid())],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert sum(report["kills"].values()) == 2
    assert report["finished"] > 0, done.stdout
    assert report["lost"] == report["liars"] == report["astray"] == report["stuck"] == []


def started(step=0):
    return RunStarted(
        step=step, seconds=0.0, run="r", model="bundled", corpus="reviews", said="Here.", device="cpu", precision="fp32",
        parameters=1, train_chunks=10, test_chunks=1, chunk_size=128, total_steps=100, steps_an_epoch=10, processes=1,
        fingerprint="abc", uniform=10.0, unigram=5.0,
    )  # fmt: skip


def stepped(step):
    return Stepped(step=step, seconds=float(step), loss=1.0, eta_seconds=1.0, **MILLION)


def score(step):
    return Evaluated(step=step, seconds=float(step), epoch=0.5, perplexity=4.0, mean_nll=1.4, accuracy=0.5, positions=9)


@pytest.fixture
def ticket(home):
    return jobs.submit(RunConfig())


def died(run: Run, *events) -> queue.Entry:
    """The run as a worker leaves it that took it up, said so much, and died."""
    (run.folder / "worker.json").write_text('{"pid": 1, "name": "gone"}')
    with run.writing() as writer:
        for event in events:
            writer.append(event)
    entry = queue.find(run.id)
    assert entry is not None
    return entry


class FullDisk:
    """A disk on which so many more bytes find room, for one file that is written to."""

    def __init__(self, room: int) -> None:
        self.room, self.write = room, os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        if self.room < len(data):
            part, self.room = data[: self.room], 0
            if not part:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self.write(descriptor, part)
        self.room -= len(data)
        return self.write(descriptor, data)


@pytest.mark.parametrize("room", [0, 30])
def test_a_full_disk_in_the_middle_of_an_event_leaves_whole_lines_only(home, monkeypatch, room):
    run = create_run(RunConfig())
    with run.writing() as writer:
        writer.append(started())
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", FullDisk(room))
            with pytest.raises(RunError, match="No space left on device. Free some space"):
                writer.append(stepped(1))
        assert run.log.read_bytes().endswith(b"\n")
        writer.append(Failed(step=1, seconds=1.0, reason="The disk is full."))
    assert [type(event) for event in run.events()] == [RunStarted, Failed]
    assert run.state() == "failed"


def test_a_disk_too_full_for_the_end_of_a_dead_run_leaves_it_no_liar(ticket, monkeypatch):
    run = get_run(ticket.run)
    entry = died(run, started(), score(0), stepped(1))

    def full(*_):
        raise RunError("Can't write: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr("lab.runs.write_json", full)
        with pytest.raises(RunError):
            bury(run, entry, "It died.")
    assert run.state() == "interrupted"
    assert jobs.standing(run.id).state == "interrupted"
    bury(run, entry, "It died.")
    assert jobs.standing(run.id).reason == "It died."
    assert queue.entries() == []


def test_a_worker_killed_between_its_last_word_and_the_summary_has_finished(ticket):
    run = get_run(ticket.run)
    entry = died(run, started(), score(0), score(10), Finished(step=10, seconds=10.0, perplexity=4.0))
    (run.folder / "summary.json").unlink()
    (run.folder / "worker.json").write_text('{"pid": 1, "name": "gone"}')
    bury(run, entry, "It died.")
    assert jobs.standing(run.id).state == "finished"
    assert run.summary()["perplexity"] == 4.0


def test_a_resumed_run_whose_worker_dies_before_it_goes_on_says_why_and_can_be_resumed_again(ticket):
    run = get_run(ticket.run)
    entry = died(run, started(), score(0), stepped(1), Stopped(step=1, seconds=1.0, reason="asked"))
    queue.remove(entry)
    (run.folder / "checkpoint-1").mkdir()
    jobs.resume(ticket.run, ticket.token)
    (run.folder / "worker.json").write_text('{"pid": 1, "name": "gone"}')
    again = queue.find(run.id)
    assert again is not None
    bury(run, again, "It died.")
    standing = jobs.standing(run.id)
    assert (standing.state, standing.reason, standing.resumable) == ("interrupted", "It died.", True)
    assert run.summary()["steps"] == 1
    jobs.resume(ticket.run, ticket.token)
    assert jobs.standing(run.id).state == "waiting"


def test_a_run_resumed_just_now_is_not_buried_with_its_old_entry(ticket):
    run = get_run(ticket.run)
    old = died(run, started(), score(0), stepped(1))
    (run.folder / "checkpoint-1").mkdir()
    jobs.resume(ticket.run, ticket.token)
    bury(run, old, "It died.")
    assert jobs.standing(run.id).state == "waiting"


def test_a_worker_that_died_without_a_word_leaves_a_log_that_says_how_it_ended(ticket):
    run = get_run(ticket.run)
    bury(run, died(run), "It died.")
    assert [is_last(event) for event in read(run).events] == [True]
    assert jobs.standing(run.id).state == "failed"


def test_a_torn_last_line_costs_one_event_and_no_more(ticket):
    run = get_run(ticket.run)
    entry = died(run, started(), score(0), stepped(1))
    with run.log.open("ab") as file:
        file.write(b'{"event": "Stepped", "step": 2, "lo')
    assert jobs.standing(run.id).state == "interrupted"
    bury(run, entry, "It died.")
    assert run.summary()["steps"] == 1
    assert run.log.read_bytes().endswith(b"\n")


@pytest.mark.parametrize(
    ("code", "memory", "words", "sentence"),
    [
        (-9, True, "", "The computer ran out of memory. Halve per_device_train_batch_size"),
        (-9, False, "", "Its process was killed, as when memory runs out. Halve per_device_train_batch_size"),
        (-15, False, "", "Its process was ended from outside (SIGTERM)."),
        (1, False, "The disk is full.", "Its process ended with an error: The disk is full."),
        (3, False, "", "Its process ended with an error: code 3, without a word"),
        (None, False, "", "Its process ended without a word: it was killed, or the computer was switched off."),
    ],
)
def test_the_cause_of_death_is_told_in_words_that_help(code, memory, words, sentence):
    assert cause_of_death(code, memory, words).startswith(sentence)


def test_the_system_s_count_of_memory_kills_never_falls():
    assert 0 <= out_of_memory_kills() <= out_of_memory_kills()


def test_a_run_is_not_resumed_on_a_corpus_that_has_changed(home):
    run = create_run(RunConfig())
    run.note_facts(train_text="abc")
    run.note_facts(train_text="abc")
    with pytest.raises(RunError, match="has changed since it began. Start a new run"):
        run.note_facts(train_text="abd")


def test_a_run_stopped_at_its_very_last_step_finishes_when_it_is_resumed(tiny, films):
    config = preset(
        "quick", model=tiny.id, corpus=str(films), chunk_size=16, max_train_chunks=16, per_device_train_batch_size=8,
        num_train_epochs=1, precision="fp32", device="cpu", probes=[], warmup_steps=0,
    )  # fmt: skip
    at = []
    for event in fine_tune(config, should_stop=lambda: run_at_its_end(at)):
        at.append(event)
    assert isinstance(at[-1], Stopped)
    assert at[-1].step == at[0].total_steps
    rest = list(resume(get_run(at[0].run)))
    assert isinstance(rest[-1], Finished)
    assert rest[-1].perplexity == [event for event in rest if isinstance(event, Evaluated)][-1].perplexity


def run_at_its_end(events):
    """Asked after each step, before that step is told of."""
    told = sum(isinstance(event, Stepped) for event in events)
    return bool(events) and told == events[0].total_steps - 1
