"""Exercises on tokenization: each answer is computed from the text on the screen."""

import hashlib

from lab.tokenization import Piece
from lessons.components import blocks
from lessons.components.blocks import Block, Choice, Question


def questions(pieces: list[Piece], text: str) -> Block:
    """The card of questions about this text."""
    about = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    count = sum(not piece.special for piece in pieces)
    return blocks.questions(
        "tokenization",
        [
            Question(
                "pieces",
                "How many pieces does the text make, special tokens left out?",
                (
                    Choice(str(count), "Counted without the tokens that the tokenizer adds itself.", right=True),
                    Choice(str(len(pieces)), "That counts the special tokens too: the tokenizer adds them round the text."),
                ),
                hint="The grey ones at both ends are special.",
                about=about,
            )
        ],
    )
