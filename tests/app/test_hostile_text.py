"""Hostile text is shown as text or refused with a sentence, wherever a lesson takes text."""

import gradio as gr
import pytest

from lessons.catalog import lessons
from lessons.components.view import view
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


FREE = ("tokenization-text", "masking-text", "fill-mask-text")  # a page's main text takes all of it
SOME = ("script", "template")  # the others


def text_controls() -> dict[str, list[str]]:
    """Lesson → the ids of its controls that take a text."""
    found: dict[str, list[str]] = {}
    for lesson in lessons():
        with gr.Blocks() as app:
            lesson.page()(lesson, view([])).build()
        boxes = [block for block in app.blocks.values() if isinstance(block, gr.Textbox)]
        ids = [box.elem_id for box in boxes if box.elem_id and box.visible is True and box.interactive is not False]
        if ids:
            found[lesson.id] = ids
    return found


CONTROLS = text_controls()


@pytest.fixture(scope="module", params=CONTROLS)
def boxes(resident, request):
    """A lesson's page with everything open, and its text controls by their ids."""
    page = resident.open(request.param)
    open_all_predictions(page)
    page.locator(".more > button, .more .label-wrap").evaluate_all("folds => folds.forEach(fold => fold.click())")
    kinds = ("textarea", "input[type=text]", "input[type=password]", "input:not([type])")
    found = {id: page.locator(", ".join(f"#{id} {kind}" for kind in kinds)).first for id in CONTROLS[request.param]}
    for id, box in found.items():
        assert box.is_visible(), f"{id} can't be reached"
    yield page, found
    page.close()


def test_hostile_text_is_text(boxes, resident):
    page, found = boxes
    for id, box in found.items():
        for name in HOSTILE if id in FREE else SOME:
            box.fill(HOSTILE[name])
            box.press("Tab")
            page.wait_for_timeout(150)
            resident.settled(page)
            assert page.evaluate("window.pwned") is None, f"{name} in {id}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} in {id} breaks the layout"
        box.fill("")


def test_a_megabyte_is_refused_with_a_sentence(boxes):
    page, found = boxes
    for id, box in found.items():
        limit = box.get_attribute("maxlength")
        if limit:
            assert int(limit) <= 2_000, id
            continue
        box.evaluate("(box, text) => { box.value = text; box.dispatchEvent(new Event('input')); }", "word [MASK] " * 90_000)
        page.locator(".note.bad").filter(visible=True, has_text="Shorten it").first.wait_for()
        box.fill("A film.")
        page.locator(".note.bad").filter(visible=True, has_text="Shorten it").first.wait_for(state="hidden")
