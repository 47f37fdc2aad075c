"""The live run: what a page is told, in how many bytes, and who may do what."""

import json
import random
from types import SimpleNamespace

import pytest

from lab import jobs
from lab.config import RunConfig
from lab.errors import RunError
from lab.events import Evaluated, Finished, Probed, RunStarted, Stepped, Stopped
from lab.jobs import Standing
from lab.runs import create_run
from lab.story import curve
from lessons.components import live_run
from lessons.components.live_run import LONG, change_run, own_runs, poll_run, said
from lessons.visitor import visitor

REQUEST = SimpleNamespace(client=SimpleNamespace(host="10.0.0.1"), headers={})


def started(step=0, total=50):
    return RunStarted(
        step=step,
        seconds=0.0,
        run="r",
        model="bundled",
        corpus="/somewhere/secret/mine.csv",
        said="Computing on 2 CPU cores.",
        device="cpu",
        precision="fp32",
        parameters=1,
        train_chunks=100,
        test_chunks=10,
        chunk_size=128,
        total_steps=total,
        steps_an_epoch=total,
        processes=1,
        fingerprint="f",
        uniform=30_522.0,
        unigram=800.0,
    )


def stepped(step, loss=3.0):
    return Stepped(
        step=step,
        seconds=step * 1.5,
        epoch=0.1,
        loss=loss,
        learning_rate=1e-4,
        grad_norm=1.0,
        scored=600,
        tokens_per_second=2345.6,
        eta_seconds=12.3,
    )


def scored(step, nll):
    return Evaluated(step=step, seconds=0.0, epoch=0.0, perplexity=1.0, mean_nll=nll, accuracy=0.5, positions=100)


def probed(step, sentences=6, letters=8):
    fills = ((f"s{i} [MASK]", tuple((f"{'w' * letters}{j}", 0.12345) for j in range(5))) for i in range(sentences))
    return Probed(step=step, seconds=0.0, fills=tuple(fills))


def make(events, **settings):
    run = create_run(RunConfig(**settings))
    with run.writing() as writer:
        for event in events:
            writer.append(event)
    return run


def story(steps, total=None, every=10):
    dice = random.Random(7)
    events = [started(total=total or steps), scored(0, 4.2), probed(0)]
    for step in range(1, steps + 1):
        events.append(stepped(step, 4.2 - step / steps + dice.gauss(0, 0.1)))
        if step % every == 0:
            events += [probed(step), scored(step, 4.2 - step / steps)]
    return [*events, Finished(step=steps, seconds=1.0, perplexity=20.0)]


def follow(run):
    """As a page asks, from its first question to the end."""
    line, answers = 0, []
    while True:
        answer = poll_run([run.id, line])
        answers.append(answer)
        if answer["next"] == line:
            return answers
        line = answer["next"]


def test_a_page_that_asks_on_gets_every_event_once_and_in_order(home):
    run = make(story(60))
    answers = follow(run)
    told = [event for answer in answers for event in answer["events"]]
    expected = [live_run.compact(event) for event in run.events()]
    assert told == json.loads(json.dumps(expected)) or told == expected
    assert [answer["from"] for answer in answers] == [0, *[answer["next"] for answer in answers[:-1]]]
    assert answers[0]["about"]["probes"] == list(RunConfig().probes)
    assert answers[-1]["standing"]["state"] == "finished"


@pytest.mark.parametrize("sentences", [0, 6, 20])
def test_one_update_is_below_five_kilobytes(home, sentences):
    events = [event for event in story(90, every=1) if not isinstance(event, Probed)]
    run = make([*events[:1], *(probed(step, sentences, letters=18) for step in range(90)), *events[1:]])
    sizes = [len(json.dumps(answer).encode()) for answer in follow(run)]
    assert max(sizes[1:]) < 5_000
    assert len(sizes) < 120


def test_a_page_far_behind_is_given_the_whole_in_few_points_each_of_them_true(home):
    run = make(story(10_000, every=400))
    answers = follow(run)
    assert answers[0]["snapshot"]
    assert len(answers) < 6
    assert len(json.dumps(answers[0]).encode()) < 40_000
    losses = {event.step: round(event.loss, 4) for event in run.events() if isinstance(event, Stepped)}
    shown = [event[1:3] for answer in answers for event in answer["events"] if event[0] == "step"]
    assert 300 < len(shown) <= 510
    assert all(losses[step] == loss for step, loss in shown)
    assert min(losses.values()) == min(loss for _, loss in shown)
    assert answers[-1]["next"] == answers[-1]["lines"]


