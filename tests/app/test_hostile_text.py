"""Hostile text is shown as text or refused with a sentence, wherever a lesson takes text."""

from typing import Any

import gradio as gr
import pytest

from lessons.catalog import lessons
from lessons.components.view import view
from tests.app.conftest import takes_long
from tests.app.test_accessibility import open_all_predictions

HOSTILE = {
    "script": "<script>window.pwned = 1</script> a [MASK] film",
    "image": "<img src=x onerror='window.pwned = 2'> [MASK]",
    "template": "${window.pwned = 3} {{#each value}}{{{this}}}{{/each}} [MASK]",
    "handlebars": "{{value}} {{this}} ${value} `${value}` [MASK]",
    "control": "a\x00b\x07c\x1b[31m d\u202ee [MASK]\ufffe",
    "right to left": "שלום עולם [MASK] مرحبا بالعالم",
    "spaces": "    \u00a0\u2003   ",
    "only blanks": "[MASK] [MASK] [MASK] [MASK]",
    "markup": "a<br /><br />b **bold** *em* `code` {name} [MASK]",
    "one long word": "Donaudampfschifffahrtsgesellschaft" * 40 + " [MASK]",
}


FREE = ("tokenization-text", "masking-text")  # a page's main text; the others have short limits of their own


def text_controls() -> list[Any]:
    """(lesson, id of a control) for each control of a lesson that takes a text."""
    found = []
    for lesson in lessons():
        with gr.Blocks() as app:
            lesson.page()(lesson, view([])).build()
        boxes = [block for block in app.blocks.values() if isinstance(block, gr.Textbox)]
        found += [
            pytest.param(lesson.id, box.elem_id, marks=() if box.elem_id in FREE else takes_long)
            for box in boxes
            if box.elem_id and box.visible is True and box.interactive is not False
        ]
    return found


@pytest.mark.parametrize(("lesson", "control"), text_controls())
def test_hostile_text_is_text(open_lesson, visitor, lesson, control):
    page = open_lesson(lesson)
    open_all_predictions(page)
    page.locator(".more > button, .more .label-wrap").evaluate_all("folds => folds.forEach(fold => fold.click())")
    box = page.locator(f"#{control} textarea, #{control} input[type=text], #{control} input:not([type])").first
    if not box.is_visible():
        pytest.fail(f"{control} can't be reached")
    for name, text in HOSTILE.items():
        box.fill(text)
        box.press("Tab")
        page.wait_for_timeout(250)
        visitor.settled(page)
        assert page.evaluate("window.pwned") is None, name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} breaks the layout"


@pytest.mark.parametrize(("lesson", "control"), text_controls())
def test_a_megabyte_is_refused_with_a_sentence(open_lesson, visitor, lesson, control):
    page = open_lesson(lesson)
    open_all_predictions(page)
    page.locator(".more > button, .more .label-wrap").evaluate_all("folds => folds.forEach(fold => fold.click())")
    box = page.locator(f"#{control} textarea, #{control} input[type=text], #{control} input:not([type])").first
    limit = box.get_attribute("maxlength")
    if limit:
        assert int(limit) <= 2_000
        return
    box.evaluate("(box, text) => { box.value = text; box.dispatchEvent(new Event('input')); }", "word [MASK] " * 90_000)
    refused = page.locator(".note.bad").filter(visible=True, has_text="Shorten it")
    refused.first.wait_for()
