"""Masking in a real browser: predict, draw again, freeze, hide words, and be told at once."""

import re

import pytest
from playwright.sync_api import expect

from tests.app.conftest import PATIENCE

expect.set_options(timeout=PATIENCE)


@pytest.fixture
def page(visitor):
    return begun(visitor)


@pytest.fixture(scope="module")
def used_page(resident):
    """For what works wherever the dials stand."""
    return begun(resident)


def begun(visitor):
    page = visitor.open("masking")
    visitor.commit(page, "masking-masks", 11)
    visitor.commit(page, "masking-scored", 11)
    expect(page.locator("#masking-next")).to_be_visible()
    visitor.settled(page)
    return page


def lanes(page):
    return page.locator(".card", has=page.locator("#masking-next")).locator(".ribbon")


def own(page):
    return page.locator(".card", has=page.locator(".word.own"))


def done(page):
    return page.evaluate("(JSON.parse(localStorage['masked-language-lab']).progress || {}).masking || []")


def test_the_lanes_stay_out_of_sight_until_both_predictions_are_made(open_lesson, visitor):
    page = open_lesson("masking")
    expect(page.locator("#masking-next")).to_be_hidden()
    assert page.locator("form.prediction").filter(visible=True).count() == 1
    visitor.commit(page, "masking-masks", 11)
    expect(page.locator("#masking-next")).to_be_hidden()
    visitor.commit(page, "masking-scored", 11)
    expect(page.locator("#masking-next")).to_be_visible()
    expect(page.locator(".prediction.committed").first).to_contain_text("It came to")
    page.wait_for_function("JSON.parse(localStorage['masked-language-lab']).progress?.masking?.includes('predict')")


