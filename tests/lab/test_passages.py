"""Passages: a text in words, and good stretches of a corpus found by code."""

import pytest

from lab.errors import CorpusError, SettingError
from lab.model import load_tokenizer
from lab.passages import ENOUGH_LONG_WORDS, FEWEST_PIECES, MOST_PIECES, Passage, find, sample

TOKENIZER = load_tokenizer("bundled")
FILLER = "Everyone else in the town went home that night and slept until the sun was up. "


def passage(text):
    return Passage.of(TOKENIZER, text)


def test_pieces_are_grouped_to_the_words_that_the_tokenizer_says():
    found = passage("An unwatchable film!")
    assert [found.written(n) for n in range(len(found.words))] == ["An", "unwatchable", "film", "!"]
    assert found.words[1] == (2, 3, 4)
    assert found.long_words == (1,)
    assert found.ordinary == 6
    assert found.word_at[4] == 1


def test_a_special_token_written_in_the_text_is_never_ordinary():
    found = passage("a [MASK] b [SEP] c")
    assert [piece.special for piece in found.pieces] == [True, False, True, False, True, False, True]
    assert len(found.words) == 3
    assert found.tensors()[2][0].tolist() == [piece.special for piece in found.pieces]


def test_an_unknown_piece_is_never_masked_and_belongs_to_no_word():
    found = passage("good 🎬 film")
    assert [found.written(number) for number in range(len(found.words))] == ["good", "film"]


@pytest.mark.parametrize("text", ["[MASK]", "[MASK] [SEP]", "  ", "🎬"])
def test_a_text_with_nothing_to_mask_is_refused(text):
    with pytest.raises(SettingError, match="nothing in this text that could be masked"):
        passage(text)


def test_mentions_are_the_same_word_elsewhere_capitals_aside():
    found = passage("The mule. A mule, my Mule!")
    assert found.mentions == {1: (4, 7), 4: (1, 7), 7: (1, 4)}


def test_a_word_that_comes_twice_is_a_content_word_at_a_distance():
    found = passage("They said the lighthouse was old, and the keeper of the lighthouse said that they knew.")
    assert {found.written(one) for one, _ in found.twice} == {"lighthouse", "said"}
    assert passage("very mule mule").twice == ()
    assert passage("the the of the and").twice == ()


def test_a_word_in_like_company_comes_first():
    found = passage("The nurse saw a bathtub in the yard, and later on the nurse sold that bathtub to them.")
    assert [found.written(one) for one, _ in found.twice] == ["nurse", "bathtub"]


def test_contractions_count_as_the_words_that_the_tokenizer_makes_of_them():
    found = passage("Don't say it’s over, brother-in-law.")
    assert found.contractions == (("Don't", 3), ("it’s", 3))
    assert found.long_words == ()


def test_the_found_have_a_word_twice_and_words_of_several_pieces():
    good = (
        "The quizmaster fed an unwatchable glockenspiel to the mule. " + FILLER + "Then the quizmaster "
        "unscrewed a glockenspiel and fed it, unashamedly, to the mule at the fair where they had met. "
    )
    documents = [FILLER * 3, good, "Too short."]
    first = find(documents, TOKENIZER, wanted=1, seed=3)[0]
    assert first.twice
    assert len(first.long_words) >= ENOUGH_LONG_WORDS
    assert FEWEST_PIECES <= first.ordinary <= MOST_PIECES
    assert first.text in good


def test_a_corpus_of_short_documents_gives_what_it_has():
    found = find(["Too short.", "Even so, a film."], TOKENIZER)
    assert sorted(each.text for each in found) == ["Even so, a film.", "Too short."]


def test_a_text_without_sentences_is_cut_where_a_word_begins():
    text = "unwatchable " * 200
    (found,) = find([text], TOKENIZER)
    assert found.ordinary <= MOST_PIECES
    assert {found.written(n) for n in range(len(found.words))} == {"unwatchable"}


def test_a_corpus_with_nothing_to_mask_is_refused():
    with pytest.raises(CorpusError, match="No document of this corpus has words to mask"):
        find(["[MASK]", "  "], TOKENIZER)


def test_the_same_seed_finds_the_same_passages():
    documents = [f"{FILLER} Number {i} is a lighthouse, and number {i} is tired. {FILLER}" * 4 for i in range(30)]
    one, again, other = (find(documents, TOKENIZER, wanted=3, seed=seed) for seed in (1, 1, 2))
    assert [each.text for each in one] == [each.text for each in again] != [each.text for each in other]


def test_a_sample_takes_the_first_passage_of_each_document_unpicked():
    documents = [f"{FILLER}This is {i}. " * 6 for i in range(9)]
    drawn = list(sample(documents, TOKENIZER, 5, seed=4))
    assert len(drawn) == 5
    assert all(any(document.startswith(each.text) for document in documents) for each in drawn)
    assert len({each.text for each in drawn}) == 5
