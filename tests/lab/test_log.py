"""The log: from any line on, whole lines only, however long it is and while it grows."""

import json
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import log
from lab.config import RunConfig
from lab.errors import SettingError
from lab.events import Evaluated, Stepped, to_json
from lab.log import latest, read, step_of
from lab.runs import create_run


def stepped(step):
    return Stepped(
        step=step, seconds=float(step), epoch=0.1, loss=1.0, learning_rate=0.1, grad_norm=None, scored=5,
        tokens_per_second=10.0, eta_seconds=1.0,
    )  # fmt: skip


@pytest.fixture
def run(home):
    return create_run(RunConfig())


def write(run, first, last):
    with run.log.open("a") as file:
        file.writelines(f"{to_json(stepped(step))}\n" for step in range(first, last))


def steps(tail):
    return [event.step for event in tail.events]


def test_a_run_without_a_log_has_nothing_to_read(run):
    assert read(run) == log.Tail((), 0, 0)


def test_a_reader_gets_what_is_behind_its_line_and_the_line_to_ask_from_next(run):
    write(run, 0, 10)
    first = read(run, 0, 4)
    assert (steps(first), first.next, first.lines) == ([0, 1, 2, 3], 4, 10)
    second = read(run, first.next, 250)
    assert (steps(second), second.next) == ([4, 5, 6, 7, 8, 9], 10)
    assert read(run, 10) == log.Tail((), 10, 10)


def test_a_cursor_beyond_the_end_is_sent_back_to_it(run):
    write(run, 0, 3)
    assert read(run, 99) == log.Tail((), 3, 3)


@pytest.mark.parametrize("bad", [{"after": -1}, {"limit": -1}])
def test_a_negative_line_is_refused(run, bad):
    with pytest.raises(SettingError, match="Set both to 0 or more"):
        read(run, **bad)


def test_a_last_line_without_its_end_is_not_there_yet(run):
    write(run, 0, 2)
    line = to_json(stepped(2))
    with run.log.open("a") as file:
        file.write(line[:30])
    assert steps(read(run)) == [0, 1]
    with run.log.open("a") as file:
        file.write(line[30:] + "\n")
    assert steps(read(run, 2)) == [2]


def test_a_torn_line_that_the_next_writer_cuts_off_confuses_no_reader(run):
    write(run, 0, 100)
    with run.log.open("a") as file:
        file.write('{"event": "Stepped", "st')
    assert read(run, 0).lines == 100
    with run.writing() as writer:
        writer.append(stepped(100))
    assert steps(read(run, 99)) == [99, 100]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.integers(0, 150), min_size=1, max_size=6), after=st.integers(0, 400), limit=st.integers(0, 300))
def test_any_reader_of_a_log_that_grows_sees_the_lines_it_asked_for(run, pieces, after, limit):
    run.log.unlink(missing_ok=True)
    have = 0
    for piece in pieces:
        write(run, have, have + piece)
        have += piece
        tail = read(run, after, limit)
        assert steps(tail) == list(range(have))[after : after + limit]
        assert tail.lines == have


def test_a_line_that_a_bad_disk_has_spoilt_hides_no_other(run):
    write(run, 0, 2)
    with run.log.open("ab") as file:
        file.write(b"\0\0\0\0\n" + b'{"event": "of a later version"}\n')
    write(run, 2, 3)
    tail = read(run)
    assert (steps(tail), tail.next) == ([0, 1, 2], 5)
    assert [event.step for event in run.events()] == [0, 1, 2]


def test_a_log_that_was_replaced_is_read_anew(run):
    write(run, 0, 200)
    assert read(run, 190).lines == 200
    run.log.unlink()
    write(run, 500, 503)
    tail = read(run)
    assert (steps(tail), tail.next, tail.lines) == ([500, 501, 502], 3, 3)


def test_a_line_longer_than_a_block_is_read(run, monkeypatch):
    monkeypatch.setattr(log, "_BLOCK", 64)
    write(run, 0, 70)
    assert steps(read(run, 64)) == [64, 65, 66, 67, 68, 69]


def test_the_latest_event_of_a_kind_is_found_from_the_end(run):
    write(run, 0, 5)
    score = Evaluated(step=5, seconds=5.0, epoch=1.0, perplexity=2.0, mean_nll=0.7, accuracy=0.5, positions=3)
    with run.writing() as writer:
        writer.append(score)
    assert latest(run, Evaluated) == score
    assert latest(run, Stepped).step == 4
    assert step_of(run) == 5
    assert step_of(create_run(RunConfig())) == 0


def test_only_so_many_logs_are_remembered(home, monkeypatch):
    monkeypatch.setattr(log, "_LOGS", 3)
    runs = [create_run(RunConfig()) for _ in range(6)]
    for run in runs:
        write(run, 0, 2)
        assert steps(read(run)) == [0, 1]
    assert len(log._indices) <= 3
    assert steps(read(runs[0], 1)) == [1]


def test_a_hundred_thousand_events_are_read_in_milliseconds_wherever_one_asks(run):
    line = (to_json(stepped(7)) + "\n").encode()
    run.log.write_bytes(line * 100_000)
    read(run)
    took = []
    for after in (0, 17, 50_000, 99_000, 99_999):
        began = time.perf_counter()
        read(run, after)
        took.append(time.perf_counter() - began)
    assert sorted(took)[2] < 0.05  # 2 ms on an idle core
    (index,) = [index for path, index in log._indices.items() if path == run.log]
    assert len(index.starts) < 100_000 / 50


def test_readers_in_many_threads_all_see_every_event_once_while_it_is_written(run):
    total = 2000
    seen: list[list[int]] = [[] for _ in range(8)]

    def follow(which):
        line = 0
        while line < total:
            tail = read(run, line, 100)
            seen[which] += steps(tail)
            line = tail.next

    readers = [threading.Thread(target=follow, args=(i,)) for i in range(8)]
    for reader in readers:
        reader.start()
    with run.writing() as writer:
        for step in range(total):
            writer.append(stepped(step))
    for reader in readers:
        reader.join(30)
    assert all(each == list(range(total)) for each in seen)


def test_an_event_is_one_line_and_json(run):
    with run.writing() as writer:
        writer.append(stepped(1))
    assert json.loads(run.log.read_text()) == {"event": "Stepped", **json.loads(to_json(stepped(1)))}
