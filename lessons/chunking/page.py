"""Chunking: the corpus as one stream, cut where the learner says, and what the cuts do to words and documents."""

from functools import partial
from typing import Any

import gradio as gr

from lab.chunk_sizes import outlook
from lab.chunking import Chunking, SpecialTokens
from lab.stream import cuts, following, meetings
from lessons import bench
from lessons.bench import Using
from lessons.chunking import code, exercises, sizes, stream
from lessons.chunking.cutting import LARGEST, SMALLEST, USUAL, Cutting, chunking, cut, noun
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.page import LessonPage
from lessons.components.view import view
from lessons.components.words import many

_OUTCOME = "chunking-mixed"
_STEP = 300  # pieces that “back” and “on” move by


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_prediction(self) -> None:
        self.prediction = view([_asked()])

    def slot_stream(self) -> None:
        self.at = gr.Number(0, precision=0, visible=False)
        with gr.Column(elem_classes="card"):
            self.size = gr.Slider(
                SMALLEST,
                LARGEST,
                value=USUAL,
                step=8,
                label="Chunk size",
                info="Positions in a chunk (chunk_size), special tokens included.",
                elem_id="chunking-size",
            )
            self.stream = view(elem_classes="chunking-stream")
            self.place = gr.Slider(0, 100, value=0, step=0.1, label="Place in the stream, %", elem_id="chunking-place")
            with gr.Row(elem_classes="controls"):
                go = partial(gr.Button, size="md", scale=0)
                self.next_cut = go("Next word cut in two", variant="primary", min_width=210, elem_id="chunking-next-cut")
                self.next_join = go("Next join of two reviews", min_width=230, elem_id="chunking-next-join")
                self.tail = go("The tail", min_width=100, elem_id="chunking-tail")
                self.back = go("◀ Back", min_width=100, elem_id="chunking-back")
                self.forth = go("On ▶", min_width=100, elem_id="chunking-on")
            self.totals = view()
            with gr.Row(elem_classes="controls"):
                self.special = gr.Radio(
                    [("each review", "document"), ("each chunk", "chunk")],
                    value="document",
                    label="Special tokens round",
                    elem_id="chunking-special",
                )
                self.remainder = gr.Radio(
                    [("drop it", "drop"), ("pad it", "pad")],
                    value="drop",
                    label="The tail that fills no chunk",
                    elem_id="chunking-remainder",
                )

    def slot_sizes(self) -> None:
        with gr.Column(elem_classes="card"):
            self.sizes = view()

    def slot_losses(self) -> None:
        with gr.Column(elem_classes="card"):
            self.losses = view()

    def slot_specials(self) -> None:
        self.specials = view()

    def slot_check(self) -> None:
        self.turn = gr.Number(0, precision=0, visible=False)
        self.check = view()

    def slot_code(self) -> None:
        self.code = view()

    def settings(self) -> dict[str, Any]:
        return {"size": self.size, "special": self.special, "remainder": self.remainder, "at": self.at}

    def connect(self) -> None:
        self.when_opened(predicted, [], [self.prediction])
        self.on(self.prediction.commit, committed, [], [self.prediction])

        chosen: list[Any] = [self.size, self.special, self.remainder]
        here = [*chosen, self.at]
        drawn = [self.stream, self.totals, self.at, self.place]
        others = [self.sizes, self.losses, self.specials, self.code]
        self.when_opened(draw, here, drawn)
        self.when_opened(over_sizes, chosen, others)
        self.on(self.size.input, resize, here, drawn, in_order=True)
        self.on(partial(gr.on, [self.special.input, self.remainder.input]), draw, here, drawn, in_order=True)
        self.on(partial(gr.on, [each.input for each in chosen]), over_sizes, chosen, others, in_order=True)

        moved = [self.stream, self.at, self.place]
        self.on(self.place.input, go_to, [*chosen, self.place], moved[:2], in_order=True)
        for button, where in (
            (self.back, "back"),
            (self.forth, "on"),
            (self.next_cut, "cut"),
            (self.next_join, "join"),
            (self.tail, "tail"),
        ):
            self.on(button.click, partial(jump, where=where), here, moved, in_order=True)

        self.when_opened(check, [self.turn], [self.check])
        self.on(self.check.pick, check_again, [self.turn], [self.check, self.turn])


# The prediction ---------------------------------------------------------------------------------------------------------


def _asked(**outcome: Any) -> Block:
    return blocks.prediction(
        _OUTCOME,
        f"Cut the stream every {USUAL} pieces. What share of the chunks will hold parts of more than one review?",
        unit="%",
        low=0,
        high=100,
        **outcome,
    )


