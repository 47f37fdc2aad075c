"""One passage, piece by piece: what the model read, how much each hidden piece surprised it, and how surprises add up."""

from typing import TYPE_CHECKING, Any

from lab import plots
from lessons.components import blocks
from lessons.components.blocks import Block, Piece
from lessons.perplexity.text import amount, chance

if TYPE_CHECKING:
    from lab.surprise import Passage, Scored, Total

HEATS = ((0.5, "over 50 %"), (0.1, "over 10 %"), (0.01, "over 1 %"), (0.001, "over 0.1 %"), (0.0, "less"))


def heat(probability: float) -> int:
    """How surprising, from 0 to 4: one step for each of the probabilities in HEATS.

    >>> [heat(p) for p in (0.9, 0.2, 0.05, 0.002, 0.00001)]
    [0, 1, 2, 3, 4]
    """
    return next(i for i, (least, _) in enumerate(HEATS) if probability > least or least == 0)


def picture(passage: "Passage", added: int) -> list[Block]:
    """The ribbon, the piece added last, the sum so far, and the bars."""
    from lab.surprise import add_up

    totals = add_up([each.nats for each in passage.scored])
    return [
        ribbon(passage, added),
        *_latest(passage.scored[added - 1]),
        *_sum(totals[added - 1], len(totals)),
        blocks.chart(
            plots.surprises([each.nats for each in passage.scored], totals, added),
            "The surprise of each piece added up, and their mean as it goes: tall bars lift it, short ones let it sink.",
            height=240,
        ),
    ]


def ribbon(passage: "Passage", added: int) -> Block:
    """The passage with the first `added` scored pieces uncovered and coloured, the others as the model reads them."""
    number = {each.position: i for i, each in enumerate(passage.scored)}
    words: list[dict[str, Any]] = []
    group: list[Piece] = []
    for position, text in enumerate(passage.pieces):
        special = passage.special[position]
        if group and (passage.word_starts[position] or special):
            words.append(blocks.word(*group))
            group = []
        i = number.get(position)
        if i is None:
            group.append(Piece(text=text, kind="special" if special else "ordinary"))
        elif i < added:
            group.append(_uncovered(passage.scored[i], i, latest=i == added - 1))
        else:
            group.append(_covered(passage.scored[i], i))
    words.append(blocks.word(*group))
    return blocks.ribbon(
        "A held-out passage",
        blocks.lane(words),
        legend=[
            ("masked", "scored, hidden"),
            ("random", "scored, swapped at random"),
            ("kept", "scored, left in sight"),
            *[(f"heat-{i}", f"author’s piece; the model gave it {words}") for i, (_, words) in enumerate(HEATS[:1])],
            *[(f"heat-{i}", words) for i, (_, words) in enumerate(HEATS) if i],
        ],
        hint="Point at an underlined piece; choose any marked one to add up as far as there.",
        small=True,
    )


def _uncovered(scored: "Scored", i: int, latest: bool) -> Piece:
    return Piece(
        text=scored.piece,
        heat=heat(scored.probability),
        mark=True,
        tip=(
            ("the model read", scored.read),
            ("probability", chance(scored.probability)),
            ("surprise", f"{scored.nats:.2f} nats"),
            ("it would have said", ", ".join(f"{piece} {chance(p)}" for piece, p in scored.guesses)),
        ),
        pick={"pieces": i + 1},
        pressed=latest,
        note=f"surprise {scored.nats:.1f} nats",
    )


def _covered(scored: "Scored", i: int) -> Piece:
    from lab.masking import KEPT, MASKED

    return Piece(
        text=scored.read,
        kind="masked" if scored.action == MASKED else "kept" if scored.action == KEPT else "random",
        tip=(("the model reads", scored.read), ("scored piece", f"{i + 1}, not added up yet")),
        pick={"pieces": i + 1},
    )


def _latest(scored: "Scored") -> list[Block]:
    from lab.masking import KEPT, RANDOM

    read = {
        KEPT: "Here the model could see it: it was *kept*, and is scored all the same.",
        RANDOM: "There the model read {read}, swapped in at random.",
    }
    chances = dict(scored.guesses) | {scored.piece: scored.probability}
    most = max(chances.values())
    return [
        blocks.heading("The piece added last"),
        blocks.say(
            "The author wrote {piece}. "
            + read.get(scored.action, "There the model read {read}.")
            + f" It gave the author’s piece a probability of **{chance(scored.probability)}**. The **surprise** is −ln of "
            f"that: **{scored.nats:.2f} nats**.",
            live=True,
            piece=scored.piece,
            read=scored.read,
        ),
        blocks.bars(
            "What the model believed there",
            [
                blocks.bar_row(
                    piece,
                    (p / most, chance(p)),
                    tone="good" if piece == scored.piece else "",
                    note="the author’s" if piece == scored.piece else "",
                )
                for piece, p in chances.items()
            ],
        ),
    ]


def _sum(total: "Total", of: int) -> list[Block]:
    number = amount(total.perplexity)
    return [
        blocks.heading("Added up"),
        blocks.figures(
            (f"{total.pieces} of {of}", "scored pieces"),
            (f"{total.nats:.2f}", "nats in all"),
            (f"{total.mean:.3f}", "nats a piece: the mean"),
            (number, "e to that power: the perplexity"),
        ),
        blocks.say(
            f"{total.nats:.4f} ÷ {total.pieces} = {total.mean:.4f}, and e to the power of {total.mean:.4f} is {number}. A "
            f"model that hesitated every time between {number} equally likely pieces would be surprised just as much."
        ),
    ]
