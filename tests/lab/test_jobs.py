"""Jobs: a place in the queue, an owner, a worker, and an end that is told, whoever dies in between."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from lab import desk as desk_module
from lab import jobs, queue
from lab.config import RunConfig, preset
from lab.errors import RunError, SettingError
from lab.events import Failed, RunStarted, Stepped, Stopped
from lab.home import read_json
from lab.jobs import Desk, Standing, Ticket
from lab.log import read
from lab.runs import Run, get_run, list_runs
from lab.worker import Worker

ROOT = Path(__file__).resolve().parents[2]


def orphans():
    """The living processes of this home, whoever their parents are."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("LAB_HOME") == os.environ["LAB_HOME"] and process.pid != os.getpid():
                found.append(process)
    return found


def run_of(ticket) -> Run:
    return get_run(ticket.run)


def submit(corpus="steps", **settings) -> Ticket:
    return (
        jobs.submit(RunConfig(), **settings) if corpus is None else jobs.submit(preset("quick", corpus=corpus), **settings)
    )


def wait_for(condition, seconds=30):
    """Until it holds; the test fails if it never does."""
    until = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)
    return result


def wait_for_state(ticket, *states, seconds=30) -> Standing:
    return wait_for(lambda: (now := jobs.standing(ticket.run)).state in states and now, seconds)


def worker_of(ticket) -> psutil.Process:
    return psutil.Process(wait_for(lambda: marked(ticket)))


def marked(ticket) -> int | None:
    """The process that a run says it is trained by, living or not; None if it says nothing now."""
    return (read_json(run_of(ticket).folder / "worker.json") or {}).get("pid")


# Without a desk: places, owners, refusals.


def test_a_run_is_asked_for_at_once_and_waits_with_a_number(home):
    one, two = submit(), submit()
    assert [jobs.standing(each.run).position for each in (one, two)] == [1, 2]
    assert [jobs.standing(each.run).state for each in (one, two)] == ["waiting", "waiting"]
    assert [run.state() for run in list_runs()] == ["waiting", "waiting"]
    assert "Nobody takes runs from the queue now" in jobs.standing(one.run).reason


def test_the_expected_start_is_the_sum_of_what_those_ahead_take(home, monkeypatch):
    monkeypatch.setattr(jobs, "is_open", lambda: True)
    one, two, three = submit(None), submit(None), submit(None)
    each = jobs.standing(one.run).expected_seconds
    assert each > 0
    assert jobs.standing(one.run).expected_start == 0
    assert jobs.standing(two.run).expected_start == pytest.approx(each)
    assert jobs.standing(three.run).expected_start == pytest.approx(2 * each)


def test_only_the_owner_and_an_administrator_may_stop_resume_and_delete(home, monkeypatch):
    mine, theirs = submit(), submit()
    assert jobs.owns(mine.run, mine.token)
    assert not jobs.owns(mine.run, theirs.token)
    assert not jobs.owns(mine.run, "")
    for act in (jobs.stop, jobs.resume, jobs.delete):
        with pytest.raises(RunError, match=f"Only whoever started the run {mine.run} may"):
            act(mine.run, theirs.token)
    monkeypatch.setenv("LAB_ADMIN_TOKEN", "teacher")
    assert jobs.owns(mine.run, "teacher")
    assert not jobs.owns(mine.run, "pupil")
    jobs.stop(mine.run, "teacher")
    jobs.delete(theirs.run, jobs.administrator())
    assert jobs.standing(mine.run).state == "stopped"
    with pytest.raises(RunError, match="no run"):
        jobs.standing(theirs.run)


def test_the_token_is_nowhere_on_the_disk(home):
    ticket = submit()
    assert all(ticket.token not in path.read_text() for path in home.rglob("*") if path.is_file())


def test_the_command_line_s_own_token_is_for_nobody_else_s_eyes(home):
    token = jobs.administrator()
    assert jobs.administrator() == token
    (file,) = [path for path in home.rglob("*") if path.is_file() and token in path.read_text()]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["..", "../runs", "/", "", "a/b", ".hidden", "nothing", "\0"])