def predicted(using: Using) -> list[Block]:
    """What there is to cut, and the prediction about the usual size, whatever the slider says."""
    tokens = bench.tokens(using)
    found = outlook(tokens, Chunking(chunk_size=USUAL), SpecialTokens.of(bench.tokenizer(using.model)))
    documents = len(tokens.document_starts) - 1
    facts = blocks.figures(
        (f"{documents:,}", f"{noun(using)}s in the corpus in use"),
        (f"{len(tokens):,}", "pieces in all of them"),
        (f"{len(tokens) / documents:,.0f}", f"pieces in a {noun(using)}, on average"),
    )
    if not found.chunks:
        return [facts, _asked()]
    what = noun(using)
    return [
        facts,
        _asked(
            outcome=round(100 * found.mixed_share),
            verdict=f"{found.mixed:,} of the {found.chunks:,} chunks show parts of several {what}s.",
            why=f"A cut comes every {USUAL} pieces and takes no notice of where a {what} ends. So where a {what} ends, "
            "a chunk nearly always holds its end and the beginning of the next.",
        ),
    ]


def committed(using: Using) -> list[Block]:
    """The same, because the learner has just committed to it."""
    return [*predicted(using), blocks.did("chunking", "predict")]


# The stream -------------------------------------------------------------------------------------------------------------


def draw(using: Using, size: float, special: str, remainder: str, at: float) -> tuple[Any, ...]:
    """The stretch of the stream round a piece, and what the cuts did to the whole corpus."""
    cutting = cut(using, chunking(size, special, remainder))
    piece = _piece(cutting, at)
    picture = stream.picture(cutting, piece, noun(using))
    return picture, [stream.totals(cutting, noun(using))], piece, _percent(cutting, piece)


def resize(using: Using, size: float, special: str, remainder: str, at: float) -> tuple[Any, ...]:
    """The same, because the learner has changed the size. The text in sight stays where it is; the cuts move."""
    picture, *others = draw(using, size, special, remainder, at)
    return [*picture, blocks.did("chunking", "resize")], *others


def go_to(using: Using, size: float, special: str, remainder: str, share: float) -> tuple[list[Block], int]:
    """The stretch at a share of the stream, in percent."""
    cutting = cut(using, chunking(size, special, remainder))
    piece = _piece(cutting, len(cutting.tokens) * share / 100)
    return stream.picture(cutting, piece, noun(using)), piece


def jump(using: Using, size: float, special: str, remainder: str, at: float, *, where: str) -> tuple[Any, ...]:
    """Another stretch: back, on, the next cut word or join behind the last one, or the tail."""
    cutting = cut(using, chunking(size, special, remainder))
    here, target = _piece(cutting, at), None
    said: list[Block] = []
    if where in ("back", "on"):
        there = _piece(cutting, here + (_STEP if where == "on" else -_STEP))
    elif where == "tail":
        target = cutting.chunks.input_ids.size
        there = cutting.stream.piece(target)
        if target == cutting.shown.input_ids.size:
            said = [_no_tail(cutting)]
    else:
        spots = cuts(cutting.shown, cutting.stream) if where == "cut" else meetings(cutting.shown)
        target = following(spots, cutting.stream.spot(here))
        there = here if target is None else cutting.stream.piece(target)
        nothing = "no word is cut in two" if where == "cut" else f"no chunk holds parts of two {noun(using)}s"
        found = target is not None
        said = [blocks.did("chunking", "find") if found else blocks.say(f"At this size {nothing}.", live=True)]
    return [*stream.picture(cutting, there, noun(using), target), *said], there, _percent(cutting, there)


def _no_tail(cutting: Cutting) -> Block:
    if cutting.chunks.padding:
        return blocks.say(f"The last chunk ends with {many(cutting.chunks.padding, 'position')} of padding.", live=True)
    return blocks.say("The last chunk is full to the end: there is no tail.", live=True)


def _piece(cutting: Cutting, at: Any) -> int:
    """A piece of the text, whatever number was sent."""
    number = at if isinstance(at, int | float) and at == at else 0
    return int(min(max(number, 0), len(cutting.tokens) - 1))


def _percent(cutting: Cutting, piece: int) -> float:
    return round(100 * piece / len(cutting.tokens), 1)


# Over sizes -------------------------------------------------------------------------------------------------------------


def over_sizes(using: Using, size: float, special: str, remainder: str) -> tuple[list[Block], ...]:
    """What other sizes would do, what is lost, both ways to place special tokens, and the code."""
    cutting = cut(using, chunking(size, special, remainder))
    what = noun(using)
    return (
        sizes.table(cutting, what),
        sizes.losses(cutting, what),
        sizes.specials(cutting, what),
        [code.drawer(using, cutting)],
    )


# The questions ----------------------------------------------------------------------------------------------------------


def check(using: Using, turn: float = 0) -> list[Block]:
    """Three questions about a size that isn't in the table."""
    return [exercises.card(using, int(turn or 0))]


def check_again(using: Using, turn: float) -> tuple[list[Block], int]:
    """The same about another size."""
    turn = int(turn or 0) + 1
    return check(using, turn), turn
