"""Arrays in files: the same as in memory, made once, made anew when damaged, and refused where there is no room."""

from collections import namedtuple
from dataclasses import fields

import numpy as np
import pytest
from datasets import Dataset

from lab.arrays import laid_out
from lab.chunking import Chunking, SpecialTokens, chunk
from lab.errors import RunError
from lab.home import home as lab_home
from lab.tokenization import tokenize

LAYOUT = {"numbers": ((1000,), np.int32), "flags": ((10, 100), np.bool_)}


def numbers(arrays):
    arrays["numbers"][:] = np.arange(1000)
    arrays["flags"][:] = np.arange(1000).reshape(10, 100) % 3 == 0


@pytest.fixture
def in_files(home, monkeypatch):
    monkeypatch.setattr("lab.arrays.LARGE", 0)


def test_a_large_corpus_comes_out_of_files_as_a_small_one_does_out_of_memory(home, tokenizer, monkeypatch):
    corpus = Dataset.from_dict({"text": [f"The unforgettable film number {i}, unwatchable or not." for i in range(99)]})

    def made():
        tokens = tokenize(corpus, tokenizer)
        return tokens, chunk(tokens, Chunking(chunk_size=16), SpecialTokens.of(tokenizer))

    in_memory = made()
    monkeypatch.setattr("lab.arrays.LARGE", 0)
    monkeypatch.setattr("lab.chunking._POSITIONS_AT_ONCE", 100)
    in_files = made()
    assert isinstance(in_files[0].input_ids, np.memmap)
    assert isinstance(in_files[1].documents, np.memmap)
    for one, other in zip(in_memory, in_files, strict=True):
        for field in fields(one):
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_they_are_made_once_and_cannot_be_changed(in_files):
    first = laid_out("some", LAYOUT, numbers)
    second = laid_out("some", LAYOUT, lambda _: pytest.fail("they are there"))
    assert np.array_equal(first["numbers"], np.arange(1000))
    assert np.array_equal(second["flags"], first["flags"])
    with pytest.raises(ValueError, match="read-only"):
        second["numbers"][0] = 5


def test_what_is_gone_or_was_never_finished_is_made_anew(in_files):
    def breaks(arrays):
        arrays["numbers"][:] = 7
        raise RuntimeError("the lights went out")

    with pytest.raises(RuntimeError):
        laid_out("some", LAYOUT, breaks)
    assert not list((lab_home() / "cache" / "arrays").glob(".new-*"))
    laid_out("some", LAYOUT, numbers)
    (lab_home() / "cache" / "arrays" / "some" / "flags.npy").unlink()
    assert np.array_equal(laid_out("some", LAYOUT, numbers)["numbers"], np.arange(1000))


def test_a_disk_without_room_is_told_before_anything_is_written(in_files, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(RunError, match="Free some space"):
        laid_out("some", LAYOUT, numbers)
