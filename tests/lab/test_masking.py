"""Masking: who is selected, what becomes of it, and that the dice belong to the chunk."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from lab.errors import SettingError
from lab.masking import (
    IGNORE_INDEX,
    KEPT,
    MASKED,
    RANDOM,
    UNTOUCHED,
    Masking,
    Vocabulary,
    _corrupt,
    _first_die,
    _other_dice,
    _throw,
    find_leaks,
    mask,
)

VOCABULARY = Vocabulary(mask_token_id=103, ordinary_ids=torch.arange(1000, 30_522), size=30_522)
BOTH = pytest.mark.parametrize("strategy", ["token", "whole_word"])


def text(rows=8000, width=128, seed=0):
    """About a million pieces, 30 % of which continue a word, one in fifty special."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1000, 30_522, (rows, width), generator=generator)
    starts = torch.rand((rows, width), generator=generator) < 0.7
    special = torch.rand((rows, width), generator=generator) < 0.02
    starts |= special
    starts[:, 0] = True
    starts[:, 1:] |= special[:, :-1]
    return ids, starts, special


@BOTH
@pytest.mark.parametrize("probability", [0.05, 0.15, 0.4])
def test_the_expected_share_of_ordinary_pieces_is_selected(strategy, probability):
    ids, starts, special = text()
    masked = mask(ids, starts, special, Masking(strategy=strategy, mlm_probability=probability), VOCABULARY, seed=1)
    assert masked.selected[~special].float().mean().item() == pytest.approx(probability, abs=0.003)


@BOTH
def test_selection_is_fair_by_a_chi_square_test(strategy):
    ids, starts, special = text()
    masked = mask(ids, starts, special, Masking(strategy=strategy), VOCABULARY, seed=2)
    # Whole words are drawn, not pieces: so words are what is counted.
    drawn = (starts & ~special) if strategy == "whole_word" else ~special
    hits = int(masked.selected[drawn].sum())
    total = int(drawn.sum())
    assert chisquare([hits, total - hits], [total * 0.15, total * 0.85]).pvalue > 1e-3


@BOTH
@pytest.mark.parametrize("shares", [(0.8, 0.1), (0.5, 0.5), (1.0, 0.0), (0.0, 0.0)])
def test_the_selected_are_masked_random_and_kept_in_the_shares_asked_for(strategy, shares):
    ids, starts, special = text()
    how = Masking(strategy=strategy, mask_share=shares[0], random_share=shares[1])
    masked = mask(ids, starts, special, how, VOCABULARY, seed=3)
    counts = np.array([int((masked.action == action).sum()) for action in (MASKED, RANDOM, KEPT)])
    expected = counts.sum() * np.array([shares[0], shares[1], how.kept_share])
    assert counts[expected < 1].sum() == 0
    possible = expected >= 1
    if possible.sum() > 1:
        assert chisquare(counts[possible], expected[possible]).pvalue > 1e-3


@BOTH
def test_ids_labels_and_actions_tell_the_same_story(strategy):
    ids, starts, special = text(rows=200)
    before = ids.clone(), starts.clone(), special.clone()
    masked = mask(ids, starts, special, Masking(strategy=strategy, mlm_probability=0.5), VOCABULARY, seed=4)
    action = masked.action
    assert (masked.labels[action == UNTOUCHED] == IGNORE_INDEX).all()
    assert (masked.labels[action != UNTOUCHED] == ids[action != UNTOUCHED]).all()
    assert (masked.input_ids[action == MASKED] == 103).all()
    assert torch.isin(masked.input_ids[action == RANDOM], VOCABULARY.ordinary_ids).all()
    for unchanged in (UNTOUCHED, KEPT):
        assert (masked.input_ids[action == unchanged] == ids[action == unchanged]).all()
    assert (action[special] == UNTOUCHED).all()
    for given_, now in zip(before, (ids, starts, special), strict=True):
        assert (given_ == now).all()


