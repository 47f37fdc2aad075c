"""Corpus: text in, a training and a held-out split out, each a `datasets.Dataset` with a `text` column.

Three sources: the bundled reviews, IMDB from the Hub, and a learner's own file or folder. A document is never split: what
is held out is held out whole, so no piece of it is ever trained on.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lab import hub
from lab.errors import CorpusError, require
from lab.files import FORMATS, read_file
from lab.home import ASSETS, cached_map
from lab.settings import fit, setting

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

TEXT_NAMES = ("text", "review", "content", "document", "body", "sentence", "comment")
_MARKUP = r"(?i)\s*(?:<br\s*/?>\s*)+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Which text, and how much of it."""

    corpus: str = setting(
        "reviews",
        "reviews (bundled), imdb, or a path: a .txt file (documents parted by blank lines), .csv, .jsonl or .parquet, "
        "or a folder that holds train.* and test.*",
    )
    text_column: str | None = setting(None, "column that holds the text; guessed if not given")
    unsupervised: bool = setting(False, "imdb only: train on its 50,000 unlabelled reviews too")
    clean_markup: bool = setting(True, "replace <br /> by a space: it is easy to predict and flatters the perplexity")
    held_out: float = setting(0.1, "share of documents held out, for a corpus that comes without a test split")
    max_train_documents: int | None = setting(None, "train on so many documents at most, drawn at random; all if not given")
    max_test_documents: int | None = setting(None, "hold out so many documents at most, drawn at random; all if not given")
    split_seed: int = setting(0, "seed of the held-out split and of the samples")

    def __post_init__(self) -> None:
        fit(self)
        require(0 < self.held_out < 1, f"held_out is {self.held_out}. Set it between 0 and 1, for example 0.1.")
        for name in ("max_train_documents", "max_test_documents"):
            value = getattr(self, name)
            require(value is None or value > 0, f"{name} is {value}. Set it to 1 or more, or leave it out for all.")
        require(0 <= self.split_seed < 2**32, f"split_seed is {self.split_seed}. Set it from 0 to 4294967295.")


def load_corpus(corpus: Corpus) -> "DatasetDict":
    """Load, clean, split and sample a corpus → DatasetDict(train, test); other columns, such as a label, come along.

    Raises CorpusError for anything that can't be found, read or split, in a sentence that says what to do.

    >>> reviews = load_corpus(Corpus(max_test_documents=5))
    >>> len(reviews["test"]), "text" in reviews["train"].column_names
    (5, True)
    """
    from datasets import DatasetDict, concatenate_datasets

    splits = _load(corpus)
    if corpus.unsupervised and "unsupervised" in splits:
        splits["train"] = concatenate_datasets([splits["train"], splits["unsupervised"]])
    splits = {name: _as_text(splits[name], corpus) for name in ("train", "test") if name in splits}
    if "test" not in splits:
        splits = _hold_out(splits["train"], corpus)
    limits = {"train": corpus.max_train_documents, "test": corpus.max_test_documents}
    return DatasetDict({name: _sample(split, limits[name], corpus.split_seed) for name, split in splits.items()})


def guess_text_column(dataset: "Dataset") -> str:
    """The column that holds the text: one named like it, else the text column with the longest values on average.

    >>> from datasets import Dataset
    >>> guess_text_column(Dataset.from_dict({"id": ["a", "b"], "remark": ["a good film", "a bad one"]}))
    'remark'
    """
    kinds = {name: feature.dtype for name, feature in dataset.features.items() if hasattr(feature, "dtype")}
    columns = [name for name, dtype in kinds.items() if dtype in ("string", "large_string")]
    require(
        bool(columns),
        f"No column of this corpus holds only text. Its columns are: {_columns(dataset)}.",
        CorpusError,
    )
    by_name = {name.lower(): name for name in columns}
    for name in TEXT_NAMES:
        if name in by_name:
            return by_name[name]
    head = dataset[: min(200, len(dataset))]
    return max(columns, key=lambda name: sum(len(value or "") for value in head[name]))


def _load(corpus: Corpus) -> "dict[str, Dataset]":
    if corpus.corpus == "reviews":
        return _load_folder(ASSETS / "reviews")
    if corpus.corpus == "imdb":
        return _load_imdb()
    path = Path(corpus.corpus).expanduser()
    with _opening(path):
        require(
            path.exists(),
            f"There is no corpus {corpus.corpus!r}. Give reviews, imdb, or the path of a file that exists.",
            CorpusError,
        )
        return _load_folder(path) if path.is_dir() else {"train": read_file(path)}


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = path.name if len(path.name) < 100 else f"{path.name[:100]}…"
        raise CorpusError(f"Can't open {name}: {error.strerror or error}. Check the path and its permissions.") from error


