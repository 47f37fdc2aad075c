"""Runs: what lies on disk is the truth, whenever it was last written to."""

import json

import pytest

from lab.comparison import compare_runs
from lab.config import RunConfig, preset
from lab.errors import RunError
from lab.events import (
    CheckpointSaved,
    Evaluated,
    Failed,
    Finished,
    Probed,
    RunStarted,
    Stepped,
    Stopped,
    from_json,
    to_json,
)
from lab.runs import create_run, find_run, get_run, list_runs
from lab.story import curve

STARTED = {
    "run": "r",
    "model": "bundled",
    "corpus": "reviews",
    "said": "",
    "device": "cpu",
    "precision": "fp32",
    "parameters": 1,
    "train_chunks": 1,
    "test_chunks": 1,
    "chunk_size": 128,
    "total_steps": 9,
    "steps_an_epoch": 3,
    "processes": 1,
    "fingerprint": "abc",
    "uniform": 10.0,
    "unigram": 5.0,
}


def started(step=0, **changes):
    return RunStarted(step=step, seconds=float(step), **(STARTED | changes))


def stepped(step, loss=1.0):
    return Stepped(
        step=step, seconds=float(step), epoch=0.1, loss=loss, learning_rate=0.1, grad_norm=None, scored=5,
        tokens_per_second=10.0, eta_seconds=1.0,
    )  # fmt: skip


def evaluated(step, perplexity=4.0):
    return Evaluated(
        step=step, seconds=float(step), epoch=0.5, perplexity=perplexity, mean_nll=1.4, accuracy=0.5, positions=9
    )


def written(run, *events):
    with run.writing() as writer:
        for event in events:
            writer.append(event)
    return run


@pytest.fixture
def run(home):
    return create_run(RunConfig())


EVERY = [
    started(),
    stepped(1),
    evaluated(1),
    Probed(step=1, seconds=1.0, fills=(("A [MASK].", (("film", 0.5), ("ünï", 0.25))),)),
    CheckpointSaved(step=1, seconds=1.0, checkpoint="checkpoint-1"),
    Finished(step=1, seconds=1.0, perplexity=4.0),
    Stopped(step=1, seconds=1.0, reason="asked"),
    Failed(step=1, seconds=1.0, reason="no"),
]


@pytest.mark.parametrize("event", EVERY, ids=lambda event: type(event).__name__)
def test_every_event_survives_json_on_one_line(event):
    line = to_json(event)
    assert "\n" not in line
    assert from_json(line) == event
    assert from_json(json.dumps(json.loads(line) | {"of a later version": 1})) == event


def test_what_is_appended_is_read_back(run):
    assert list(written(run, *EVERY[:5]).events()) == EVERY[:5]


@pytest.mark.parametrize(
    ("last", "state"), [(EVERY[5], "finished"), (EVERY[6], "stopped"), (EVERY[7], "failed"), (EVERY[4], "interrupted")]
)
def test_the_last_event_decides_the_state(run, last, state):
    assert written(run, started(), stepped(1), last).state() == state


def test_a_run_is_running_while_it_is_written_to(run):
    with run.writing():
        assert run.state() == "running"
        with pytest.raises(RunError, match="still going on"):
            run.delete()
        with pytest.raises(RunError, match="in another process"), run.writing():
            pass
    assert run.state() == "interrupted"


def test_a_torn_last_line_is_passed_over_and_cut_off_by_the_next_writer(run):
    written(run, started(), stepped(1))
    with run.log.open("ab") as file:
        file.write(b'{"event": "Stepped", "step": 2, "lo')
    assert [event.step for event in run.events()] == [0, 1]
    written(run, stepped(2))
    assert [event.step for event in run.events()] == [0, 1, 2]


def test_a_crash_between_the_last_event_and_the_summary_loses_nothing(run):
    written(run, started(), evaluated(0), evaluated(3, 2.0), Finished(step=3, seconds=3.0, perplexity=2.0))
    whole = run.summary()
    (run.folder / "summary.json").unlink()
    assert run.state() == "finished"
    assert run.summary() == whole
    assert whole["perplexity"] == 2.0
    assert whole["best"]["step"] == 3 or whole["best"]["mean_nll"] == 1.4


def test_what_a_resumed_run_does_again_takes_the_place_of_what_was_lost(run):
    events = [started(), stepped(1), stepped(2, 5.0), stepped(3, 6.0), Stopped(step=3, seconds=3.0, reason="asked")]
    events += [started(step=1), stepped(2, 7.0), Finished(step=2, seconds=2.0, perplexity=1.0)]
    story = curve(written(run, *events).events())
    assert [event.loss for event in story if isinstance(event, Stepped)] == [1.0, 7.0]
    assert [type(event) for event in story if isinstance(event, Stopped | Finished)] == [Finished]


