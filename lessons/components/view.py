"""Views: the one kind of picture on a page, and the openers that ask for a lesson to be drawn.

Gradio learns a component's own events from their names in its JavaScript; that is what the lists of names there are for.
"""

from collections.abc import Sequence

import gradio as gr

from lessons.components.blocks import Block, waiting


def view(
    blocks: list[Block] | None = None, *, elem_id: str | None = None, elem_classes: Sequence[str] | str = ()
) -> gr.HTML:
    """A place for blocks. Its events: `pick` (a piece or button that carries data) and `commit` (a prediction).

    A handler returns a list of blocks for it. What comes with an event stands in `gr.EventData`.
    """
    return gr.HTML(
        waiting() if blocks is None else blocks,
        html_template='<div class="view" aria-busy="true"></div>',
        js_on_load="lab.view({element, props, trigger, watch}, ['pick', 'commit']);",
        elem_id=elem_id,
        elem_classes=list(elem_classes) if not isinstance(elem_classes, str) else [elem_classes],
        apply_default_css=False,
    )


def opener(lesson: str) -> gr.HTML:
    """Fires `open` when the lesson is first shown, and when it is shown again after the corpus or the model has changed."""
    return gr.HTML(
        None,
        html_template="<span hidden></span>",
        js_on_load=f"lab.opener({lesson!r}, trigger, ['open']);",
        elem_classes=["unseen"],
        apply_default_css=False,
    )
