"""The game of blanks: what is hidden, what stands on a list, what the model says to it, and what belief costs."""

import math
from collections import Counter

import numpy as np
import pytest

from lab.cloze import BLANKS, CONFIDENCE, FUNCTION_BLANKS, WORDS, Score, ask, belief, deal, mean_surprise, score, surprise
from lab.corpus import Corpus, load_corpus
from lab.errors import CorpusError, SettingError
from lab.fill_mask import fill
from lab.kinds import FUNCTION_WORDS
from lab.lexicon import lexicon
from lab.model import load
from tests.lab.test_tokenization import family  # noqa: F401  # a fixture


@pytest.fixture(scope="module")
def loaded():
    return load("bundled", device="cpu")


@pytest.fixture(scope="module")
def corpus():
    return load_corpus(Corpus())


@pytest.fixture(scope="module")
def words(corpus, tokenizer):
    return lexicon(corpus["train"]["text"][:], tokenizer)


@pytest.fixture(scope="module")
def rounds(corpus, words, tokenizer):
    return [deal(tokenizer, words, corpus["test"]["text"], seed) for seed in range(12)]


@pytest.fixture(scope="module")
def blanks(rounds, loaded, words):
    return [ask(loaded, words, hidden) for hidden in rounds[1]]


# What is hidden ---------------------------------------------------------------------------------------------------------


def test_the_same_seed_deals_the_same_and_another_deals_others(corpus, words, tokenizer, rounds):
    assert deal(tokenizer, words, corpus["test"]["text"], 1) == rounds[1]
    assert not {each.before for each in rounds[1]} & {each.before for each in rounds[2] if len(each.before) > 20}


def test_sentences_come_from_held_out_documents_each_from_another(corpus, rounds):
    texts = [" ".join(text.split()) for text in corpus["test"]["text"]]
    for hidden in rounds:
        homes = [[i for i, text in enumerate(texts) if each.before + each.word + each.after in text] for each in hidden]
        assert all(homes)
        assert len({home[0] for home in homes}) == BLANKS


def test_hidden_is_a_common_word_in_lower_case_that_stands_once_in_its_sentence(rounds, words):
    for each in (each for hidden in rounds for each in hidden):
        assert each.word.islower()
        assert words.words[each.index] == each.word
        assert each.before, "the first word of a sentence would be seen to have had a capital"
        around = (each.before + " " + each.after).lower().replace("'", " ").split()
        assert each.word not in [word.strip('.,!?"()') for word in around]


def test_what_the_model_reads_is_the_sentence_with_one_mask_in_place_of_one_whole_word(rounds, tokenizer):
    for each in (each for hidden in rounds for each in hidden):
        assert list(each.masked) == tokenizer(f"{each.before}[MASK]{each.after}")["input_ids"]


def test_two_of_eight_are_function_words(rounds):
    assert all(sum(each.word in FUNCTION_WORDS for each in hidden) == FUNCTION_BLANKS for hidden in rounds)


def test_a_corpus_without_english_function_words_is_dealt_too(tokenizer, words):
    content = [word for word, function in zip(words.words, words.function, strict=True) if not function][:160]
    texts = [f"Nun {' '.join(content[i : i + 8])}." for i in range(0, 160, 8)]
    found = deal(tokenizer, lexicon(texts * 2, tokenizer), texts, 0)
    assert len({each.before + each.after for each in found}) == BLANKS


def test_whatever_the_tokenizer_one_whole_word_is_under_the_mask(corpus, family):  # noqa: F811
    found = deal(family, lexicon(corpus["train"]["text"][:], family), corpus["test"]["text"], 5)
    for each in found:
        at = each.masked.index(family.mask_token_id)
        whole = family(f"{each.before}{each.word}{each.after}")["input_ids"]
        assert [*each.masked[:at], *each.masked[at + 1 :]] == [*whole[:at], *whole[at + 1 :]]
        assert family.decode([whole[at]]).strip() == each.word


def test_few_documents_are_gone_through_again(corpus, words, tokenizer):
    long = sorted(corpus["test"]["text"][:], key=len)[-2:]
    found = deal(tokenizer, words, long, 0)
    assert len({each.before + each.after for each in found}) == BLANKS


def test_a_corpus_that_is_too_small_is_refused_in_a_sentence(corpus, words, tokenizer, films):
    with pytest.raises(CorpusError, match="this corpus holds too few"):
        deal(tokenizer, words, [corpus["test"]["text"][0][:200]], 0)
    small = load_corpus(Corpus(corpus=str(films)))
    with pytest.raises(CorpusError, match="this corpus holds too few"):
        deal(tokenizer, lexicon(small["train"]["text"], tokenizer), small["train"]["text"], 0)


