"""Chunking: documents laid end to end as one stream, cut every `chunk_size` positions, with a report on what the cuts did.

Special tokens go round each document (`[CLS] review [SEP][CLS] review [SEP]`, as tutorials do it) or round each chunk
(`[CLS] … [SEP]`, what the model met when it was pretrained).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from lab.arrays import Arrays, Layout, laid_out
from lab.errors import CorpusError, require
from lab.settings import fit, setting
from lab.tokenization import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


SMALLEST, LARGEST = 8, 65_536  # positions in a chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunking:
    """How the stream is cut."""

    chunk_size: int = setting(128, "positions in a chunk, special tokens included")
    special_tokens: Literal["document", "chunk"] = setting(
        "document", "document: [CLS] and [SEP] round each document; chunk: round each chunk"
    )
    remainder: Literal["drop", "pad"] = setting("drop", "what becomes of the short last chunk: dropped, or padded")

    def __post_init__(self) -> None:
        fit(self)
        require(
            SMALLEST <= self.chunk_size <= LARGEST,
            f"chunk_size is {self.chunk_size}. Set it to {SMALLEST} or more, and to {LARGEST:,} at most; 128 is usual.",
        )


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """What a tokenizer puts round a text, what it pads with, and what is never to be predicted."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    pad: int | None
    reserved: tuple[int, ...] = ()  # the mask, the unknown piece …: no piece of a text, wherever it may stand

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerFast") -> "SpecialTokens":
        """Read them off a tokenizer by looking at what it adds to a short text.

        >>> from lab.model import load_tokenizer
        >>> SpecialTokens.of(load_tokenizer("bundled"))
        SpecialTokens(prefix=(101,), suffix=(102,), pad=0, reserved=(0, 100, 101, 102, 103))
        """
        plain = tokenizer("a", add_special_tokens=False)["input_ids"]
        full = tokenizer("a")["input_ids"]
        before = next(i for i in range(len(full)) if full[i : i + len(plain)] == plain)
        prefix, suffix = full[:before], full[before + len(plain) :]
        reserved = tuple(sorted(tokenizer.all_special_ids))
        return cls(tuple(prefix), tuple(suffix), tokenizer.pad_token_id, reserved)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Packed chunks, row by row. Arrays have the shape (chunks, chunk_size) unless they say otherwise."""

    input_ids: np.ndarray  # int32
    word_starts: np.ndarray  # bool: a word begins, as far as this chunk shows it
    special_tokens_mask: np.ndarray  # bool: special token, unknown piece or padding: never selected
    documents: np.ndarray  # int32: the document of each position; -1 for padding and for a chunk's own special tokens
    cuts_word: np.ndarray  # (chunks,) bool: this chunk begins inside a word that the one before it began
    rows: np.ndarray  # (chunks,) int64: the chunk's number in the whole corpus, which its masks are drawn by
    joins: np.ndarray  # (n, 2) chunk and position of each first special token of a document inside a chunk: [SEP]|[CLS]
    padding: int  # positions of padding at the end of the last chunk
    dropped: tuple[int, int]  # the positions of the stream, from and to, that made no whole chunk
    truncated: int  # pieces that would be lost if each document were cut to one chunk instead

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def attention_mask(self) -> np.ndarray:
        """(chunks, chunk_size) bool: everything but padding."""
        mask = np.ones(self.input_ids.shape, bool)
        if self.padding:
            mask[-1, -self.padding :] = False
        return mask

    @property
    def mixes_documents(self) -> np.ndarray:
        """(chunks,) bool: the chunk shows pieces of more than one document."""
        last = np.where(self.documents >= 0, self.documents, -1).max(axis=1)
        first = np.where(self.documents >= 0, self.documents, np.iinfo(np.int32).max).min(axis=1)
        return first < last

    def sample(self, size: int | None, seed: int) -> "Chunks":
        """So many chunks, drawn without replacement and kept in order; all of them if `size` is None or larger."""
        require(size is None or size >= 1, f"{size} chunks are none at all. Ask for 1 or more, or leave it out for all.")
        if size is None or size >= len(self):
            return self
        kept = np.sort(np.random.default_rng(seed).permutation(len(self))[:size])
        joins = self.joins[np.isin(self.joins[:, 0], kept)]
        return replace(
            self,
            **{
                name: getattr(self, name)[kept]
                for name in ("input_ids", "word_starts", "special_tokens_mask", "documents", "cuts_word", "rows")
            },
            joins=np.stack([np.searchsorted(kept, joins[:, 0]), joins[:, 1]], axis=1),
            padding=self.padding if kept[-1] == len(self) - 1 else 0,
        )


def chunk(tokens: Tokens, chunking: Chunking, special: SpecialTokens, *, what: str = "Your text") -> Chunks:
    """Cut a corpus into chunks. Raises CorpusError if it doesn't fill one and the remainder is to be dropped.

    `what` names the corpus in that error.

    >>> tokens = Tokens(np.arange(10, 25), np.ones(15, bool), np.array([0, 9, 15]))
    >>> chunks = chunk(tokens, Chunking(chunk_size=8), SpecialTokens((101,), (102,), 0))
    >>> chunks.input_ids
    array([[101,  10,  11,  12,  13,  14,  15,  16],
           [ 17,  18, 102, 101,  19,  20,  21,  22]], dtype=int32)
    >>> chunks.dropped
    (16, 19)
    """
    sizes = np.diff(tokens.document_starts)
    bare, around = replace(special, prefix=(), suffix=()), len(special.prefix) + len(special.suffix)
    # What goes round the documents is laid into the stream, what goes round the chunks is put on each row.
    documents_in, chunks_in = (special, bare) if chunking.special_tokens == "document" else (bare, special)
    have = len(tokens) + len(sizes) * (len(documents_in.prefix) + len(documents_in.suffix))
    room = chunking.chunk_size - len(chunks_in.prefix) - len(chunks_in.suffix)
    whole, rest = divmod(have, room)
    pad = chunking.remainder == "pad" and rest > 0
    largest = chunking.chunk_size - room + have
    smaller = f"set chunk_size to {largest} or less, " if largest >= SMALLEST else ""
    require(
        whole + pad > 0,
        f"{what} makes {have} tokens, but one chunk needs {room}. Add text, {smaller}or pad the remainder.",
        CorpusError,
    )
    require(
        not pad or special.pad is not None, "This tokenizer has no padding token. Set remainder to 'drop'.", CorpusError
    )
    padding = room - rest if pad else 0
    inner = slice(len(chunks_in.prefix), len(chunks_in.prefix) + room)
    rows, at_once = whole + pad, max(1, _POSITIONS_AT_ONCE // room)

    def fill(arrays: Arrays) -> None:
        for first in range(0, rows, at_once):
            part = slice(first, min(rows, first + at_once))
            behind = padding if part.stop == rows else 0
            streams = _streams(tokens, documents_in, part.start * room, part.stop * room - behind, behind)
            for name, stream, outer in zip(_STREAMS, streams, (0, True, True, -1), strict=True):
                arrays[name][part, inner] = stream.reshape(-1, room)
                arrays[name][part, : inner.start] = arrays[name][part, inner.stop :] = outer
            ids, starts = arrays["input_ids"][part], arrays["word_starts"][part]
            arrays["cuts_word"][part] = ~starts[:, inner.start]
            ids[:, : inner.start], ids[:, inner.stop :] = chunks_in.prefix, chunks_in.suffix
            starts[:, inner.start] = True
            starts[:, 0] = True  # a word cut by the border counts as what this chunk shows of it
        if padding and chunks_in.suffix:  # in the last chunk the suffix follows the text, and the padding comes after it
            arrays["input_ids"][-1, -padding - len(special.suffix) :] = (*special.suffix, *[special.pad] * padding)

    layout: Layout = {name: ((rows, chunking.chunk_size), dtype) for name, dtype in _STREAMS.items()}
    arrays = laid_out(_key(tokens, chunking, special), layout | {"cuts_word": ((rows,), np.bool_)}, fill)
    return Chunks(
        **arrays,
        rows=np.arange(rows),
        joins=_joins(tokens, documents_in, rows, room),
        padding=padding,
        dropped=(have if pad else whole * room, have),
        truncated=int(np.maximum(sizes - (chunking.chunk_size - around), 0).sum()),
    )


@dataclass(frozen=True, slots=True)
class Borders:
    """What the cuts did. Border b lies between chunk b and chunk b + 1."""

    words_cut: np.ndarray  # (n,) the borders with the same word on both sides
    documents_cut: np.ndarray  # (n,) the borders with the same document on both sides
    joins: np.ndarray  # (n, 2) chunk and position of each first special token of a document inside a chunk: [SEP]|[CLS]
    dropped: tuple[int, int]  # positions of the stream, from and to, that made no whole chunk
    padding: int  # positions of padding in the last chunk
    borders: int  # borders in all


def borders(chunks: Chunks) -> Borders:
    """Find what the cuts did, in chunks as `chunk` makes them (a sample has no neighbours to look at).

    >>> tokens = Tokens(np.arange(10, 25), np.arange(15) != 7, np.array([0, 9, 15]))  # the 8th piece continues a word
    >>> found = borders(chunk(tokens, Chunking(chunk_size=8), SpecialTokens((101,), (102,), 0)))
    >>> found.words_cut, found.documents_cut, found.joins
    (array([0]), array([0]), array([[1, 3]]))
    """
    ordinary = chunks.documents >= 0
    first = ordinary.argmax(axis=1)
    last = chunks.documents.shape[1] - 1 - ordinary[:, ::-1].argmax(axis=1)
    row = np.arange(len(chunks))
    same = chunks.documents[row[:-1], last[:-1]] == chunks.documents[row[1:], first[1:]]
    return Borders(
        words_cut=np.flatnonzero(chunks.cuts_word[1:]),
        documents_cut=np.flatnonzero(same),
        joins=chunks.joins,
        dropped=chunks.dropped,
        padding=chunks.padding,
        borders=len(chunks) - 1,
    )


def _joins(tokens: Tokens, special: SpecialTokens, rows: int, room: int) -> np.ndarray:
    """Where a document's special tokens follow another's inside a row: (row, position) of the first one."""
    around = len(special.prefix) + len(special.suffix)
    begins = tokens.document_starts[1:-1] + np.arange(1, len(tokens.document_starts) - 1) * around
    inside = (begins % room > 0) & (begins < rows * room) & (around > 0)
    return np.stack(np.divmod(begins[inside], room), axis=1)


def _streams(tokens: Tokens, special: SpecialTokens, begin: int, end: int, padding: int) -> Iterator[np.ndarray]:
    """Ids, word starts, special or not, document, from one place of the whole stream to another: each document between
    prefix and suffix, end to end, padding behind.

    One stream after the other, so that none is in memory for longer than it takes to cut it.
    """
    around = len(special.prefix) + len(special.suffix)
    places = tokens.document_starts + np.arange(len(tokens.document_starts)) * around
    first = int(np.searchsorted(places[:-1], begin, "right")) - 1
    last = max(first + 1, int(np.searchsorted(places[:-1], end, "left")))
    low, high = tokens.document_starts[first], tokens.document_starts[last]
    input_ids, word_starts = tokens.input_ids[low:high], tokens.word_starts[low:high]
    sizes = np.diff(tokens.document_starts[first : last + 1])
    begins = places[first:last] - places[first]
    ends = begins + len(special.prefix) + sizes
    placed = [(begins + i, id) for i, id in enumerate(special.prefix)]
    placed += [(ends + i, id) for i, id in enumerate(special.suffix)]
    part = slice(begin - int(places[first]), end - int(places[first]) + padding)
    ordinary = np.ones(len(input_ids) + len(sizes) * around + padding, bool)
    ordinary[len(ordinary) - padding :] = False
    for at, _ in placed:
        ordinary[at] = False
    stream = np.full(len(ordinary), special.pad or 0, np.int32)
    stream[ordinary] = input_ids
    for at, id in placed:
        stream[at] = id
    yield stream[part]
    stream = np.ones(len(ordinary), bool)
    stream[ordinary] = word_starts
    yield stream[part]
    piece = np.ones(len(input_ids), bool)
    for id in special.reserved:
        piece &= input_ids != id
    ordinary[ordinary] = piece
    yield ~ordinary[part]
    documents = np.append(np.arange(first, last, dtype=np.int32), np.int32(-1))
    yield np.repeat(documents, np.append(sizes + around, padding))[part]


def _key(tokens: Tokens, chunking: Chunking, special: SpecialTokens) -> str:
    """What stands for the chunks of these tokens."""
    digest = hashlib.sha256(f"{_FORMAT} {tokens.key} {chunking} {special}".encode())
    if not tokens.key:
        for array in (tokens.input_ids, tokens.word_starts, tokens.document_starts):
            digest.update(np.ascontiguousarray(array).data)
    return f"chunks-{digest.hexdigest()[:32]}"


_FORMAT = 1  # raise it when the arrays change their meaning
_POSITIONS_AT_ONCE = 2**22  # of the stream; some 60 MB while they are cut
_STREAMS: dict[str, type] = {
    "input_ids": np.int32,
    "word_starts": np.bool_,
    "special_tokens_mask": np.bool_,
    "documents": np.int32,
}
