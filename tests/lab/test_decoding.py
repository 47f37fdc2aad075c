"""Decoding: what comes back is what the tokenizer gives back, and each loss is named after what it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.decoding import decode
from lab.vocabulary import byte_level_bpe, count_words, learn


def losses(tokenizer, text):
    return {stretch.before: (stretch.after, set(stretch.losses)) for stretch in decode(tokenizer, text).stretches}


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ("film", "film", set()),
        ("Film", "film", {"capitals"}),
        ("café", "cafe", {"accents"}),
        ("Café", "cafe", {"capitals", "accents"}),
        ("don't", "don ' t", {"spaces"}),
        ("Amélie's", "amelie ' s", {"capitals", "accents", "spaces"}),
        ("🎬", "[UNK]", {"unknown"}),
        ("🎬!", "[UNK]!", {"unknown"}),
        ("x" * 101, "[UNK]", {"unknown"}),
        ("İstanbul", "istanbul", {"capitals", "accents"}),
        ("a\u00adb", "ab", {"characters"}),
        ("a\x07", "a", {"characters"}),
        ("\u200b", "", {"characters"}),
        ("<br", "< br", {"spaces"}),
        ("日本", "日 本", {"spaces"}),
    ],
)
def test_a_loss_is_named(tokenizer, before, after, kinds):
    assert losses(tokenizer, f"so {before} it")[before] == (after, kinds)


def test_letters_taken_apart_are_no_loss_where_they_look_the_same(tokenizer):
    assert losses(tokenizer, "한국")["한국"][1] == set()


def test_what_the_text_itself_calls_unknown_is_no_loss(tokenizer):
    assert losses(tokenizer, "an [UNK] here")["[UNK]"] == ("[UNK]", set())


def test_words_that_become_the_same_are_told(tokenizer):
    assert decode(tokenizer, "Loved it 🎬! Hated it 🍿!").confused == (("[UNK]", ("🎬", "🍿")),)
    assert ("resume", ("résumé", "resume")) in decode(tokenizer, "a résumé to resume").confused
    assert decode(tokenizer, "again and again").confused == ()


def test_white_space_that_comes_back_as_another_is_counted(tokenizer):
    assert decode(tokenizer, "two  spaces and\na line").gaps_changed == 2
    assert decode(tokenizer, "one space").gaps_changed == 0


def test_a_text_of_nothing_comes_back_as_nothing(tokenizer):
    decoded = decode(tokenizer, " \u00a0 ")
    assert (decoded.back, decoded.stretches, decoded.words) == ("", (), ())


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_what_has_no_loss_is_there_again_in_its_order(text, tokenizer):
    decoded = decode(tokenizer, text)
    assert "".join("".join(stretch.before.split()) for stretch in decoded.stretches) == "".join(text.split())
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert decoded.back == tokenizer.decode(ids)
    assert sum(word.pieces for word in decoded.words) == len(ids)
    at = 0
    for stretch in decoded.stretches:
        at = decoded.back.index(stretch.after, at) + len(stretch.after)


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=60))
def test_byte_level_pieces_lose_nothing(text):
    decoded = decode(byte_level_bpe(list(learn(count_words(["the then"]), 260)), 260), text)
    assert decoded.lossless
    assert all(not stretch.losses for stretch in decoded.stretches)
    assert decoded.gaps_changed == 0
