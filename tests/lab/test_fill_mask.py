"""Fill-mask: what transformers' own pipeline answers, and what it can't."""

import copy
from dataclasses import replace

import pytest
import torch
from transformers import pipeline

from lab.errors import SettingError
from lab.fill_mask import contrast, fill, fill_in_orders, side_by_side, spell
from lab.model import load


@pytest.fixture(scope="module")
def loaded():
    return load("bundled", device="cpu")


@pytest.fixture(scope="module")
def stock(loaded):
    return pipeline("fill-mask", model=loaded.model, tokenizer=loaded.tokenizer, device="cpu")


@pytest.mark.parametrize("text", ["This is a great [MASK].", "[MASK]", "The [MASK] was bad, don't watch it!"])
def test_one_blank_is_answered_as_the_pipeline_does(loaded, stock, text):
    (answers,) = fill(loaded, text, top_k=7).blanks
    expected = stock(text, top_k=7)
    assert [answer.id for answer in answers] == [each["token"] for each in expected]
    assert [answer.probability for answer in answers] == pytest.approx([each["score"] for each in expected], rel=1e-4)


def test_several_blanks_together_are_answered_as_the_pipeline_does(loaded, stock):
    text = "The [MASK] of this [MASK] is [MASK]."
    found = fill(loaded, text, top_k=3).blanks
    expected = stock(text, top_k=3)
    assert [[a.id for a in blank] for blank in found] == [[each["token"] for each in blank] for blank in expected]


def test_targets_get_their_probability_over_the_whole_vocabulary(loaded, stock):
    text = "This is a great [MASK]."
    (answers,) = fill(loaded, text, targets=["film", "book"]).blanks
    expected = {each["token_str"]: each["score"] for each in stock(text, targets=["film", "book"])}
    assert {answer.word: answer.probability for answer in answers} == pytest.approx(expected, rel=1e-4)
    assert answers[0].probability >= answers[1].probability


def test_a_target_that_is_several_pieces_is_refused_by_name(loaded):
    with pytest.raises(SettingError, match="'unwatchable' is not one piece of this vocabulary but un ##watch ##able"):
        fill(loaded, "This is [MASK].", targets=["unwatchable"])


@pytest.mark.parametrize("target", ["", " ", "🎬", "two words"])
def test_a_target_that_is_nothing_unknown_or_two_words_is_refused(loaded, target):
    with pytest.raises(SettingError, match="is not one piece"):
        fill(loaded, "This is [MASK].", targets=[target])


def test_blanks_in_order_see_the_answers_before_them(loaded):
    text = "The [MASK] of this [MASK] made me [MASK]."
    left = fill(loaded, text, order="left_to_right")
    ids = loaded.tokenizer(text)["input_ids"]
    for blank, answers in zip([i for i, id in enumerate(ids) if id == 103], left.blanks, strict=True):
        current = loaded.tokenizer.decode(ids[1:-1])
        alone = fill(loaded, current).blanks[0]
        assert [a.id for a in alone] == [a.id for a in answers]
        ids[blank] = answers[0].id
    right = fill(loaded, text, order="right_to_left")
    together = fill(loaded, text)
    assert [a.id for a in right.blanks[2]] == [a.id for a in together.blanks[2]]


def test_the_completed_sentence_keeps_the_authors_spelling(loaded):
    assert fill(loaded, "Is THIS the [MASK] of France?").completed.startswith("Is THIS the ")
    assert "[MASK]" not in fill(loaded, "A [MASK] and a [mask].").completed


def test_two_models_side_by_side_show_the_answers_of_either(loaded):
    (row,) = side_by_side(loaded, loaded, "This is a great [MASK].", top_k=4)
    assert len(row) == 4
    assert all(shift.change == 0 for shift in row)
    (pair,) = side_by_side(loaded, loaded, "This is a great [MASK].", targets=["film", "book"])
    assert {shift.word for shift in pair} == {"film", "book"}


def test_two_vocabularies_are_not_set_side_by_side(loaded, tokenizer):
    other = copy.deepcopy(tokenizer)
    other.add_tokens(["zzzz"])
    with pytest.raises(SettingError, match="different vocabularies"):
        side_by_side(loaded, replace(loaded, tokenizer=other), "A [MASK].")


@pytest.mark.parametrize("text", ["No blank here.", "", "[MAS K]"])
def test_a_text_without_a_blank_is_refused_with_the_way_out(loaded, text):
    with pytest.raises(SettingError, match=r"Write \[MASK\]"):
        fill(loaded, text)


