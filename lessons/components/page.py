"""A lesson's page: how its text and its parts become one, and how a handler is connected."""

import functools
import inspect
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import gradio as gr

from lab.errors import LabError
from lessons.bench import Using
from lessons.catalog import Lesson, lessons
from lessons.components.blocks import say, waiting
from lessons.components.view import opener

log = logging.getLogger("masked_language_lab")
_FAULT = "Something went wrong in the lab itself; that is not your doing. Try it again; if it stays, reload the page."


class LessonPage:
    """What a lesson's `page.py` derives its `Page` from.

    For each slot NAME of `lesson.md` there is a method `slot_NAME`, which builds that part; then `connect` is called once,
    when all parts stand. `settings` names the controls whose values a link to the lesson carries.
    """

    def __init__(self, lesson: Lesson, using: gr.HTML) -> None:
        self.lesson, self.using = lesson, using

    def settings(self) -> dict[str, Any]:
        """Name in the address → control."""
        return {}

    def connect(self) -> None:
        """Connect the handlers."""

    def build(self) -> None:
        """Lay out the lesson: prose as it is, parts where the text names them."""
        with gr.Column(elem_id=f"page-{self.lesson.id}", elem_classes="lesson"):
            self.opener = opener(self.lesson.id)
            kicker = f"Lesson {self.lesson.order} · about {self.lesson.minutes} minutes" if self.lesson.order else "Setup"
            gr.Markdown(f'<p class="kicker">{kicker}</p>', elem_classes="kicker-line")
            inside: list[ExitStack] = []
            for i, part in enumerate(self.lesson.parts):
                match part.kind:
                    case "prose":
                        gr.Markdown(part.text, elem_classes=["prose", *(["claim"] if i == 0 else [])])
                    case "slot":
                        getattr(self, f"slot_{part.text}")()
                    case "more":
                        inside.append(ExitStack())
                        inside[-1].enter_context(gr.Accordion(part.text or "More", open=False, elem_classes="more"))
                    case "after":
                        inside.append(ExitStack())
                        inside[-1].enter_context(gr.Column(elem_classes=["after", f"after-prediction-{part.text}"]))
                    case "end":
                        inside.pop().close()
            if self.lesson.order:
                gr.Markdown(_neighbours(self.lesson), elem_classes="neighbours")
        self.connect()

    def on(
        self,
        event: Any,
        handler: Callable[..., Any],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        *,
        heavy: bool = False,
        lane: str = "heavy",
        stop: gr.Button | None = None,
        last_only: bool = True,
        in_order: bool = False,
        opening: bool = False,
    ) -> Any:
        """Connect an event. The handler is given what all lessons use (`Using`) and then its inputs; the first output is a
        view, and there a LabError is told, the other outputs staying as they are. When a lesson is opening, its other views
        are emptied instead: what they show is of another corpus or model, or nothing yet.

        Light work is answered at once. `heavy` work (seconds of computing) queues, one at a time in each `lane`; its
        handler may be a generator that yields progress, and `stop` is the button that ends it.

        Light requests that come in quick succession, as a slider's do, run side by side and may be answered out of order.
        With `in_order` the next one waits for the answer, so the last is always what is shown: some milliseconds later, and
        not for handlers that take an event's data, which Gradio forgets in the waiting.
        """
        how: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        if heavy:
            how |= {"concurrency_limit": 1, "concurrency_id": lane, "trigger_mode": "once"}
        elif in_order:
            how |= {"concurrency_limit": None, "trigger_mode": "always_last"}
        else:
            how |= {"queue": False, "trigger_mode": "always_last" if last_only else "multiple"}
        done = event(
            told(handler, [isinstance(each, gr.HTML) and opening for each in outputs]),
            [self.using, *inputs],
            list(outputs),
            **how,
        )
        if stop is not None:
            stop.click(None, cancels=[done], api_visibility="private")
        return done

    def on_request(
        self,
        event: Any,
        handler: Callable[..., Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        stop: gr.Button,
        *,
        lane: str = "heavy",
    ) -> Any:
        """Connect heavy work that can be stopped. Its first output, a view, says at once that the work was asked for, and
        later that it was stopped. The button `stop` can be pressed only meanwhile.
        """
        begun = self.on(event, _begin, [], [outputs[0], stop])
        done = self.on(begun.then, handler, inputs, outputs, heavy=True, lane=lane, stop=stop)
        done.then(_at_rest, None, stop, show_progress="hidden", queue=False, api_visibility="private")
        self.on(stop.click, _stopped, [], [outputs[0], stop])
        return done

    def when_opened(self, handler: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any], **how: Any) -> Any:
        """Draw when the lesson is first shown, and anew when the corpus or the model has changed."""
        return self.on(self.opener.open, handler, inputs, outputs, opening=True, **how)


def _neighbours(lesson: Lesson) -> str:
    """Links to the lesson before and the one after."""
    around = {each.order - lesson.order: each for each in lessons() if each.order}
    links = [
        f'<a href="?lesson={around[step].id}">{before}{around[step].title}{after}</a>'
        for step, before, after in ((-1, "← ", ""), (1, "Next: ", " →"))
        if step in around
    ]
    return f'<p class="next">{"".join(links)}</p>'


def _begin(_using: Using) -> tuple[Any, Any]:
    return waiting("Waiting for its turn …"), gr.Button(interactive=True)


def _stopped(_using: Using) -> tuple[Any, Any]:
    return [say("Stopped.", tone="quiet", live=True)], _at_rest()


def _at_rest() -> Any:
    """A stop button with nothing to stop."""
    return gr.Button(interactive=False)


def told(handler: Callable[..., Any], emptied: Sequence[bool]) -> Callable[..., Any]:
    """The one place where an error becomes a sentence on the page: in the handler's first output. `emptied`: for each
    output, whether it is a view that is emptied then.

    Keeps the handler's signature, by which Gradio gives it the request or the event's data.
    """

    def explain(error: Exception) -> Any:
        if isinstance(error, LabError):
            sentence = str(error)
        else:
            log.exception("A handler failed: %s", handler)
            sentence = _FAULT
        shown = [say("{sentence}", tone="bad", live=True, sentence=sentence)]
        return (shown, *([] if each else gr.skip() for each in emptied[1:])) if len(emptied) > 1 else shown

    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def run(using: Any, *args: Any) -> Any:
            try:
                yield from handler(Using.of(using), *args)
            except Exception as error:
                yield explain(error)
    else:

        @functools.wraps(handler)
        def run(using: Any, *args: Any) -> Any:
            try:
                return handler(Using.of(using), *args)
            except Exception as error:
                return explain(error)

    return run