def test_a_page_a_little_behind_gets_the_events_themselves(home):
    run = make(story(LONG // 3))
    assert not any("snapshot" in answer for answer in follow(run))


def test_a_thinned_picture_tells_a_resumed_run_as_one_story(home):
    events = story(1_000)[:-300]
    again = [started(step=500, total=1_000), *(stepped(step, 9.0) for step in range(501, 1_001))]
    run = make([*events, *again, Finished(step=1_000, seconds=1.0, perplexity=20.0)])
    steps = [event for answer in follow(run) for event in answer["events"] if event[0] == "step"]
    assert [step[1] for step in steps] == sorted({step[1] for step in steps})
    assert all(step[2] == 9.0 for step in steps if step[1] > 500)
    assert len(curve(run.events())) < len(list(run.events()))


def test_no_path_of_the_server_is_told(home, tmp_path):
    run = make(story(3), data=RunConfig().data.__class__(corpus=str(tmp_path / "mine.csv")))
    assert "mine.csv" not in json.dumps(follow(run))
    assert "an own file" in json.dumps(follow(run))


@pytest.mark.parametrize(
    "asked",
    [None, {}, [], ["../../etc/passwd", 0], ["20261124-nothing", 0], [1, 2], ["x", -1], ["x", "0"], ["x", True], "abc"],
)
def test_whatever_a_stranger_asks_for_is_answered_with_a_sentence(home, asked):
    answer = poll_run(asked)
    assert answer["gone"].endswith((".", "model."))
    assert "events" not in answer


def test_only_the_owner_may_change_a_run(home):
    ticket = jobs.submit(RunConfig(max_train_chunks=16), visitor="10.0.0.1")
    for what in ("stop", "resume", "delete", "twin"):
        for token in ("", "made-up", ticket.token[:-1]):
            refused = change_run([what, ticket.run, token], REQUEST)
            assert not refused["ok"]
            assert "Only whoever started" in refused["said"]
    assert jobs.standing(ticket.run).state == "waiting"
    assert change_run(["stop", ticket.run, ticket.token], REQUEST)["ok"]
    assert jobs.standing(ticket.run).state == "stopped"
    assert change_run(["delete", ticket.run, ticket.token], REQUEST)["ok"]
    assert "no longer" in poll_run([ticket.run, 0])["gone"]


@pytest.mark.parametrize(
    "asked", [None, [], ["stop"], ["explode", "x", "y"], [1, 2, 3], ["stop", "../..", "t"], ["stop", None, ""]]
)
def test_a_change_that_makes_no_sense_is_refused_with_a_sentence(home, asked):
    answer = change_run(asked, REQUEST)
    assert not answer["ok"]
    assert answer["said"]


def test_a_twin_is_the_same_run_with_the_other_strategy(home):
    ticket = jobs.submit(RunConfig(max_train_chunks=16, seed=7), visitor="10.0.0.1")
    twin = change_run(["twin", ticket.run, ticket.token], REQUEST)
    one, two = (live_run.bench.run_of(name).config() for name in (ticket.run, twin["run"]))
    assert (one.masking.strategy, two.masking.strategy) == ("token", "whole_word")
    assert one.__class__(**{**_fields(one), "masking": two.masking}) == two
    assert jobs.owns(twin["run"], twin["token"])
    third = change_run(["twin", ticket.run, ticket.token], REQUEST)
    assert not third["ok"]
    assert "2 runs waiting" in third["said"]


def _fields(config):
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


def test_states_are_told_in_sentences():
    def standing(state, **more):
        fields = {"position": None, "expected_start": None, "expected_seconds": None, "reason": None, "resumable": False}
        return said(Standing("r", state, **{**fields, **more}))

    assert standing("waiting", position=3, expected_start=180.0, expected_seconds=60.0) == (
        "Waiting in the queue. 2 others wait before it; it is expected to begin in about 3 minutes, "
        "and then takes about 1 minute."
    )
    assert standing("waiting", position=1, expected_start=0.0) == "Waiting in the queue. It is next; it begins at once."
    assert standing("failed", reason="There was not enough memory") == "Failed. There was not enough memory."
    interrupted = standing("interrupted", reason="Its process was killed.", resumable=True)
    assert interrupted == "Interrupted. Its process was killed. It can go on from its last checkpoint."
    assert standing("stopping").startswith("Stopping")


def test_own_runs_are_listed_newest_first_and_a_deleted_one_says_so(home):
    runs = [make(story(3)), make([*story(3)[:-1], Stopped(step=3, seconds=1.0, reason="asked")])]
    block = own_runs([runs[0].id, "20200101-000000-000-token-dead", runs[1].id], runs[0].id)
    assert [row["run"] for row in block["rows"]] == [runs[1].id, "20200101-000000-000-token-dead", runs[0].id]
    assert "no longer" in block["rows"][1]["gone"]
    assert block["rows"][2]["shown"]
    assert "stopped" in block["rows"][0]["note"]


def test_a_visitor_is_an_address_and_cannot_claim_another_one(monkeypatch):
    def request(forwarded=""):
        return SimpleNamespace(
            client=SimpleNamespace(host="10.0.0.1"), headers={"x-forwarded-for": forwarded} if forwarded else {}
        )

    assert visitor(request("1.2.3.4, 5.6.7.8")) == "10.0.0.1"
    monkeypatch.setenv("LAB_BEHIND_PROXY", "1")
    assert visitor(request("1.2.3.4, 5.6.7.8")) == "5.6.7.8"
    assert visitor(request()) == "10.0.0.1"
    assert visitor(None) == ""


def test_the_sentence_for_a_run_that_is_gone_names_the_way_out(home):
    with pytest.raises(RunError, match="incomplete"):
        live_run._asked(["x"])
