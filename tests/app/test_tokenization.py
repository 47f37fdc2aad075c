"""Tokenization in a real browser: a prediction that stays, any text in pieces, and a vocabulary learned on the spot."""

import re

import pytest
from playwright.sync_api import expect

from lessons.tokenization.page import EXAMPLES, GIVEN
from tests.app.conftest import PATIENCE, visit

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def lesson(resident):
    page = resident.open("tokenization")
    resident.commit(page, "tokenization-pieces", 12)
    return page


@pytest.fixture
def page(lesson):
    """The lesson with its first text."""
    lesson.locator("#tokenization-text textarea").fill(GIVEN)
    expect(pieces(lesson).nth(2)).to_have_text("##watch")
    return lesson


def pieces(page):
    return page.locator("#page-tokenization .ribbon[aria-label='Your text in pieces'] .piece")


def outcome(page):
    return page.locator("#page-tokenization .prediction.committed .verdict b").last


def done(page):
    return page.evaluate("(JSON.parse(localStorage['masked-language-lab']).progress || {}).tokenization || []")


def test_nothing_is_given_away_before_the_prediction(open_lesson, visitor):
    page = open_lesson("tokenization")
    expect(page.locator("#page-tokenization .quote").first).to_contain_text(GIVEN)
    expect(page.locator("#tokenization-text")).to_be_hidden()
    expect(pieces(page).first).to_be_hidden()
    assert page.locator("#page-tokenization h2").filter(visible=True).count() == 0
    visitor.commit(page, "tokenization-pieces", 1)
    expect(page.locator("#tokenization-text")).to_be_visible()
    expect(page.locator("#page-tokenization .prediction.committed .verdict b")).to_have_text(
        ["1 piece", re.compile(r"^\d+ pieces$")]
    )


def test_the_learners_own_text_leaves_the_outcome_as_it_was(page):
    expect(outcome(page)).to_have_text(re.compile(r"\d+\spieces"))
    before = outcome(page).inner_text()
    page.locator("#tokenization-text textarea").fill("Unforgettable")
    expect(pieces(page)).to_have_text(["[CLS]", "un", "##for", "##get", "##table", "[SEP]"])
    assert outcome(page).inner_text() == before
    page.wait_for_function("JSON.parse(localStorage['masked-language-lab']).progress.tokenization.includes('try')")
    page.reload()
    expect(outcome(page)).to_have_text(before)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_example_is_taken_apart(page, number):
    page.locator(f"#tokenization-example-{number}").click()
    text = list(EXAMPLES.values())[number]
    expect(page.locator("#tokenization-text textarea")).to_have_value(text)
    expect(pieces(page).nth(2)).not_to_have_text("##watch")


def test_a_piece_tells_what_it_is_and_forgets_it_with_its_text(page):
    details = page.locator("#page-tokenization .details").first
    pieces(page).nth(2).hover()
    for told in ("piece ##watch", "word 0", "characters 2 to 7: watch", "goes on"):
        expect(details).to_contain_text(told)
    page.locator("#tokenization-text textarea").fill("another text")
    expect(details).not_to_contain_text("##watch")  # the pointer may rest on a piece of the new text


def test_a_vocabulary_is_learned_compared_and_resized(page):
    page.locator("#tokenization-learn").click()
    expect(page.locator("#page-tokenization .lane")).to_have_count(2)
    second = page.locator("#page-tokenization .lane").nth(1).locator(".piece")
    many = second.count()
    size = page.locator("#tokenization-size input[type=number]")
    size.fill("256")
    size.press("Enter")
    expect(second).to_have_count(len(GIVEN.encode()))
    assert many < len(GIVEN.encode())
    page.locator("#page-tokenization .more > button, #page-tokenization .more .label-wrap").first.click()
    expect(page.locator("#page-tokenization .plot .main-svg").first).to_be_visible()
    assert "compare" in done(page)


def test_the_hub_out_of_reach_is_said_to_be(page):
    page.locator("#tokenization-kind label", has_text="distilroberta-base").click()
    button = page.locator("#tokenization-learn")
    expect(button).to_have_text("Fetch it")
    button.click()
    expect(page.locator("#page-tokenization .note.bad")).to_contain_text("the Hub can't be reached")
    expect(page.locator("#tokenization-stop")).to_be_disabled()


def test_a_link_brings_its_text_along(open_lesson, visitor):
    page = open_lesson("tokenization", text="Unforgettable café")
    visitor.commit(page, "tokenization-pieces", 5)
    expect(page.locator("#tokenization-text textarea")).to_have_value("Unforgettable café")
    expect(pieces(page)).to_have_text(["[CLS]", "un", "##for", "##get", "##table", "cafe", "[SEP]"])


def test_all_questions_answered_tick_the_check_off(page):
    for question in page.locator("#page-tokenization .questions fieldset").all():
        for option in question.locator("label.option").all():
            option.click()
            expect(option.locator(".why")).to_be_visible()
            if option.locator(".mark").inner_text().strip().startswith("✓"):
                break
    page.wait_for_function("JSON.parse(localStorage['masked-language-lab']).progress.tokenization.includes('check')")


def test_the_lesson_fits_a_phone_with_all_of_it_in_sight(browser, server):
    for visitor in visit(browser, server, viewport={"width": 390, "height": 844}):
        page = visitor.open("tokenization")
        visitor.commit(page, "tokenization-pieces", 12)
        page.locator("#tokenization-example-4").click()  # a very long word
        expect(pieces(page).nth(1)).to_have_text("dona")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_stays_at_a_question_that_has_been_answered(open_lesson, visitor):
    page = open_lesson("tokenization")
    visitor.commit(page, "tokenization-pieces", 12)
    question = page.locator("#page-tokenization fieldset.question").first
    expect(question.locator("details.hint")).to_be_visible()
    options = question.locator("input[type=radio]")
    options.first.focus()
    page.keyboard.press("Space")
    for _ in range(options.count()):
        if question.locator(".option.right").count():
            break
        page.keyboard.press("ArrowDown")
    expect(question.locator(".option.right")).to_be_visible()
    expect(question.locator("details.hint")).to_be_hidden()
    assert question.evaluate("question => question.contains(document.activeElement)")
