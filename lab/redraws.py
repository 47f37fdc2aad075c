"""Redraws: the masks of one passage, drawn once for a picture, or again and again as dynamic masking does epoch by epoch.

One draw of a short passage shows anything; many show the shares that were asked for.
"""

from dataclasses import dataclass

import numpy as np
import torch

from lab.config import Masking
from lab.masking import KEPT, MASKED, RANDOM, UNTOUCHED, Vocabulary, find_leaks, mask
from lab.passages import Passage


@dataclass(frozen=True, slots=True)
class Drawn:
    """One draw, position by position."""

    seen: tuple[int, ...]  # what the model reads: ids after corruption
    action: tuple[int, ...]  # UNTOUCHED, MASKED, RANDOM or KEPT
    at_risk: frozenset[int]  # positions of selected pieces of words of several pieces
    leaking: frozenset[int]  # those of them with a sibling that is not selected

    @property
    def selected(self) -> tuple[int, ...]:
        """The positions that enter the loss."""
        return tuple(at for at, action in enumerate(self.action) if action != UNTOUCHED)

    def count(self, action: int) -> int:
        """How many positions had this done to them."""
        return self.action.count(action)


@dataclass(frozen=True, slots=True)
class Redraws:
    """Many draws: counts, draw by draw; each array is (draws,) int64."""

    ordinary: int  # pieces of the passage that may be selected
    masked: np.ndarray
    random: np.ndarray
    kept: np.ndarray
    at_risk: np.ndarray
    leaking: np.ndarray

    @property
    def selected(self) -> np.ndarray:
        """(draws,) the pieces that enter the loss."""
        return self.masked + self.random + self.kept

    @property
    def leak_share(self) -> float | None:
        """Leaking pieces among those at risk, over all draws; None if there never were any at risk."""
        return float(self.leaking.sum() / self.at_risk.sum()) if self.at_risk.sum() else None


def draw(passage: Passage, masking: Masking, vocabulary: Vocabulary, *, seed: int, draw: int = 0) -> Drawn:
    """Draw the masks of a passage once, with the dice of a corpus' first chunk.

    >>> from lab.model import load_tokenizer
    >>> tokenizer = load_tokenizer("bundled")
    >>> passage = Passage.of(tokenizer, "An unwatchable, unforgettable film.")
    >>> whole = Masking(strategy="whole_word", mlm_probability=0.4, mask_share=1, random_share=0)
    >>> drawn = draw(passage, whole, Vocabulary.of(tokenizer), seed=5)
    >>> " ".join(tokenizer.convert_ids_to_tokens(list(drawn.seen)))
    '[CLS] an [MASK] [MASK] [MASK] , un ##for ##get ##table film . [SEP]'
    """
    ids, starts, special = passage.tensors()
    masked = mask(ids, starts, special, masking, vocabulary, seed=seed, draw=draw)
    leaks = find_leaks(starts, special, masked.action)
    return Drawn(
        seen=tuple(masked.input_ids[0].tolist()),
        action=tuple(masked.action[0].tolist()),
        at_risk=frozenset(leaks.at_risk[:, 1].tolist()),
        leaking=frozenset(leaks.leaking[:, 1].tolist()),
    )


def redraw(passage: Passage, masking: Masking, vocabulary: Vocabulary, *, seed: int, draws: int) -> Redraws:
    """Draw them so many times: draw 0, 1, 2 … of the seed, which are the epochs of a run.

    >>> from lab.model import load_tokenizer
    >>> tokenizer = load_tokenizer("bundled")
    >>> passage = Passage.of(tokenizer, "the film " * 50)
    >>> found = redraw(passage, Masking(), Vocabulary.of(tokenizer), seed=0, draws=1000)
    >>> round(float(found.selected.mean())), round(float(found.masked.mean())), found.leak_share
    (15, 12, None)
    """
    ids, starts, special = (each.expand(draws, -1) for each in passage.tensors())
    numbers = torch.arange(draws)
    same = torch.zeros_like(numbers)  # one chunk, so one row's dice
    action = mask(ids, starts, special, masking, vocabulary, seed=seed, draw=numbers, rows=same).action
    leaks = find_leaks(starts, special, action)
    return Redraws(
        ordinary=passage.ordinary,
        masked=(action == MASKED).sum(dim=1).numpy(),
        random=(action == RANDOM).sum(dim=1).numpy(),
        kept=(action == KEPT).sum(dim=1).numpy(),
        at_risk=np.bincount(leaks.at_risk[:, 0].numpy(), minlength=draws),
        leaking=np.bincount(leaks.leaking[:, 0].numpy(), minlength=draws),
    )
