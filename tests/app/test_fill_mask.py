"""Fill the mask in a real browser: predicted, asked, ordered, contrasted, probed, stopped; the quiz; and with a run."""

import json
import os
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
from playwright.sync_api import expect

from lab.model import load_model, load_tokenizer
from tests.app.conftest import PATIENCE, visit
from tests.conftest import make_run

expect.set_options(timeout=PATIENCE)
PAGE = "#page-fill-mask"
KEY = "masked-language-lab"


@pytest.fixture(scope="module")
def run(server):
    """A run of the shared server's: the bundled model, nudged."""
    torch.manual_seed(0)
    model = load_model("bundled")
    with torch.no_grad():
        for parameter in model.distilbert.transformer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05 * parameter.abs().mean())
    before = os.environ["LAB_HOME"]
    os.environ["LAB_HOME"] = str(server.home)
    try:
        return make_run(model, load_tokenizer("bundled"))
    finally:
        os.environ["LAB_HOME"] = before


@pytest.fixture
def owner(browser, server, run):
    """A visitor whose browser remembers that run."""
    for visitor in visit(browser, server):
        memory = json.dumps(json.dumps({"runs": {run.id: {"token": "t", "at": 1}}}))
        visitor.context.add_init_script(f"if (!localStorage.getItem('{KEY}')) localStorage.setItem('{KEY}', {memory})")
        yield visitor


def ticked(page, step: str) -> None:
    """Wait until the step is ticked off."""
    page.wait_for_function(
        "([key, step]) => (JSON.parse(localStorage.getItem(key))?.progress?.['fill-mask'] || []).includes(step)",
        arg=[KEY, step],
    )


def test_the_whole_lesson_without_a_run_meets_no_dead_end(open_lesson, visitor):
    page = open_lesson("fill-mask")
    assert page.evaluate("key => JSON.parse(localStorage.getItem(key))?.progress", KEY) is None
    expect(page.locator(f"{PAGE} a[href='?lesson=fine-tuning']").filter(visible=True).first).to_be_visible()

    expect(page.locator(PAGE).get_by_text("to film words, all together")).to_be_hidden()
    visitor.commit(page, "fill-mask-kitchen", "a word about films")
    expect(page.locator(PAGE).get_by_text("to film words, all together")).to_be_visible()
    expect(page.locator(".prediction.committed").first).to_contain_text("not yet known")
    ticked(page, "predict")

    page.get_by_role("button", name="A fact").click()
    expect(page.locator(f"{PAGE} .quote").first).to_contain_text("the capital of")
    ticked(page, "ask")
    expect(page.locator(PAGE)).to_contain_text("Write [MASK] into it twice")
    page.get_by_role("button", name="Two blanks").click()
    page.locator("#fill-mask-order").get_by_text("right to left").click()
    ticked(page, "order")

    page.get_by_role("button", name="Rich and poor").click()
    expect(page.locator(PAGE)).to_contain_text("rich")
    ticked(page, "contrast")

    expect(page.locator("#fill-mask-probe")).to_be_hidden()
    visitor.commit(page, "fill-mask-probe", "better")
    slider = page.locator("#fill-mask-documents input[type=number]")
    slider.fill("50")
    slider.press("Tab")
    page.locator("#fill-mask-probe").click()
    expect(page.locator(PAGE)).to_contain_text("held-out documents of bundled reviews")
    ticked(page, "probe")

    for question in page.locator(f"{PAGE} section.questions").first.locator("fieldset").all():
        solve(question)
    ticked(page, "check")


def solve(question) -> None:
    """Choose until it is right; every choice says why."""
    for option in question.locator("label.option").all():
        option.click()
        expect(option.locator(".why")).to_be_visible()
        if "✓" in option.locator(".mark").inner_text():
            return
    raise AssertionError("no answer was right")


def test_the_probe_tells_how_far_it_is_and_can_be_stopped(open_lesson, visitor):
    page = open_lesson("fill-mask")
    visitor.commit(page, "fill-mask-probe", "worse")
    page.locator("#fill-mask-probe").click()
    page.locator(".note.waiting", has_text="has read").wait_for()
    page.locator(f"{PAGE} button.stop:not([disabled])").filter(visible=True).click()
    expect(page.locator(f"{PAGE} .say", has_text="Stopped.")).to_be_visible()
    expect(page.locator(f"{PAGE} .note.waiting")).to_have_count(0)


