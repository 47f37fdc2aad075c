"""Exercises on a round that has been played: each answer is computed from what both players gave to the author's words."""

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lessons.be_the_model.picture import percent
from lessons.components import blocks
from lessons.components.blocks import Block, Choice, Question

if TYPE_CHECKING:
    from lab.cloze import Blank, Score


def questions(asked: Sequence["Blank"], found: "Score", about: str) -> Block:
    """The card of questions about this round; `about` says which it was, and how it was answered."""
    return blocks.questions(
        "be-the-model", [_top_five(asked, about), _surprise(asked, about), _dearest(asked, found, about)]
    )


def _top_five(asked: Sequence["Blank"], about: str) -> Question:
    within = sum(blank.rank <= 5 for blank in asked)
    first = sum(blank.rank == 1 for blank in asked)
    choices = [
        Choice(str(within), "Counted under the bars: the places from 1st to 5th.", right=True),
        Choice(
            str(first),
            "That counts only where it came first. Alternatives share the probability, so a good word often comes second "
            "or third.",
        ),
        Choice(str(len(asked) - within), "Those are the blanks where it was not among the first five."),
        Choice(
            str(sum(blank.favourite == blank.author for blank in asked)),
            "That is how often it was the model's favourite on the short list. The first five are of the whole vocabulary, "
            "where many more words compete.",
        ),
        *(
            Choice(str(n), "Count the places from 1st to 5th once more.")
            for n in (within + 1, within - 1, within + 2)
            if 0 <= n <= len(asked)
        ),
    ]
    return Question(
        "top-five",
        "Without a list, on how many blanks was the author's word among the model's first five?",
        _mixed(choices, about),
        hint="Its place without a list stands under the bars of each blank.",
        about=about,
    )


def _surprise(asked: Sequence["Blank"], about: str) -> Question:
    from lab.cloze import surprise

    # One in twenty keeps the answers well apart.
    blank = min(asked, key=lambda each: abs(math.log(each.probability / 0.05)))
    p = float(f"{blank.probability:.2g}")  # as it is shown
    choices = [
        Choice(f"{surprise(p):.2f} nats", "The negative logarithm of the probability, −ln p.", right=True),
        Choice(
            f"{1 - p:.2f} nats",
            "That is 1 − p, the probability of all other words. It can't be added up: surprises add where probabilities "
            "multiply, and only a logarithm does that.",
        ),
        Choice(
            f"{1 / p:,.1f} nats",
            "That is 1 ÷ p: so many equally likely words would leave each that probability. Its logarithm is the surprise.",
        ),
        Choice(
            f"{-math.log10(p):.2f} nats",
            "That is a logarithm to base 10. A nat is counted with the natural one, ln.",
        ),
    ]
    return Question(
        "surprise",
        "Without a list, the model gave {word} a probability of {share}. How much is the surprise of that?",
        _mixed(choices, about),
        hint="Halving a probability adds 0.69 nats, and so 1 in 2 is 0.69, 1 in 4 is 1.39, 1 in 8 is 2.08.",
        about=about,
        values={"word": blank.hidden.word, "share": f"{p * 100:g}\u00a0%"},
    )


def _dearest(asked: Sequence["Blank"], found: "Score", about: str) -> Question:
    from lab.cloze import surprise

    yours, models = np.array(found.yours), np.array(found.models)
    dearest, theirs, cheapest = int(yours.argmin()), int(models.argmin()), int(yours.argmax())

    def choice(i: int, why: str, right: bool = False) -> Choice:
        values: dict[str, object] = {
            "word": asked[i].hidden.word,
            "share": percent(yours[i]),
            "nats": f"{surprise(yours[i]):.2f}",
        }
        return Choice(f"Blank {i + 1}, {{word}}", why, right, values)

    if yours[dearest] == yours[cheapest]:
        choices = [
            Choice("None: all cost you the same", "You gave the same to the author's word each time.", right=True),
            choice(theirs, "That one cost the *model* most. You gave it {share}, as you gave all the others."),
            *(choice(i, "You gave it {share}, as you gave all the others.") for i in range(len(asked))),
        ]
    else:
        choices = [
            choice(dearest, "You gave it {share}: {nats} nats, and nothing cost you more.", right=True),
            choice(theirs, "That one cost the *model* most. You gave it {share}, which is {nats} nats."),
            choice(cheapest, "You gave it {share}: {nats} nats, and nothing cost you less."),
            *(choice(int(i), "You gave it {share}: {nats} nats. Another cost you more.") for i in np.argsort(yours)),
        ]
        # What cost just as much as the dearest would be right too: it isn't offered.
        as_dear = {f"Blank {i + 1}, {{word}}" for i in np.flatnonzero(yours == yours[dearest]) if i != dearest}
        choices = [each for each in choices if each.text not in as_dear]
    return Question(
        "dearest",
        "Which blank cost you the most surprise?",
        _mixed(choices, about),
        hint="Your surprise is the upper bar of each blank.",
        about=about,
    )


def _mixed(choices: Sequence[Choice], about: str, most: int = 4) -> tuple[Choice, ...]:
    """The right answer, which comes first, and what differs from it and from each other, in an order of their own."""
    distinct: dict[str, Choice] = {}
    for choice in choices:
        distinct.setdefault(choice.text, choice)
    kept = list(distinct.values())[:most]
    random.Random(f"{about} {choices[0].text}").shuffle(kept)
    return tuple(kept)
