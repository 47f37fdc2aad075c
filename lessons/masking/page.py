"""Masking: a passage in two lanes under the same dice, what leaks, and what gives a hidden word away."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.page import LessonPage
from lessons.components.view import view
from lessons.masking import code, exercises, lanes, own
from lessons.masking.lanes import Dials
from lessons.masking.passages import FIRST, FOUND, LONGEST, card, passage_of
from lessons.materials.using import corpus_name, model_name

EPOCHS = 50
_TELLING = 0.25  # seconds between two words of progress
_PROMISE = blocks.say(f"Reads {own.MEASURED} passages of the corpus in use; it takes some seconds.", tone="quiet")


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_passage(self) -> None:
        with gr.Column(elem_classes="card"):
            self.passage = gr.Slider(
                1,
                FOUND,
                value=FIRST,
                step=1,
                label="Passage",
                info="Found by code in the corpus in use: some words of several pieces, and a word that comes twice.",
                elem_id="masking-passage",
            )
            self.card = view()

    def slot_text(self) -> None:
        self.text = gr.Textbox(
            "",
            label="Your own text",
            info=f"It takes the place of the passage in this lesson; empty it to go back. Up to {LONGEST:,} characters.",
            lines=3,
            max_lines=8,
            elem_id="masking-text",
        )

    def slot_hidden(self) -> None:
        self.hidden = view()

    def slot_scored(self) -> None:
        self.scored = view()

    def slot_lanes(self) -> None:
        with gr.Column(elem_classes="card"):
            gr.Markdown("## The same passage, the same dice, two ways", elem_classes="prose")
            with gr.Row(elem_classes="controls"):
                self.frozen = gr.Radio(
                    [("training: drawn anew each epoch", "training"), ("evaluation: frozen", "evaluation")],
                    value="training",
                    label="Masks as in",
                    elem_id="masking-frozen",
                )
                self.epoch = gr.Slider(
                    1,
                    EPOCHS,
                    value=1,
                    step=1,
                    label="Epoch",
                    info="Go back to an epoch, and its masks are there again.",
                    elem_id="masking-epoch",
                )
                self.next = gr.Button("Draw again", variant="primary", elem_id="masking-next", scale=0, min_width=140)
            self.lanes = view(elem_classes="masking-lanes")
            self.code = view()

    def slot_siblings(self) -> None:
        with gr.Column(elem_classes="card"):
            with gr.Row(elem_classes="controls"):
                self.measure = gr.Button(
                    "Ask the model", variant="primary", elem_id="masking-measure", scale=0, min_width=180
                )
                self.stop = gr.Button("Stop", variant="stop", interactive=False, scale=0, min_width=90)
            self.reading = view([_PROMISE])
            self.siblings = view([])

    def slot_own(self) -> None:
        self.packed = gr.Textbox("", visible=False)
        with gr.Column(elem_classes=["card", "masking-lanes"]):
            self.own = view()
            self.own_code = view([])

    def slot_mentions(self) -> None:
        with gr.Column(elem_classes="card"):
            gr.Markdown(
                "### Is that so in general?\nFor content words that come twice in a passage: the average probability of "
                "the true word with its other mention in sight, and with both hidden.",
                elem_classes="prose",
            )
            with gr.Row(elem_classes="controls"):
                self.measure_mentions = gr.Button("Ask the model", elem_id="masking-mentions", scale=0, min_width=180)
                self.stop_mentions = gr.Button("Stop", variant="stop", interactive=False, scale=0, min_width=90)
            self.reading_mentions = view([_PROMISE])
            self.mentions = view([])

    def slot_dials(self) -> None:
        with gr.Row(elem_classes="controls"):
            self.rate = gr.Slider(
                1,
                60,
                value=15,
                step=1,
                label="Rate, %",
                info="Each piece's, or each word's, chance to be selected (mlm_probability).",
                elem_id="masking-rate",
            )
            self.mask_share = gr.Slider(
                0,
                100,
                value=80,
                step=5,
                label="Hidden, % of the selected",
                info="They read [MASK] (mask_share).",
                elem_id="masking-mask-share",
            )
            self.random_share = gr.Slider(
                0,
                100,
                value=10,
                step=5,
                label="Swapped, % of the selected",
                info="They read a random piece (random_share). The rest is kept.",
                elem_id="masking-random-share",
            )
        self.thousand = view()

    def slot_check(self) -> None:
        self.turn = gr.Number(0, precision=0, visible=False)
        self.check = view(elem_classes="masking-lanes")

    def settings(self) -> dict[str, Any]:
        return {
            "passage": self.passage,
            "text": self.text,
            "masks": self.frozen,
            "epoch": self.epoch,
            "rate": self.rate,
            "mask_share": self.mask_share,
            "random_share": self.random_share,
            "own": self.packed,
        }

    def connect(self) -> None:
        passage = [self.passage, self.text]
        shares = [self.rate, self.mask_share, self.random_share]
        drawn = [*passage, self.frozen, self.epoch, *shares]
        other = [self.passage.input, self.text.change]
        dialled = [each.input for each in shares]

        self._draw([*other], show_passage, passage, [self.card, self.hidden, self.scored])
        self._draw([*other, *dialled, self.frozen.input, self.epoch.input], draw, drawn, [self.lanes, self.code])
        self._draw([*other, *dialled], redraw_often, [*passage, *shares], [self.thousand])
        self._draw([*other], show_own, [*passage, self.packed], [self.own, self.packed, self.own_code])
        self._draw([*other, *dialled], check, [*passage, *shares, self.turn], [self.check])

        self.on(self.scored.commit, predicted, passage, [self.scored])
        step = f"epoch => epoch % {EPOCHS} + 1"
        stepped = self.next.click(None, [self.epoch], [self.epoch], js=step, api_visibility="private")
        self.on(stepped.then, draw_again, drawn, [self.lanes, self.code], in_order=True)
        self.on(self.own.pick, hide, passage, [self.own, self.packed, self.own_code])
        self.on(self.check.pick, check_again, [*passage, *shares], [self.check, self.turn])
        self.on_request(self.measure.click, measure_siblings, [], [self.reading, self.siblings], self.stop)
        read = [self.reading_mentions, self.mentions]
        self.on_request(self.measure_mentions.click, measure_mentions, [], read, self.stop_mentions)

    def _draw(self, events: list[Any], handler: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """Draw at the opening, and whenever one of these happens; of several changes the last is what is shown."""
        self.when_opened(handler, inputs, outputs)
        self.on(partial(gr.on, events), handler, inputs, outputs, in_order=True)


def _dials(frozen: str, epoch: float, rate: float, mask_share: float, random_share: float) -> Dials:
    return Dials(int(epoch), frozen == "evaluation", rate, mask_share, random_share)


# Drawn at once ----------------------------------------------------------------------------------------------------------


def show_passage(using: Using, number: float, text: str) -> tuple[list[Block], list[Block], list[Block]]:
    """The passage, and the two predictions about it."""
    passage = passage_of(using, number, text)
    hidden, scored = lanes.predictions(passage, using.model)
    return card(using, passage, bool(text.strip())), [hidden], [scored]


def predicted(using: Using, number: float, text: str) -> list[Block]:
    """The second prediction with its outcome, once both are made."""
    _, scored = lanes.predictions(passage_of(using, number, text), using.model)
    return [scored, blocks.did("masking", "predict")]


def draw(
    using: Using,
    number: float,
    text: str,
    frozen: str,
    epoch: float,
    rate: float,
    mask_share: float,
    random_share: float,
) -> tuple[list[Block], list[Block]]:
    """Both lanes, and the lines that make them."""
    passage, dials = passage_of(using, number, text), _dials(frozen, epoch, rate, mask_share, random_share)
    return lanes.picture(passage, dials, using.model), [code.lanes(passage, dials, using.model)]


def draw_again(using: Using, number: float, text: str, frozen: str, *dials: float) -> tuple[list[Block], list[Block]]:
    """The same, because the learner went on to the next epoch."""
    drawn, source = draw(using, number, text, frozen, *dials)
    return [*drawn, blocks.did("masking", "freeze" if frozen == "evaluation" else "redraw")], source


def redraw_often(
    using: Using, number: float, text: str, rate: float, mask_share: float, random_share: float
) -> list[Block]:
    """A thousand draws against the expected shares."""
    dials = _dials("training", 1, rate, mask_share, random_share)
    return lanes.thousand(passage_of(using, number, text), dials, using.model)


# The learner's own masks ------------------------------------------------------------------------------------------------


def show_own(using: Using, number: float, text: str, packed: str) -> tuple[list[Block], str, list[Block]]:
    """The passage with what the learner has hidden of it; nothing, if that was another passage."""
    passage = passage_of(using, number, text)
    hidden = own.unpack(packed, own.key_of(passage, using.model), passage)
    return _own(using, passage, hidden)


def hide(using: Using, number: float, text: str, event: gr.EventData) -> tuple[list[Block], str, list[Block]]:
    """A word was hidden or shown: all that is hidden now comes along."""
    passage = passage_of(using, number, text)
    same = getattr(event, "key", None) == own.key_of(passage, using.model)
    picture, packed, source = _own(using, passage, own.known(getattr(event, "hidden", None), passage) if same else [])
    return [*picture, *([blocks.did("masking", "hide")] if packed else [])], packed, source


def _own(using: Using, passage: Any, hidden: list[int]) -> tuple[list[Block], str, list[Block]]:
    source = [code.own(passage, hidden, using.model)] if hidden else []
    return own.picture(passage, hidden, using.model), own.pack(own.key_of(passage, using.model), hidden), source


# The questions ----------------------------------------------------------------------------------------------------------


def check(
    using: Using, number: float, text: str, rate: float, mask_share: float, random_share: float, turn: float
) -> list[Block]:
    """The questions, about a draw of their own."""
    dials = _dials("training", 1, rate, mask_share, random_share)
    return exercises.card(passage_of(using, number, text), dials, using.model, int(turn or 0))


def check_again(
    using: Using, number: float, text: str, rate: float, mask_share: float, random_share: float
) -> tuple[Any, int]:
    """The questions about another draw."""
    turn = time.time_ns() % 1_000_000
    return check(using, number, text, rate, mask_share, random_share, turn), turn


# Measured ---------------------------------------------------------------------------------------------------------------


def measure_siblings(using: Using) -> Iterator[tuple[Any, ...]]:
    """What siblings are worth, over passages of the corpus in use."""
    yield from _measure(using, "siblings")


def measure_mentions(using: Using) -> Iterator[tuple[Any, ...]]:
    """What the other mention of a word is worth."""
    yield from _measure(using, "mentions")


def _measure(using: Using, kind: own.Kind) -> Iterator[tuple[Any, ...]]:
    """How far the reading is, and what it has come to."""
    told = 0.0
    for done, of, clues in own.measure(using, kind):
        if done == of:
            names = {"corpus": corpus_name(using.corpus), "model": model_name(using.model)}
            progress = [blocks.say(f"Read {of} passages of {{corpus}} with {{model}}.", tone="quiet", live=True, **names)]
            ticked = [blocks.did("masking", "measure")] if kind == "siblings" else []
            yield progress, [*own.measured(kind, clues), *ticked]
        elif time.monotonic() - told > _TELLING:
            told = time.monotonic()
            yield blocks.waiting(f"Read {done} of {of} passages …"), own.measured(kind, clues) if clues else []