def test_the_quiz_recalls_predictions_counts_first_choices_and_draws_afresh(open_lesson, visitor):
    page = open_lesson("tokenization")
    visitor.commit(page, "tokenization-pieces", 12)
    page.locator(".rail a[data-lesson=fill-mask]").click()
    page.locator("#fill-mask-quiz").click()
    quiz = page.locator(f"{PAGE} section[aria-label='Seven questions']")
    expect(quiz.locator("fieldset")).to_have_count(7)

    recalled = quiz.locator("fieldset").nth(1).locator(".recalled")
    recalled.locator("summary").click()
    expect(recalled).to_contain_text(re.compile(r"You said 12 pieces; it came to \d+ pieces"))
    expect(quiz.locator("fieldset").nth(3).locator(".recalled")).to_have_count(0)

    first_choices = 0
    for i, question in enumerate(quiz.locator("fieldset").all()):
        expect(page.locator(PAGE)).to_contain_text(f"{i} of 7 answered")
        question.locator("label.option").first.click()
        mark = question.locator("label.option").first.locator(".mark")
        expect(mark).to_be_visible()
        first_choices += "✓" in mark.inner_text()
    expect(page.locator(".quiz-number")).to_contain_text(f"{first_choices} of 7")
    for question in quiz.locator("fieldset").all():  # put right afterwards, it counts no more
        solve(question)
    expect(page.locator(".quiz-number")).to_contain_text(f"{first_choices} of 7")
    ticked(page, "quiz")

    asked = quiz.locator("legend").all_inner_texts()
    page.get_by_role("button", name="Draw seven others").click()
    expect(page.locator(PAGE)).to_contain_text("0 of 7 answered")
    assert quiz.locator("legend").all_inner_texts() != asked


def test_a_question_travels_in_its_link(open_lesson):
    text = "A [MASK] and a <b>[MASK]</b> & more?"
    page = open_lesson("fill-mask", text=text, top_k=3, order="left_to_right", targets="film, book")
    expect(page.locator("#fill-mask-text textarea")).to_have_value(text)
    expect(page.locator("#fill-mask-targets input, #fill-mask-targets textarea").first).to_have_value("film, book")
    expect(page.locator(f"{PAGE} .fill-mask-columns").first.locator(".bar-label").first).to_have_text(
        re.compile("film|book")
    )
    page.get_by_role("button", name="One blank").click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('text') === 'This is a great [MASK].'")
    assert parse_qs(urlsplit(page.url).query)["top_k"] == ["3"]


def test_with_a_run_base_and_tuned_answer_side_by_side(owner, run):
    page = owner.open("fill-mask")
    expect(page.locator(PAGE)).to_contain_text("You ask two models")
    name = f"run {run.id[-4:]}"
    bars = page.locator(f"{PAGE} .fill-mask-columns").first.locator(".bars").first
    expect(bars.locator(".legend")).to_contain_text(name)
    expect(bars.locator("li").first.locator(".bar")).to_have_count(2)
    owner.commit(page, "fill-mask-kitchen", "the same word as before")
    verdict = page.locator(".prediction.committed .verdict")
    expect(verdict).to_contain_text(re.compile("It came to.*(the same word|another word|a word about)", re.DOTALL))
    kept = page.evaluate("key => JSON.parse(localStorage.getItem(key)).predictions['fill-mask-kitchen']", KEY)
    assert kept["outcome"] in verdict.inner_text()
    expect(page.locator(f"{PAGE} table", has_text="Your runs")).to_contain_text(name)


def test_a_question_without_a_blank_says_what_to_do(open_lesson):
    page = open_lesson("fill-mask")
    page.locator("#fill-mask-text textarea").fill("Nothing to guess here.")
    expect(page.locator(f"{PAGE} .note.bad").first).to_contain_text("Write [MASK]")
    page.locator("#fill-mask-text textarea").fill("Something to [MASK] here.")
    expect(page.locator(f"{PAGE} .note.bad")).to_have_count(0)
