"""The words that a corpus uses, and its sentences that can be read on their own."""

import numpy as np
import pytest

from lab.lexicon import lexicon, sentences


def test_names_are_not_in_it_though_the_tokenizer_knows_them(tokenizer):
    found = lexicon(["We saw Paris and Mark saw us. We saw mark and Paris."] * 2, tokenizer)
    assert "paris" not in found.words
    assert set(found.words) == {"saw", "and", "us", "mark"}


def test_parts_of_contractions_and_compounds_are_no_words(tokenizer):
    found = lexicon(["it isn't well-made, it's o'clock and rock'n'roll"] * 2, tokenizer)
    assert set(found.words) == {"it", "and"}


def test_what_comes_once_or_in_several_pieces_is_left_out(tokenizer):
    found = lexicon(["the unwatchable film was an unwatchable film the"], tokenizer)
    assert set(found.words) == {"the", "film"}


def test_each_word_has_its_one_piece_its_count_and_its_kind(tokenizer):
    found = lexicon(["a film of the film and the film"] * 3, tokenizer)
    assert tokenizer.convert_ids_to_tokens(found.ids.tolist()) == list(found.words)
    assert dict(zip(found.words, found.counts, strict=True)) == {"film": 9, "the": 6, "and": 3, "of": 3}
    assert found.function[list(found.words).index("the")]
    assert not found.function[list(found.words).index("film")]
    assert (np.diff(found.counts) <= 0).all()


@pytest.mark.parametrize(
    "fit",
    [
        "The acting is great from everybody, even the small roles.",
        'He said "it will never work" and then it did.',
        "I laughed more than I should admit, and so did Mr. Greer next to me.",
    ],
)
def test_a_whole_sentence_is_fit(fit):
    assert sentences(f"Dull. {fit} Really.") == [fit]


@pytest.mark.parametrize(
    "unfit",
    [
        "Far too short to be one.",
        "This one is " + "very " * 25 + "long.",
        "it begins in the middle of something that was said before.",
        "It never comes to an end and so it simply stops",
        "There is some <b>markup</b> left in this sentence here.",
        "The reader is asked to fill [MASK] in here and now.",
        'The quotation "that opens here is never closed at all in it.',
        "The bracket (that opens here is never closed at all in it.",
        "See more of it on www.example.org if you really must do that.",
        "Ada Bo Cy Di Ed and Flo went to see Gus Hill there.",
        "The direction\u202e of this one is turned round somewhere in it.",
    ],
)
def test_what_can_not_be_read_alone_is_not(unfit):
    assert sentences(unfit) == []


def test_a_title_before_a_name_does_not_end_a_sentence():
    text = "I am told that Dr. Vane from the hospital will see it too. It was on at night and nobody saw it then."
    assert sentences(text) == [
        "I am told that Dr. Vane from the hospital will see it too.",
        "It was on at night and nobody saw it then.",
    ]