def test_a_text_longer_than_the_model_reads_is_refused(loaded):
    with pytest.raises(SettingError, match="makes 603 tokens, but the model reads 512"):
        fill(loaded, "film " * 600 + "[MASK]")


def test_asking_for_no_answer_is_refused(loaded):
    with pytest.raises(SettingError, match="top_k is 0"):
        fill(loaded, "A [MASK].", top_k=0)


def test_in_order_each_of_two_models_goes_on_from_its_own_answers(loaded):
    text = "The [MASK] of this [MASK] made me [MASK]."
    other = copy.deepcopy(loaded.model)
    with torch.no_grad():
        other.distilbert.transformer.layer[0].attention.q_lin.weight.mul_(2)
    after = replace(loaded, model=other)
    rows = side_by_side(loaded, after, text, top_k=3, order="right_to_left")
    for row, first, second in zip(
        rows,
        fill(loaded, text, order="right_to_left").blanks,
        fill(after, text, order="right_to_left").blanks,
        strict=True,
    ):
        found = {shift.word: shift for shift in row}
        assert found[first[0].word].before == pytest.approx(first[0].probability, rel=1e-4)
        assert found[second[0].word].after == pytest.approx(second[0].probability, rel=1e-4)


def test_two_sentences_in_one_model_are_what_the_model_answers_to_each(loaded):
    he, she = "He was a [MASK].", "She was a [MASK]."
    shifts = contrast(loaded, he, she, top_k=3)
    first, second = (
        {answer.word: answer.probability for answer in fill(loaded, text, top_k=500).blanks[0]} for text in (he, she)
    )
    assert {answer.word for text in (he, she) for answer in fill(loaded, text, top_k=3).blanks[0]} == {
        s.word for s in shifts
    }
    for shift in shifts:
        assert shift.before == pytest.approx(first[shift.word], rel=1e-4)
        assert shift.after == pytest.approx(second[shift.word], rel=1e-4)
    ratios = [shift.before / shift.after for shift in shifts]
    assert ratios == sorted(ratios, reverse=True)


def test_two_sentences_can_be_asked_for_targets_alone(loaded):
    shifts = contrast(loaded, "The man was [MASK].", "The woman was [MASK].", targets=["strong", "beautiful"])
    assert {shift.word for shift in shifts} == {"strong", "beautiful"}
    with pytest.raises(SettingError, match="'unwatchable' is not one piece"):
        contrast(loaded, "A [MASK].", "The [MASK].", targets=["unwatchable"])


@pytest.mark.parametrize(("word", "pieces"), [("film", ("film",)), ("Film", ("film",)), ("two words", ("two", "words"))])
def test_a_word_is_spelled_as_the_tokenizer_spells_it_in_that_place(loaded, word, pieces):
    assert spell(loaded, "A great [MASK], I think.", word) == pieces


def test_orders_asked_at_once_answer_as_each_alone(loaded):
    text = "The [MASK] of this [MASK] made me [MASK]."
    at_once = fill_in_orders(loaded, text, top_k=3)
    assert len({filled.completed for filled in at_once.values()}) > 1
    for order, filled in at_once.items():
        alone = fill(loaded, text, top_k=3, order=order)
        assert filled.completed == alone.completed
        for one, other in zip(filled.blanks, alone.blanks, strict=True):
            assert [a.id for a in one] == [a.id for a in other]
            assert [a.probability for a in one] == pytest.approx([a.probability for a in other], rel=1e-4)


def test_sentences_of_other_lengths_are_contrasted_as_if_each_stood_alone(loaded):
    short, long = "A [MASK].", "On a wet Tuesday evening in November, all that she wanted from him was a [MASK]."
    for shift in contrast(loaded, short, long, targets=["film", "word"]):
        for text, found in ((short, shift.before), (long, shift.after)):
            (answer,) = fill(loaded, text, targets=[shift.word]).blanks[0]
            assert found == pytest.approx(answer.probability, rel=1e-4)


def test_as_many_answers_as_there_are_pieces_are_the_most(loaded):
    pieces = len(loaded.tokenizer)
    (shifts,) = side_by_side(loaded, loaded, "a [MASK]", top_k=pieces + 1)
    assert len(shifts) == pieces
    for ask in (
        lambda: side_by_side(loaded, loaded, "a [MASK]", top_k=0),
        lambda: contrast(loaded, "a [MASK]", "one [MASK]", top_k=-1),
        lambda: fill(loaded, "a [MASK]", order="backwards"),
    ):
        with pytest.raises(SettingError, match="top_k is|order is 'backwards'. It can be together"):
            ask()
