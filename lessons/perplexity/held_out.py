"""The held-out text: how few pieces carry most of the surprise, how often the model is right, and both kind by kind."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lab import plots
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import percent
from lessons.perplexity.text import Text, amount, chance, scored_how

if TYPE_CHECKING:
    from lab.evaluation import Evaluation, HeldOut

WORST = 0.1
_PROMPT = (
    "Score many passages, and sort the scored pieces, the most surprising first. What share of all the surprise "
    "do the worst 10 % of the pieces carry?"
)


def prediction(evaluation: "Evaluation | None") -> Block:
    """Asked before anything is scored; afterwards with its outcome."""
    ask = partial(blocks.prediction, "perplexity-share", _PROMPT, unit="%", low=0, high=100)
    if evaluation is None:
        return ask()
    carried = carried_by_worst(evaluation)
    return ask(
        outcome=round(100 * carried),
        verdict=f"One piece in ten carries {percent(carried)} of all the surprise. And the plain accuracy: the model’s "
        f"first choice was the author’s piece at {percent(evaluation.accuracy)} of the places.",
        why="Surprise has no upper end: a piece that the model thought next to impossible weighs as much as dozens of easy "
        "ones. The perplexity tells you of both at once, and so of neither.",
    )


def carried_by_worst(evaluation: "Evaluation") -> float:
    """The share of all the surprise that the worst tenth of the pieces carries."""
    from lab.surprise import concentrate

    return concentrate(evaluation.nll).carried_by(WORST)


def outcome(text: Text, held_out: "HeldOut", evaluation: "Evaluation") -> list[Block]:
    """The number with its baselines, what it hides, and the pieces by kind."""
    from lab.evaluation import baselines
    from lab.surprise import concentrate

    base = baselines(text.prepared.train, held_out)
    found = concentrate(evaluation.nll)
    number = amount(evaluation.perplexity)
    return [
        blocks.figures(
            (number, "perplexity of the model in use"),
            (percent(evaluation.accuracy), "accuracy: its first choice is the author’s piece"),
            (amount(base.unigram), "perplexity of guessing by frequency"),
            (amount(base.uniform), "perplexity of blind guessing"),
        ),
        blocks.say(scored_how(text, held_out), tone="quiet"),
        blocks.say(
            f"If perplexity {number} meant “right one time in {number}”, the model would be right at "
            f"{percent(1 / evaluation.perplexity)} of the places. It is right at **{percent(evaluation.accuracy)}**. "
            "Perplexity asks how much belief the author’s piece got, at every place; accuracy asks only whether any other "
            "piece got more."
        ),
        blocks.chart(
            plots.concentration(found, WORST),
            f"The {len(evaluation):,} scored pieces, the most surprising first. The worst 10 % carry "
            f"{percent(found.carried_by(WORST))} of all the surprise, the easiest half "
            f"{percent(1 - found.carried_by(0.5))}.",
            height=300,
        ),
        _worst(text, evaluation),
        blocks.heading("Kind by kind"),
        *by_kind(text, held_out, evaluation),
    ]


def _worst(text: Text, evaluation: "Evaluation") -> Block:
    from lab.masking import ACTIONS

    worst = np.argsort(evaluation.nll)[::-1][:5]
    pieces = text.prepared.tokenizer.convert_ids_to_tokens(evaluation.labels[worst].tolist())
    rows = [
        [piece, ACTIONS[evaluation.action[i]], chance(float(np.exp(-evaluation.nll[i]))), f"{evaluation.nll[i]:.1f}"]
        for piece, i in zip(pieces, worst.tolist(), strict=True)
    ]
    return blocks.table("The five that surprised it most", ("the author’s piece", "shown", "probability", "nats"), rows)


def by_kind(text: Text, held_out: "HeldOut", evaluation: "Evaluation") -> list[Block]:
    """What share of the pieces, and of the surprise, is of which kind; and how well each goes by itself."""
    from lab.kinds import by_kind, kinds

    parts = by_kind(evaluation, kinds(held_out.chunks, text.prepared.tokenizer))
    whole = evaluation.nll.sum() or 1.0
    shares = {kind: (len(part) / len(evaluation), float(part.nll.sum() / whole)) for kind, part in parts.items()}
    most = max(shares, key=lambda kind: shares[kind][1])
    return [
        blocks.bars(
            "Who carries the surprise",
            [blocks.bar_row(kind, (a, percent(a)), (b, percent(b))) for kind, (a, b) in shares.items()],
            series=["share of the scored pieces", "share of the surprise"],
        ),
        blocks.table(
            "Each kind by itself",
            ("kind of piece", "scored", "perplexity", "accuracy"),
            [[kind, f"{len(part):,}", amount(part.perplexity), percent(part.accuracy)] for kind, part in parts.items()],
        ),
        blocks.say(
            f"The largest share of the surprise comes from **{most}**. A text with more commas and full stops in it would "
            "make the one number for all smaller, and no model better: compare only on the same text."
        ),
    ]
