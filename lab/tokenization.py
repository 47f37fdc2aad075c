"""Tokenization: text in; pieces, ids and word boundaries out, for any fast tokenizer.

Two faces. `explain` takes a sentence apart for a reader: piece, id, word, character span. `tokenize` turns a corpus into
three flat arrays, cached on disk. What a word is, the tokenizer says itself (`word_ids`), never a `##` in a piece: so
WordPiece, byte-level BPE and Unigram are treated alike.
"""

import hashlib
import json
from array import array
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lab.arrays import Arrays, laid_out
from lab.errors import CorpusError, ModelError, require
from lab.home import cached_map

if TYPE_CHECKING:
    from datasets import Dataset
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a text, as a reader needs it."""

    text: str  # as the vocabulary spells it: "##able", "Ġfilm", "▁film"
    id: int
    word: int | None  # the word's number in the text, from 0; None for what the tokenizer puts round the text
    start: int  # the characters of the text that it came from: text[start:end]
    end: int
    continues: bool  # True if an earlier piece of the same word came before
    special: bool  # also an unknown piece, and a special token written in the text: never selected


@dataclass(frozen=True, slots=True)
class Tokens:
    """A corpus as flat arrays, without special tokens."""

    input_ids: np.ndarray  # (n,) int32
    word_starts: np.ndarray  # (n,) bool: True where a word begins
    document_starts: np.ndarray  # (documents + 1,) int64: document d is input_ids[document_starts[d]:document_starts[d+1]]
    key: str = ""  # stands for the corpus and the tokenizer that they come from

    def __len__(self) -> int:
        return len(self.input_ids)


def explain(tokenizer: "PreTrainedTokenizerFast", text: str) -> list[Piece]:
    """Take a text apart, special tokens included.

    >>> from lab.model import load_tokenizer
    >>> [(piece.text, piece.word) for piece in explain(load_tokenizer("bundled"), "Unwatchable!")][1:-1]
    [('un', 0), ('##watch', 0), ('##able', 0), ('!', 1)]
    """
    encoding = backend(tokenizer).encode(text)
    specials = set(tokenizer.all_special_ids)
    pieces: list[Piece] = []
    columns = (encoding.tokens, encoding.ids, encoding.word_ids, encoding.offsets, encoding.special_tokens_mask)
    for piece, id, word, (start, end), added in zip(*columns, strict=True):
        outside = bool(added) or word is None
        special = outside or id in specials
        continues = not special and bool(pieces) and pieces[-1].word == word
        pieces.append(Piece(piece, id, None if outside else word, start, end, continues, special))
    return pieces


def tokenize(dataset: "Dataset", tokenizer: "PreTrainedTokenizerFast", column: str = "text") -> Tokens:
    """Turn a corpus into flat arrays; the result is kept on disk and found again by the corpus' and tokenizer's content.

    Equal, id for id and word for word, to calling the tokenizer on each document with `split_special_tokens`: a document
    that speaks of "[MASK]" means the six letters, and a blank in the text would be a question that nobody asked. Raises
    CorpusError if the column is missing or the corpus makes no tokens.

    >>> from datasets import Dataset
    >>> from lab.model import load_tokenizer
    >>> tokens = tokenize(Dataset.from_dict({"text": ["Unwatchable!", "Bad."]}), load_tokenizer("bundled"))
    >>> tokens.word_starts.tolist(), tokens.document_starts.tolist()
    ([True, False, False, True, True, True], [0, 4, 6])
    """
    from datasets import Features, List, Value

    require(
        column in dataset.column_names,
        f"The corpus has no column {column!r}. Its columns are: {', '.join(dataset.column_names)}.",
        CorpusError,
    )
    definition = backend(tokenizer).to_str()
    fingerprint = hashlib.sha256(f"{_FORMAT} {dataset._fingerprint} {column} {definition}".encode()).hexdigest()[:32]
    encoded = cached_map(
        dataset.with_format("arrow"),
        partial(_encode, cache(partial(_encoder, definition)), column),
        "tokens",
        fingerprint,
        batch_size=_DOCUMENTS_A_BATCH,
        remove_columns=dataset.column_names,
        features=Features({"input_ids": List(Value("int32")), "word_starts": List(Value("int8"))}),
        desc="Tokenizing",
    )
    document_starts = np.zeros(len(encoded) + 1, np.int64)
    lengths = [pc.list_value_length(part).to_numpy() for part in encoded.data.column("input_ids").chunks]
    np.cumsum(np.concatenate(lengths), out=document_starts[1:])
    require(
        document_starts[-1] > 0,
        "The corpus makes no tokens: its documents are empty. Choose another text column or add text.",
        CorpusError,
    )

    def fill(arrays: Arrays) -> None:
        for name, whole in arrays.items():
            begin = 0
            for part in encoded.data.column(name).chunks:
                values = part.flatten().to_numpy().view(whole.dtype)
                whole[begin : begin + len(values)] = values
                begin += len(values)

    size = int(document_starts[-1])
    arrays = laid_out(f"tokens-{fingerprint}", {"input_ids": ((size,), np.int32), "word_starts": ((size,), np.bool_)}, fill)
    return Tokens(arrays["input_ids"], arrays["word_starts"], document_starts, fingerprint)


def backend(tokenizer: "PreTrainedTokenizerFast") -> "Tokenizer":
    """The Rust tokenizer inside, set to neither cut nor pad, and to read special tokens as the tokenizer itself does.

    Raises ModelError for a slow tokenizer, which has no words.
    """
    require(
        getattr(tokenizer, "is_fast", False),
        "This tokenizer is a slow one, which can't say what its words are. Choose a model with a fast tokenizer.",
        ModelError,
    )
    inner = tokenizer.backend_tokenizer
    inner.no_truncation()
    inner.no_padding()
    inner.encode_special_tokens = tokenizer.split_special_tokens  # a call that asked otherwise leaves its wish behind
    return inner


_FORMAT = "tokens-2"  # part of the cache's name: raise it when the arrays change their meaning
_DOCUMENTS_A_BATCH = 2_000
_CUTS_REMEMBERED = 1_000_000  # about 300 MB; a corpus with more distinct cuts starts its memory anew


class _Cuts:
    """The pieces of each distinct stretch of text between spaces, tokenized once and not once a mention.

    25,000 film reviews hold 5.8 million such stretches, of which 281,000 are distinct: 2.2 s instead of the 6.4 s that the
    tokenizer takes for the whole, on two cores. Exact wherever the tokenizer always parts words at a space: see `_encoder`.
    """

    def __init__(self, inner: "Tokenizer") -> None:
        self._inner = inner
        self._clear()

    def _clear(self) -> None:
        self._row: defaultdict[str, int] = defaultdict(count().__next__)
        self._ids, self._starts, self._ends = array("i"), array("b"), array("q", [0])

    def rows(self, texts: list[str]) -> np.ndarray:
        """Numbers for these stretches, each of which was preceded by a space; new ones are learned."""
        known = len(self._row)
        if known > _CUTS_REMEMBERED:
            self._clear()
            known = 0
        rows = np.fromiter(map(self._row.__getitem__, texts), np.int64, len(texts))
        self._learn(list(islice(self._row, known, None)))
        return rows

    def _learn(self, texts: list[str]) -> None:
        lines = [texts[i : i + 500] for i in range(0, len(texts), 500)]
        encodings = self._inner.encode_batch([" " + " ".join(line) for line in lines], add_special_tokens=False)
        for line, encoding in zip(lines, encodings, strict=True):
            cut_ends = np.cumsum(np.fromiter(map(len, line), np.int64, len(line)) + 1)
            piece_ends = np.fromiter((end for _, end in encoding.offsets), np.int64, len(encoding))
            pieces = np.bincount(np.searchsorted(cut_ends, piece_ends, side="left"), minlength=len(line))
            self._ids.frombytes(np.array(encoding.ids, np.int32).tobytes())
            self._starts.frombytes(_word_starts(encoding.word_ids).tobytes())
            self._ends.frombytes((self._ends[-1] + np.cumsum(pieces)).tobytes())

    def pieces(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ids, word starts, number of pieces of each row), the rows laid end to end."""
        ends = np.frombuffer(self._ends, np.int64)
        first, sizes = ends[rows], ends[rows + 1] - ends[rows]
        stops = np.cumsum(sizes)
        at = np.repeat(first - (stops - sizes), sizes) + np.arange(stops[-1] if len(stops) else 0)
        return np.frombuffer(self._ids, np.int32)[at], np.frombuffer(self._starts, np.int8)[at], sizes