def test_a_name_that_is_no_run_is_refused_in_a_sentence(home, name):
    submit()
    for ask in (jobs.standing, lambda run: jobs.owns(run, "x"), lambda run: jobs.stop(run, "x")):
        with pytest.raises(RunError, match="There is no run"):
            ask(name)


def test_stopping_one_that_waits_takes_it_out_and_the_others_move_up(home):
    one, two = submit(), submit()
    jobs.stop(one.run, one.token)
    assert jobs.standing(one.run).state == "stopped"
    assert "before it began" in jobs.standing(one.run).reason
    assert not jobs.standing(one.run).resumable
    assert jobs.standing(two.run).position == 1
    assert [type(event) for event in read(run_of(one)).events] == [Stopped]
    with pytest.raises(RunError, match="is stopped already"):
        jobs.stop(one.run, one.token)


def test_a_place_in_the_queue_is_never_given_twice(home):
    first = submit()
    number = queue.find(first.run).number
    jobs.delete(first.run, first.token)
    assert queue.find(submit().run).number == number + 1


def test_a_clock_that_goes_back_changes_no_order(home, monkeypatch):
    from datetime import datetime, timedelta

    from lab import runs as runs_module

    tickets = [submit()]

    class Past(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=30)

    monkeypatch.setattr(runs_module, "datetime", Past)
    tickets += [submit(), submit()]
    assert [entry.run for entry in queue.entries()] == [ticket.run for ticket in tickets]
    assert [run.id for run in list_runs()] == [ticket.run for ticket in reversed(tickets)]


def test_many_who_press_run_at_once_each_get_a_place_of_their_own(home, monkeypatch):
    tickets: list[Ticket] = []
    threads = [threading.Thread(target=lambda: tickets.append(submit(visitor="x" * len(tickets)))) for _ in range(12)]
    monkeypatch.setenv("LAB_MAX_RUNS_PER_VISITOR", "none")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({entry.number for entry in queue.entries()}) == len({ticket.run for ticket in tickets}) == 12


