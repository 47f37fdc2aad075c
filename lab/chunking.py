"""Chunking: documents laid end to end as one stream, cut every `chunk_size` positions, with a report on what the cuts did.

Special tokens go round each document (`[CLS] review [SEP][CLS] review [SEP]`, as tutorials do it) or round each chunk
(`[CLS] … [SEP]`, what the model met when it was pretrained).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from lab.errors import CorpusError, require
from lab.settings import setting
from lab.tokenization import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunking:
    """How the stream is cut."""

    chunk_size: int = setting(128, "positions in a chunk, special tokens included")
    special_tokens: Literal["document", "chunk"] = setting(
        "document", "document: [CLS] and [SEP] round each document; chunk: round each chunk"
    )
    remainder: Literal["drop", "pad"] = setting("drop", "what becomes of the short last chunk: dropped, or padded")

    def __post_init__(self) -> None:
        require(self.chunk_size >= 8, f"chunk_size is {self.chunk_size}. Set it to 8 or more; 128 is usual.")


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """What a tokenizer puts round a text, and what it pads with."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    pad: int | None

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerFast") -> "SpecialTokens":
        """Read them off a tokenizer by looking at what it adds to a short text.

        >>> from lab.model import load_tokenizer
        >>> SpecialTokens.of(load_tokenizer("bundled"))
        SpecialTokens(prefix=(101,), suffix=(102,), pad=0)
        """
        plain = tokenizer("a", add_special_tokens=False)["input_ids"]
        full = tokenizer("a")["input_ids"]
        before = next(i for i in range(len(full)) if full[i : i + len(plain)] == plain)
        return cls(tuple(full[:before]), tuple(full[before + len(plain) :]), tokenizer.pad_token_id)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Packed chunks, row by row. Arrays have the shape (chunks, chunk_size) unless they say otherwise."""

    input_ids: np.ndarray  # int32
    word_starts: np.ndarray  # bool: a word begins, as far as this chunk shows it
    special_tokens_mask: np.ndarray  # bool: special token or padding, never selected
    documents: np.ndarray  # int32: the document of each position; -1 for padding and for a chunk's own special tokens
    cuts_word: np.ndarray  # (chunks,) bool: this chunk begins inside a word that the one before it began
    rows: np.ndarray  # (chunks,) int64: the chunk's number in the whole corpus, which its masks are drawn by
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
        if size is None or size >= len(self):
            return self
        kept = np.sort(np.random.default_rng(seed).permutation(len(self))[:size])
        return replace(
            self,
            **{
                name: getattr(self, name)[kept]
                for name in ("input_ids", "word_starts", "special_tokens_mask", "documents", "cuts_word", "rows")
            },
            padding=self.padding if kept[-1] == len(self) - 1 else 0,
        )


def chunk(tokens: Tokens, chunking: Chunking, special: SpecialTokens) -> Chunks:
    """Cut a corpus into chunks. Raises CorpusError if it doesn't fill one and the remainder is to be dropped.

    >>> tokens = Tokens(np.arange(10, 25), np.ones(15, bool), np.array([0, 9, 15]))
    >>> chunks = chunk(tokens, Chunking(chunk_size=8), SpecialTokens((101,), (102,), 0))
    >>> chunks.input_ids
    array([[101,  10,  11,  12,  13,  14,  15,  16],
           [ 17,  18, 102, 101,  19,  20,  21,  22]], dtype=int32)
    >>> chunks.dropped
    (16, 19)
    """
    sizes = np.diff(tokens.document_starts)
    documents = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    fields: tuple[np.ndarray, ...] = tokens.input_ids, tokens.word_starts, np.zeros(len(tokens), bool), documents
    room = chunking.chunk_size
    if chunking.special_tokens == "document":
        fields = _wrap_documents(fields, tokens.document_starts, special)
    else:
        room -= len(special.prefix) + len(special.suffix)
    have = len(fields[0])
    whole, rest = divmod(have, room)
    pad = chunking.remainder == "pad" and rest > 0
    require(
        whole + pad > 0,
        f"Your text makes {have} tokens, but one chunk needs {room}. "
        f"Add text, set chunk_size to {max(8, chunking.chunk_size - room + have)} or less, or pad the remainder.",
        CorpusError,
    )
    require(
        not pad or special.pad is not None, "This tokenizer has no padding token. Set remainder to 'drop'.", CorpusError
    )
    filler = (special.pad, True, True, -1)
    padding = room - rest if pad else 0
    ids, starts, specials, documents = (
        _cut(field, whole + pad, room, fill) for field, fill in zip(fields, filler, strict=True)
    )
    cuts_word = ~starts[:, 0]
    if chunking.special_tokens == "chunk":
        ids, starts, specials, documents = _wrap_chunks((ids, starts, specials, documents), special)
        starts[:, len(special.prefix)] = True
        if padding:  # in the last chunk the suffix follows the text, and the padding comes after it
            ids[-1, -padding - len(special.suffix) :] = (*special.suffix, *[special.pad] * padding)
    starts[:, 0] = True  # a word cut by the border counts as what this chunk shows of it
    return Chunks(
        input_ids=ids,
        word_starts=starts,
        special_tokens_mask=specials,
        documents=documents,
        cuts_word=cuts_word,
        rows=np.arange(len(ids)),
        padding=padding,
        dropped=(have if pad else whole * room, have),
        truncated=int(np.maximum(sizes - (chunking.chunk_size - len(special.prefix) - len(special.suffix)), 0).sum()),
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
    new = (chunks.documents[:, 1:] != chunks.documents[:, :-1]) & ordinary[:, 1:] & ordinary[:, :-1]
    joins = np.argwhere(new & chunks.special_tokens_mask[:, 1:]) + np.array([0, 1])
    return Borders(
        words_cut=np.flatnonzero(chunks.cuts_word[1:]),
        documents_cut=np.flatnonzero(same),
        joins=joins,
        dropped=chunks.dropped,
        padding=chunks.padding,
        borders=len(chunks) - 1,
    )


def _wrap_documents(
    fields: tuple[np.ndarray, ...], document_starts: np.ndarray, special: SpecialTokens
) -> tuple[np.ndarray, ...]:
    """Put prefix and suffix round each document of the stream."""
    sizes = np.diff(document_starts)
    around = len(special.prefix) + len(special.suffix)
    documents = np.arange(len(sizes))
    begins = document_starts[:-1] + documents * around
    ids = np.empty(len(fields[0]) + around * len(sizes), np.int32)
    starts, specials = np.ones(len(ids), bool), np.ones(len(ids), bool)
    index = np.int32 if len(ids) < 2**31 else np.int64  # a quarter of a gigabyte less at 25 million tokens
    body: np.ndarray = np.arange(len(fields[0]), dtype=index)
    body += np.repeat((documents * around + len(special.prefix)).astype(index), sizes)
    ids[body], starts[body], specials[body] = fields[0], fields[1], False
    for i, id in enumerate(special.prefix):
        ids[begins + i] = id
    for i, id in enumerate(special.suffix):
        ids[begins + len(special.prefix) + sizes + i] = id
    return ids, starts, specials, np.repeat(documents.astype(np.int32), sizes + around)


def _cut(stream: np.ndarray, rows: int, room: int, fill: object) -> np.ndarray:
    """Rows of `room` out of a stream; what is over is left off, what is missing is filled: [1 2 3], 1, 2 → [[1 2]]."""
    out = np.full(rows * room, fill, stream.dtype)
    out[: len(stream)] = stream[: rows * room]
    return out.reshape(rows, room)


def _wrap_chunks(fields: tuple[np.ndarray, ...], special: SpecialTokens) -> tuple[np.ndarray, ...]:
    """Put prefix and suffix round each chunk."""

    def wrap(field: np.ndarray, prefix: tuple, suffix: tuple) -> np.ndarray:
        rows = len(field)
        sides = [np.broadcast_to(np.array(side, field.dtype), (rows, len(side))) for side in (prefix, suffix)]
        return np.concatenate([sides[0], field, sides[1]], axis=1)

    ids, starts, specials, documents = fields
    p, s = len(special.prefix), len(special.suffix)
    return (
        wrap(ids, special.prefix, special.suffix),
        wrap(starts, (True,) * p, (True,) * s),
        wrap(specials, (True,) * p, (True,) * s),
        wrap(documents, (-1,) * p, (-1,) * s),
    )
