"""Tokenization: any text as a ribbon of pieces, what decoding gives back, and a second tokenizer beside it."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from lab.decoding import Decoded, decode
from lab.tokenization import explain
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.page import LessonPage
from lessons.components.view import view
from lessons.components.words import many
from lessons.tokenization import back, code, exercises, pieces, second
from lessons.tokenization.second import LEARNED

GIVEN = "Unwatchable? I'd rewatch Amélie's café scene 🎬 any day!"
EXAMPLES = {
    "Accents": "A naïve résumé of Amélie: Zoë cried at the café. Will the film resume?",
    "Emoji": "Loved it 🎬! Hated it 🍿! Slept 😴 through it.",
    "Other scripts": "Привет, кино! 映画が好き。 أحب السينما",
    "<br />": "What a film.<br /><br />What a waste of two hours.",
    "A very long word": "Donaudampfschifffahrtsgesellschaftskapitän! And " + "a" * 101 + "rgh.",
    "Contractions": "I don't think they'd've liked it, but she's seen it twice.",
}
_OUTCOME = "tokenization-pieces"


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_prediction(self) -> None:
        self.prediction = view(prediction(None))

    def slot_ribbon(self) -> None:
        with gr.Column(elem_classes="card"):
            self.text = gr.Textbox(
                GIVEN,
                label="Your text",
                info=f"Any language, any sign, up to {pieces.LONGEST:,} characters.",
                lines=2,
                max_lines=6,
                elem_id="tokenization-text",
            )
            with gr.Row(elem_classes=["controls", "tokenization-examples"]):
                self.examples = {
                    text: gr.Button(name, size="sm", scale=0, elem_id=f"tokenization-example-{i}")
                    for i, (name, text) in enumerate(EXAMPLES.items())
                }
            self.ribbon = view()

    def slot_back(self) -> None:
        with gr.Column(elem_classes="card"):
            self.back = view()

    def slot_second(self) -> None:
        with gr.Column(elem_classes="card"):
            self.kind = gr.Radio(
                [(name, kind) for kind, name in second.KINDS.items()],
                value=LEARNED,
                label="The second tokenizer",
                elem_id="tokenization-kind",
            )
            self.size = gr.Slider(
                second.SMALLEST,
                second.LARGEST,
                value=second.SIZE,
                step=128,
                label="Pieces in its vocabulary",
                info="Only for the one that is learned here. At 256 every byte is a piece.",
                elem_id="tokenization-size",
            )
            with gr.Row(elem_classes="controls"):
                self.ready = gr.Button("Learn it", variant="primary", elem_id="tokenization-learn", scale=0)
                self.stop = gr.Button("Stop", variant="stop", elem_id="tokenization-stop", interactive=False, scale=0)
            self.progress = view([])
            self.second = view()

    def slot_curve(self) -> None:
        self.curve = view()

    def slot_check(self) -> None:
        self.check = view()

    def slot_code(self) -> None:
        self.code = view()

    def settings(self) -> dict[str, Any]:
        return {"text": self.text, "kind": self.kind, "size": self.size}

    def connect(self) -> None:
        self.when_opened(given, [], [self.prediction])
        self.on(self.prediction.commit, committed, [], [self.prediction])
        for text, button in self.examples.items():
            button.click(None, None, self.text, js=f"() => {json.dumps(text)}", api_visibility="private")

        self.when_opened(draw, [self.text], [self.ribbon, self.back])
        self.on(self.text.change, redraw, [self.text], [self.ribbon, self.back], in_order=True)

        chosen = [self.text, self.kind, self.size]
        compared = [self.second, self.curve, self.code, self.ready, self.size]
        self.when_opened(compare, chosen, compared)
        changed = partial(gr.on, [self.text.change, self.kind.input, self.size.input])
        self.on(changed, compare, chosen, compared, in_order=True)
        self.on_request(self.ready.click, make_ready, chosen, [self.progress, *compared], self.stop)

        self.when_opened(check, [], [self.check])
        self.on(self.check.pick, check_again, [], [self.check])


# The prediction ---------------------------------------------------------------------------------------------------------


def prediction(decoded: Decoded | None) -> list[Block]:
    """The given passage, and what it will come to; `decoded` is what it came to."""
    asked = partial(
        blocks.prediction, _OUTCOME, "How many pieces will this sentence make?", unit="pieces", low=1, high=1_000
    )
    card = asked() if decoded is None else asked(outcome=_count(decoded), verdict=_verdict(decoded))
    return [blocks.quote(GIVEN, "One sentence, with all that a reviewer may put into it"), card]


def given(using: Using) -> list[Block]:
    """The prediction with its outcome, which is shown once it is committed. It is about the given sentence, whatever the
    learner types later."""
    return prediction(decode(bench.tokenizer(using.model), GIVEN))


def committed(using: Using) -> list[Block]:
    """The same, because the learner has just committed to it."""
    return [*given(using), blocks.did("tokenization", "predict")]


def _count(decoded: Decoded) -> int:
    return sum(word.pieces for word in decoded.words)


def _verdict(decoded: Decoded) -> str:
    several = sum(word.pieces > 1 for word in decoded.words)
    return (
        f"{many(len(decoded.stretches), 'word')} between spaces are {many(len(decoded.words), 'word')} to the tokenizer, "
        f"which parts punctuation from words. {several} of them {'takes' if several == 1 else 'take'} more than one piece."
    )


# The text ---------------------------------------------------------------------------------------------------------------


def draw(using: Using, text: str) -> tuple[list[Block], list[Block]]:
    """The text in pieces, and what comes back of it."""
    bench.check_text(text, pieces.LONGEST)
    tokenizer = bench.tokenizer(using.model)
    apart, decoded = explain(tokenizer, text), decode(tokenizer, text)
    if not decoded.words:
        return [blocks.say("The tokenizer finds no piece in this text: it throws all of it away. Write a word.")], []
    words = pieces.words(tokenizer, apart, text)
    ribbon = blocks.ribbon("Your text in pieces", blocks.lane(words), legend=pieces.LEGEND)
    return [*_numbers(decoded), ribbon, _by_count(decoded)], back.picture(tokenizer, decoded)


def redraw(using: Using, text: str) -> tuple[list[Block], list[Block]]:
    """The same, because the learner has changed the text."""
    ribbon, back_again = draw(using, text)
    return [*ribbon, *([blocks.did("tokenization", "try")] if text != GIVEN else [])], back_again


def _numbers(decoded: Decoded) -> list[Block]:
    return [
        blocks.figures(
            (f"{_count(decoded):,}", "pieces, without those put round the text"),
            (f"{len(decoded.words):,}", "words, as the tokenizer counts them"),
            (f"{len(decoded.stretches):,}", "words between spaces"),
        )
    ]


def _by_count(decoded: Decoded) -> Block:
    """How many words take one piece, how many two, …"""
    by_count: dict[int, list[str]] = {}
    for word in decoded.words:
        by_count.setdefault(word.pieces, []).append(word.before)
    rows = []
    for count, found in sorted(by_count.items()):
        longest = sorted(dict.fromkeys(found), key=len, reverse=True)
        named = [word if len(word) <= 24 else f"{word[:23]}…" for word in longest[:4]]
        more = " …" if len(longest) > 4 else ""
        rows.append(
            blocks.bar_row(
                many(count, "piece"),
                (len(found) / len(decoded.words), many(len(found), "word")),
                note=", ".join(named) + more if count > 1 else "",
            )
        )
    return blocks.bars("Words by the number of their pieces", rows)


# The second tokenizer ---------------------------------------------------------------------------------------------------


def compare(using: Using, text: str, kind: str, size: float) -> tuple[Any, ...]:
    """Both tokenizers on the same text, the curve, the code, and the controls as they fit."""
    drawn = second.picture(using, text, kind, size)
    is_ready = second.ready(using, kind, size) is not None
    learned = second.learned(using)
    drawers = [code.apart(using, text)]
    if learned is not None:
        drawers.append(code.learned(using, text, int(size), learned.documents))
    button = gr.Button("Learn it" if kind == LEARNED else "Fetch it", interactive=not is_ready)
    slider = gr.Slider(interactive=kind == LEARNED)
    return drawn, second.curve(using, size), drawers, button, slider


def make_ready(using: Using, text: str, kind: str, size: float) -> Iterator[tuple[Any, ...]]:
    """Learn or fetch the second tokenizer, telling how far it is; then both on the same text."""
    for progress in second.make_ready(using, kind):
        yield progress, *[gr.skip()] * 5
    drawn, *rest = compare(using, text, kind, size)
    yield [], [*drawn, blocks.did("tokenization", "compare")], *rest


# The questions ----------------------------------------------------------------------------------------------------------


def check(using: Using, seed: int = 0) -> list[Block]:
    """Three questions about a sentence of the corpus."""
    return exercises.card(using, seed)


def check_again(using: Using) -> list[Block]:
    """The same about another sentence."""
    return check(using, time.time_ns() % 1_000_000_007)