def test_drawing_again_moves_on_an_epoch_and_the_epoch_brings_its_masks_back(page):
    first = lanes(page).first.inner_text()
    page.locator("#masking-next").click()
    expect(lanes(page).first).not_to_have_text(first, use_inner_text=True)
    expect(page.locator("#masking-epoch input[type=number]")).to_have_value("2")
    page.locator("#masking-epoch input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    expect(lanes(page).first).to_have_text(first, use_inner_text=True)
    assert "redraw" in done(page)


def test_of_many_quick_draws_the_last_is_shown(used_page):
    used_page.evaluate("for (let i = 0; i < 8; i++) document.getElementById('masking-next').click()")
    epoch = used_page.locator("#masking-epoch input[type=number]")
    expect(used_page.locator(".masking-lanes .say", has_text=re.compile(r"^Epoch \d+ of a run"))).to_contain_text(
        f"Epoch {epoch.input_value()} of a run"
    )
    for _ in range(12):
        used_page.locator("#masking-epoch input[type=range]").press("ArrowRight")
    expect(used_page.locator(".masking-lanes .say", has_text=re.compile(r"^Epoch \d+ of a run"))).to_contain_text(
        f"Epoch {epoch.input_value()} of a run"
    )


def test_frozen_masks_stay_as_they_are(page):
    page.get_by_text("evaluation: frozen").click()
    expect(page.locator(".masking-lanes .say", has_text="Evaluation after epoch 1")).to_be_visible()
    frozen = lanes(page).first.inner_text()
    page.locator("#masking-next").click()
    expect(page.locator(".masking-lanes .say", has_text="Evaluation after epoch 2")).to_be_visible()
    assert lanes(page).first.inner_text() == frozen
    assert "freeze" in done(page)


def test_what_was_done_to_a_piece_is_told_apart_without_colour_and_leaks_are_ringed(page):
    text = lanes(page).first.inner_text()
    assert "[MASK]" in text
    kept = lanes(page).locator(".piece.kept").first
    assert kept.evaluate("piece => getComputedStyle(piece, '::after').content") == '"kept"'
    ring = lanes(page).first.locator(".word.leak").first
    assert ring.evaluate("word => getComputedStyle(word).outlineStyle") == "dashed"
    assert lanes(page).nth(1).locator(".word.leak").count() == 0


def test_the_learner_hides_a_word_and_its_other_mention_and_is_told_what_that_did(page):
    marked = own(page).locator(".word.own", has=page.locator(".marked"))
    expect(marked).to_have_count(2)
    marked.first.click()
    expect(own(page).locator(".say", has_text="the model gives the true word")).to_be_visible()
    expect(own(page).locator(".say", has_text="Now hide that one too")).to_be_visible()
    marked.nth(1).click()
    expect(own(page).locator(".bars", has_text="other mention hidden too")).to_be_visible()
    expect(own(page).locator(".say", has_text=re.compile("fell from"))).to_be_visible()
    assert {"hide", "mention"} <= set(done(page))
    own(page).get_by_text("Show all words again").click()
    expect(own(page).locator(".bars")).to_have_count(0)
    expect(own(page).locator(".piece.masked")).to_have_count(0)


def test_words_hidden_in_quick_succession_are_all_answered_for(page):
    page.evaluate("[3, 5, 7, 9, 11].forEach(i => document.querySelectorAll('.word.own')[i].click())")
    expect(own(page).locator(".word.own", has=page.locator(".masked"))).to_have_count(5)
    expect(own(page).locator("tbody tr")).to_have_count(5)


def test_a_word_is_hidden_with_the_keyboard_alone(page):
    own(page).locator(".word.own button").first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    chosen = own(page).locator(".word.own button").nth(4)
    expect(chosen).to_be_focused()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(own(page).locator(".say", has_text="the model gives the true word")).to_be_visible()
    expect(chosen).to_be_focused()
    page.keyboard.press("Enter")
    expect(chosen).to_have_attribute("aria-pressed", "false")


def test_a_link_brings_passage_epoch_and_hidden_words_along(page, visitor):
    page.evaluate("[4, 6].forEach(i => document.querySelectorAll('.word.own')[i].click())")
    expect(own(page).locator("tbody tr")).to_have_count(2)
    page.locator("#masking-next").click()
    page.wait_for_function("location.search.includes('epoch=2') && location.search.includes('own=')")
    other = visitor.context.new_page()
    other.goto(page.url)
    expect(own(other).locator(".word.own", has=other.locator(".masked"))).to_have_count(2)
    expect(own(other).locator("tbody tr")).to_have_count(2)
    expect(other.locator(".masking-lanes .say", has_text="Epoch 2 of a run")).to_be_visible()


def test_another_passage_or_an_own_text_is_what_all_of_the_lesson_looks_at(page):
    page.locator("#masking-passage input[type=range]").press("ArrowRight")
    expect(page.locator(".quote blockquote")).not_to_contain_text("the robots themselves")
    page.get_by_text("Your own text").first.click()
    page.locator("#masking-text textarea").fill("The stubborn mule was tired, so nobody rode the stubborn mule home.")
    expect(page.locator(".quote blockquote")).to_contain_text("stubborn mule")
    for ribbon in (lanes(page).first, own(page).locator(".ribbon")):
        expect(ribbon).to_contain_text("stubborn")
    expect(own(page).locator(".say").first).to_contain_text("comes twice")


def test_siblings_are_measured_with_progress_and_can_be_stopped(used_page):
    card = used_page.locator(".card", has=used_page.locator("#masking-measure"))
    expect(card.get_by_role("button", name="Stop")).to_be_disabled()
    used_page.locator("#masking-measure").click()
    expect(card.locator(".note.waiting")).to_contain_text(re.compile(r"Read \d+ of \d+ passages"))
    card.get_by_role("button", name="Stop").click()
    expect(card.locator(".say", has_text="Stopped.")).to_be_visible()
    used_page.wait_for_timeout(1000)
    expect(card.locator(".say", has_text="Stopped.")).to_be_visible()
    expect(card.get_by_role("button", name="Stop")).to_be_disabled()


def test_shares_that_do_not_fit_are_told_beside_the_dials(used_page):
    used_page.get_by_text("The rate, 80/10/10").click()
    dials = used_page.locator(".more", has=used_page.locator("#masking-rate"))
    expect(dials.locator(".chart")).to_be_visible()
    used_page.locator("#masking-random-share input[type=number]").fill("40")
    used_page.locator("#masking-random-share input[type=number]").press("Tab")
    expect(dials.locator(".note.bad")).to_contain_text("of the selected are more than all")
    used_page.locator("#masking-random-share input[type=number]").fill("20")
    used_page.locator("#masking-random-share input[type=number]").press("Tab")
    expect(dials.locator(".chart")).to_be_visible()


def test_the_questions_are_answered_and_tick_off_the_check(page):
    card = page.locator(".questions").filter(visible=True)
    for number in range(card.locator(".question").count()):
        question = card.locator(".question").nth(number)
        for choice in range(question.locator(".option").count()):
            question.locator(".option").nth(choice).click()
            expect(question.locator(".why").first).to_be_visible()
            if question.locator(".option.right").count():
                break
        expect(question.locator(".option.right")).to_have_count(1)
    page.wait_for_function("JSON.parse(localStorage['masked-language-lab']).progress.masking.includes('check')")
