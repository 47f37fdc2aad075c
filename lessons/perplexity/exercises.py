"""Exercises on perplexity: each answer is computed from the passage or from the learner's own test."""

import hashlib
import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lessons.components import blocks
from lessons.components.blocks import Block, Choice, Question
from lessons.perplexity.gain import Change, signed
from lessons.perplexity.text import amount, chance

if TYPE_CHECKING:
    from lab.evaluation import Comparison, Evaluation
    from lab.surprise import Passage, Scored

_CLEAR = 1.1  # a wrong answer is offered where it is this many times off, so that no rounding decides


def questions(passage: "Passage", change: Change, before: "Evaluation", after: "Evaluation") -> Block:
    """The three questions."""
    about = hashlib.sha256(repr((passage.input_ids, change.name, before.nll.sum(), after.nll.sum())).encode()).hexdigest()[
        :12
    ]
    asked = [of_these(passage.scored, about), of_batches(passage.scored, about), is_it_real(before, after, about)]
    return blocks.questions("perplexity", [question for question in asked if question is not None])


def of_these(scored: "Sequence[Scored]", about: str) -> Question | None:
    """6a: the perplexity of three pieces."""
    dice = random.Random(f"{about} a")
    likely = [each for each in scored if each.probability > 0.001]  # numbers that can be handled, if there are three
    likely = likely if len(likely) >= 3 else list(scored)
    for attempt in range(200):
        three = dice.sample(likely if attempt < 100 else list(scored), min(3, len(scored)))
        shares = [_rounded(each.probability) for each in three]
        right = math.exp(-sum(map(math.log, shares)) / len(shares))
        odds = sum(1 / share for share in shares) / len(shares)
        belief = len(shares) / sum(shares)
        if len(three) == 3 and _apart(right, odds, belief):
            break
    else:
        return None
    choices = [
        Choice(
            amount(right),
            "Surprises are averaged: −ln of each probability, their sum divided by three, and e to that power.",
            right=True,
        ),
        Choice(
            amount(odds),
            "That is the mean of 1 ÷ probability. One rare piece would drown all the others; surprises, which are "
            "logarithms, are what is averaged.",
        ),
        Choice(
            amount(belief),
            "That is 1 ÷ the mean probability. It lets a single sure hit hide the misses: probabilities multiply along a "
            "text, so their logarithms are what is averaged.",
        ),
    ]
    told = {f"p{i}": chance(share) for i, share in enumerate(shares)} | {
        f"w{i}": each.piece for i, each in enumerate(three)
    }
    return Question(
        "of-these",
        "Three pieces of the passage, and the probability that each got: “{w0}” {p0}, “{w1}” {p1}, “{w2}” {p2}. What is "
        "the perplexity of these three?",
        _shuffled(choices, about),
        hint="Turn each probability into its surprise first.",
        about=about,
        values=dict(told),
    )


def of_batches(scored: "Sequence[Scored]", about: str) -> Question | None:
    """6b: the perplexity of two batches of unequal size, from their means."""
    nats = [each.nats for each in scored]
    sizes = [size for size in range(2, len(nats) - 1) if abs(2 * size - len(nats)) > len(nats) / 3]
    random.Random(f"{about} b").shuffle(sizes)
    for size in sizes:
        parts = (nats[:size], nats[size:])
        counts, means = [len(part) for part in parts], [round(sum(part) / len(part), 2) for part in parts]
        right = math.exp(sum(count * mean for count, mean in zip(counts, means, strict=True)) / len(nats))
        of_means, of_perplexities = math.exp(sum(means) / 2), sum(map(math.exp, means)) / 2
        if _apart(right, of_means, of_perplexities):
            break
    else:
        return None
    choices = [
        Choice(amount(right), "All nats together, divided by all pieces: the larger batch counts for more.", right=True),
        Choice(
            amount(of_means),
            "That is e to the mean of the two means, which counts the small batch as much as the large one. Keep sums and "
            "counts, and divide once, at the end.",
        ),
        Choice(
            amount(of_perplexities),
            "That is the mean of two perplexities. They are powers of e, so the worse batch pulls far too much; average "
            "nats, never perplexities.",
        ),
    ]
    return Question(
        "of-batches",
        "The passage is scored in two batches: {n0} pieces with {m0} nats a piece, then {n1} with {m1}. What is its "
        "perplexity?",
        _shuffled(choices, about),
        hint="How many nats are there in all?",
        about=about,
        values={"n0": counts[0], "n1": counts[1], "m0": f"{means[0]:.2f}", "m1": f"{means[1]:.2f}"},
    )


