"""Sizes: how many pieces a corpus makes, found in a moment, without what loads and tokenizes it for training.

The bundled reviews, and own files of up to two megabytes, are counted piece by piece. Of a larger one the beginning is, and
the rest reckoned by its bytes.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from lab.corpus import TEXT_NAMES, Corpus
from lab.files import FORMATS
from lab.home import ASSETS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_ENOUGH = 2_000_000  # characters that are counted piece by piece: half a second


@dataclass(frozen=True, slots=True)
class Size:
    """Documents and pieces of both splits, special tokens left out."""

    train_documents: int
    train_tokens: int
    test_documents: int
    test_tokens: int
    counted: bool  # piece by piece; or else reckoned


# IMDB at its fixed revision in DistilBERT's uncased pieces, markup and all: documents and pieces.
_IMDB = {"train": (25_000, 7_795_248), "test": (25_000, 7_617_712), "unsupervised": (50_000, 15_638_496)}


def size_of(corpus: Corpus) -> Size:
    """The size of a corpus after sampling; one that can't be read has none, and its run will say why.

    >>> size = size_of(Corpus(max_train_documents=100, max_test_documents=50))
    >>> size.train_documents, size.test_documents, size.counted
    (100, 50, False)
    """
    splits, counted = _splits(corpus)

    def sampled(name: str, most: int | None) -> tuple[int, int]:
        documents, tokens = splits[name]
        kept = min(documents, most or documents)
        return kept, round(tokens * kept / max(1, documents))

    train, test = sampled("train", corpus.max_train_documents), sampled("test", corpus.max_test_documents)
    return Size(*train, *test, counted and (train, test) == (splits["train"], splits["test"]))


def _splits(corpus: Corpus) -> tuple[dict[str, tuple[int, int]], bool]:
    """Documents and pieces of "train" and "test", and whether they were counted."""
    if corpus.corpus == "imdb":
        more = _IMDB["unsupervised"] if corpus.unsupervised else (0, 0)
        return _IMDB | {"train": (_IMDB["train"][0] + more[0], _IMDB["train"][1] + more[1])}, False
    path = ASSETS / "reviews" if corpus.corpus == "reviews" else Path(corpus.corpus).expanduser()
    try:
        files = {each.stem: each for each in path.iterdir() if each.suffix.lower() in FORMATS} if path.is_dir() else {}
        files = files or {"train": path}
        found = {name: _count(files[name], corpus) for name in ("train", "test") if name in files}
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return {"train": (0, 0), "test": (0, 0)}, False
    counted = all(each[2] for each in found.values())
    documents, tokens, _ = found["train"]
    if "test" in found:
        return {"train": (documents, tokens), "test": found["test"][:2]}, counted
    out, out_tokens = round(documents * corpus.held_out), round(tokens * corpus.held_out)
    return {"train": (documents - out, tokens - out_tokens), "test": (out, out_tokens)}, False


def _count(path: Path, corpus: Corpus) -> tuple[int, int, bool]:
    status = path.stat()
    return _count_file(path, status.st_mtime_ns, status.st_size, corpus.text_column, corpus.clean_markup)


@lru_cache(maxsize=256)
def _count_file(path: Path, _changed: int, size: int, column: str | None, clean: bool) -> tuple[int, int, bool]:
    """Documents and pieces of a file, and whether all of it was counted. A file that has changed is counted anew."""
    texts, share = _beginning(path, size, column)
    if clean:
        texts = [re.sub(r"(?i)\s*(?:<br\s*/?>\s*)+", " ", text) for text in texts]
    tokens = sum(len(each.ids) for each in _tokenizer().encode_batch_fast(texts, add_special_tokens=False))
    return round(len(texts) / share), round(tokens / share), share == 1


@cache
def _tokenizer() -> "Tokenizer":
    """The bundled tokenizer, in the library that needs 0.02 s to load."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(ASSETS / "model" / "tokenizer.json"))


def _beginning(path: Path, size: int, column: str | None) -> tuple[list[str], float]:
    """The first documents of a file, and what share of it they are."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        file = pq.ParquetFile(path)
        rows: list[dict] = []
        read = 0
        for batch in file.iter_batches(batch_size=200):
            rows += batch.to_pylist()
            read += batch.nbytes
            if read > _ENOUGH:
                break
        return _texts(rows, column), max(1, len(rows)) / max(1, file.metadata.num_rows)
    with path.open(encoding="utf-8", errors="replace", newline="") as text_file:
        beginning = text_file.read(_ENOUGH)
    whole = len(beginning) < _ENOUGH
    share = 1.0 if whole else len(beginning.encode()) / size
    if suffix == ".txt":
        return [text for text in re.split(r"\n\s*\n", beginning) if text.strip()], share
    return _texts(list(_rows(suffix, beginning if whole else beginning.rpartition("\n")[0])), column), share


def _rows(suffix: str, text: str) -> Iterator[dict]:
    if suffix == ".csv":
        yield from csv.DictReader(text.splitlines(keepends=True))
    else:
        yield from (json.loads(line) for line in text.splitlines() if line.strip())


def _texts(rows: list[dict], column: str | None) -> list[str]:
    """The column that holds the text, guessed as `lab.corpus` does."""
    if not rows:
        return []
    named = {name.lower(): name for name, value in rows[0].items() if isinstance(value, str)}
    guess = next((named[name] for name in TEXT_NAMES if name in named), None) or max(
        named.values(), key=lambda name: sum(len(row.get(name) or "") for row in islice(rows, 200))
    )
    return [text for row in rows if isinstance(text := row.get(column or guess), str) and text.strip()]
