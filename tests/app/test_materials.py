"""Corpus and model, chosen once and used by all lessons."""

import re

import pytest
from playwright.sync_api import expect


def test_what_is_not_available_says_why_and_cannot_be_chosen(open_lesson):
    page = open_lesson("materials")
    imdb = page.locator("label.option", has_text="IMDB")
    expect(imdb).to_contain_text("the Hub can't be reached")
    expect(imdb.locator("input")).to_be_disabled()


@pytest.fixture
def upload_own(tmp_path):
    def upload(page):
        file = tmp_path / "mine.csv"
        told = "The submarine number {} rose slowly through the green and silent water of the bay."
        file.write_text("\n".join(["id,story", *(f"{i},{told.format(i)}" for i in range(60))]))
        page.locator("#upload-corpus input[type=file], input[type=file]").first.set_input_files(file)
        expect(page.locator(".note.good")).to_contain_text("in use from now on")
        expect(page.locator(".using")).to_contain_text("your own file")

    return upload


def test_an_own_corpus_is_read_and_used_from_then_on(open_lesson, upload_own):
    page = open_lesson("materials")
    upload_own(page)
    page.reload()
    page.wait_for_selector("#page-materials")
    expect(page.locator(".using")).to_contain_text("your own file")


def test_a_prediction_stays_beside_what_it_was_about_when_the_corpus_changes(open_lesson, visitor, upload_own):
    page = open_lesson("chunking")
    visitor.commit(page, "chunking-mixed", 30)
    card = page.locator("#page-chunking .prediction.committed").filter(visible=True)
    came = card.locator(".verdict b").last
    expect(came).to_have_text(re.compile(r"\d"))
    before = came.inner_text()
    page.locator(".using a").click()
    upload_own(page)
    page.locator("a[data-lesson=chunking]").click()
    expect(card).to_contain_text("With what is in use now it comes to 100\N{NO-BREAK SPACE}%.")
    assert came.inner_text() == before


def test_a_corpus_that_cannot_be_read_is_told_in_a_sentence(open_lesson, tmp_path):
    file = tmp_path / "mine.txt"
    file.write_bytes(b"\x00\x01\x02" * 100)
    page = open_lesson("materials")
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.locator(".note.bad")).to_contain_text("mine.txt is not text")
    expect(page.locator(".using")).to_contain_text("bundled reviews")


def test_a_column_that_is_not_there_is_told_with_those_that_are(open_lesson, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("id,story\n1,a long tale of the sea and of the men who sailed it\n2,another tale of the same sea")
    page = open_lesson("materials")
    page.locator("#upload-column textarea, #upload-column input").first.fill("tale")
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.locator(".note.bad")).to_contain_text("no column 'tale'")
    expect(page.locator(".note.bad")).to_contain_text("story")
