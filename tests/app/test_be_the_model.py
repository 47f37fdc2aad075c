"""Be the model in a real browser: predict, fill eight blanks, hear at once, and see both players' scores."""

import re

import pytest
from playwright.sync_api import expect

STORED = "(JSON.parse(localStorage['masked-language-lab']).progress || {})['be-the-model'] || []"


@pytest.fixture
def page(open_lesson, visitor):
    page = open_lesson("be-the-model")
    visitor.commit(page, "be-the-model-better", 5)
    expect(page.locator("button.cloze-word")).to_have_count(6)
    return page


def answer(page, word=0, sure="sure"):
    page.locator("button.cloze-word").nth(word).click()
    page.locator(f"input[name=cloze-confidence][value={sure}]").check()
    page.locator(".cloze-answer").click()
    expect(page.locator(".cloze-next")).to_be_visible()


def play_to_the_end(page):
    for i in range(8):
        answer(page, i % 6)
        if i < 7:
            page.locator(".cloze-next").click()
    expect(page.locator("#be-the-model-outcome h3")).to_have_text("How you both did")


def test_the_game_waits_for_the_prediction(open_lesson, visitor):
    page = open_lesson("be-the-model")
    expect(page.locator(".cloze")).to_be_hidden()
    visitor.commit(page, "be-the-model-better", 5)
    expect(page.locator(".cloze")).to_be_visible()
    expect(page.locator(".prediction.committed")).to_contain_text("not yet known")
    page.wait_for_function(f"{STORED}.includes('predict')")


def test_picking_shows_the_shares_and_tries_the_word_in_the_sentence(page):
    expect(page.locator(".cloze-answer")).to_be_disabled()
    words = page.locator("button.cloze-word")
    words.nth(1).click()
    expect(page.locator(".cloze-blank")).to_have_text(words.nth(1).locator("bdi").inner_text())
    expect(words.nth(1).locator(".bar-text").first).to_contain_text("62")
    words.nth(3).click()
    expect(words.nth(1).locator(".bar-text").first).to_contain_text("40")
    expect(words.nth(3)).to_have_attribute("aria-pressed", "true")
    words.nth(3).click()
    page.locator("input[name=cloze-confidence][value=sure]").check()
    expect(words.nth(1).locator(".bar-text").first).to_contain_text("90")


def test_an_answer_is_told_at_once_and_the_last_one_brings_the_comparison(page):
    answer(page)
    expect(page.locator(".cloze-told .note")).to_contain_text(
        re.compile(r"The author wrote .+ You gave it .+, the model .+")
    )
    expect(page.locator(".cloze-word.author")).to_have_count(1)
    expect(page.locator(".cloze-tally")).to_contain_text("1 of 8 answered")
    expect(page.locator("#be-the-model-again")).to_be_hidden()
    page.locator(".cloze-next").click()
    for i in range(1, 8):
        answer(page, i % 6, "hunch")
        page.locator(".cloze-next").click()
    expect(page.locator("#be-the-model-outcome .figure dd")).to_have_count(3)
    better = page.locator("#be-the-model-outcome .figure dd").first.inner_text()
    expect(page.locator(".prediction.committed .verdict")).to_contain_text(better)
    page.wait_for_function(f"{STORED}.includes('fill')")
    questions = page.locator(".questions fieldset.question").filter(visible=True)
    expect(questions).to_have_count(3)
    for i in range(3):
        options = questions.nth(i).locator("label.option")
        for k in range(options.count()):
            options.nth(k).click()
            expect(options.nth(k).locator(".why")).to_be_visible()
            if options.nth(k).locator(".mark", has_text="right").count():
                break
    page.wait_for_function(f"{STORED}.includes('check')")
    expect(page.locator(".rail a[data-lesson=be-the-model]")).to_have_class("done")


def test_answers_survive_a_reload_and_each_blank_can_be_looked_at_again(page):
    answer(page, 2)
    told = page.locator(".cloze-told .note").inner_text()
    page.reload()
    page.wait_for_selector(".cloze-tally")
    expect(page.locator(".cloze-tally")).to_contain_text("1 of 8 answered")
    expect(page.locator(".cloze-step[aria-current]")).to_have_attribute("data-step", "1")
    page.locator(".cloze-step").first.click()
    expect(page.locator(".cloze-told .note")).to_have_text(told, use_inner_text=True)
    expect(page.locator(".cloze-step").nth(2)).to_be_disabled()


def test_another_eight_are_others_and_the_link_brings_them(page, open_lesson):
    first = page.locator(".cloze-sentence").inner_text()
    play_to_the_end(page)
    page.locator("#be-the-model-again button, button#be-the-model-again").click()
    expect(page.locator(".cloze-tally")).to_have_text("8 blanks to go.")
    expect(page.locator("button.cloze-word").first).to_be_focused()
    sentence = page.locator(".cloze-sentence").inner_text()
    assert sentence != first
    number = re.search(r"round=(\d+)", page.url)[1]
    again = open_lesson("be-the-model", round=number)
    expect(again.locator(".cloze-sentence")).to_have_text(sentence, use_inner_text=True)


def test_a_blank_is_filled_by_keyboard_alone(page):
    page.locator("button.cloze-word").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("button.cloze-word").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("4")
    expect(page.locator("button.cloze-word[aria-pressed=true]")).to_have_count(2)
    page.keyboard.press("4")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator("input[name=cloze-confidence][value=sure]")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".cloze-next")).to_be_focused()
    expect(page.locator(".cloze-tally")).to_contain_text("1 of 8 answered")
    page.keyboard.press("Enter")
    expect(page.locator("button.cloze-word").first).to_be_focused()


def test_nothing_below_the_card_jumps_when_an_answer_is_told(page):
    below = "document.querySelector('.cloze-tally').getBoundingClientRect().top + scrollY"
    before = page.evaluate(below)
    answer(page)
    assert abs(page.evaluate(below) - before) <= 4


def test_answers_that_were_spoilt_begin_the_round_anew(page):
    answer(page)
    page.evaluate(
        """() => {
            const kept = JSON.parse(localStorage['masked-language-lab']);
            for (const round of Object.values(kept.cloze)) round.answers = [{picked: ['<b>'], confidence: 'x'}];
            localStorage['masked-language-lab'] = JSON.stringify(kept);
        }"""
    )
    page.reload()
    page.wait_for_selector("button.cloze-word")
    answer(page, 1)
    expect(page.locator(".cloze-tally")).to_contain_text("1 of 8 answered")