def test_pieces_of_a_word_stand_or_fall_together_in_whole_word_masking():
    ids, starts, special = text(rows=500)
    selected = mask(ids, starts, special, Masking(strategy="whole_word"), VOCABULARY, seed=5).selected
    follows = ~starts[:, 1:] & ~special[:, 1:]
    assert (selected[:, 1:][follows] == selected[:, :-1][follows]).all()


def test_both_strategies_throw_the_same_dice_so_one_piece_words_agree():
    ids, starts, special = text(rows=500)
    token, whole = (
        mask(ids, starts, special, Masking(strategy=name), VOCABULARY, seed=6).selected for name in ("token", "whole_word")
    )
    assert (token[starts] == whole[starts]).all()


@BOTH
def test_a_chunk_keeps_its_masks_in_whatever_batch_it_comes(strategy):
    ids, starts, special = text(rows=64)
    how = Masking(strategy=strategy)
    together = mask(ids, starts, special, how, VOCABULARY, seed=7, draw=2)
    some = torch.tensor([40, 3, 17])
    apart = mask(ids[some], starts[some], special[some], how, VOCABULARY, seed=7, draw=2, rows=some)
    assert (apart.input_ids == together.input_ids[some]).all()
    assert (apart.action == together.action[some]).all()


@pytest.mark.parametrize("change", [{"seed": 9}, {"draw": 1}, {"rows": torch.arange(1000, 1064)}])
def test_another_seed_draw_or_chunk_gets_other_masks(change):
    ids, starts, special = text(rows=64)
    same = {"seed": 8, "draw": 0, "rows": torch.arange(64)}
    one = mask(ids, starts, special, Masking(), VOCABULARY, **same).selected.flatten()
    two = mask(ids, starts, special, Masking(), VOCABULARY, **(same | change)).selected.flatten()
    ordinary = ~special.flatten()
    assert (one & two)[ordinary].float().mean().item() == pytest.approx(0.15**2, abs=0.01)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**63), draw=st.integers(0, 2**40))
def test_the_dice_are_uniform_and_independent_for_any_seed(seed, draw):
    bits = _throw(seed, draw, np.arange(64), np, 128, "cpu")
    chance, (fate, pick) = _first_die(bits), _other_dice(bits)
    dice = chance / 2**24, fate / 2**24, (pick % 30_000) / 30_000
    for die in dice:
        values = die.flatten()
        assert 0 <= values.min() <= values.max() < 1
        assert kstest(values, "uniform").pvalue > 1e-7
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(dice[one].flatten(), dice[two].flatten())[0, 1]) < 0.07
    assert abs(np.corrcoef(chance[:, :-1].flatten(), chance[:, 1:].flatten())[0, 1]) < 0.07
    assert abs(np.corrcoef(chance[:-1].flatten(), chance[1:].flatten())[0, 1]) < 0.07


def test_a_draw_given_a_row_is_the_same_draw_given_once():
    ids, starts, special = text(rows=8)
    once = mask(ids, starts, special, Masking(), VOCABULARY, seed=2**63 + 5, draw=3)
    each = mask(ids, starts, special, Masking(), VOCABULARY, seed=2**63 + 5, draw=torch.full((8,), 3))
    assert (once.input_ids == each.input_ids).all()


@BOTH
@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    seed=st.integers(0, 2**63),
    draw=st.integers(0, 2**40),
    words=st.floats(0, 1),
    probability=st.floats(0.001, 0.999),
)
def test_numpy_and_torch_get_the_same_masks_to_the_bit(strategy, shape, seed, draw, words, probability):
    """On a CPU numpy computes, on another device torch does; torch on a CPU stands for that device here."""
    generator = torch.Generator().manual_seed(seed % 1000)
    ids = torch.randint(1000, 30_522, shape, generator=generator)
    starts, special = torch.rand(shape, generator=generator) < words, torch.rand(shape, generator=generator) < 0.1
    how = Masking(strategy=strategy, mlm_probability=probability)
    numpy_s = mask(ids, starts, special, how, VOCABULARY, seed=seed, draw=draw)
    torch_s = _corrupt(torch, how, 103, seed, ids, starts, special, VOCABULARY.ordinary_ids, None, draw)
    for one, other in zip((numpy_s.input_ids, numpy_s.labels, numpy_s.action), torch_s, strict=True):
        assert one.dtype == other.dtype
        assert (one == other).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@BOTH
