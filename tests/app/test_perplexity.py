"""Perplexity in a real browser: added up by hand, scored after a prediction, tested, stopped; and with one's own runs."""

import json
import re
import shutil

import pytest
from playwright.sync_api import expect
from transformers import DistilBertConfig, DistilBertForMaskedLM

from lab.config import preset
from lab.training import fine_tune
from tests.app.conftest import PATIENCE, visit
from tests.conftest import make_run

expect.set_options(timeout=PATIENCE)


def figure(page, label: str):
    """The number that has this label."""
    return page.locator("#page-perplexity .figure").filter(has_text=label).filter(visible=True).locator("dd").first


def test_from_one_piece_to_a_test_of_ones_own(open_lesson, visitor):
    page = open_lesson("perplexity")
    expect(figure(page, "scored pieces")).to_have_text(re.compile(r"^1 of \d+$"))

    slider = page.locator("#perplexity-pieces input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(figure(page, "scored pieces")).to_have_text(re.compile(r"^3 of \d+$"))
    page.locator("#page-perplexity .piece.masked").first.click()
    expect(figure(page, "scored pieces")).not_to_have_text(re.compile(r"^3 of \d+$"))

    expect(page.locator("#perplexity-score")).to_be_hidden()
    visitor.commit(page, "perplexity-share", 20)
    expect(figure(page, "perplexity of the model in use")).to_be_visible()
    expect(page.locator(".prediction.committed .verdict")).to_contain_text(re.compile(r"20\s%.*\d+\s%", re.DOTALL))

    expect(page.locator("#page-perplexity .questions")).to_have_count(0)
    page.locator("#perplexity-test").click()
    expect(figure(page, "its 95 % interval")).to_be_visible()
    questions = page.locator("#page-perplexity .questions fieldset")
    expect(questions).to_have_count(3)
    for question in questions.all():
        for option in question.locator("label.option").all():
            option.click()
            expect(option.locator(".why")).to_be_visible()
            if option.locator(".mark").inner_text().strip().startswith("✓"):
                break
    page.wait_for_function(
        "() => JSON.parse(localStorage.getItem('masked-language-lab')).progress.perplexity.length === 5",
    )  # all steps but the noise meter's


def test_the_noise_meter_grows_and_can_be_stopped(open_lesson):
    page = open_lesson("perplexity", chunks=240)
    page.locator("#perplexity-redraw").click()
    page.locator("#page-perplexity .note.waiting", has_text="Scored").wait_for()
    page.locator("#page-perplexity button.stop:not([disabled])").filter(visible=True).click()
    expect(page.locator("#page-perplexity .say", has_text="Stopped.")).to_be_visible()
    expect(page.locator("#page-perplexity .note.waiting")).to_have_count(0)


def test_another_change_is_chosen_by_keyboard_and_goes_into_the_address(open_lesson):
    page = open_lesson("perplexity")
    page.locator("input[value='8-bits']").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("label.option.chosen", has_text="6 bits")).to_be_visible()
    page.wait_for_url("**change=6-bits**")
    assert page.evaluate("document.activeElement.value") == "6-bits"
    page.reload()
    expect(page.locator("label.option.chosen", has_text="6 bits")).to_be_visible()


def test_a_picture_keeps_its_shape_when_the_view_is_redrawn(open_lesson, visitor):
    page = open_lesson("perplexity")
    page.locator("#page-perplexity .plot svg").first.wait_for()
    visitor.commit(page, "perplexity-share", 20)  # every view is drawn anew
    expect(figure(page, "perplexity of the model in use")).to_be_visible()
    shape = "plot => { const outer = plot.getBoundingClientRect(); return [...plot.querySelectorAll('svg.main-svg')].every("
    shape += "svg => Math.abs(svg.getBoundingClientRect().top - outer.top) < 2) }"
    assert page.locator("#page-perplexity .plot").first.evaluate(shape)


@pytest.fixture(scope="module")
def runs(server, tokenizer, tmp_path_factory) -> list[str]:
    """Twins of a tiny model, trained for a step and brought to the home of the server."""
    home = tmp_path_factory.mktemp("trained")
    sizes = {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64, "vocab_size": len(tokenizer)}
    small = {
        "max_train_chunks": 32,
        "max_test_chunks": 8,
        "max_steps": 1,
        "probes": (),
        "device": "cpu",
        "precision": "fp32",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(home))
        base = make_run(DistilBertForMaskedLM(DistilBertConfig(**sizes)), tokenizer)
        strategies = ("token", "whole_word")
        events = [list(fine_tune(preset("quick", model=base.id, strategy=each, **small))) for each in strategies]
    shutil.copytree(home / "runs", server.home / "runs", dirs_exist_ok=True)
    return [started.run for started, *_ in events]


def test_ones_own_runs_are_there_at_the_first_look(browser, server, runs):
    remembered = {"runs": {run: {"token": "t", "name": run, "at": 1} for run in runs}}
    for visitor in visit(browser, server):
        script = f"localStorage.setItem('masked-language-lab', {json.dumps(json.dumps(remembered))})"
        visitor.context.add_init_script(f"localStorage.getItem('masked-language-lab') || {script}")
        page = visitor.open("perplexity")
        expect(page.locator("#page-perplexity label.option", has_text="against its base")).to_have_count(2)
        expect(page.locator("#page-perplexity .table", has_text="guessing by frequency").first).to_be_visible()
        page.locator("#perplexity-test").click()
        expect(figure(page, "its 95 % interval")).to_be_visible()
        page.locator(".more .label-wrap", has_text="Twins").click()
        page.locator("#perplexity-twins").click()
        expect(page.locator("#page-perplexity .note", has_text="several training seeds")).to_be_visible()


def test_a_stranger_sees_no_run(open_lesson, runs):
    page = open_lesson("perplexity")
    expect(page.locator("#page-perplexity label.option", has_text="against its base")).to_have_count(0)
    expect(page.locator("#page-perplexity a[href='?lesson=fine-tuning']").first).to_be_visible()
