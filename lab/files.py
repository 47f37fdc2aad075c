"""Files: one file of a corpus (.txt, .csv, .jsonl, .parquet) as a `datasets.Dataset`; or what is wrong with it, and where.

`datasets`' own readers read it, in blocks, and keep what they have read in the lab's cache. What they would refuse in words
of their own, or take for text though it is none, is refused here, by name and line.
"""

import codecs
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from lab.errors import CorpusError, require
from lab.home import home

if TYPE_CHECKING:
    from datasets import Dataset

FORMATS = (".txt", ".csv", ".jsonl", ".parquet")


def read_file(path: Path) -> "Dataset":
    """Read a file whole: a row a document, with the columns that it has. Raises CorpusError."""
    from datasets.exceptions import DatasetGenerationError

    suffix = path.suffix.lower()
    require(
        suffix in FORMATS,
        f"Can't read {path.name}: a corpus is a file that ends in {', '.join(FORMATS)}. Save it as one of them.",
        CorpusError,
    )
    _check_readable(path, binary=suffix == ".parquet")
    try:
        return _read(path, suffix)
    except (DatasetGenerationError, pa.ArrowException, ValueError, OSError) as error:
        cause = _innermost(error)
        if isinstance(cause, OSError) and cause.errno in _STORAGE:
            raise CorpusError(
                f"Can't prepare {path.name}: {os.strerror(cause.errno)}. "
                "Free some space, or set LAB_HOME to a folder that can be written to."
            ) from error
        require(
            not any(
                words in str(cause) for words in ("corresponds to no data", "at least one example", "BatchSize must be")
            ),
            _empty(path),
            CorpusError,
        )
        raise CorpusError(f"Can't read {path.name} as {suffix[1:]}: {_reason(cause)}. {_ADVICE[suffix]}") from error


def _read(path: Path, suffix: str) -> "Dataset":
    """Through `datasets`' readers, which keep what they have read in the lab's cache, and read from there next time.

    What is in the cache but can't be read is made anew.
    """
    from datasets.io.csv import CsvDatasetReader
    from datasets.io.json import JsonDatasetReader
    from datasets.io.parquet import ParquetDatasetReader
    from datasets.io.text import TextDatasetReader

    readers: dict[str, tuple[Any, dict[str, Any]]] = {
        ".txt": (TextDatasetReader, {"sample_by": "paragraph", "encoding": "utf-8-sig"}),
        ".csv": (CsvDatasetReader, {"keep_default_na": False, "na_values": [""]}),  # a review may well be "None"
        ".jsonl": (JsonDatasetReader, {}),
        ".parquet": (ParquetDatasetReader, {}),
    }
    make, options = readers[suffix]
    # The readers take a path for a pattern: "mine[1].csv" would be "mine1.csv".
    cache = home() / "cache" / "files"
    read = partial(make, escape(str(path)), cache_dir=str(cache), **options)
    with _hushed():
        try:
            reader = read()
        except ValueError:
            _drop_damaged(cache)
            reader = read()
        kept = Path(reader.builder.cache_dir)
        if kept.exists():
            try:
                return reader.read()
            except (pa.ArrowException, ValueError, OSError):
                shutil.rmtree(kept, ignore_errors=True)
        return reader.read()


def _drop_damaged(cache: Path) -> None:
    """Remove what the readers have kept but can't identify any more."""
    for info in list(cache.rglob("dataset_info.json")):
        try:
            json.loads(info.read_bytes())
        except ValueError:
            shutil.rmtree(info.parent, ignore_errors=True)


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep the readers from logging what is about to be said in one sentence."""
    from datasets.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(before)


_STORAGE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.ENOENT,
    errno.EIO,
    errno.EMFILE,
)

_ADVICE = {
    ".txt": "Save it as plain text in UTF-8.",
    ".csv": 'Save it as CSV in UTF-8 ("CSV UTF-8" in a spreadsheet), with the names of the columns in the first line.',
    ".jsonl": 'Write one JSON object a line, in UTF-8, for example {"text": "…"}.',
    ".parquet": "Write it anew, for example with pandas' to_parquet.",
}


def _check_readable(path: Path, binary: bool) -> None:
    """Refuse early, by name and line, what the readers would refuse in words of their own, or take for text."""
    require(path.is_file(), f"{path.name} is not a file. Give the path of one.", CorpusError)
    with path.open("rb") as file:
        require(bool(file.read(1)), _empty(path), CorpusError)
        file.seek(0)
        if not binary:
            _check_text(path, file)
    if path.suffix.lower() == ".jsonl" and (reason := _first_bad_line(path)):
        raise CorpusError(f"Can't read {path.name} as jsonl: {reason}. {_ADVICE['.jsonl']}")


def _check_text(path: Path, file: BinaryIO) -> None:
    """UTF-8 from beginning to end, without zero bytes; read in blocks, for it may be larger than the memory."""
    decoder, lines = codecs.getincrementaldecoder("utf-8")(), 1
    while block := file.read(2**20):
        utf_16 = block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and file.tell() == len(block)
        require(not utf_16, f"{path.name} is in UTF-16. {_ADVICE[path.suffix.lower()]}", CorpusError)
        zero = block.find(0)
        try:
            decoder.decode(block, final=len(block) < 2**20)
        except UnicodeDecodeError as error:
            lines += block[: error.start].count(b"\n")
            raise CorpusError(
                f"{path.name} is not text in UTF-8: line {lines} has other bytes. {_ADVICE[path.suffix.lower()]}"
            ) from error
        if zero >= 0:
            lines += block[:zero].count(b"\n")
            raise CorpusError(f"{path.name} is not text: line {lines} has a zero byte. {_ADVICE[path.suffix.lower()]}")
        lines += block.count(b"\n")


def _empty(path: Path) -> str:
    return f"{path.name} is empty. Put some text in it: a few thousand words at least."


def _innermost(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _reason(cause: BaseException) -> str:
    """What a reader met, in the words of whoever made the file."""
    said = (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")
    if columns := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said):
        expected, line, seen = columns.groups()
        return (
            f"line {line} makes {seen} columns where {expected} are expected; perhaps a quotation mark is missing near it"
        )
    if "EOF inside string" in said:
        return "a quotation mark is opened and never closed"
    return said


def _first_bad_line(path: Path) -> str | None:
    """Where a .jsonl file goes wrong. A line that is no object, or nested without end, brings Arrow's reader down."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(codecs.BOM_UTF8).strip()
            if not line:
                continue
            if line[:1] != b"{" or not _is_object(line):
                return f"line {number} is not a JSON object"
            if line.count(b"{") + line.count(b"[") > _DEEPEST and _depth(line) > _DEEPEST:
                return f"line {number} has lists or objects within each other, more than {_DEEPEST} deep"
    return None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except RecursionError:
        return True
    except ValueError:
        return False


def _depth(line: bytes) -> int:
    """How deep lists and objects lie within each other."""
    deepest = depth = 0
    for sign in re.findall(rb"[\[{\]}]", re.sub(rb'"(?:[^"\\]|\\.)*"', b"", line)):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


_DEEPEST = 64
