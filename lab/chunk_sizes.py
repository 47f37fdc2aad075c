"""Chunk sizes: what a size would do to a corpus, reckoned from its lengths and word starts without cutting it.

For a picture over many sizes. What it says equals what `chunk` and `borders` find: tests hold them to each other.
"""

from dataclasses import dataclass

import numpy as np

from lab.chunking import Chunking, SpecialTokens
from lab.tokenization import Tokens


@dataclass(frozen=True, slots=True)
class Outlook:
    """What cutting a corpus every `chunk_size` positions comes to. Pieces are those of the text, special tokens aside."""

    chunk_size: int
    chunks: int
    words_cut: int  # borders with the same word on both sides
    mixed: int  # chunks that show more than one document
    special_tokens: int  # in the chunks; padding aside
    pieces: int  # of the whole corpus
    lost_concatenating: int  # pieces in the tail that makes no whole chunk
    lost_truncating: int  # pieces that would be lost if each document were cut to one chunk instead
    padded_truncating: int  # positions of padding if each document had a chunk to itself

    @property
    def mixed_share(self) -> float:
        return self.mixed / self.chunks if self.chunks else 0.0


def outlook(tokens: Tokens, chunking: Chunking, special: SpecialTokens) -> Outlook:
    """Reckon it up. A corpus that fills no chunk has none, where `chunk` would refuse it.

    >>> tokens = Tokens(np.arange(10, 25), np.arange(15) != 7, np.array([0, 9, 15]))  # the 8th piece continues a word
    >>> found = outlook(tokens, Chunking(chunk_size=8), SpecialTokens((101,), (102,), 0))
    >>> found.chunks, found.words_cut, found.mixed, found.lost_concatenating, found.lost_truncating
    (2, 1, 1, 2, 3)
    """
    sizes = np.diff(tokens.document_starts)
    around = len(special.prefix) + len(special.suffix)
    per_document = chunking.special_tokens == "document"
    room = chunking.chunk_size - (0 if per_document else around)
    stream = _Stream.of(tokens, len(special.prefix) if per_document else 0, around if per_document else 0)
    whole, rest = divmod(stream.length, room)
    chunks = whole + (chunking.remainder == "pad" and rest > 0)
    end = min(chunks * room, stream.length)
    begins = np.arange(chunks) * room
    ends = np.minimum(begins + room, stream.length) - 1
    kept = stream.pieces_before(end)
    longest = chunking.chunk_size - around
    return Outlook(
        chunk_size=chunking.chunk_size,
        chunks=chunks,
        words_cut=int(stream.inside_word(begins[1:]).sum()),
        mixed=int((stream.document(begins) != stream.document(ends)).sum()),
        special_tokens=end - kept if per_document else chunks * around,
        pieces=len(tokens),
        lost_concatenating=len(tokens) - kept,
        lost_truncating=int(np.maximum(sizes - longest, 0).sum()),
        padded_truncating=int(np.maximum(longest - sizes, 0).sum()),
    )


@dataclass(frozen=True, slots=True)
class _Stream:
    """The documents end to end, as places: nothing is laid out."""

    tokens: Tokens
    begins: np.ndarray  # (documents,) where each document begins, its special tokens included
    before: int  # special tokens before the pieces of a document
    length: int

    @classmethod
    def of(cls, tokens: Tokens, before: int, around: int) -> "_Stream":
        documents = len(tokens.document_starts) - 1
        begins = tokens.document_starts[:-1] + np.arange(documents) * around
        return cls(tokens, begins, before, len(tokens) + documents * around)

    def document(self, places: np.ndarray) -> np.ndarray:
        """The document of each place."""
        return np.searchsorted(self.begins, places, side="right") - 1

    def _piece(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many pieces lie before each place, and whether the place holds a piece."""
        document = self.document(places)
        starts, ends = self.tokens.document_starts[document], self.tokens.document_starts[document + 1]
        piece = starts + places - self.begins[document] - self.before
        return np.clip(piece, starts, ends), (piece >= starts) & (piece < ends)

    def pieces_before(self, place: int) -> int:
        """How many pieces lie before a place."""
        return int(self._piece(np.array([place]))[0][0]) if place < self.length else len(self.tokens)

    def inside_word(self, places: np.ndarray) -> np.ndarray:
        """Whether a place holds a piece that continues the word of the piece before it."""
        piece, is_piece = self._piece(places)
        return is_piece & ~self.tokens.word_starts[np.minimum(piece, len(self.tokens) - 1)]