def test_a_gpu_gets_the_same_masks_to_the_bit(strategy):
    fields = text(rows=64)
    here = mask(*fields, Masking(strategy=strategy), VOCABULARY, seed=12)
    vocabulary = VOCABULARY.to(torch.device("cuda"))
    there = mask(*(field.cuda() for field in fields), Masking(strategy=strategy), vocabulary, seed=12)
    assert (here.input_ids == there.input_ids.cpu()).all()
    assert (here.action == there.action.cpu()).all()


@pytest.mark.parametrize(("strategy", "digest"), [("token", "e73926f738015835"), ("whole_word", "6cd2be619279a2ba")])
def test_the_dice_never_change_for_perplexities_rest_on_them(strategy, digest):
    """The same seed must give the same masks in every version, or a score of today couldn't be set beside one of then."""
    ids = torch.arange(1000, 1000 + 16 * 64).view(16, 64)
    masked = mask(ids, ids % 3 != 0, ids % 50 == 0, Masking(strategy=strategy), VOCABULARY, seed=42, draw=1)
    assert hashlib.sha256(masked.input_ids.numpy().tobytes() + masked.action.numpy().tobytes()).hexdigest()[:16] == digest


def plain_leaks(starts, special, action):
    """The definition, as a loop: a selected piece leaks if a sibling of the same word isn't selected."""
    at_risk, leaking = [], []
    for row in range(len(starts)):
        begins = [0, *[i for i in range(1, starts.shape[1]) if starts[row, i]], starts.shape[1]]
        for first, end in zip(begins, begins[1:], strict=False):
            word = [i for i in range(first, end) if not special[row, i]]
            for i in word:
                if action[row, i] != UNTOUCHED and len(word) > 1:
                    at_risk.append([row, i])
                    if any(action[row, j] == UNTOUCHED for j in word):
                        leaking.append([row, i])
    return at_risk, leaking


def test_leaks_are_selected_pieces_with_a_sibling_that_is_not():
    ids, starts, special = text(rows=30)
    masked = mask(ids, starts, special, Masking(mlm_probability=0.4), VOCABULARY, seed=10)
    found = find_leaks(starts, special, masked.action)
    at_risk, leaking = plain_leaks(starts, special, masked.action)
    assert sorted(found.at_risk.tolist()) == at_risk
    assert sorted(found.leaking.tolist()) == leaking
    assert found.share == pytest.approx(len(leaking) / len(at_risk))
    assert 0 < found.kept < len(at_risk)


def test_whole_word_masking_never_leaks():
    ids, starts, special = text(rows=500)
    masked = mask(ids, starts, special, Masking(strategy="whole_word"), VOCABULARY, seed=11)
    assert len(find_leaks(starts, special, masked.action).leaking) == 0


def test_random_pieces_are_ordinary_ones(tokenizer):
    vocabulary = Vocabulary.of(tokenizer)
    pieces = tokenizer.convert_ids_to_tokens(vocabulary.ordinary_ids.tolist())
    assert not set(pieces) & set(tokenizer.all_special_tokens)
    assert not any(piece.startswith("[unused") for piece in pieces)
    assert len(pieces) == 30_522 - 5 - 994


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"mlm_probability": 0.0}, "mlm_probability is 0.0"),
        ({"mlm_probability": 1.0}, "mlm_probability is 1.0"),
        ({"mlm_probability": float("nan")}, "mlm_probability is nan"),
        ({"mask_share": 1.2}, "mask_share is 1.2"),
        ({"random_share": -0.1}, "random_share is -0.1"),
        ({"mask_share": 0.8, "random_share": 0.3}, "add up to more than 1"),
    ],
)
def test_a_rate_out_of_range_is_refused_by_name_and_value(bad, words):
    with pytest.raises(SettingError, match=words):
        Masking(**bad)
