"""The shell in a real browser: addresses, back and forward, progress, light and dark, the keyboard."""

from itertools import pairwise

from playwright.sync_api import expect

from lessons.catalog import lessons

SHOWN = [lesson for lesson in lessons() if lesson.order]


def test_a_visit_begins_with_the_first_lesson(visitor):
    page = visitor.context.new_page()
    page.goto(visitor.address)
    expect(page.locator(f"#page-{SHOWN[0].id}")).to_be_visible()
    expect(page.locator(".rail a[aria-current=page]")).to_have_count(1)


def test_an_unknown_lesson_in_a_link_leads_to_the_first(visitor):
    page = visitor.context.new_page()
    page.goto(f"{visitor.address}/?lesson=../../etc/passwd")
    expect(page.locator(f"#page-{SHOWN[0].id}")).to_be_visible()


def test_back_and_forward_go_through_the_lessons_that_were_seen(open_lesson):
    page = open_lesson("tokenization")
    page.locator(".rail a[data-lesson=chunking]").click()
    expect(page.locator("#page-chunking")).to_be_visible()
    expect(page).to_have_title("Chunking · Masked Language Lab")
    page.go_back()
    expect(page.locator("#page-tokenization")).to_be_visible()
    expect(page.locator("#page-chunking")).to_be_hidden()
    page.go_forward()
    expect(page.locator("#page-chunking")).to_be_visible()


def test_every_headline_stands_at_the_same_place_however_little_a_lesson_shows_yet(open_lesson):
    page = open_lesson("be-the-model")
    edges = set()
    for lesson in ("be-the-model", "tokenization", "chunking", "fill-mask"):
        page.locator(f".rail a[data-lesson={lesson}]").first.click()
        headline = page.locator(f"#page-{lesson} h1")
        headline.wait_for()
        edges.add(headline.bounding_box()["x"])
    assert len(edges) == 1


def test_the_lessons_lead_from_one_to_the_next_and_back(open_lesson):
    page = open_lesson(SHOWN[0].id)
    for before, after in pairwise(SHOWN):
        page.locator(f"#page-{before.id} .next a", has_text=f"Next: {after.title}").click()
        expect(page.locator(f"#page-{after.id} h1")).to_be_visible()
        expect(page.locator(f"#page-{after.id} .next a", has_text=before.title)).to_be_visible()
        assert page.evaluate("scrollY") == 0
    expect(page.locator(f"#page-{SHOWN[-1].id} .next a")).to_have_count(1)


def test_the_chosen_light_or_dark_survives_a_reload(open_lesson):
    page = open_lesson("tokenization")
    page.locator("[data-tool=theme]").click()
    dark = page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    page.wait_for_selector("#page-tokenization")
    assert page.evaluate("document.body.classList.contains('dark')") == dark
