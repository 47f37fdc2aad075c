"""Fine-tune in a real browser: from forecast to outcome; a run reloaded, stopped, watched by a stranger; answers lost."""

import json
import os
import random
import re
from contextlib import contextmanager

import pytest
import torch
from playwright.sync_api import expect
from transformers import DistilBertConfig, DistilBertForMaskedLM

from lab.config import RunConfig
from lab.events import Evaluated, Finished, Stepped
from lab.model import load_tokenizer
from lab.runs import create_run, get_run, list_runs
from tests.app.conftest import PATIENCE, Server, visit
from tests.app.test_accessibility import scan_light_and_dark
from tests.conftest import make_run
from tests.lessons.test_live_run import story

expect.set_options(timeout=PATIENCE)
LONG = 20_000  # steps of a run that is to be stopped
ASKING = re.compile("/component_server")
END = 5 * PATIENCE  # ms for a run to end, where other work shares the cores


@contextmanager
def home_of(server):
    """Work in a server's home, as the command line would."""
    before = os.environ["LAB_HOME"]
    os.environ["LAB_HOME"] = str(server.home)
    try:
        yield
    finally:
        os.environ["LAB_HOME"] = before


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """An app of this module's own, for it trains, and is stopped and started again."""
    limits = {"LAB_NICE": "0", "LAB_MAX_RUNS_PER_VISITOR": "50"}
    running = Server(tmp_path_factory.mktemp("trains") / "home", **limits)
    yield running
    with home_of(running):
        for run in list_runs():
            if run.state() in ("waiting", "running"):
                run.ask_to_stop("the tests are over")
    running.stop()


@pytest.fixture(scope="module")
def tiny(server):
    """A model small enough to take dozens of steps a second, known to the server by the id of its run."""
    torch.manual_seed(0)
    tokenizer = load_tokenizer("bundled")
    config = DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64, vocab_size=len(tokenizer))
    with home_of(server):
        return make_run(DistilBertForMaskedLM(config), tokenizer).id


def forecast(page, visitor, perplexity=20_000):
    visitor.commit(page, "fine-tuning-perplexity", perplexity)
    visitor.commit(page, "fine-tuning-probe", "none of them changes")


def begin(visitor, tiny, **settings):
    """A run of the tiny model, asked for as a learner does."""
    page = visitor.open("fine-tuning", model=tiny, **settings)
    forecast(page, visitor)
    page.locator("#fine-tuning-run").click()
    expect(page.locator(".live-name")).to_be_visible()
    page.wait_for_function("() => lab.liveRun.log?.losses.length > 2")
    return page


def shown_run(page):
    return page.evaluate("lab.liveRun.log.run")


def state(page):
    return page.locator(".live-state")


def stop(page):
    page.locator(".live-buttons [data-act=stop]").click()
    expect(state(page)).to_contain_text("Stopped")


def losses_in_the_log(server, run):
    with home_of(server):
        return [[event.step, round(event.loss, 4)] for event in get_run(run).events() if isinstance(event, Stepped)]


