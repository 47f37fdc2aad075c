"""Masking: chunks of ids in, corrupted ids and labels out, and for each position what was done to it.

Token masking draws for each piece; whole-word masking draws once for a word, and its pieces stand or fall together. Both
select `mlm_probability` of the ordinary pieces on average, so the two can be compared at the same rate. What befalls a
selected piece (masked, random or kept) is drawn per piece, as in BERT's own code.

The dice are a function of (seed, draw, row, position), not the state of a generator. So a chunk gets the same masks
whatever batch, device or process it lands in, and when a run resumes; the two strategies throw the same dice, which makes
their pictures comparable; and a fresh draw each epoch (dynamic masking) is `draw=epoch`.

Sources: Devlin et al. 2019 (BERT), section 3.1 and appendix A.1; whole-word masking: the BERT repository's README, 2019.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lab.config import Masking
from lab.errors import ModelError, require

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

IGNORE_INDEX = -100
UNTOUCHED, MASKED, RANDOM, KEPT = range(4)
ACTIONS = ("untouched", "masked", "random", "kept")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What masking needs to know of a tokenizer."""

    mask_token_id: int
    ordinary_ids: Tensor  # (n,) int64: what a random piece is drawn from, no special tokens or unused places
    size: int  # ids in all, the uniform baseline of a perplexity

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerFast") -> "Vocabulary":
        """Read it off a tokenizer. Raises ModelError if the tokenizer has no mask token."""
        require(
            tokenizer.mask_token_id is not None,
            "This tokenizer has no mask token, so it can't be used for masked language modelling. Choose another model.",
            ModelError,
        )
        special = set(tokenizer.all_special_ids)
        ordinary = sorted(
            id
            for piece, id in tokenizer.get_vocab().items()
            if id not in special and not (piece.startswith("[unused") and piece.endswith("]"))
        )
        require(
            bool(ordinary),
            "This tokenizer's vocabulary has special tokens only, so there is no piece to predict. Choose another model.",
            ModelError,
        )
        return cls(tokenizer.mask_token_id, torch.tensor(ordinary), len(tokenizer))

    def to(self, device: torch.device) -> "Vocabulary":
        return Vocabulary(self.mask_token_id, self.ordinary_ids.to(device), self.size)


@dataclass(frozen=True, slots=True)
class MaskedBatch:
    """What the model reads, what it must say, and what was done: one truth for the picture and for the training."""

    input_ids: Tensor  # (batch, chunk_size) int64, after corruption
    labels: Tensor  # same shape: the original id where selected, IGNORE_INDEX elsewhere
    action: Tensor  # same shape uint8: UNTOUCHED, MASKED, RANDOM or KEPT

    @property
    def selected(self) -> Tensor:
        """(batch, chunk_size) bool: the positions that enter the loss."""
        return self.action != UNTOUCHED


def mask(
    input_ids: Tensor,
    word_starts: Tensor,
    special_tokens_mask: Tensor,
    masking: Masking,
    vocabulary: Vocabulary,
    *,
    seed: int,
    draw: int | Tensor = 0,
    rows: Tensor | None = None,
) -> MaskedBatch:
    """Select and corrupt. All three tensors are (batch, chunk_size), on one device; nothing of theirs is changed.

    `word_starts` is True where a word begins (as far as the chunk shows it: position 0 always starts one);
    `special_tokens_mask` where a position may not be selected. `rows` are the chunks' numbers in the corpus, (batch,)
    int64, by default 0, 1, 2 …: a chunk keeps its dice in whatever batch it comes. `draw` is one number or one a row.

    >>> ids = torch.tensor([[7, 8, 9, 10, 11, 12]])
    >>> starts = torch.tensor([[True, True, False, False, True, True]])  # 8 9 10 are one word
    >>> vocabulary = Vocabulary(mask_token_id=99, ordinary_ids=torch.arange(50), size=100)
    >>> whole = Masking(strategy="whole_word", mlm_probability=0.4, mask_share=1, random_share=0)
    >>> mask(ids, starts, torch.zeros_like(starts), whole, vocabulary, seed=7).input_ids
    tensor([[ 7, 99, 99, 99, 11, 12]])
    """
    fields = input_ids, word_starts, special_tokens_mask, vocabulary.ordinary_ids, rows, draw
    if input_ids.device.type != "cpu":
        return MaskedBatch(*_corrupt(torch, masking, vocabulary.mask_token_id, seed, *fields))
    # The same memory as numpy's arrays: at the size of a batch a call of numpy costs half of torch's.
    arrays = (each.numpy() if isinstance(each, Tensor) else each for each in fields)
    return MaskedBatch(*map(torch.from_numpy, _corrupt(np, masking, vocabulary.mask_token_id, seed, *arrays)))