def test_asking_takes_no_torch_and_little_time(home):
    script = """
import sys, time
from lab import jobs
from lab.config import preset
jobs.submit(preset("quick"))
began = time.perf_counter()
ticket = jobs.submit(preset("quick"))
jobs.standing(ticket.run); jobs.stop(ticket.run, ticket.token)
print(time.perf_counter() - began)
assert "torch" not in sys.modules and "transformers" not in sys.modules and "gradio" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5  # 0.02 s on an idle core


# With a desk, and workers that only pretend to train.


def test_runs_are_taken_one_at_a_time_in_the_order_in_which_they_came(quick_workers, monkeypatch):
    monkeypatch.setattr(desk_module, "_SETTLED", 0)  # the next worker is ready long before it is wanted
    tickets = [submit() for _ in range(3)]
    with Desk():
        started = []
        while len(started) < 3:
            states = {ticket.run: jobs.standing(ticket.run).state for ticket in tickets}
            assert sum(state in ("starting", "running") for state in states.values()) <= 1
            started += [run for run, state in states.items() if state != "waiting" and run not in started]
            time.sleep(0.01)
        for ticket in tickets:
            assert wait_for_state(ticket, "finished").reason is None
        wait_for(lambda: not queue.entries())
    assert started == [ticket.run for ticket in tickets]


def test_a_run_that_goes_on_tells_how_long_and_the_next_one_when(quick_workers):
    one, two = submit(), submit()
    with Desk():
        wait_for(lambda: len(read(run_of(one)).events) > 10)
        standing = jobs.standing(one.run)
        assert standing.state == "running"
        assert standing.expected_seconds == pytest.approx(2.0, abs=0.01)
        assert 0 < jobs.standing(two.run).expected_start < 2
        assert jobs.standing(two.run).position == 1


def test_stopping_takes_effect_within_a_step_and_the_run_can_go_on_from_there(quick_workers):
    ticket = submit()
    with Desk():
        wait_for(lambda: len(read(run_of(ticket)).events) > 5)
        at = read(run_of(ticket)).events[-1].step
        jobs.stop(ticket.run, ticket.token)
        assert jobs.standing(ticket.run).state in ("stopping", "stopped")
        standing = wait_for_state(ticket, "stopped")
        stopped = read(run_of(ticket)).events[-1]
        assert stopped.step <= at + 3
        assert (standing.reason, standing.resumable) == ("stopped when asked to", True)
        jobs.resume(ticket.run, ticket.token)
        assert jobs.standing(ticket.run).state in ("waiting", "starting", "running")
        wait_for_state(ticket, "finished")
    again = [event for event in run_of(ticket).events() if isinstance(event, RunStarted)]
    assert [event.step for event in again] == [0, stopped.step]


def test_a_resumed_run_that_is_taken_out_of_the_queue_is_what_it_was_before(quick_workers):
    ticket = submit()
    with Desk():
        wait_for(lambda: len(read(run_of(ticket)).events) > 5)
        jobs.stop(ticket.run, ticket.token)
        wait_for_state(ticket, "stopped")
    before = jobs.standing(ticket.run), run_of(ticket).summary()
    jobs.resume(ticket.run, ticket.token)
    assert jobs.standing(ticket.run).state == "waiting"
    jobs.stop(ticket.run, ticket.token)
    assert (jobs.standing(ticket.run), run_of(ticket).summary()) == before


@pytest.mark.parametrize("corpus", ["steps", "deaf"])
def test_a_worker_that_is_killed_leaves_a_run_that_says_so_at_once(quick_workers, corpus):
    ticket = submit(corpus)
    with Desk():
        wait_for(lambda: len(read(run_of(ticket)).events) > 5)
        worker_of(ticket).kill()
        wait_for_state(ticket, "interrupted", seconds=1)
        wait_for(lambda: "as when memory runs out. Halve" in jobs.standing(ticket.run).reason, seconds=2)
        assert run_of(ticket).summary()["steps"] > 0
        after = submit()
        wait_for_state(after, "running")


def test_a_worker_that_breaks_down_says_what_gave_way(quick_workers):
    ticket = submit("broken")
    with Desk():
        wait_for_state(ticket, "interrupted")
        wait_for(lambda: jobs.standing(ticket.run).reason == "Its process ended with an error: Something gave way.")


def test_a_worker_that_answers_nothing_is_terminated_and_then_killed(quick_workers, monkeypatch):
    monkeypatch.setattr(desk_module, "_PATIENCE", 0.3)
    monkeypatch.setattr(desk_module, "_LAST_PATIENCE", 0.3)
    ticket = submit("deaf")
    with Desk():
        wait_for(lambda: len(read(run_of(ticket)).events) > 5)
        jobs.stop(ticket.run, ticket.token)
        wait_for_state(ticket, "interrupted", seconds=5)
    assert "killed" in jobs.standing(ticket.run).reason


def test_a_run_that_has_not_begun_is_stopped_without_waiting_for_it(quick_workers):
    ticket = submit("wedged")
    with Desk():
        wait_for_state(ticket, "starting")
        jobs.stop(ticket.run, ticket.token)
        assert wait_for_state(ticket, "stopped", seconds=5).reason == "stopped when asked to"
    assert [type(event) for event in run_of(ticket).events()] == [Stopped]


def test_a_worker_outlives_its_desk_and_the_next_desk_lets_it_work_and_can_stop_it(quick_workers):
    ticket, other = submit(), submit()
    with Desk():
        wait_for(lambda: len(read(run_of(ticket)).events) > 5)
    assert jobs.standing(ticket.run).state == "running"
    assert os.getsid(worker_of(ticket).pid) != os.getsid(0)  # so that Ctrl-C in the server's terminal doesn't reach it
    with Desk():
        time.sleep(0.3)
        assert jobs.standing(other.run).state == "waiting"
        jobs.stop(ticket.run, ticket.token)
        wait_for_state(ticket, "stopped")
        wait_for_state(other, "finished")


def test_a_worker_that_died_while_no_desk_was_there_is_found_by_the_next(quick_workers):
    ticket = submit()
    with Desk():
        wait_for(lambda: len(read(run_of(ticket)).events) > 5)
    worker_of(ticket).kill()
    # Nobody has written it down, and yet it is not said to go on.
    standing = wait_for_state(ticket, "interrupted", seconds=2)
    assert "without a word" in standing.reason
    with Desk():
        wait_for(lambda: not queue.entries())
    assert jobs.standing(ticket.run) == standing


def test_a_run_whose_worker_died_before_it_began_is_given_to_another(quick_workers):
    ticket = submit("wedged")
    with Desk():
        first = worker_of(ticket).pid
    os.kill(first, signal.SIGKILL)
    with Desk():
        wait_for(lambda: marked(ticket) not in (None, first))


def test_of_two_servers_on_one_home_one_serves_and_the_other_takes_over(quick_workers):
    script = "import time; from lab.worker import Worker; Worker.module = 'tests.lab.quick_worker'\n"
    script += "from lab.jobs import Desk; Desk().open(); time.sleep(1000)"
    one, two = submit(), submit()
    server = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, start_new_session=True)
    try:
        wait_for_state(one, "running")
        with Desk() as ours:
            time.sleep(1.5)
            assert ours._spare is None
            server.kill()
            server.wait()
            wait_for_state(one, "finished")
            wait_for_state(two, "finished")
    finally:
        server.kill()


def test_an_idle_worker_goes_when_its_server_is_killed(quick_workers):
    script = "import time; from lab.worker import Worker; Worker.module = 'tests.lab.quick_worker'\n"
    script += "from lab.jobs import Desk; Desk().open(); time.sleep(1000)"
    server = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, start_new_session=True)
    wait_for(lambda: any("quick_worker" in " ".join(each.cmdline()) for each in orphans()))
    server.kill()
    server.wait()
    wait_for(lambda: not orphans(), seconds=10)


def test_a_desk_until_empty_ends_when_there_is_nothing_left(quick_workers):
    ticket = submit()
    desk = Desk(until_empty=True).open()
    desk.wait()
    assert jobs.standing(ticket.run).state == "finished"
    assert not queue.entries()


def test_following_a_run_gives_every_event_and_tells_of_the_wait(quick_workers):
    one, two = submit(), submit()
    told = []
    with Desk():
        events = list(jobs.follow(two.run, told.append))
    assert events == list(run_of(two).events())
    assert [standing.position for standing in told][-1] == 1
    assert jobs.standing(one.run).state == "finished"


def test_a_deleted_run_is_gone_and_one_that_goes_on_is_not_deleted(quick_workers):
    one, two = submit(), submit()
    with Desk():
        wait_for_state(one, "running")
        with pytest.raises(RunError, match="still going on. Stop it first"):
            jobs.delete(one.run, one.token)
        jobs.delete(two.run, two.token)
        wait_for_state(one, "finished")
        jobs.delete(one.run, one.token)
        wait_for(lambda: not queue.entries())
    assert list_runs() == []


def test_no_worker_at_all_is_said_and_the_queue_goes_on(quick_workers, monkeypatch):
    monkeypatch.setattr(Worker, "module", "tests.lab.no_such_worker")
    monkeypatch.setattr(desk_module, "_ATTEMPTS", 1)
    ticket = submit()
    with Desk():
        standing = wait_for_state(ticket, "failed")
    assert "No worker could be started" in standing.reason
    assert "no_such_worker" in standing.reason


def test_a_desk_that_stumbles_gets_up_again_and_writes_down_why(quick_workers, monkeypatch):
    real, calls = desk_module.make_room, []

    def stumble(*args):
        calls.append(args)
        if len(calls) == 1:
            raise ZeroDivisionError("oh no")
        return real(*args)

    monkeypatch.setattr(desk_module, "make_room", stumble)
    ticket = submit()
    with Desk():
        wait_for_state(ticket, "running")
    assert "oh no" in (Path(os.environ["LAB_HOME"]) / "desk.log").read_text()


def test_what_a_crash_left_half_made_or_half_deleted_is_cleared_away(quick_workers):
    runs = Path(os.environ["LAB_HOME"]) / "runs"
    for name in (".new-20260101-000000-000-token-abcd", ".deleted-20260101-000000-000-token-abcd"):
        (runs / name).mkdir(parents=True)
        (runs / name / "config.json").write_text("{}")
        os.utime(runs / name, (0, 0))
    being_made = runs / ".new-20260101-000000-001-token-abcd"
    being_made.mkdir()
    assert list_runs() == []
    with queue.changing():
        queue.add("20260101-000000-000-token-abcd")  # its folder never came
    with Desk():
        wait_for(lambda: not queue.entries() and list(runs.iterdir()) == [being_made])


# With limits.


@pytest.mark.parametrize(
    ("settings", "variable", "words"),
    [
        ({"chunk_size": 256}, "LAB_MAX_CHUNK_SIZE=128", "chunk_size is 256. At most 128"),
        ({"per_device_train_batch_size": 64}, "LAB_MAX_BATCH_SIZE=32", "per_device_train_batch_size is 64. At most 32"),
        ({"gradient_accumulation_steps": 1000}, "", "gradient_accumulation_steps is 1000. At most 64"),
        ({"max_steps": 300}, "LAB_MAX_STEPS=200", "would take 300 steps, and at most 200"),
        ({"num_train_epochs": 1e6}, "", "steps, and at most 20,000"),
        ({"num_train_epochs": 9}, "LAB_MAX_TOKENS=1000000", "training tokens, and at most 1,000,000"),
        ({"report_to": "wandb"}, "", "reports to nobody"),
        ({"probes": ["[MASK]"] * 100}, "", "At most 20"),
        ({}, "LAB_MAX_STEPS=many", "LAB_MAX_STEPS is 'many'. Set it to a number above 0, or to none"),
    ],
)
def test_what_goes_beyond_a_limit_is_refused_by_name_and_leaves_no_run(home, monkeypatch, settings, variable, words):
    if variable:
        monkeypatch.setenv(*variable.split("="))
    with pytest.raises(SettingError, match=words):
        jobs.submit(preset("quick", **settings))
    assert list_runs() == []
    assert queue.entries() == []


def test_a_limit_that_is_lifted_refuses_nothing(home, monkeypatch):
    monkeypatch.setenv("LAB_MAX_STEPS", "none")
    monkeypatch.setenv("LAB_MAX_TOKENS", "none")
    jobs.submit(preset("quick", max_steps=10**9))


def test_a_visitor_has_so_many_runs_and_the_queue_so_many_places(home, monkeypatch):
    submit(visitor="ada"), submit(visitor="ada")
    with pytest.raises(RunError, match="You have 2 runs waiting or going on"):
        submit(visitor="ada")
    submit(visitor="bo")
    monkeypatch.setenv("LAB_MAX_QUEUE", "3")
    with pytest.raises(RunError, match="3 runs are waiting already"):
        submit(visitor="cy")


def test_a_worker_without_an_answer_is_told_to_stop_when_its_time_is_up(quick_workers, monkeypatch):
    monkeypatch.setattr(desk_module, "_PATIENCE", 0.2)
    monkeypatch.setattr(desk_module, "_LAST_PATIENCE", 0.2)
    monkeypatch.setenv("LAB_MAX_SECONDS", "0.3")
    ticket = submit("deaf")
    with Desk():
        wait_for_state(ticket, "interrupted", seconds=10)


def test_the_oldest_make_room_but_not_the_pinned_nor_those_of_the_foreground(quick_workers, tiny, monkeypatch):
    tickets = [submit() for _ in range(3)]
    for ticket in tickets:
        jobs.stop(ticket.run, ticket.token)
        (run_of(ticket).folder / "model").mkdir()
        (run_of(ticket).folder / "model" / "weights").write_bytes(bytes(1_000_000))
    run_of(tickets[0]).pin()
    with tiny.writing() as writer:  # the oldest of all, and ended, but trained by a person in the foreground
        writer.append(Failed(step=0, seconds=0.0, reason="no"))
    monkeypatch.setenv("LAB_MAX_DISK_GB", str((sum(f.stat().st_size for f in tiny.folder.rglob("*")) + 2_500_000) / 1e9))
    ticket = submit()
    with Desk():
        wait_for_state(ticket, "running")
    assert {run.id for run in list_runs()} == {tiny.id, tickets[0].run, tickets[2].run, ticket.run}
    with pytest.raises(RunError, match=f"{tickets[1].run} was removed to make room"):
        jobs.standing(tickets[1].run)


def test_a_run_for_which_there_is_no_room_says_so(quick_workers, tiny, monkeypatch):
    monkeypatch.setenv("LAB_MAX_DISK_GB", "0.000001")
    ticket = submit()
    with Desk():
        assert "kept for runs are used up" in wait_for_state(ticket, "failed").reason


# With real training. The workers share the processor fairly, or on a busy computer the tests would take for ever.


@pytest.fixture
def real_workers(home, monkeypatch):
    monkeypatch.setenv("LAB_NICE", "0")


def settings_of(tiny, films, **settings):
    return preset(
        "quick",
        **{
            "model": tiny.id, "corpus": str(films), "chunk_size": 16, "max_train_chunks": 40, "num_train_epochs": 40,
            "per_device_train_batch_size": 8, "learning_rate": 1e-3, "warmup_steps": 0, "precision": "fp32",
            "device": "cpu", "probes": ["The [MASK] of Ada."], **settings,
        },
    )  # fmt: skip


def losses(run):
    from lab.story import curve

    return [event.loss for event in curve(run.events()) if isinstance(event, Stepped)]


def test_a_killed_run_resumes_on_the_curve_of_one_that_was_not_and_a_bad_one_fails_in_a_sentence(tiny, films, real_workers):
    with Desk():
        whole = jobs.submit(settings_of(tiny, films))
        killed = jobs.submit(settings_of(tiny, films))
        bad = jobs.submit(settings_of(tiny, films, corpus="nowhere.txt"))
        wait_for(lambda: any(isinstance(event, RunStarted) for event in read(run_of(whole)).events), seconds=240)
        wait_for(lambda: "checkpoint-10" in [path.name for path in run_of(killed).checkpoints()], seconds=240)
        worker_of(killed).kill()
        standing = wait_for_state(killed, "interrupted", seconds=3)
        assert standing.resumable
        jobs.resume(killed.run, killed.token)
        failed = wait_for_state(bad, "failed", seconds=240)
        assert failed.reason.startswith("There is no corpus 'nowhere.txt'.")
        assert isinstance(next(iter(run_of(bad).events())), Failed)
        wait_for_state(killed, "finished", seconds=240)
    assert jobs.standing(whole.run).state == "finished"
    assert losses(run_of(killed)) == pytest.approx(losses(run_of(whole)), abs=1e-5)
    assert run_of(killed).model.is_dir()
    assert "train_text" in json.loads((run_of(killed).folder / "config.json").read_text())


def test_a_run_ends_at_the_limit_of_time_and_keeps_its_model(tiny, films, real_workers, monkeypatch):
    monkeypatch.setenv("LAB_MAX_SECONDS", "1")
    with Desk():
        ticket = jobs.submit(settings_of(tiny, films, num_train_epochs=3000))
        standing = wait_for_state(ticket, "stopped", seconds=240)
    assert standing.reason == "stopped at the limit of 1 seconds that a run may take here; the model so far is kept"
    assert run_of(ticket).model.is_dir()
    assert standing.resumable
