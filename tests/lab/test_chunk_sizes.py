"""Chunk sizes: the outlook over a size is what cutting at it comes to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.chunk_sizes import outlook
from lab.chunking import Chunking, SpecialTokens, borders, chunk
from lab.errors import CorpusError
from lab.tokenization import Tokens
from tests.lab.test_chunking import corpora

SPECIAL = SpecialTokens((101,), (102,), 0)


@settings(max_examples=300, deadline=None)
@given(
    tokens=corpora().filter(len),
    size=st.integers(8, 30),
    special_tokens=st.sampled_from(["document", "chunk"]),
    remainder=st.sampled_from(["drop", "pad"]),
)
def test_the_outlook_is_what_cutting_comes_to(tokens, size, special_tokens, remainder):
    chunking = Chunking(chunk_size=size, special_tokens=special_tokens, remainder=remainder)
    found = outlook(tokens, chunking, SPECIAL)
    try:
        chunks = chunk(tokens, chunking, SPECIAL)
    except CorpusError:
        assert (found.chunks, found.lost_concatenating) == (0, len(tokens))
        return
    pieces = int((~chunks.special_tokens_mask).sum())
    assert found.chunks == len(chunks)
    assert found.words_cut == len(borders(chunks).words_cut)
    assert found.mixed == chunks.mixes_documents.sum()
    assert found.pieces == len(tokens)
    assert found.lost_concatenating == len(tokens) - pieces
    assert found.special_tokens == chunks.special_tokens_mask.sum() - chunks.padding
    assert found.lost_truncating == chunks.truncated


@given(tokens=corpora().filter(len), size=st.integers(8, 30))
def test_a_chunk_to_each_document_holds_what_is_left_of_it_special_tokens_and_padding(tokens, size):
    found = outlook(tokens, Chunking(chunk_size=size), SPECIAL)
    documents = len(tokens.document_starts) - 1
    used = found.pieces - found.lost_truncating
    assert documents * size == used + 2 * documents + found.padded_truncating


def test_twice_the_size_keeps_every_second_border_where_documents_carry_the_special_tokens():
    tokens = Tokens(np.arange(400, dtype=np.int32), np.arange(400) % 3 == 0, np.array([0, 150, 400]))
    once, twice = (Chunking(chunk_size=size) for size in (10, 20))
    cut = borders(chunk(tokens, once, SPECIAL)).words_cut
    assert outlook(tokens, twice, SPECIAL).words_cut == (cut % 2 == 1).sum()


@pytest.mark.parametrize("special_tokens", ["document", "chunk"])
def test_a_tokenizer_without_special_tokens_is_cut_just_so(special_tokens):
    tokens = Tokens(np.arange(30, dtype=np.int32), np.ones(30, bool), np.array([0, 10, 30]))
    found = outlook(tokens, Chunking(chunk_size=8, special_tokens=special_tokens), SpecialTokens((), (), None))
    assert (found.chunks, found.mixed, found.special_tokens, found.lost_concatenating) == (3, 1, 0, 6)