def _load_folder(folder: Path) -> "dict[str, Dataset]":
    found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in FORMATS}
    require(
        "train" in found,
        f"The folder {folder} holds no train file. Put a train.csv (or .txt, .jsonl, .parquet) in it, "
        "and a test file if you have one, or give the path of a single file.",
        CorpusError,
    )
    return {name: read_file(found[name]) for name in ("train", "test") if name in found}


def _load_imdb() -> "dict[str, Dataset]":
    def load(folder: Path) -> "dict[str, Dataset]":
        return {split: read_file(folder / file) for split, file in hub.IMDB_FILES.items()}

    try:
        return hub.loaded(hub.IMDB, load)
    except hub.NotFetched as error:
        raise CorpusError(f"{error} The bundled corpus works without: reviews.") from error


def _as_text(dataset: "Dataset", corpus: Corpus) -> "Dataset":
    """Name the text column `text`, clean it, and leave out documents with nothing in them."""
    column = corpus.text_column or guess_text_column(dataset)
    require(
        column in dataset.column_names,
        f"The corpus has no column {column!r}. Its columns are: {', '.join(dataset.column_names)}.",
        CorpusError,
    )
    if column != "text":
        dataset = dataset.remove_columns([name for name in ("text",) if name in dataset.column_names])
        dataset = dataset.rename_column(column, "text")
    require(
        getattr(dataset.features["text"], "dtype", "") in ("string", "large_string"),
        f"The column {column!r} holds no text, or not only text. Choose another with text_column: {_columns(dataset)}.",
        CorpusError,
    )
    text = dataset.data.column("text")
    try:
        text.validate(full=True)  # Arrow takes any bytes for text until they are asked for
    except pa.ArrowInvalid as error:
        raise CorpusError(f"The column {column!r} holds bytes that are not UTF-8. Write the file anew as UTF-8.") from error
    trimmed = (pc.utf8_trim_whitespace(part) for part in text.chunks)  # part by part: it may be larger than the memory
    blank = pa.chunked_array([pc.fill_null(pc.equal(part, ""), True) for part in trimmed], pa.bool_()).to_numpy()
    if blank.any():
        dataset = dataset.select(np.flatnonzero(~blank))
    require(len(dataset) > 0, "The corpus is empty. Put some text in it: a few thousand words at least.", CorpusError)
    if corpus.clean_markup and pc.any(pc.match_substring(text, "<br", ignore_case=True)).as_py():
        dataset = cached_map(dataset.with_format("arrow"), _clean, "clean", f"{dataset._fingerprint}-clean1").with_format(
            None
        )
    return dataset


def _columns(dataset: "Dataset") -> str:
    """The columns and what they hold: "text (string), stars (int64)"."""
    kinds = (
        (name, getattr(feature, "dtype", type(feature).__name__.lower())) for name, feature in dataset.features.items()
    )
    return ", ".join(f"{name} ({kind})" for name, kind in kinds)


def _clean(batch: pa.Table) -> pa.Table:
    column = batch.column_names.index("text")
    text = pc.replace_substring_regex(batch.column("text"), _MARKUP, " ")
    return batch.set_column(column, "text", text)


def _hold_out(dataset: "Dataset", corpus: Corpus) -> "dict[str, Dataset]":
    """Split by document. A text that comes several times counts once, or it could land on both sides."""
    digests = [
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for batch in dataset.select_columns(["text"]).with_format("arrow").iter(1000)
        for text in batch.column("text").to_pylist()
    ]
    documents = np.sort(np.unique(np.array(digests, "V16"), return_index=True)[1])
    require(
        len(documents) > 1,
        "The corpus is a single document, so none can be held out. Part its documents by blank lines, "
        "or put one document a row.",
        CorpusError,
    )
    order = np.random.default_rng(corpus.split_seed).permutation(len(documents))
    size = min(max(1, round(len(documents) * corpus.held_out)), len(documents) - 1)
    return {
        "train": dataset.select(np.sort(documents[order[size:]])),
        "test": dataset.select(np.sort(documents[order[:size]])),
    }


def _sample(dataset: "Dataset", size: int | None, seed: int) -> "Dataset":
    if size is None or size >= len(dataset):
        return dataset
    return dataset.select(np.sort(np.random.default_rng(seed).permutation(len(dataset))[:size]))
