"""Stream: where the documents lie in the stream that is cut into chunks, and a stretch of it, place by place, for a reader.

A *place* counts positions of the stream, a *piece* those of the text alone, a *spot* those of the chunks, row after row.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lab.chunking import Chunking, Chunks, SpecialTokens
from lab.tokenization import Tokens


class Stream:
    """The documents of a corpus end to end, as numbers of places: nothing is laid out."""

    def __init__(self, tokens: Tokens, chunking: Chunking, special: SpecialTokens) -> None:
        before, around = len(special.prefix), len(special.prefix) + len(special.suffix)
        per_document = chunking.special_tokens == "document"
        self.tokens, self.size = tokens, chunking.chunk_size
        self.room = self.size - (0 if per_document else around)  # places that a chunk takes of the stream
        self.first_position = 0 if per_document else before  # where in a chunk they begin
        self._before, around = (before, around) if per_document else (0, 0)
        documents = len(tokens.document_starts) - 1
        self._begins = tokens.document_starts[:-1] + np.arange(documents) * around
        self.length = len(tokens) + documents * around

    def document(self, places: np.ndarray) -> np.ndarray:
        """The document of each place."""
        return np.searchsorted(self._begins, places, side="right") - 1

    def _piece(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many pieces lie before each place, and whether the place holds a piece."""
        document = self.document(places)
        starts, ends = self.tokens.document_starts[document], self.tokens.document_starts[document + 1]
        piece = starts + places - self._begins[document] - self._before
        return np.clip(piece, starts, ends), (piece >= starts) & (piece < ends)

    def pieces_before(self, place: int) -> int:
        """How many pieces lie before a place."""
        return int(self._piece(np.array([place]))[0][0]) if place < self.length else len(self.tokens)

    def inside_word(self, places: np.ndarray) -> np.ndarray:
        """Whether a place holds a piece that continues the word of the piece before it."""
        piece, is_piece = self._piece(places)
        return is_piece & ~self.tokens.word_starts[np.minimum(piece, len(self.tokens) - 1)]

    def spot(self, piece: int) -> int:
        """Where in the chunks, counted row after row, a piece of the text stands; also one that was dropped would."""
        document = int(np.searchsorted(self.tokens.document_starts, piece, side="right")) - 1
        document = min(document, len(self._begins) - 1)
        place = int(self._begins[document]) + self._before + piece - int(self.tokens.document_starts[document])
        return place // self.room * self.size + self.first_position + place % self.room

    def piece(self, spot: int) -> int:
        """The piece at a spot of the chunks; where there is a special token, the next piece after it."""
        row, position = divmod(spot, self.size)
        place = row * self.room + min(max(position - self.first_position, 0), self.room)
        return min(self.pieces_before(place), len(self.tokens) - 1)


@dataclass(frozen=True, slots=True)
class Spot:
    """One position of a chunk, as a reader needs it."""

    id: int
    kind: Literal["piece", "special", "padding"]
    document: int  # -1 for padding and for a chunk's own special tokens
    chunk: int
    position: int  # in the chunk, from 0
    continues: bool  # a piece that continues the word before it, also over a border
    torn: bool  # a piece of a word that a border cuts


def window(chunks: Chunks, stream: Stream, special: SpecialTokens, start: int, count: int) -> list[Spot]:
    """A stretch of the chunks, from the spot `start` on; it ends where they end.

    >>> tokens = Tokens(np.arange(10, 25), np.arange(15) != 7, np.array([0, 9, 15]))  # the 8th piece continues a word
    >>> special = SpecialTokens((101,), (102,), 0)
    >>> from lab.chunking import chunk
    >>> chunks, stream = chunk(tokens, Chunking(chunk_size=8), special), Stream(tokens, Chunking(chunk_size=8), special)
    >>> [(spot.id, spot.torn) for spot in window(chunks, stream, special, 6, 4)]
    [(15, False), (16, True), (17, True), (18, False)]
    """
    size = stream.size
    first, last = start // size, min((start + count - 1) // size, len(chunks) - 1)
    rows = [spot for row in range(first, last + 1) for spot in _row(chunks, stream, special, row)]
    torn: set[int] = set()
    for row in range(first, min(last + 2, len(chunks))):
        if chunks.cuts_word[row]:
            torn.update(_torn(rows, (row - first) * size, stream.first_position))
    begin = start - first * size
    return [replace(rows[at], torn=at in torn) for at in range(begin, min(begin + count, len(rows)))]


def _row(chunks: Chunks, stream: Stream, special: SpecialTokens, row: int) -> list[Spot]:
    filled = stream.size - (chunks.padding if row == len(chunks) - 1 else 0)
    added = {*special.prefix, *special.suffix}
    continued = stream.first_position if chunks.cuts_word[row] else -1
    columns = (chunks.input_ids[row].tolist(), chunks.documents[row].tolist(), chunks.word_starts[row].tolist())
    return [
        Spot(
            id,
            "padding" if at >= filled else "special" if id in added else "piece",
            document,
            row,
            at,
            continues=at == continued or not begins,
            torn=False,
        )
        for at, (id, document, begins) in enumerate(zip(*columns, strict=True))
    ]


def _torn(rows: list[Spot], border: int, first_position: int) -> Iterator[int]:
    """The pieces of the word that the border cuts: those behind it, and those before it."""
    at = border + first_position
    while at < len(rows) and rows[at].kind == "piece" and rows[at].continues:
        yield at
        at += 1
    at = border - 1
    while at >= 0 and rows[at].kind == "special":  # a chunk's own
        at -= 1
    while at >= 0 and rows[at].kind == "piece":
        yield at
        if not rows[at].continues:
            return
        at -= 1


def cuts(chunks: Chunks, stream: Stream) -> np.ndarray:
    """(n,) the spots of the pieces with which a chunk begins inside a word."""
    return np.flatnonzero(chunks.cuts_word) * stream.size + stream.first_position


def meetings(chunks: Chunks) -> np.ndarray:
    """(n,) the spots where another document begins inside a chunk."""
    other = (chunks.documents[:, 1:] != chunks.documents[:, :-1]) & (chunks.documents[:, 1:] >= 0)
    rows, positions = np.nonzero(other & (chunks.documents[:, :-1] >= 0))
    return rows * chunks.input_ids.shape[1] + positions + 1


def following(spots: np.ndarray, spot: int) -> int | None:
    """The first of these spots behind this one; behind the last, the first again. None if there are none.

    >>> following(np.array([3, 9]), 3), following(np.array([3, 9]), 9), following(np.array([]), 0)
    (9, 3, None)
    """
    if not len(spots):
        return None
    return int(spots[np.searchsorted(spots, spot, side="right") % len(spots)])
