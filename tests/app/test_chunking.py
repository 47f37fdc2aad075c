"""Chunking in a real browser: predict, move the cuts, find a cut word, a join and the tail, and be told what it cost."""

import re

import pytest
from playwright.sync_api import expect

from tests.app.conftest import PATIENCE

expect.set_options(timeout=PATIENCE)


@pytest.fixture
def page(open_lesson, visitor):
    page = open_lesson("chunking")
    visitor.commit(page, "chunking-mixed", 30)
    expect(stream(page).locator(".piece").first).to_be_visible()
    return page


def stream(page):
    return page.locator("#page-chunking .block.chunking-stream")


def figure(page, label: str):
    return page.locator("#page-chunking .figure").filter(has_text=label).filter(visible=True).locator("dd").first


def did(page, step: str) -> None:
    page.wait_for_function(
        "step => JSON.parse(localStorage['masked-language-lab']).progress?.chunking?.includes(step)", arg=step
    )


def test_nothing_is_given_away_before_the_prediction(open_lesson, visitor):
    page = open_lesson("chunking")
    expect(stream(page)).to_be_hidden()
    assert page.locator("#page-chunking h2").filter(visible=True).count() == 0
    visitor.commit(page, "chunking-mixed", 30)
    expect(stream(page).locator(".piece").first).to_be_visible()
    expect(page.locator("#page-chunking .prediction.committed .verdict")).to_contain_text(
        re.compile(r"30\s%.*\d+\s%", re.DOTALL)
    )
    did(page, "predict")


def test_the_text_stays_while_the_cuts_move_and_the_outcome_too(page):
    outcome = page.locator("#page-chunking .prediction.committed .verdict b").last.inner_text()
    chunks, text = figure(page, "chunks, from").inner_text(), stream(page).locator(".piece").first.inner_text()
    slider = page.locator("#chunking-size input[type=range]")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(figure(page, "chunks, from")).not_to_have_text(chunks)
    expect(stream(page).locator(".piece").first).to_have_text(text)
    assert page.locator("#page-chunking .prediction.committed .verdict b").last.inner_text() == outcome
    did(page, "resize")
    page.wait_for_function("new URLSearchParams(location.search).get('size') === '104'")


def test_a_cut_word_a_join_and_the_tail_are_found(page):
    page.locator("#chunking-next-cut").click()
    expect(stream(page).locator(".torn .piece.marked")).to_have_count(1)
    did(page, "find")
    page.locator("#chunking-next-join").click()
    expect(stream(page).locator(".piece.marked")).to_have_text("[CLS]")
    page.locator("#chunking-tail").click()
    expect(stream(page).locator(".cut").last).to_contain_text("the tail")
    expect(stream(page).locator(".piece.dropped").first).to_be_visible()
    stream(page).locator(".piece.dropped").first.hover()
    expect(stream(page).locator(".details")).to_contain_text("none: this is the tail")


def test_special_tokens_round_each_chunk_and_padding_instead_of_dropping(page):
    page.locator("#chunking-special label", has_text="each chunk").click()
    expect(stream(page).locator(".legend")).to_contain_text("put round each chunk")
    page.locator("#chunking-remainder label", has_text="pad it").click()
    expect(figure(page, "positions of padding")).to_be_visible()
    page.locator("#chunking-tail").click()
    expect(stream(page).locator(".piece", has_text="[PAD]").first).to_be_visible()


def test_a_column_of_numbers_is_set_to_the_right_with_its_name(page):
    table = page.locator("#page-chunking .table", has_text="words cut in two")
    sides = table.locator("tr > *:nth-child(-n + 4)").evaluate_all(
        "cells => cells.map(cell => getComputedStyle(cell).textAlign)"
    )
    assert len(sides) > 8
    assert set(sides) == {"end"}


def test_pictures_drawn_behind_the_prediction_take_their_width(page):
    plot = page.locator("#page-chunking .plot").filter(visible=True).first
    expect(plot.locator(".main-svg").first).to_be_visible()
    page.wait_for_function(
        "() => [...document.querySelectorAll('#page-chunking .plot')].filter(plot => plot.checkVisibility())"
        ".every(plot => Math.abs(plot.clientWidth - (plot.querySelector('.main-svg')?.clientWidth ?? 0)) < 3)"
    )


def test_a_link_brings_its_settings_and_its_place_along(open_lesson, visitor):
    page = open_lesson("chunking", size=64, special="chunk", remainder="pad", at=5000)
    visitor.commit(page, "chunking-mixed", 30)
    expect(page.locator("#chunking-size input[type=number]")).to_have_value("64")
    expect(stream(page).locator(".legend")).to_contain_text("put round each chunk")
    expect(stream(page).locator(".cut").first).to_contain_text(re.compile(r"chunk (7|8)\d"))


def test_all_questions_answered_tick_the_check_off_and_another_size_asks_anew(page):
    card = page.locator("#page-chunking .questions")
    expect(card.locator("fieldset").first).to_be_visible()
    for question in card.locator("fieldset").all():
        for option in question.locator("label.option").all():
            option.click()
            expect(option.locator(".why")).to_be_visible()
            if option.locator(".mark").inner_text().strip().startswith("✓"):
                break
    did(page, "check")
    asked = card.locator("legend").first.inner_text()
    card.locator("button", has_text="Another size").click()
    expect(card.locator("legend").first).not_to_have_text(asked, use_inner_text=True)
