"""Tokenization: any text as a ribbon of pieces, what decoding gives back, and a second tokenizer beside it."""

from typing import Any

import gradio as gr

from lab.tokenization import Piece as LabPiece
from lab.tokenization import explain
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block, Piece
from lessons.components.page import LessonPage
from lessons.components.view import view
from lessons.tokenization.exercises import questions

EXAMPLE = "Unwatchable? I'd rewatch Amélie's café scene 🎬 any day!"


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_text(self) -> None:
        self.text = gr.Textbox(EXAMPLE, label="Your text", lines=2, max_lines=6, elem_id="tokenization-text")

    def slot_prediction(self) -> None:
        self.prediction = view()

    def slot_ribbon(self) -> None:
        self.ribbon = view(elem_classes="after-prediction-tokenization-pieces")

    def slot_check(self) -> None:
        self.check = view(elem_classes="after-prediction-tokenization-pieces")

    def slot_code(self) -> None:
        self.code = view()

    def settings(self) -> dict[str, Any]:
        return {"text": self.text}

    def connect(self) -> None:
        drawn = [self.ribbon, self.prediction, self.check, self.code]
        self.when_opened(draw, [self.text], drawn)
        self.on(self.text.change, draw, [self.text], drawn)


def draw(using: Using, text: str) -> tuple[list[Block], ...]:
    """The ribbon, the prediction with its outcome, the questions and the code, all of the same text."""
    bench.check_text(text, 5_000)
    tokenizer = bench.tokenizer(using.model)
    pieces = explain(tokenizer, text)
    count = sum(not piece.special for piece in pieces)
    decoded = tokenizer.decode([piece.id for piece in pieces], skip_special_tokens=True)
    picture = [
        blocks.ribbon(
            "Pieces",
            blocks.lane(words_of(pieces, text)),
            legend=[
                ("ordinary", "a word in one piece"),
                ("continues", "a word in several"),
                ("special", "added by the tokenizer"),
            ],
        ),
        blocks.say("Decoded again: {decoded}", decoded=decoded),
        blocks.did("tokenization", "do"),
    ]
    prediction = blocks.prediction(
        "tokenization-pieces", "How many pieces will this text make?", low=1, high=5000, unit="pieces", outcome=count
    )
    return picture, [prediction], [questions(pieces, text)], [code(text)]


def words_of(pieces: list[LabPiece], text: str) -> list[dict[str, Any]]:
    """Pieces grouped to words, each with what it is when pointed at."""
    words: list[dict[str, Any]] = []
    group: list[Piece] = []
    for piece in pieces:
        if group and not piece.continues:
            words.append(blocks.word(*group))
            group = []
        tip = [("piece", piece.text), ("id", str(piece.id))]
        if not piece.special:
            tip += [
                ("word", str(piece.word)),
                ("characters", f"{piece.start} to {piece.end}: {text[piece.start : piece.end]}"),
            ]
        group.append(Piece(text=piece.text, kind="special" if piece.special else "ordinary", tip=tuple(tip)))
    return [*words, blocks.word(*group)]


def code(text: str) -> Block:
    """The lines that make the picture."""
    return blocks.code(
        f"""from lab.model import load_tokenizer
from lab.tokenization import explain

for piece in explain(load_tokenizer("bundled"), {text!r}):
    print(piece.text, piece.id, piece.word)""",
        f"""from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("assets/model")
encoded = tokenizer({text!r})
for piece, id, word in zip(encoded.tokens(), encoded["input_ids"], encoded.word_ids()):
    print(piece, id, word)""",
    )
