"""Surprise: from one probability to the number, and what the number hides.

The surprise of a piece is −ln of the probability that the model gave it, in nats. Surprises add where probabilities
multiply; their mean, turned back by exp, is the perplexity. One number for all pieces says nothing of how unequally they
share in it: `concentrate` does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsInt

import numpy as np
import torch

from lab.evaluation import HeldOut, freeze, perplexity
from lab.model import Loaded, logits_at

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Scored:
    """One scored position: what the author wrote, what the model read there, and what it believed."""

    position: int
    piece: str  # the author's, as the vocabulary spells it
    read: str  # what stood there for the model: the mask token, a random piece, or the author's own
    action: int  # MASKED, RANDOM or KEPT
    nats: float
    guesses: tuple[tuple[str, float], ...]  # (piece, probability), most probable first

    @property
    def probability(self) -> float:
        """What the model gave to the author's piece, 0 to 1."""
        return math.exp(-self.nats)


@dataclass(frozen=True, slots=True)
class Passage:
    """One held-out chunk with its scored positions, in their order."""

    pieces: tuple[str, ...]  # as the author wrote them
    word_starts: tuple[bool, ...]
    special: tuple[bool, ...]
    scored: tuple[Scored, ...]
    input_ids: tuple[int, ...]  # what the model reads
    labels: dict[int, int]  # position → the id to predict


def read_passage(loaded: Loaded, held_out: HeldOut, row: int, *, top_k: int = 3) -> Passage:
    """Score one held-out chunk and keep what the model believed. `row` counts the chunks of `held_out` from 0.

    >>> from lab.config import Scoring
    >>> from lab.corpus import Corpus
    >>> from lab.model import load
    >>> from lab.preparation import prepare
    >>> held_out = prepare("bundled", Corpus(max_train_documents=20, max_test_documents=5)).held_out(Scoring())
    >>> passage = read_passage(load("bundled", device="cpu"), held_out, 0)
    >>> [passage.pieces[each.position] == each.piece for each in passage.scored][:3]
    [True, True, True]
    """
    model, tokenizer = loaded.model, loaded.tokenizer
    masked = freeze(held_out, np.array([row]), model.device, held_out.vocabulary.to(model.device))
    chunks = held_out.chunks
    attention = torch.from_numpy(chunks.attention_mask[[row]]).to(model.device).long()
    where = masked.selected
    with loaded.computing():
        beliefs = logits_at(model, masked.input_ids, where, attention).double().log_softmax(dim=-1).cpu()
    ids, read, actions = chunks.input_ids[row], masked.input_ids[0].cpu(), masked.action[0].cpu()
    scored = []
    for belief, position in zip(beliefs, where[0].nonzero()[:, 0].tolist(), strict=True):
        best = belief.topk(min(top_k, len(belief)))
        scored.append(
            Scored(
                position=position,
                piece=_piece(tokenizer, ids[position]),
                read=_piece(tokenizer, read[position]),
                action=int(actions[position]),
                nats=-float(belief[int(ids[position])]),
                guesses=tuple(
                    (_piece(tokenizer, id), math.exp(value))
                    for id, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
                ),
            )
        )
    return Passage(
        pieces=tuple(tokenizer.convert_ids_to_tokens(ids.tolist())),
        word_starts=tuple(chunks.word_starts[row].tolist()),
        special=tuple(chunks.special_tokens_mask[row].tolist()),
        scored=tuple(scored),
        input_ids=tuple(read.tolist()),
        labels={each.position: int(ids[each.position]) for each in scored},
    )


def _piece(tokenizer: "PreTrainedTokenizerFast", id: SupportsInt) -> str:
    return str(tokenizer.convert_ids_to_tokens(int(id)))


@dataclass(frozen=True, slots=True)
class Total:
    """Some surprises added up."""

    pieces: int
    nats: float

    @property
    def mean(self) -> float:
        return self.nats / self.pieces

    @property
    def perplexity(self) -> float:
        return perplexity(self.mean)


def add_up(nats: Sequence[float]) -> list[Total]:
    """The total after each surprise.

    >>> [round(total.perplexity, 1) for total in add_up([math.log(2), math.log(8)])]
    [2.0, 4.0]
    """
    return [Total(count, float(total)) for count, total in enumerate(np.cumsum(nats), start=1)]


@dataclass(frozen=True, slots=True)
class Concentration:
    """How unequally pieces share in all the surprise, the most surprising first; a Lorenz curve from the top."""

    pieces: np.ndarray  # (n + 1,) share of the pieces, 0 to 1
    surprise: np.ndarray  # (n + 1,) share of all the surprise that they carry, 0 to 1

    def carried_by(self, share: float) -> float:
        """What share of the surprise the worst `share` of the pieces carries."""
        return float(np.interp(share, self.pieces, self.surprise))


def concentrate(nats: np.ndarray) -> Concentration:
    """Sort the surprises, the largest first, and add up their shares.

    >>> concentrate(np.array([1.0, 0.0, 7.0, 2.0])).carried_by(0.25)
    0.7
    """
    carried = np.concatenate([[0.0], np.cumsum(np.sort(nats)[::-1])])
    return Concentration(np.linspace(0, 1, len(carried)), carried / max(carried[-1], 1e-300))