def test_from_the_forecast_to_the_outcome(visitor, server, tiny):
    page = visitor.open("fine-tuning", model=tiny, steps=12, learning_rate=0.003)
    expect(page.locator("#fine-tuning-max-steps input, #fine-tuning-max-steps textarea").first).to_have_value("12")
    expect(page.locator("#page-fine-tuning .figure", has_text="optimizer steps").locator("dd")).to_have_text("12")
    run = page.locator("#fine-tuning-run")
    expect(run).to_be_hidden()
    visitor.commit(page, "fine-tuning-perplexity", 20_000)
    expect(run).to_be_hidden()
    visitor.commit(page, "fine-tuning-probe", "The acting was")
    run.click()
    expect(state(page)).to_have_text("Finished.", timeout=END)
    expect(run).to_be_hidden()  # the forecast is spent

    verdicts = page.locator("#page-fine-tuning .prediction.committed .verdict")
    expect(verdicts.first).to_contain_text("20000")
    expect(verdicts.first).not_to_contain_text("not yet known")
    name = shown_run(page)
    with home_of(server):
        scores = [event for event in get_run(name).events() if isinstance(event, Evaluated)]
    expect(verdicts.first).to_contain_text(str(round(scores[-1].perplexity, 1)).removesuffix(".0"))
    assert f"run={name}" in page.url

    data = page.evaluate("document.querySelector('.live-plot .plot').data.map(({name, x, y}) => ({name, x, y}))")
    named = {trace["name"].split(":")[0]: trace for trace in data}
    assert named["training loss"]["x"] == list(range(1, 13))
    assert named["held-out loss"]["x"] == [0, 12]
    assert {"step 0", "your forecast", "guessing by frequency", "blind guessing"} <= set(named)

    page.locator(".live-plot .plot").scroll_into_view_if_needed()
    place = page.evaluate(
        """() => {
          const plot = document.querySelector('.live-plot .plot');
          const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
          const {xaxis, yaxis} = plot._fullLayout, trace = plot.data[0];
          return [box.left + xaxis.d2p(trace.x[4]), box.top + yaxis.d2p(trace.y[4])];
        }"""
    )
    page.mouse.move(place[0] + 1, place[1] + 1)
    page.mouse.click(*place)
    expect(page.get_by_role("heading", name="Step 5, read again")).to_be_visible()
    expect(page.locator("#page-fine-tuning .piece.marked").first).to_be_visible()
    first = page.locator("#page-fine-tuning .lane-name b").first
    expect(first).to_have_text("Chunk 1")
    page.locator(".leaf button", has_text="On").click()
    expect(first).to_have_text("Chunk 3")

    scrub = page.locator(".live-scrub")
    expect(page.locator(".live-time b")).to_have_text("step 12")
    scrub.focus()
    page.keyboard.press("Home")
    expect(page.locator(".live-time b")).to_have_text("step 0")
    expect(page.locator(".live-sentence")).to_have_count(6)

    expect(page.locator("#fine-tuning-compare")).to_be_hidden()
    visitor.commit(page, "fine-tuning-dropout", "it falls")
    page.locator("#fine-tuning-compare").click()
    expect(page.locator("#page-fine-tuning .figure", has_text="without dropout")).to_be_visible()
    expect(page.locator("#page-fine-tuning .prediction.committed .verdict").last).to_contain_text("it ")

    for question in page.locator("#page-fine-tuning .questions fieldset").all():
        for option in question.locator("label.option").all():
            option.click()
            expect(option.locator(".why")).to_be_visible()
            if option.locator(".mark").inner_text().strip().startswith("✓"):
                break
    page.wait_for_function(
        "() => JSON.parse(localStorage.getItem('masked-language-lab')).progress['fine-tuning'].length === 5"
    )

    page.locator("[data-act=use]").click()
    expect(page.locator(".using")).to_contain_text(f"run {name[-4:]}")
    page.locator("[data-forecast=again]").click()
    expect(page.locator("form.prediction[data-key='open-fine-tuning-perplexity']")).to_be_visible()


def test_a_run_goes_on_through_a_reload_and_is_stopped_from_another_tab_of_its_owner(visitor, tiny, server):
    page = begin(visitor, tiny, steps=LONG)
    name, before = shown_run(page), page.evaluate("lab.liveRun.log.losses.length")
    page.reload()
    page.wait_for_function("before => window.lab?.liveRun?.log?.losses.length > before", arg=before)
    assert shown_run(page) == name
    expect(page.locator(".figure", has_text="your forecast").locator("dd")).to_have_text("20000")

    other = visitor.open("tokenization")
    other.locator(".rail a[data-lesson=fine-tuning]").click()
    expect(state(other)).to_contain_text("Training")  # the newest of one's own runs, without its link
    assert shown_run(other) == name
    stop(other)
    expect(state(page)).to_contain_text("Stopped")
    expect(state(page)).to_contain_text("It can go on from its last checkpoint.")
    page.locator("[data-act=resume]").click()
    page.wait_for_function("() => lab.liveRun.log.standing.state === 'running'")
    stop(page)
    page.wait_for_function("() => lab.liveRun.log.line === lab.liveRun.log.lines")
    steps = page.evaluate("lab.liveRun.log.losses.map(each => each[0])")
    assert steps == list(range(1, len(steps) + 1)), "what was done again stands once"
    page.locator(".live-buttons [data-act=delete]").click()
    expect(page.locator("#live-run .note.good")).to_contain_text("Deleted")
    expect(page.locator(".own-runs [data-what=delete]")).to_have_count(0)
    assert not (server.home / "runs" / name).exists()


