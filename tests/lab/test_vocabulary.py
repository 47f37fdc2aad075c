"""Vocabulary: the joins of the tokenizers library, one size out of another, and no text that can't be spelled."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lab.corpus import Corpus, load_corpus
from lab.errors import CorpusError
from lab.vocabulary import BYTES, byte_level_bpe, bytes_of, count_words, is_byte_level, learn, pieces_per_word

ODD = [
    "aaaa aaa aaaaaa!!!!!! ......  ",
    "na na na nananana",
    "Amélie 🎬🎬 日本語日本 \x00\u200b",
    "<br /><br />  don't\n\n",
] * 3


@pytest.fixture(scope="module")
def reviews():
    return [*load_corpus(Corpus(max_train_documents=80))["train"]["text"], *ODD]


@pytest.fixture(scope="module")
def merges(reviews):
    return list(learn(count_words(reviews), 2_500))


def theirs(texts, size):
    """Vocabulary and joins, as the tokenizers library learns them."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, min_frequency=2, initial_alphabet=alphabet, show_progress=False)
    )
    return learned(inner)


def learned(inner):
    model = json.loads(inner.to_str())["model"]
    return model["vocab"], model["merges"]


@pytest.mark.parametrize("size", [BYTES, BYTES + 1, 300, 1_000, 2_500, 100_000])
def test_one_learning_gives_the_vocabulary_of_every_size(reviews, size, merges):
    if size > 2_500:
        merges = list(learn(count_words(reviews), size))
    assert learned(byte_level_bpe(merges, size).backend_tokenizer) == theirs(reviews, size)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(alphabet="ab c'.\n", max_size=30), min_size=1, max_size=6).filter(count_words))
def test_repetitions_and_ties_go_as_in_the_library(texts):
    found = byte_level_bpe(list(learn(count_words(texts), 290)), 290)
    assert learned(found.backend_tokenizer) == theirs(texts, 290)


def test_joins_are_counted_as_the_text_has_them():
    first, second = learn(Counter({"hug": 10, "pug": 5, "hugs": 5}), 258)
    assert (first.left, first.right, first.count, first.piece) == ("u", "g", 20, "ug")
    assert (second.left, second.right, second.count) == ("h", "ug", 15)


def test_what_meets_only_once_is_not_joined():
    assert list(learn(Counter({"unwatchable": 1}), 300)) == []


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_comes_back_whole_at_any_size(text, merges):
    for size in (BYTES, 700):
        tokenizer = byte_level_bpe(merges, size)
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert b"".join(map(bytes_of, tokenizer.convert_ids_to_tokens(ids))) == text.encode()


def test_a_larger_vocabulary_makes_fewer_pieces(reviews, merges):
    found = [pieces_per_word(byte_level_bpe(merges, size), reviews) for size in (256, 400, 800, 1600)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found)


def test_byte_level_tokenizers_are_known_by_their_decoder(tokenizer, merges):
    assert is_byte_level(byte_level_bpe(merges, 300))
    assert not is_byte_level(tokenizer)
    assert decoders.ByteLevel().decode(["ĠÃ©"]).encode() == bytes_of("ĠÃ©")


def test_a_corpus_without_words_is_refused():
    with pytest.raises(CorpusError, match="no words to learn a vocabulary from"):
        next(learn(count_words([""]), 300))
    with pytest.raises(CorpusError, match="no words in this text"):
        pieces_per_word(byte_level_bpe([], 256), [" "])
