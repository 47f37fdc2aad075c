"""Pieces as they are drawn: joined to words, each with what it is when pointed at, for any tokenizer."""

from typing import TYPE_CHECKING, Any

from lab.tokenization import Piece as LabPiece
from lab.vocabulary import bytes_of, is_byte_level
from lessons.components import blocks
from lessons.components.blocks import Piece

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LEGEND = [
    ("ordinary", "a word in one piece"),
    ("continues", "a word in several"),
    ("special", "added by the tokenizer"),
]
LONGEST = 5_000  # characters of a text
_SHORT = 12  # characters of a lost word that are shown beside its [UNK]


def words(tokenizer: "PreTrainedTokenizerFast", pieces: list[LabPiece], text: str) -> list[dict[str, Any]]:
    """The words of a ribbon."""
    byte_level = is_byte_level(tokenizer)
    groups: list[list[Piece]] = []
    before = None
    for piece in pieces:
        if piece.word is None or piece.word != before:
            groups.append([])
        groups[-1].append(_drawn(tokenizer, piece, text, byte_level))
        before = piece.word
    return [blocks.word(*group) for group in groups]


def _drawn(tokenizer: "PreTrainedTokenizerFast", piece: LabPiece, text: str, byte_level: bool) -> Piece:
    source = text[piece.start : piece.end]
    lost = piece.word is not None and piece.id == tokenizer.unk_token_id and source != piece.text
    tip = [("piece", piece.text), ("id", str(piece.id))]
    if piece.word is not None:
        tip += [("word", str(piece.word)), ("characters", f"{piece.start} to {piece.end}: {_shown(source)}")]
    if byte_level and not piece.special:
        tip.append(("bytes", bytes_of(piece.text).hex(" ").upper()))
    tip.append(("what it is", _what(tokenizer, piece, lost)))
    return Piece(
        text=piece.text,
        kind="special" if piece.special and not lost else "ordinary",
        under=_shown(source) if lost else None,
        tip=tuple(tip),
    )


def _what(tokenizer: "PreTrainedTokenizerFast", piece: LabPiece, lost: bool) -> str:
    if lost:
        return "unknown: no piece of the vocabulary spells this"
    if piece.special:
        return {
            tokenizer.cls_token_id: "special: a text begins",
            tokenizer.sep_token_id: "special: a text ends",
            tokenizer.mask_token_id: "special: a blank to be filled",
            tokenizer.pad_token_id: "special: fills up a row",
        }.get(piece.id, "special")
    return "goes on with the word before it" if piece.continues else "begins a word"


def _shown(source: str) -> str:
    return source if len(source) <= _SHORT else f"{source[: _SHORT - 1]}…"