def test_lost_doubled_and_late_answers_do_no_harm(visitor, server, tiny):
    page = begin(visitor, tiny, steps=LONG)
    dice, sent, kept = random.Random(1), {"as it is": 0, "lost": 0, "old": 0}, []

    def meddle(route):
        if "poll_run" not in (route.request.post_data or ""):
            route.continue_()
            return
        chance = dice.random()
        if chance < 0.2:  # the server has answered, and the answer is lost
            sent["lost"] += 1
            route.fetch()
            route.abort()
        elif chance < 0.5 and kept:  # an old answer comes again
            sent["old"] += 1
            route.fulfill(response=dice.choice(kept))
        else:
            sent["as it is"] += 1
            kept.append(answer := route.fetch())
            route.fulfill(response=answer)

    errors = len(visitor.wrong)
    page.route(ASKING, meddle)
    for _ in range(240):
        page.wait_for_timeout(500)
        if min(sent.values()) >= 4:
            break
    assert min(sent.values()) >= 4, sent
    assert page.evaluate("lab.liveRun.log.leftAside") > 0
    page.unroute(ASKING)
    stop(page)
    page.wait_for_function("() => lab.liveRun.log.line === lab.liveRun.log.lines")
    assert page.evaluate("lab.liveRun.log.losses") == losses_in_the_log(server, shown_run(page))
    del visitor.wrong[errors:]  # the browser notes each answer that was lost


def test_the_log_in_the_page_takes_each_line_once_whatever_comes(open_lesson):
    """The cursor by itself, driven with every order of losses, doubles and delays."""
    page = open_lesson("fine-tuning")
    told = page.evaluate(
        """seed => {
          let state = seed;
          const dice = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
          const lines = Array.from({length: 400}, (_, i) => ['step', i + 1, i / 7, 1, 2, 3]);
          lines[250] = ['started', 200, {total: 400}];  // resumed: from here on step 201 and later are done again
          for (let i = 251; i < 400; i++) lines[i] = ['step', 201 + i - 251, 1000 + i, 1, 2, 3];
          const answer = from => {
            const next = Math.min(400, from + 1 + Math.floor(dice() * 30));
            return {run: 'r', from, next, lines: 400, events: lines.slice(from, next), standing: {state: 'running'}};
          };
          const log = lab.runLog('r'), late = [];
          let asked = 0;
          while (log.line < 400 && asked < 5000) {
            asked += 1;
            const given = answer(log.line), chance = dice();
            if (chance < .2) continue;
            late.push(given);
            log.take(chance < .4 ? late[Math.floor(dice() * late.length)] : given);
            if (chance > .8) log.take(given);
            log.take({...given, run: 'another'});
          }
          return {line: log.line, steps: log.losses.map(each => each[0]), second: log.losses[200][1], aside: log.leftAside};
        }""",
        7,
    )
    assert told["line"] == 400
    assert told["steps"] == list(range(1, 201 + 149))
    assert told["second"] == 1251
    assert told["aside"] > 5


def test_a_page_catches_up_by_itself_when_the_server_was_away(visitor, server, tiny):
    page = begin(visitor, tiny, steps=LONG)
    before = page.evaluate("lab.liveRun.log.losses.length")
    errors = len(visitor.wrong)
    server.stop()
    expect(state(page)).to_contain_text("does not answer")
    server.start()
    page.wait_for_function("before => lab.liveRun.log.losses.length > before + 2", arg=before)
    expect(state(page)).to_contain_text("Training")
    run = shown_run(page)
    page.reload()
    page.wait_for_function("() => window.lab?.liveRun?.log?.losses.length > 5")
    assert shown_run(page) == run
    stop(page)
    del visitor.wrong[errors:]  # the browser notes that nobody answered


