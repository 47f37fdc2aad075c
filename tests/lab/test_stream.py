"""Stream: the window shows what the chunks hold, each word that a border cuts is torn, and places are found both ways."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lab.chunking import Chunking, SpecialTokens, borders, chunk
from lab.stream import Stream, cuts, following, meetings, window
from lab.tokenization import Tokens
from tests.lab.test_chunking import corpora

SPECIAL = SpecialTokens((101,), (102,), 0)


@st.composite
def cut_corpora(draw):
    """(tokens, chunking, chunks), the remainder padded where there is one."""
    tokens, size = draw(corpora().filter(len)), draw(st.integers(8, 20))
    special_tokens, remainder = draw(st.sampled_from(["document", "chunk"])), draw(st.sampled_from(["drop", "pad"]))
    chunking = Chunking(chunk_size=size, special_tokens=special_tokens, remainder=remainder)
    stream = Stream(tokens, chunking, SPECIAL)
    assume(remainder == "pad" or stream.length >= stream.room)
    return tokens, stream, chunk(tokens, chunking, SPECIAL)


@settings(max_examples=200, deadline=None)
@given(cut=cut_corpora(), data=st.data())
def test_a_window_shows_the_chunks_row_after_row(cut, data):
    _, stream, chunks = cut
    start = data.draw(st.integers(0, chunks.input_ids.size - 1))
    count = data.draw(st.integers(1, 50))
    spots = window(chunks, stream, SPECIAL, start, count)
    expected = slice(start, start + count)
    assert [spot.id for spot in spots] == chunks.input_ids.reshape(-1)[expected].tolist()
    assert [spot.document for spot in spots] == chunks.documents.reshape(-1)[expected].tolist()
    assert [spot.chunk * stream.size + spot.position for spot in spots] == list(range(start, start + len(spots)))
    assert [spot.kind != "piece" for spot in spots] == chunks.special_tokens_mask.reshape(-1)[expected].tolist()
    assert [spot.kind != "padding" for spot in spots] == chunks.attention_mask.reshape(-1)[expected].tolist()


@settings(max_examples=200, deadline=None)
@given(cut=cut_corpora())
def test_words_go_on_over_borders_as_the_text_has_them(cut):
    tokens, stream, chunks = cut
    pieces = [spot for spot in window(chunks, stream, SPECIAL, 0, chunks.input_ids.size) if spot.kind == "piece"]
    assert [not spot.continues for spot in pieces] == tokens.word_starts[: len(pieces)].tolist()


@settings(max_examples=200, deadline=None)
@given(cut=cut_corpora(), data=st.data())
def test_torn_are_the_pieces_of_words_that_lie_in_two_chunks(cut, data):
    tokens, stream, chunks = cut
    word = np.cumsum(tokens.word_starts)
    everything = window(chunks, stream, SPECIAL, 0, chunks.input_ids.size)
    pieces = [(at, spot) for at, spot in enumerate(everything) if spot.kind == "piece"]
    chunks_of: dict[int, set[int]] = {}
    for number, (_, spot) in zip(word, pieces, strict=False):
        chunks_of.setdefault(int(number), set()).add(spot.chunk)
    torn = {at for number, (at, _) in zip(word, pieces, strict=False) if len(chunks_of[int(number)]) > 1}
    assert {at for at, spot in enumerate(everything) if spot.torn} == torn
    start = data.draw(st.integers(0, len(everything) - 1))
    shown = window(chunks, stream, SPECIAL, start, 15)
    assert [spot.torn for spot in shown] == [at in torn for at in range(start, start + len(shown))]


@settings(max_examples=200, deadline=None)
@given(cut=cut_corpora())
def test_a_piece_is_found_at_its_spot_and_a_spot_at_its_piece(cut):
    tokens, stream, chunks = cut
    everything = chunks.input_ids.reshape(-1)
    spots = [at for at, spot in enumerate(window(chunks, stream, SPECIAL, 0, everything.size)) if spot.kind == "piece"]
    for piece, at in enumerate(spots):
        assert stream.spot(piece) == at
        assert stream.piece(at) == piece
        assert everything[at] == tokens.input_ids[piece]
    for at in range(everything.size):
        assert stream.piece(at) == min(np.searchsorted(spots, at), len(tokens) - 1)


@settings(max_examples=200, deadline=None)
@given(cut=cut_corpora())
def test_cuts_and_meetings_are_those_of_the_report(cut):
    _, stream, chunks = cut
    assert (cuts(chunks, stream) // stream.size - 1).tolist() == borders(chunks).words_cut.tolist()
    everything = window(chunks, stream, SPECIAL, 0, chunks.input_ids.size)
    assert all(everything[spot].torn and everything[spot].continues for spot in cuts(chunks, stream))
    found = meetings(chunks)
    if stream.room == stream.size:
        assert [list(divmod(spot, stream.size)) for spot in found.tolist()] == borders(chunks).joins.tolist()
    mixed = np.unique(found // stream.size)
    assert mixed.tolist() == np.flatnonzero(chunks.mixes_documents).tolist()


def test_the_next_place_is_the_next_one_and_after_the_last_the_first():
    spots = np.array([5, 20, 30])
    assert [following(spots, spot) for spot in (0, 5, 19, 20, 30, 99)] == [5, 20, 20, 30, 5, 5]
    assert following(np.array([], int), 3) is None


def test_an_unknown_piece_is_a_piece_of_the_text():
    tokens = Tokens(np.array([7, 100, 8] * 4, np.int32), np.ones(12, bool), np.array([0, 12]))
    special = SpecialTokens((101,), (102,), 0, reserved=(0, 100, 101, 102, 103))
    chunking = Chunking(chunk_size=8)
    spots = window(chunk(tokens, chunking, special), Stream(tokens, chunking, special), special, 0, 8)
    assert [spot.kind for spot in spots] == ["special", *["piece"] * 7]


@pytest.mark.parametrize("special_tokens", ["document", "chunk"])
def test_a_word_longer_than_a_chunk_is_torn_all_along(special_tokens):
    tokens = Tokens(np.arange(30, dtype=np.int32) + 200, np.arange(30) == 0, np.array([0, 30]))
    chunking = Chunking(chunk_size=10, special_tokens=special_tokens)
    spots = window(chunk(tokens, chunking, SPECIAL), Stream(tokens, chunking, SPECIAL), SPECIAL, 0, 30)
    assert all(spot.torn for spot in spots if spot.kind == "piece")
