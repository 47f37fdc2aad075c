"""A handler's error becomes one sentence on the page, and at a lesson's opening nothing stale stays beside it."""

import gradio as gr
import pytest

from lab.errors import CorpusError
from lessons.components.page import told
from tests.lessons.reading import of


def fail(using, error):
    raise error


def fail_on_the_way(using, error):
    yield "half", "half", "half"
    raise error


@pytest.mark.parametrize("handler", [fail, fail_on_the_way])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CorpusError("Too small. Take a larger one."), "Too small. Take a larger one."),
        (KeyError("x"), "Something went wrong"),
    ],
)
def test_an_error_stands_in_the_first_view_and_only_the_views_that_are_to_be_are_emptied(handler, error, sentence):
    answer = told(handler, [True, True, False])({}, error)
    first, second, third = list(answer)[-1] if handler is fail_on_the_way else answer
    (said,) = of(first, "say")
    assert said["values"]["sentence"].startswith(sentence)
    assert said["tone"] == "bad"
    assert (second, third) == ([], gr.skip())


def test_a_handler_with_one_view_tells_it_there():
    (said,) = told(fail, [True])({}, CorpusError("Empty."))
    assert said["values"]["sentence"] == "Empty."
