"""Chunking: nothing is lost or moved but what is reported, and the report is what a plain loop finds."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lab.chunking import Chunking, SpecialTokens, borders, chunk
from lab.errors import CorpusError, SettingError
from lab.tokenization import Tokens

SPECIAL = SpecialTokens((101,), (102,), 0)


@st.composite
def corpora(draw):
    """Documents of 0 to 25 pieces, some of which continue a word."""
    sizes = draw(st.lists(st.integers(0, 25), min_size=1, max_size=8))
    total = sum(sizes)
    starts = np.array(draw(st.lists(st.booleans(), min_size=total, max_size=total)), bool)
    document_starts = np.cumsum([0, *sizes])
    starts[document_starts[:-1][np.array(sizes) > 0]] = True
    return Tokens(np.arange(1000, 1000 + total, dtype=np.int32), starts, document_starts)


def plain_stream(tokens, special_tokens):
    """The stream as (id, starts a word, special, document), the slow and obvious way."""
    stream = []
    for document, (start, end) in enumerate(zip(tokens.document_starts, tokens.document_starts[1:], strict=False)):
        body = [(tokens.input_ids[i], tokens.word_starts[i], False, document) for i in range(start, end)]
        if special_tokens == "document":
            body = [(101, True, True, document), *body, (102, True, True, document)]
        stream += body
    return stream


@settings(max_examples=200, deadline=None)
@given(tokens=corpora(), size=st.integers(8, 20), special=st.sampled_from(["document", "chunk"]), pad=st.booleans())
def test_chunks_are_the_stream_cut_up(tokens, size, special, pad):
    stream = plain_stream(tokens, special)
    room = size if special == "document" else size - 2
    whole, rest = divmod(len(stream), room)
    assume(whole + (pad and rest > 0) > 0)
    chunks = chunk(tokens, Chunking(chunk_size=size, special_tokens=special, remainder="pad" if pad else "drop"), SPECIAL)
    body = slice(None) if special == "document" else slice(1, -1)
    used = stream if pad else stream[: whole * room]
    padding = room - rest if pad and rest else 0
    assert chunks.input_ids.shape == (whole + bool(padding), size)
    assert chunks.padding == padding
    assert chunks.dropped == (len(used), len(stream))
    flat = [
        field[:, body].flatten()[: len(used)] for field in (chunks.input_ids, chunks.special_tokens_mask, chunks.documents)
    ]
    for column, found in zip((0, 2, 3), flat, strict=True):
        if not (special == "chunk" and padding):  # there the suffix comes before the padding
            assert found.tolist() == [each[column] for each in used]
    assert chunks.attention_mask.sum() == chunks.attention_mask.size - padding
    if special == "chunk":
        assert (chunks.input_ids[:, 0] == 101).all()
        ends = chunks.attention_mask.sum(axis=1) - 1
        assert (chunks.input_ids[np.arange(len(chunks)), ends] == 102).all()
    assert (chunks.input_ids[~chunks.attention_mask] == 0).all()
    assert chunks.special_tokens_mask[~chunks.attention_mask].all()


@settings(max_examples=200, deadline=None)
@given(
    tokens=corpora(),
    size=st.integers(8, 20),
    special=st.sampled_from(["document", "chunk"]),
    remainder=st.sampled_from(["drop", "pad"]),
    at_once=st.integers(1, 60),
)
def test_it_makes_no_difference_how_much_is_cut_at_once(tokens, size, special, remainder, at_once):
    chunking = Chunking(chunk_size=size, special_tokens=special, remainder=remainder)
    try:
        whole = chunk(tokens, chunking, SPECIAL)
    except CorpusError:
        assume(False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.chunking._POSITIONS_AT_ONCE", at_once)
        parts = chunk(tokens, chunking, SPECIAL)
    for field in fields(whole):
        assert np.array_equal(getattr(whole, field.name), getattr(parts, field.name)), field.name


@settings(max_examples=200, deadline=None)
@given(tokens=corpora(), size=st.integers(8, 20), special=st.sampled_from(["document", "chunk"]))
def test_the_border_report_is_what_a_plain_loop_finds(tokens, size, special):
    stream = plain_stream(tokens, special)
    room = size if special == "document" else size - 2
    whole = len(stream) // room
    assume(whole > 0)
    found = borders(chunk(tokens, Chunking(chunk_size=size, special_tokens=special), SPECIAL))
    cuts = [b for b in range(1, whole) if not stream[b * room][1]]
    assert found.words_cut.tolist() == [b - 1 for b in cuts]
    crossing = [b - 1 for b in range(1, whole) if stream[b * room - 1][3] == stream[b * room][3]]
    assert found.documents_cut.tolist() == crossing
    joins = [
        [b, i]
        for b in range(whole)
        for i in range(1, room)
        if special == "document" and stream[b * room + i][3] != stream[b * room + i - 1][3]
    ]
    assert found.joins.tolist() == joins
    assert found.dropped == (whole * room, len(stream))
    assert found.borders == whole - 1


@given(tokens=corpora(), size=st.integers(8, 20), special=st.sampled_from(["document", "chunk"]))
def test_every_chunk_begins_a_word_as_far_as_it_shows(tokens, size, special):
    assume(len(tokens) >= size + 2)
    chunks = chunk(tokens, Chunking(chunk_size=size, special_tokens=special), SPECIAL)
    first = 0 if special == "document" else 1
    assert chunks.word_starts[:, first].all()
    assert chunks.word_starts[chunks.special_tokens_mask].all()


def test_special_tokens_are_read_off_any_tokenizer(tokenizer):
    assert SpecialTokens.of(tokenizer) == SpecialTokens((101,), (102,), 0, (0, 100, 101, 102, 103))


def test_a_sample_keeps_the_chunks_numbers_and_so_their_masks():
    tokens = Tokens(np.arange(1000, dtype=np.int32), np.ones(1000, bool), np.arange(0, 1001, 25))
    chunks = chunk(tokens, Chunking(chunk_size=10), SPECIAL)
    sample = chunks.sample(7, seed=3)
    assert len(sample) == 7
    assert (sample.input_ids == chunks.input_ids[sample.rows]).all()
    assert (np.diff(sample.rows) > 0).all()
    assert [[sample.rows[row], at] for row, at in sample.joins] == [
        join for join in chunks.joins.tolist() if join[0] in sample.rows
    ]
    assert chunks.sample(None, 3) is chunks
    assert chunks.sample(10**6, 3) is chunks


def test_a_sample_has_padding_only_if_it_has_the_padded_chunk():
    tokens = Tokens(np.arange(1000, 1095, dtype=np.int32), np.ones(95, bool), np.array([0, 95]))
    chunks = chunk(tokens, Chunking(chunk_size=10, special_tokens="chunk", remainder="pad"), SPECIAL)
    assert chunks.padding == 1
    for seed in range(20):
        sample = chunks.sample(6, seed)
        assert sample.padding == (chunks.padding if sample.rows[-1] == len(chunks) - 1 else 0)
        assert ((sample.input_ids == 0) == ~sample.attention_mask).all()


def test_cutting_changes_nothing_of_the_tokens():
    tokens = Tokens(np.arange(1000, 1100, dtype=np.int32), np.zeros(100, bool), np.array([0, 100]))
    for special in ("document", "chunk"):
        chunks = chunk(tokens, Chunking(chunk_size=10, special_tokens=special), SPECIAL)
        chunks.input_ids[:] = 0
    assert tokens.input_ids.tolist() == list(range(1000, 1100))
    assert not tokens.word_starts.any()


def test_what_truncating_would_lose_is_counted():
    tokens = Tokens(np.arange(30, dtype=np.int32), np.ones(30, bool), np.array([0, 20, 30]))
    assert chunk(tokens, Chunking(chunk_size=12), SPECIAL).truncated == 10


def test_a_text_shorter_than_a_chunk_is_refused_with_the_way_out():
    tokens = Tokens(np.arange(39, dtype=np.int32), np.ones(39, bool), np.array([0, 39]))
    with pytest.raises(
        CorpusError, match="makes 41 tokens, but one chunk needs 128. Add text, set chunk_size to 41 or less"
    ):
        chunk(tokens, Chunking(chunk_size=128), SPECIAL)
    assert len(chunk(tokens, Chunking(chunk_size=128, remainder="pad"), SPECIAL)) == 1


def test_padding_without_a_padding_token_is_refused():
    tokens = Tokens(np.arange(39, dtype=np.int32), np.ones(39, bool), np.array([0, 39]))
    with pytest.raises(CorpusError, match="no padding token"):
        chunk(tokens, Chunking(chunk_size=16, remainder="pad"), SpecialTokens((101,), (102,), None))


@pytest.mark.parametrize("special", ["document", "chunk"])
def test_a_tokenizer_without_a_padding_token_can_drop_the_remainder(special):
    tokens = Tokens(np.arange(39, dtype=np.int32), np.ones(39, bool), np.array([0, 39]))
    chunks = chunk(tokens, Chunking(chunk_size=16, special_tokens=special), SpecialTokens((101,), (102,), None))
    assert len(chunks) == 2


@pytest.mark.parametrize("special", ["document", "chunk"])
def test_an_unknown_piece_or_a_mask_in_the_text_is_never_selected_and_is_no_border(special):
    known = SpecialTokens((101,), (102,), 0, reserved=(100, 103))
    ids = np.arange(1000, 1030, dtype=np.int32)
    ids[[3, 9, 10, 20]] = 100, 103, 100, 100
    tokens = Tokens(ids, np.ones(30, bool), np.array([0, 10, 20, 30]))
    chunks = chunk(tokens, Chunking(chunk_size=8, special_tokens=special, remainder="pad"), known)
    assert chunks.special_tokens_mask[(chunks.input_ids < 1000)].all()
    assert not chunks.special_tokens_mask[chunks.input_ids >= 1000].any()
    other = replace(tokens, input_ids=np.arange(1000, 1030, dtype=np.int32))
    without = chunk(other, Chunking(chunk_size=8, special_tokens=special, remainder="pad"), SPECIAL)
    assert borders(chunks).joins.tolist() == borders(without).joins.tolist()


def test_a_text_shorter_than_the_shortest_chunk_is_not_told_to_cut_shorter_ones():
    tokens = Tokens(np.arange(3, dtype=np.int32), np.ones(3, bool), np.array([0, 3]))
    with pytest.raises(CorpusError, match="The held-out text makes 5 tokens.* Add text, or pad the remainder"):
        chunk(tokens, Chunking(), SPECIAL, what="The held-out text")


def test_a_sample_of_nothing_is_refused():
    tokens = Tokens(np.arange(100, dtype=np.int32), np.ones(100, bool), np.array([0, 100]))
    chunks = chunk(tokens, Chunking(chunk_size=10), SPECIAL)
    for size in (0, -3):
        with pytest.raises(SettingError, match=f"{size} chunks are none"):
            chunks.sample(size, 0)


def test_a_chunk_too_small_to_be_one_is_refused():
    with pytest.raises(SettingError, match="chunk_size is 4"):
        Chunking(chunk_size=4)