def _corrupt(
    xp: Any,
    masking: Masking,
    mask_token_id: int,
    seed: int,
    input_ids: Any,
    word_starts: Any,
    special_tokens_mask: Any,
    ordinary_ids: Any,
    rows: Any,
    draw: Any,
) -> tuple[Any, Any, Any]:
    """Corrupted ids, labels and action. `xp` is numpy or torch, and the arrays are its own.

    Written in what the two have in common, on whole numbers only: so every device gets the same masks to the bit.
    """
    shape, device = input_ids.shape, input_ids.device
    bits = _throw(seed, draw, xp.arange(shape[0], device=device) if rows is None else rows, xp, shape[1], device)
    selected = _first_die(bits) < round(masking.mlm_probability * _SIDES)
    if masking.strategy == "whole_word":
        _spread(xp, selected, word_starts)
    selected &= ~special_tokens_mask
    # From here on only the selected are looked at, one position in seven.
    (at,) = xp.where(selected.reshape(-1))
    fate, pick = _other_dice(bits.reshape(-1)[at])
    masked = fate < round(masking.mask_share * _SIDES)
    changed = fate < round((masking.mask_share + masking.random_share) * _SIDES)
    corrupted = xp.asarray(input_ids, copy=True).reshape(-1)
    labels, action = xp.full_like(corrupted, IGNORE_INDEX), xp.zeros_like(corrupted, dtype=xp.uint8)
    original = corrupted[at]
    labels[at] = original
    action[at] = KEPT
    action[at[changed]] = RANDOM
    action[at[masked]] = MASKED
    corrupted[at] = xp.where(masked, mask_token_id, xp.where(changed, ordinary_ids[pick % len(ordinary_ids)], original))
    return corrupted.reshape(shape), labels.reshape(shape), action.reshape(shape)


def _spread(xp: Any, selected: Any, word_starts: Any) -> None:
    """Let each piece share the lot of its word's first piece. In place; both are (batch, width).

    A piece looks 1 place back, then 2, 4 … as long as words reach that far: no loop over words, no ragged lists.
    """
    follows = ~word_starts
    follows[:, 0] = False  # so nothing spreads from one row to the next
    selected &= ~follows
    here, follows, reach = selected.reshape(-1), follows.reshape(-1), 1
    while xp.count_nonzero(follows):
        here[reach:] |= follows[reach:] & here[:-reach]
        follows[reach:] = follows[reach:] & follows[:-reach]
        reach *= 2


@dataclass(frozen=True, slots=True)
class Leaks:
    """Selected pieces of multi-piece words, and those among them that a sibling gives away."""

    at_risk: Tensor  # (n, 2) row and position of every selected piece of a word of several pieces
    leaking: Tensor  # (k, 2) those with a sibling piece that is not selected, so that the model sees it
    kept: int  # selected pieces of such words that stayed as they are and show themselves: counted apart

    @property
    def share(self) -> float:
        """Leaking pieces among those at risk, 0 to 1 (0 if there were none at risk)."""
        return len(self.leaking) / len(self.at_risk) if len(self.at_risk) else 0.0


