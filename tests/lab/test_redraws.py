"""Redraws: one draw as training makes it, and many against the shares that were asked for."""

import numpy as np
import pytest

from lab.config import Masking
from lab.masking import KEPT, MASKED, RANDOM, Vocabulary, find_leaks, mask
from lab.model import load_tokenizer
from lab.passages import Passage
from lab.redraws import draw, redraw

TOKENIZER = load_tokenizer("bundled")
VOCABULARY = Vocabulary.of(TOKENIZER)
PASSAGE = Passage.of(TOKENIZER, "An unwatchable, unforgettable film about a glockenspiel and its unhinged quizmaster. " * 4)
BOTH = pytest.mark.parametrize("strategy", ["token", "whole_word"])


@BOTH
def test_a_draw_is_what_training_does_to_its_first_chunk(strategy):
    masking = Masking(strategy=strategy)
    drawn = draw(PASSAGE, masking, VOCABULARY, seed=42, draw=3)
    masked = mask(*PASSAGE.tensors(), masking, VOCABULARY, seed=42, draw=3)
    assert drawn.seen == tuple(masked.input_ids[0].tolist())
    assert drawn.action == tuple(masked.action[0].tolist())
    assert drawn.selected == tuple(masked.selected[0].nonzero().flatten().tolist())


@BOTH
def test_many_draws_are_the_draws_one_by_one(strategy):
    masking = Masking(strategy=strategy, mlm_probability=0.3)
    many = redraw(PASSAGE, masking, VOCABULARY, seed=7, draws=20)
    each = [draw(PASSAGE, masking, VOCABULARY, seed=7, draw=number) for number in range(20)]
    for name, action in (("masked", MASKED), ("random", RANDOM), ("kept", KEPT)):
        assert getattr(many, name).tolist() == [drawn.count(action) for drawn in each]
    assert many.at_risk.tolist() == [len(drawn.at_risk) for drawn in each]
    assert many.leaking.tolist() == [len(drawn.leaking) for drawn in each]
    assert many.selected.tolist() == [len(drawn.selected) for drawn in each]


@BOTH
def test_a_thousand_draws_come_to_the_expected_shares(strategy):
    many = redraw(PASSAGE, Masking(strategy=strategy), VOCABULARY, seed=0, draws=1000)
    selected = many.selected.sum()
    # A word's pieces come together, so whole-word counts scatter more than those of single pieces.
    assert selected / 1000 / PASSAGE.ordinary == pytest.approx(0.15, abs=0.008)
    assert [each.sum() / selected for each in (many.masked, many.random, many.kept)] == pytest.approx(
        [0.8, 0.1, 0.1], abs=0.015
    )


def test_whole_words_scatter_more_than_single_pieces():
    token, whole = (
        redraw(PASSAGE, Masking(strategy=name), VOCABULARY, seed=0, draws=1000).selected for name in ("token", "whole_word")
    )
    assert np.std(whole) > 1.2 * np.std(token)


def test_only_token_masking_leaks():
    token, whole = (
        redraw(PASSAGE, Masking(strategy=name), VOCABULARY, seed=0, draws=500) for name in ("token", "whole_word")
    )
    assert token.leak_share is not None
    assert token.leak_share > 0.5
    assert whole.leak_share == 0


def test_a_leak_is_a_selected_piece_with_a_sibling_in_sight():
    masking = Masking(mlm_probability=0.3)
    drawn = draw(PASSAGE, masking, VOCABULARY, seed=1)
    masked = mask(*PASSAGE.tensors(), masking, VOCABULARY, seed=1)
    leaks = find_leaks(*PASSAGE.tensors()[1:], masked.action)
    assert drawn.leaking == {at for _, at in leaks.leaking.tolist()}
    assert drawn.leaking
    for at in drawn.leaking:
        word = PASSAGE.words[PASSAGE.word_at[at]]
        assert at in drawn.selected
        assert any(sibling not in drawn.selected for sibling in word)


def test_where_nothing_can_leak_there_is_no_share():
    assert redraw(Passage.of(TOKENIZER, "a film"), Masking(), VOCABULARY, seed=0, draws=50).leak_share is None
