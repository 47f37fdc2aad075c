"""Chunk sizes: what a size would do to a corpus, reckoned from its lengths and word starts without cutting it.

For a picture over many sizes. What it says equals what `chunk` and `borders` find: tests hold them to each other.
"""

from dataclasses import dataclass

import numpy as np

from lab.chunking import Chunking, SpecialTokens
from lab.stream import Stream
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
    stream = Stream(tokens, chunking, special)
    whole, rest = divmod(stream.length, stream.room)
    chunks = whole + (chunking.remainder == "pad" and rest > 0)
    end = min(chunks * stream.room, stream.length)
    begins = np.arange(chunks) * stream.room
    ends = np.minimum(begins + stream.room, stream.length) - 1
    kept = stream.pieces_before(end)
    around = len(special.prefix) + len(special.suffix)
    longest = chunking.chunk_size - around
    return Outlook(
        chunk_size=chunking.chunk_size,
        chunks=chunks,
        words_cut=int(stream.inside_word(begins[1:]).sum()),
        mixed=int((stream.document(begins) != stream.document(ends)).sum()),
        special_tokens=end - kept if chunking.special_tokens == "document" else chunks * around,
        pieces=len(tokens),
        lost_concatenating=len(tokens) - kept,
        lost_truncating=int(np.maximum(sizes - longest, 0).sum()),
        padded_truncating=int(np.maximum(longest - sizes, 0).sum()),
    )