def is_it_real(before: "Evaluation", after: "Evaluation", about: str) -> Question | None:
    """6c: the learner's own test, on some of its documents only, so that the answer isn't on the screen yet."""
    from lab.evaluation import FEWEST_DOCUMENTS, compare

    documents = np.unique(before.document)
    fewest = max(FEWEST_DOCUMENTS, len(documents) // 3)
    best: tuple[int, Comparison, Evaluation, Evaluation] | None = None
    dice = np.random.default_rng(int(about, 16))
    for _ in range(12):
        size = int(dice.integers(fewest, fewest + max(1, len(documents) // 2)))
        if size > len(documents):
            continue
        some = np.isin(before.document, dice.choice(documents, size, replace=False))
        comparison = compare(before[some], after[some], resamples=500)
        # Most is learned where the number is lower and the interval holds 0; clear cases only, so no rounding decides.
        worth = (comparison.ratio < 1) + 2 * (not comparison.real) if _clear(comparison) else -1
        if best is None or worth > best[0]:
            best = worth, comparison, before[some], after[some]
    if best is None or best[0] < 0:
        return None
    _, comparison, one, other = best
    lower, real = comparison.ratio < 1, comparison.real
    kind = "gain" if lower else "loss"
    choices = [
        Choice(
            "Yes: the 95 % interval leaves 0 out",
            "It does: which documents were held out doesn’t explain a difference of this size."
            if real
            else "Look again: one end is below 0 and the other above, so the interval holds 0.",
            right=real,
        ),
        Choice(
            "No: the 95 % interval holds 0",
            "It does: another choice of held-out documents could have turned the difference round. That isn’t proof that "
            "the two are equal."
            if not real
            else "Look again: both ends are on the same side of 0.",
            right=not real,
        ),
        Choice(
            f"Yes: the perplexity is {'lower' if lower else 'higher'}",
            "Of two models one is nearly always lower. How far that depends on the choice of documents is the question, "
            "and the interval answers it.",
        ),
        Choice(
            "No: redrawing the masks moves the perplexity by more than that",
            "It may, but both models had the same masks here, so that luck cancels. Small differences can be real, and the "
            "noise meter isn’t the test.",
        ),
    ]
    return Question(
        "is-it-real",
        f"The same two models, on {{documents}} of the documents only: perplexity {{before}} and then {{after}}, a change "
        f"of {{change}}, with a 95 % interval from {{low}} to {{high}}. Is this {kind} real?",
        _shuffled(choices, about),
        hint="No change at all would be 0 %.",
        about=about,
        values={
            "documents": comparison.documents,
            "before": f"{one.perplexity:.2f}",
            "after": f"{other.perplexity:.2f}",
            "change": signed(comparison.ratio - 1),
            "low": signed(comparison.low - 1),
            "high": signed(comparison.high - 1),
        },
    )


def _clear(comparison: "Comparison") -> bool:
    """Whether both ends of the interval, as they are shown, are off 0."""
    return min(abs(comparison.low - 1), abs(comparison.high - 1), abs(comparison.ratio - 1)) >= 0.0005


def _rounded(probability: float) -> float:
    """A probability as `chance` shows it."""
    return max(float(chance(probability).removesuffix("\u00a0%")) / 100, 1e-12)


def _apart(*answers: float) -> bool:
    """Whether all are clearly different, in what is shown of them too."""
    ordered = sorted(answers)
    return all(high > low * _CLEAR and high - low > 0.15 for low, high in pairwise(ordered))


def _shuffled(choices: list[Choice], about: str) -> tuple[Choice, ...]:
    random.Random(f"{about} {choices[0].text}").shuffle(choices)
    return tuple(choices)