def find_leaks(word_starts: Tensor, special_tokens_mask: Tensor, action: Tensor) -> Leaks:
    """Which selected pieces have a sibling that is not selected. All three tensors are (batch, chunk_size).

    Whole-word selection has none by construction.

    >>> starts = torch.tensor([[True, True, False, True]])  # the second word has two pieces
    >>> none = torch.zeros_like(starts)
    >>> find_leaks(starts, none, torch.tensor([[MASKED, MASKED, UNTOUCHED, UNTOUCHED]])).leaking
    tensor([[0, 1]])
    >>> find_leaks(starts, none, torch.tensor([[UNTOUCHED, MASKED, KEPT, UNTOUCHED]])).leaking
    tensor([], size=(0, 2), dtype=torch.int64)
    """
    begins = word_starts.clone()
    begins[:, 0] = True  # a word cut by the border counts as what is visible of it
    word = (begins.flatten().cumsum(0) - 1).view_as(begins)
    selected = (action != UNTOUCHED) & ~special_tokens_mask
    size = torch.bincount(word[~special_tokens_mask], minlength=int(word.max()) + 1)[word]
    hidden = torch.bincount(word[selected], minlength=int(word.max()) + 1)[word]
    at_risk = selected & (size > 1)
    leaking = at_risk & (hidden < size)
    return Leaks(at_risk.nonzero(), leaking.nonzero(), int((at_risk & (action == KEPT)).sum()))


# The dice: a counter-based generator, SplitMix64's finaliser (Steele, Lea & Flood 2014) over (seed, draw, row, position).

_SIDES = 2**24  # of the first two dice


def _throw(seed: int, draw: Any, rows: Any, xp: Any, width: int, device: Any) -> Any:
    """(rows, width) int64: what the three dice of each position are read off."""
    if isinstance(draw, int):  # an array of one number costs as much as one of 64 x 128
        key = rows + _scramble_number(seed * _GOLDEN + draw)
    else:
        key = rows + _fold(_mix(draw + _wrap(seed * _GOLDEN)))
    return _mix(_fold(_mix(key))[:, None] + xp.arange(1, width + 1, device=device) * _GOLDEN)


def _first_die(bits: Any) -> Any:
    """A whole number below 2^24. The finaliser's last step, `_fold`, doesn't reach these bits, so it can wait."""
    return _shift(bits, 40)


def _other_dice(bits: Any) -> tuple[Any, Any]:
    """A whole number below 2^24, and one below 2^40."""
    bits = _fold(bits)
    return (bits >> 16) & 0xFFFFFF, _shift(bits * _MIX[0][1], 24)


def _wrap(number: int) -> int:
    """A whole number as the signed 64-bit one with the same low bits."""
    return (number + 2**63) % 2**64 - 2**63


_GOLDEN = _wrap(0x9E3779B97F4A7C15)
_MIX = (30, _wrap(0xBF58476D1CE4E5B9)), (27, _wrap(0x94D049BB133111EB))


def _mix(x: Any) -> Any:
    """Mix 64 bits in place so that neighbours share nothing, but for the last step."""
    for bits, factor in _MIX:
        x ^= _shift(x, bits)
        x *= factor
    return x


def _fold(x: Any) -> Any:
    """The last step."""
    return x ^ _shift(x, 31)


def _shift(x: Any, bits: int) -> Any:
    """Shift right as if int64 were unsigned: no copies of the sign come in."""
    if isinstance(x, np.ndarray):
        return (x.view(np.uint64) >> np.uint64(bits)).view(np.int64)
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _scramble_number(number: int) -> int:
    """`_fold(_mix(x))` of one number."""
    x = number % 2**64
    for bits, factor in _MIX:
        x = (x ^ (x >> bits)) * factor % 2**64
    return _wrap(x ^ (x >> 31))