def test_ten_thousand_points_come_thinned_and_as_many_that_came_one_by_one_are_drawn(visitor, server):
    with home_of(server):
        run = create_run(RunConfig())
        with run.writing() as writer:
            for event in story(10_000, every=400):
                writer.append(event)
    page = visitor.open("fine-tuning")
    sizes = []
    page.on("response", lambda answer: "component_server" in answer.url and sizes.append(len(answer.body())))
    page.evaluate("run => lab.liveRun.show(run)", run.id)
    expect(state(page)).to_contain_text("Finished")
    page.wait_for_function("() => document.querySelector('.live-plot .plot')?.data?.length > 4")
    points = page.evaluate("document.querySelector('.live-plot .plot').data.map(trace => trace.x.length)")
    assert 300 < max(points) < 1_300
    assert page.evaluate("document.querySelector('.live-plot .plot').data.some(trace => trace.name.startsWith('its mean'))")
    assert max(sizes) < 40_000
    page.evaluate(
        """() => {
          const log = lab.liveRun.log;
          log.losses = Array.from({length: 10000}, (_, i) => [i + 1, 4 - i / 5000 + Math.sin(i * 12.9898) / 5]);
          log.standing = {...log.standing, state: 'running'};
          lab.store.put('runs', 'nobody', undefined);
        }"""
    )
    page.wait_for_function(
        "() => document.querySelector('.live-plot .plot').data.some(({name}) => name.includes('333 steps'))"
    )
    drawn = page.evaluate("document.querySelector('.live-plot .plot').data.map(({x}) => [x.length, x.at(-1)])")
    assert all(length < 1_300 for length, _ in drawn)
    assert drawn[0][1] == 10_000, "the last point is drawn"


def test_three_points_are_a_picture_too(visitor, server):
    with home_of(server):
        run = create_run(RunConfig())
        with run.writing() as writer:
            for event in [*story(2)[:5], Finished(step=2, seconds=1.0, perplexity=60.0)]:
                writer.append(event)
    page = visitor.open("fine-tuning", run=run.id)
    page.wait_for_function("() => document.querySelector('.live-plot .plot')?.data?.length > 4")
    modes = page.evaluate("document.querySelector('.live-plot .plot').data.slice(0, 2).map(trace => trace.mode)")
    assert modes == ["lines+markers", "lines+markers"]
    assert page.locator(".live-plot .point").count() >= 3


def test_a_link_to_a_run_that_is_gone_says_so(open_lesson):
    page = open_lesson("fine-tuning", run="20200101-000000-000-token-dead")
    expect(page.locator("#live-run .note.bad")).to_contain_text("no longer on this computer")
    page = open_lesson("fine-tuning", run="../../etc/passwd")
    expect(page.locator("#live-run .note.bad")).to_contain_text(re.compile("no longer|no such run"))


def test_back_and_forward_lead_from_run_to_run(visitor, server):
    with home_of(server):
        runs = []
        for steps in (3, 4):
            runs.append(create_run(RunConfig()))
            with runs[-1].writing() as writer:
                for event in story(steps):
                    writer.append(event)
    page = visitor.open("fine-tuning", run=runs[0].id)
    expect(page.locator(".live-name")).to_contain_text(runs[0].id[-4:])
    page.locator(".rail a[data-lesson=tokenization]").click()
    expect(page.locator("#page-tokenization")).to_be_visible()
    page.go_back()
    expect(page.locator(".live-name")).to_contain_text(runs[0].id[-4:])
    assert f"run={runs[0].id}" in page.url


def test_a_preset_fills_the_form_and_what_more_holds_is_open_to_the_keyboard(open_lesson):
    page = open_lesson("fine-tuning")
    page.locator("#fine-tuning-tutorial").click()
    expect(page.locator("#page-fine-tuning .note, #page-fine-tuning .say", has_text="Filled in").first).to_contain_text(
        "tutorial"
    )
    expect(page.locator("#fine-tuning-learning-rate input")).to_have_value("0.00005")
    fold = page.locator(".more > button, .more .label-wrap").filter(has_text="everything else").first
    fold.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#fine-tuning-mlm-probability input")).to_be_visible()
    box = page.locator("#fine-tuning-max-train-chunks textarea, #fine-tuning-max-train-chunks input").first
    expect(box).to_have_value("10000")
    box.fill("many")
    expect(page.locator("#page-fine-tuning .note.bad").filter(visible=True)).to_contain_text("not a whole number")


