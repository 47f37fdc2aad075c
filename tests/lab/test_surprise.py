"""Surprise: one passage scored as the whole is, added up step by step, and how unequally its pieces share in the sum."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.config import Scoring
from lab.corpus import Corpus
from lab.evaluation import evaluate
from lab.masking import KEPT, MASKED, RANDOM
from lab.model import load
from lab.preparation import prepare
from lab.surprise import add_up, concentrate, read_passage


@pytest.fixture(scope="module")
def loaded():
    return load("bundled", device="cpu")


@pytest.fixture(scope="module")
def held_out():
    return prepare("bundled", Corpus(max_train_documents=20, max_test_documents=4)).held_out(Scoring())


@pytest.fixture(scope="module")
def passages(loaded, held_out):
    return [read_passage(loaded, held_out, row) for row in range(len(held_out.chunks))]


def test_passages_together_are_the_evaluation(loaded, held_out, passages):
    whole = evaluate(loaded.model, held_out)
    nats = [each.nats for passage in passages for each in passage.scored]
    assert nats == pytest.approx(whole.nll.tolist(), rel=1e-4)
    right = [each.guesses[0][0] == each.piece for passage in passages for each in passage.scored]
    assert right == whole.correct.tolist()


def test_what_the_model_read_is_told_as_it_was(passages):
    for passage in passages:
        for each in passage.scored:
            if each.action == MASKED:
                assert each.read == "[MASK]"
            if each.action == KEPT:
                assert each.read == each.piece
            assert passage.pieces[each.position] == each.piece
    assert {each.action for passage in passages for each in passage.scored} == {MASKED, RANDOM, KEPT}


def test_only_scored_pieces_were_touched(tokenizer, passages):
    for passage in passages:
        read = tokenizer.convert_ids_to_tokens(list(passage.input_ids))
        changed = {i for i, (one, other) in enumerate(zip(read, passage.pieces, strict=True)) if one != other}
        assert changed <= set(passage.labels) == {each.position for each in passage.scored}


def test_guesses_are_probabilities_the_best_first(passages):
    for each in passages[0].scored:
        chances = [chance for _, chance in each.guesses]
        assert chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) <= 1 + 1e-9
        assert each.probability <= chances[0] + 1e-12


@given(st.lists(st.floats(0, 20), min_size=1, max_size=30))
def test_the_last_total_is_exp_of_the_mean(nats):
    totals = add_up(nats)
    assert len(totals) == len(nats)
    assert totals[-1].perplexity == pytest.approx(math.exp(sum(nats) / len(nats)))


@given(st.lists(st.floats(0.001, 20), min_size=2, max_size=50))
def test_the_worst_carry_at_least_their_share(nats):
    found = concentrate(np.array(nats))
    assert found.carried_by(0) == 0
    assert found.carried_by(1) == pytest.approx(1)
    assert all(found.carried_by(share) >= share - 1e-9 for share in (0.1, 0.5, 0.9))


def test_the_worst_tenth_of_twenty_pieces_is_the_two_worst():
    assert concentrate(np.array([1.0] * 18 + [9.0, 23.0])).carried_by(0.1) == pytest.approx(32 / 50)


def test_no_surprise_at_all_is_nothing_to_divide_by():
    assert concentrate(np.zeros(5)).carried_by(0.1) == 0