def _encoder(definition: str) -> "_Cuts | Tokenizer":
    """What to encode a corpus with: cuts at spaces where that is exact, else the tokenizer itself.

    Exact for BERT's normalizer and pre-tokenizer, which look at one character at a time and throw the spaces away, if no
    added token holds or swallows a space.
    """
    from tokenizers import Tokenizer

    inner = Tokenizer.from_str(definition)  # one of our own, so that no one else's is changed
    inner.encode_special_tokens = True
    spec = json.loads(definition)
    normalizer, pre_tokenizer = spec["normalizer"], spec["pre_tokenizer"] or {}
    parts_at_spaces = pre_tokenizer.get("type") == "BertPreTokenizer" and (normalizer or {}).get("type") == "BertNormalizer"
    swallows = any(" " in token["content"] or token["lstrip"] or token["rstrip"] for token in spec["added_tokens"])
    return _Cuts(inner) if parts_at_spaces and not swallows else inner


def _encode(make: "Callable[[], _Cuts | Tokenizer]", column: str, batch: pa.Table) -> pa.Table:
    """One batch of documents → one list of ids and one of word starts a document, as Arrow arrays."""
    encoder = make()
    texts = pc.fill_null(batch.column(column).cast(pa.large_string()).combine_chunks(), "")
    if isinstance(encoder, _Cuts):
        cuts = pc.split_pattern(texts, " ")
        distinct = cuts.flatten().dictionary_encode()
        ids, starts, sizes = encoder.pieces(encoder.rows(distinct.dictionary.to_pylist())[distinct.indices.to_numpy()])
        cut_offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(cuts).to_numpy())])
        offsets = np.concatenate([[0], np.cumsum(sizes)])[cut_offsets]
    else:
        encodings = encoder.encode_batch(texts.to_pylist(), add_special_tokens=False)
        ids = np.concatenate([np.array(each.ids, np.int32) for each in encodings])
        starts = np.concatenate([_word_starts(each.word_ids) for each in encodings])
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in encodings])])
    lists = pa.array(offsets, pa.int32())
    return pa.table(
        {"input_ids": pa.ListArray.from_arrays(lists, ids), "word_starts": pa.ListArray.from_arrays(lists, starts)}
    )


def _word_starts(word_ids: list[int | None]) -> np.ndarray:
    """(n,) int8, 1 where the word is another than the piece before's. A piece outside any word stands for itself."""
    words = np.array([-1 if word is None else word for word in word_ids], np.int64)
    if not len(words):
        return np.zeros(0, np.int8)
    return np.concatenate([[True], (words[1:] != words[:-1]) | (words[1:] < 0)]).astype(np.int8)