def test_axe_finds_nothing_with_a_run_on_the_page(browser, server, tiny):
    for visitor in visit(browser, server, color_scheme="light"):
        page = visitor.open("fine-tuning", model=tiny, steps=3, __theme="light")
        forecast(page, visitor)
        page.locator("#fine-tuning-run").click()
        expect(state(page)).to_have_text("Finished.", timeout=END)
        page.locator("[data-act=look]").click()
        expect(page.locator(".leaf")).to_be_visible()
        visitor.settled(page)
        scan_light_and_dark(page, visitor)


def test_a_recording_is_played_and_says_that_it_is_one(open_lesson):
    page = open_lesson("fine-tuning")
    page.get_by_role("button", name="Show Recording “imdb-token”").click()
    expect(state(page)).to_contain_text("A recording: this was trained elsewhere")
    expect(page.locator(".live")).to_contain_text("CPU")
    expect(page.locator(".live [data-act=look], .live [data-act=stop], .live [data-act=use]")).to_have_count(0)
    done = page.locator(".live .figure", has_text="steps done").locator("dd")
    first = int(done.inner_text().split()[0].replace(",", ""))
    page.wait_for_function(
        "first => Number(document.querySelector('.live .figure dd').textContent.split(' ')[0].replace(',', '')) > first",
        arg=first,
    )
    page.get_by_role("button", name="To the end").click()
    expect(done).to_have_text(re.compile(r"^([\d,]+) of \1$"))
    expect(page.locator(".live-sentence").first).to_be_visible()
    page.get_by_role("button", name="Play it again").click()
    expect(page.get_by_role("button", name="To the end")).to_be_visible()


# While one run goes on. Only one does at a time, so these come last ---------------------------------------------------


@pytest.fixture(scope="module")
def going_on(browser, server, tiny):
    """The page of a run that goes on for as long as its tests look at it."""
    for visitor in visit(browser, server):
        page = begin(visitor, tiny, steps=LONG)
        yield page
        stop(page)


def test_a_stranger_with_the_link_watches_and_is_refused(browser, server, going_on):
    name = shown_run(going_on)
    for stranger in visit(browser, server):
        seen = stranger.open("fine-tuning", run=name)
        expect(state(seen)).to_contain_text("You are watching")
        seen.wait_for_function("() => lab.liveRun.log.losses.length > 2")
        expect(seen.locator(".live-buttons button")).to_have_count(0)
        seen.evaluate("name => lab.store.put('runs', name, {token: 'made up', at: 1})", name)
        seen.locator("[data-act=stop]").click()
        expect(seen.locator("#live-run .note.bad")).to_contain_text("Only whoever started the run")
        seen.wait_for_function(
            "before => lab.liveRun.log.losses.length > before", arg=seen.evaluate("lab.liveRun.log.losses.length")
        )


def test_zoom_and_legend_are_kept_while_points_arrive(going_on):
    page = going_on
    page.wait_for_function("() => document.querySelector('.live-plot .plot')?.data?.[0].x.length > 2")
    page.locator(".live-plot .plot").scroll_into_view_if_needed()
    box = page.locator(".live-plot .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.8, steps=5)
    page.mouse.up()
    plot = "document.querySelector('.live-plot .plot')"
    look = f"() => [...{plot}._fullLayout.xaxis.range, ...{plot}._fullLayout.yaxis.range]"
    page.wait_for_function(f"full => ({look})()[1] < full", arg=LONG * 0.9)
    zoomed = page.evaluate(look)
    page.locator(".live-plot .legendtoggle").last.click()
    hidden = f"() => {plot}._fullData.at(-1).visible"
    page.wait_for_function(f"() => ({hidden})() === 'legendonly'")
    drawn = page.evaluate("lab.liveRun.log.losses.length")
    page.wait_for_function("drawn => lab.liveRun.log.losses.length > drawn + 3", arg=drawn)
    page.wait_for_timeout(300)
    assert page.evaluate(look) == pytest.approx(zoomed)
    assert page.evaluate(hidden) == "legendonly"


def test_settings_and_tokens_stay_where_they_belong(going_on):
    page = going_on
    kept = json.loads(page.evaluate("localStorage.getItem('masked-language-lab')"))
    token = kept["runs"][shown_run(page)]["token"]
    assert token not in page.url
    assert token not in page.content()