def test_runs_are_listed_newest_first_and_found_by_id_beginning_path_and_latest(home):
    runs = [create_run(RunConfig()) for _ in range(3)]
    for run in runs:
        run.log.touch()
    assert {run.id for run in list_runs()} == {run.id for run in runs}
    assert [run.id for run in list_runs()] == sorted((run.id for run in runs), reverse=True)
    assert find_run(runs[0].id) == runs[0]
    assert find_run(str(runs[0].folder)) == runs[0]
    assert find_run("latest") == list_runs()[0]
    assert find_run("nothing") is None
    with pytest.raises(RunError, match="no run 'nothing'. The newest are: "):
        get_run("nothing")


@pytest.mark.parametrize("name", ["..", "../runs", "", ".", "/", "a/../..", "\0"])
def test_a_name_that_climbs_is_no_run(home, name):
    create_run(RunConfig())
    assert find_run(name) is None


def test_deleting_removes_the_folder_and_leaves_no_trace(run):
    written(run, EVERY[5])
    run.delete()
    assert list_runs() == []
    assert list(run.folder.parent.iterdir()) == []


def test_a_comparison_shows_only_the_settings_that_differ(home):
    one = written(create_run(preset("quick", learning_rate=2e-4)), started(), evaluated(0), evaluated(1), EVERY[5])
    two = written(create_run(preset("quick", strategy="whole_word", learning_rate=1e-4)), started(), evaluated(0), EVERY[5])
    found = compare_runs([one, two])
    assert found.settings == {"strategy": ("token", "whole_word"), "learning_rate": (2e-4, 1e-4)}
    assert found.results["perplexity"] == (4.0, 4.0)
    assert found.rankable


def test_runs_scored_differently_are_not_to_be_ranked(home):
    one = written(create_run(RunConfig()), started(), evaluated(0), EVERY[5])
    two = written(create_run(RunConfig()), started(fingerprint="other"), evaluated(0), EVERY[5])
    assert not compare_runs([one, two]).rankable


@pytest.mark.parametrize("line", ["5", "null", '"x"', "[]", '{"event": "Stepped", "step": "one", "seconds": 1.0}'])
def test_a_line_of_a_log_that_is_no_event_is_passed_over(run, line):
    written(run, started(), evaluated(0))
    with run.log.open("a") as log:
        log.write(f"{line}\n")
    (run.folder / "summary.json").unlink(missing_ok=True)
    assert len(list(run.events())) == 2
    assert run.summary()["state"] == "interrupted"


@pytest.mark.parametrize("damage", ["[1]", "5", "{", ""])
def test_a_damaged_summary_is_made_up_for_by_the_log(run, damage):
    written(run, started(), evaluated(0), Finished(step=0, seconds=1.0, perplexity=4.0))
    (run.folder / "summary.json").write_text(damage)
    assert run.state() == "finished"
    assert run.summary()["perplexity"] == 4.0


def test_a_run_with_a_folder_for_a_log_or_a_foreign_checkpoint_harms_nobody(run):
    run.log.unlink(missing_ok=True)
    run.log.mkdir()
    (run.folder / "checkpoint-old").mkdir()
    assert (list(run.events()), run.checkpoints()) == ([], [])
    assert run.state() in ("interrupted", "waiting")


@pytest.mark.parametrize("damage", [b"[]", b"{}", b'{"settings": 5}', b"\xff"])
def test_a_configuration_without_settings_is_named(run, damage):
    (run.folder / "config.json").write_bytes(damage)
    with pytest.raises(RunError, match="Can't read config.json"):
        run.config()


def test_a_name_too_long_for_any_file_is_no_run(home):
    assert find_run("a" * 300) is None
    assert find_run("~nobody-of-that-name/run") is None


def test_a_damaged_configuration_is_named(run):
    (run.folder / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"Can't read config.json of the run .* delete it"):
        run.config()


def test_the_configuration_names_versions_and_can_be_read_by_a_person(run):
    content = json.loads((run.folder / "config.json").read_text())
    assert {"torch", "transformers", "datasets", "python"} <= set(content["versions"])
    assert content["settings"]["mlm_probability"] == 0.15


def test_a_full_disk_while_an_event_is_written_is_said(run, monkeypatch):
    monkeypatch.setattr("os.write", lambda *_: 3)
    with pytest.raises(RunError, match="No space left on device. Free some space"), run.writing() as writer:
        writer.append(started())


def test_a_home_that_can_not_be_looked_into_is_said(home, monkeypatch):
    def locked(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(home), "is_dir", locked)
    with pytest.raises(RunError, match="Can't look into .*: Permission denied. .*LAB_HOME"):
        list_runs()