# The list, and the model's answer ---------------------------------------------------------------------------------------


def test_a_list_holds_the_authors_word_among_others_of_its_kind(blanks):
    for blank in blanks:
        assert len(set(blank.words)) == WORDS
        assert blank.words[blank.author] == blank.hidden.word
        assert len({word in FUNCTION_WORDS for word in blank.words}) == 1


def test_the_authors_word_has_no_place_of_its_own_on_the_list(rounds, loaded, words):
    places = Counter(ask(loaded, words, hidden).author for hidden in rounds[2])
    assert len(places) >= 3


def test_a_list_is_not_just_what_the_model_likes(blanks, loaded):
    liked = 0
    for blank in blanks:
        best = fill(loaded, f"{blank.hidden.before}[MASK]{blank.hidden.after}", top_k=200).blanks[0]
        liked += len({each.word for each in best} & set(blank.words))
    assert 2 * len(blanks) * 0.8 < liked < 4 * len(blanks)


def test_the_model_answers_as_fill_mask_does_renormalised_over_the_list(blanks, loaded):
    for blank in blanks:
        text = f"{blank.hidden.before}[MASK]{blank.hidden.after}"
        asked = {each.word: each.probability for each in fill(loaded, text, targets=blank.words).blanks[0]}
        total = sum(asked.values())
        assert blank.model == pytest.approx([asked[word] / total for word in blank.words], rel=1e-4)
        assert blank.probability == pytest.approx(asked[blank.hidden.word], rel=1e-4)
        assert blank.words[blank.favourite] == max(asked, key=asked.get)


def test_rank_and_first_five_are_of_the_whole_vocabulary(blanks, loaded):
    for blank in blanks[:3]:
        text = f"{blank.hidden.before}[MASK]{blank.hidden.after}"
        best = [each.word for each in fill(loaded, text, top_k=len(loaded.tokenizer)).blanks[0]]
        assert list(blank.first) == best[:5]
        assert best[blank.rank - 1] == blank.hidden.word


def test_the_same_blank_asked_again_has_the_same_list(blanks, loaded, words):
    again = ask(loaded, words, blanks[3].hidden)
    assert again.words == blanks[3].words
    assert again.model == pytest.approx(blanks[3].model)


# Belief and its cost ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", CONFIDENCE)
@pytest.mark.parametrize("picked", [{0}, {1, 4}, {0, 1, 2, 3, 4}, set(range(6))])
def test_belief_makes_a_whole_never_certainty_and_never_nothing(picked, confidence):
    shares = belief(6, picked, confidence)
    assert sum(shares) == pytest.approx(1)
    assert max(shares) <= 0.9
    assert min(shares) > 0
    assert len({shares[i] for i in picked}) == 1, "picked words share alike"
    assert all(shares[i] > shares[j] for i in picked for j in set(range(6)) - picked)


def test_the_surer_the_more_goes_to_the_picked_word():
    assert list(CONFIDENCE) == ["hunch", "fairly_sure", "sure"]
    shares = [belief(6, {2}, confidence)[2] for confidence in CONFIDENCE]
    assert shares == sorted(shares)
    assert shares[0] > 1 / 6


@pytest.mark.parametrize(("picked", "confidence"), [(set(), "sure"), ({6}, "sure"), ({-1}, "sure"), ({1}, "certain")])
def test_a_belief_in_nothing_or_nowhere_is_refused(picked, confidence):
    with pytest.raises(SettingError):
        belief(6, picked, confidence)


def test_surprises_add_where_probabilities_multiply():
    assert surprise(0.4 * 0.12) == pytest.approx(surprise(0.4) + surprise(0.12))
    assert str(surprise(1.0)) == "0.0"


def test_believing_in_all_words_alike_is_a_perplexity_of_their_number(blanks):
    found = score(blanks, [[1 / WORDS] * WORDS] * len(blanks))
    assert found.your_perplexity == pytest.approx(WORDS)
    assert found.models_perplexity == pytest.approx(
        math.exp(np.mean([-math.log(blank.model[blank.author]) for blank in blanks]))
    )


def test_better_counts_the_blanks_where_you_gave_more():
    assert Score((0.9, 0.02, 0.4), (0.5, 0.5, 0.4)).better == 1


def test_only_what_has_been_answered_is_scored(blanks):
    assert len(score(blanks, [belief(WORDS, {0}, "sure")] * 3).models) == 3


def test_mean_surprise_of_one_is_its_surprise():
    assert mean_surprise([0.3]) == surprise(0.3)
