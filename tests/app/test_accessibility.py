"""Every lesson by its own link: on a phone, for those who don't see it (an axe-core scan), and by the keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from lessons.catalog import lessons
from tests.app.conftest import visit

WINDOW, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module", params=[lesson.id for lesson in lessons()])
def opened(browser, server, request):
    """(page, visitor) on one lesson after the other, in light colours; the tests below follow one another on it."""
    for visitor in visit(browser, server, color_scheme="light", viewport=WINDOW):
        yield visitor.open(request.param, __theme="light"), visitor


def assert_fits(page, size) -> None:
    page.set_viewport_size(size)
    page.wait_for_timeout(300)  # until the pictures have taken their new width
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window"


def test_every_lesson_has_one_headline_and_fits_a_window_and_a_phone(opened):
    page, _ = opened
    assert page.locator(".stage h1").filter(visible=True).count() == 1
    for size in (PHONE, WINDOW):
        assert_fits(page, size)


def test_axe_finds_nothing_in_light_and_in_dark(opened):
    page, visitor = opened
    open_all_predictions(page)
    visitor.settled(page)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    scan_light_and_dark(page, visitor)


def test_every_lesson_fits_a_phone_with_all_of_it_in_sight(opened):
    page, visitor = opened
    open_all_predictions(page)
    visitor.settled(page)
    assert_fits(page, PHONE)


def scan_light_and_dark(page, visitor) -> None:
    """Fail with whatever axe-core finds, grave or not, on a page that is light now."""
    scan(page)
    page.locator("[data-tool=theme]").filter(visible=True).first.click()
    page.wait_for_function("document.body.classList.contains('dark')")
    page.wait_for_timeout(300)  # until the colours have changed
    visitor.settled(page)
    scan(page)


def scan(page) -> None:
    found = Axe().run(page).response["violations"]
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
