"""Every lesson for those who don't see it, or use no mouse: an axe-core scan, and the keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from lessons.catalog import lessons
from tests.app.conftest import visit

GRAVE = ("serious", "critical")


@pytest.mark.parametrize("lesson", [lesson.id for lesson in lessons()])
def test_axe_finds_nothing_serious_in_light_and_in_dark(browser, server, lesson):
    for visitor in visit(browser, server, color_scheme="light"):
        page = visitor.open(lesson, __theme="light")
        open_all_predictions(page)
        visitor.settled(page)
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        scan_light_and_dark(page, visitor)


def scan_light_and_dark(page, visitor) -> None:
    """Fail with what axe-core finds that keeps somebody out of a page that is light now."""
    scan(page)
    page.locator("[data-tool=theme]").filter(visible=True).first.click()
    page.wait_for_function("document.body.classList.contains('dark')")
    page.wait_for_timeout(300)  # until the colours have changed
    visitor.settled(page)
    scan(page)


def scan(page) -> None:
    found = [each for each in Axe().run(page).response["violations"] if each["impact"] in GRAVE]
    told = [f"{each['id']}: {node['html'][:200]} {node['any'][:1]}" for each in found for node in each["nodes"][:4]]
    assert not found, "\n".join(told)


def open_all_predictions(page) -> None:
    """Commit to something everywhere, so that all of the lesson is in sight."""
    for _ in range(6):
        forms = page.locator("form.prediction").filter(visible=True)
        if not forms.count():
            return
        form = forms.first
        number = form.locator("input[type=number]")
        if number.count():
            number.fill(number.get_attribute("min") or "1")
        else:
            form.locator("input[type=radio]").first.check()
        form.locator("button[type=submit]").click()
        page.wait_for_timeout(300)


def test_the_rail_is_walked_by_keyboard_and_says_where_one_is(open_lesson):
    page = open_lesson("tokenization")
    link = page.locator(".rail a[data-lesson=chunking]")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#page-chunking")).to_be_visible()
    expect(link).to_have_attribute("aria-current", "page")


def test_a_ribbon_is_one_stop_and_arrows_walk_in_it(open_lesson, visitor):
    page = open_lesson("tokenization")
    open_all_predictions(page)
    visitor.settled(page)
    ribbon = page.locator(".ribbons").filter(visible=True).first
    pieces = ribbon.locator("button.piece")
    pieces.first.focus()
    page.keyboard.press("ArrowRight")
    expect(pieces.nth(1)).to_be_focused()
    expect(ribbon.locator(".details")).to_contain_text("id")
    page.keyboard.press("End")
    expect(pieces.last).to_be_focused()
    assert ribbon.locator("button.piece[tabindex='0']").count() == 1
