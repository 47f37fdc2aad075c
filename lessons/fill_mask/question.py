"""The learner's question: a text with blanks, how it is to be answered, and what the models answer."""

import re
from dataclasses import dataclass
from math import prod
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from lab.errors import require
from lessons import bench
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import percent
from lessons.fill_mask.bars import of_one, of_two, scaled
from lessons.fill_mask.models import Asked

if TYPE_CHECKING:
    from lab.fill_mask import Filled

Order = Literal["together", "left_to_right", "right_to_left"]
ORDERS: dict[str, Order] = {"together": "together", "left to right": "left_to_right", "right to left": "right_to_left"}
TEXT = "She [MASK] the [MASK] before he came."
EXAMPLES = {
    "One blank": "This is a great [MASK].",
    "Two blanks": TEXT,
    "Side by side": "We had a [MASK] [MASK] that evening.",
    "Good or bad?": "The ending was [MASK], and I wanted my money back.",
    "A fact": "Paris is the capital of [MASK].",
    "No film in it": "She put the [MASK] on the table and went out.",
}
TOP_K, MOST_SHOWN = 4, 12
LONGEST = 1_500  # characters of the text, so that a link can carry it
MOST_BLANKS = 8
MOST_TARGETS = 20
BLANK = re.compile(r"\[mask\]|<mask>", re.IGNORECASE)  # as `lab.fill_mask` reads it


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, checked."""

    text: str
    top_k: int = TOP_K
    order: Order = "together"
    targets: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: Any, top_k: Any = TOP_K, order: Any = "together", targets: Any = "") -> "Question":
        """Read the controls, whose values anyone can send. Raises SettingError."""
        text = bench.check_text(text, LONGEST)
        blanks = len(BLANK.findall(text))
        require(
            blanks <= MOST_BLANKS,
            f"This text has {blanks} blanks; up to {MOST_BLANKS} at a time are filled here. Use fewer.",
        )
        known = isinstance(top_k, int | float) and top_k == top_k
        shown = int(min(max(top_k, 1), MOST_SHOWN)) if known else TOP_K
        require(order in get_args(Order), "There is no such order. Choose one of the three.")
        return cls(text, shown, cast(Order, order), read_words(targets))

    @property
    def blanks(self) -> int:
        return len(BLANK.findall(self.text))


def read_words(given: Any) -> tuple[str, ...]:
    """Words parted by commas or spaces, each once. Raises SettingError for too many.

    >>> read_words("film, movie film")
    ('film', 'movie')
    """
    words = tuple(dict.fromkeys(re.split(r"[\s,;]+", given.strip(" ,;\n\t")))) if isinstance(given, str) else ()
    words = tuple(word for word in words if word)
    require(len(words) <= MOST_TARGETS, f"These are {len(words)} words; up to {MOST_TARGETS} can be asked for. Use fewer.")
    return words


def answers(found: Asked, question: Question) -> list[Block]:
    """The completed sentences, and blank by blank what each model believes."""
    from lab.fill_mask import complete, fill, side_by_side

    models = found.loaded()
    how: dict[str, Any] = {"top_k": question.top_k, "targets": question.targets, "order": question.order}
    if found.tuned:
        blanks = side_by_side(models[0], models[1], question.text, **how)
        pictures = [of_two(shifts) for shifts in blanks]
        best = [[max(shifts, key=believed).word for shifts in blanks] for believed in (_BEFORE, _AFTER)]
        completed = [complete(question.text, words) for words in best]
    else:
        filled = fill(models[0], question.text, **how)
        pictures = [of_one(blank) for blank in filled.blanks]
        completed = [filled.completed]
    drawn: list[Block] = [blocks.quote(text, label) for text, label in zip(completed, found.labels, strict=True)]
    for number, rows in enumerate(pictures):
        caption = f"Blank {number + 1} of {len(pictures)}" if len(pictures) > 1 else "The blank"
        drawn.append(blocks.bars(caption, scaled(rows), found.labels if found.tuned else None))
    return drawn


_SENTENCES = ("one and the same sentence", "two different sentences", "three different sentences")
_BEFORE, _AFTER = attrgetter("before"), attrgetter("after")


def orders(found: Asked, question: Question) -> list[Block]:
    """The same text filled in three ways, and how the last model came by each."""
    from lab.fill_mask import fill_in_orders

    if question.blanks < 2:
        has = "one blank, and one blank can be filled in one way only" if question.blanks else "no blank"
        return [blocks.say(f"Your text above has {has}. Write [MASK] into it twice, or press “Two blanks”.")]
    by_model = [fill_in_orders(each, question.text, top_k=1, targets=question.targets) for each in found.loaded()]
    filled = {name: [each[order] for each in by_model] for name, order in ORDERS.items()}
    rows = [[name, *(each.completed for each in row)] for name, row in filled.items()]
    counts = [len({row[i].completed for row in filled.values()}) for i in range(len(by_model))]
    written = [f"{label} writes {_SENTENCES[n - 1]}" for label, n in zip(found.labels, counts, strict=True)]
    if len(counts) > len(set(counts)):
        written = [f"both models write {_SENTENCES[counts[0] - 1]} each"]
    last = {name: row[-1] for name, row in filled.items()}
    steps = [[name, *_step_by_step(each, name)] for name, each in last.items()]
    forth, back = last["left to right"], last["right to left"]
    at_odds = forth.completed == back.completed and _product(forth) != _product(back)
    return [
        blocks.table("One text, three ways to fill it", ("asked", *found.labels), rows),
        blocks.say(f"Filled in three ways, {' and '.join(written)}.{'' if max(counts) > 1 else ' Try another text.'}"),
        blocks.table(f"Step by step: {found.labels[-1]}", ("asked", "its first choices", "multiplied"), steps),
        blocks.say(
            "One after the other, each probability was given with the earlier answers in place, so they multiply to the "
            "probability of the whole filling. Asked together they don’t: each was given while the other blanks stayed "
            "blank."
            + (
                " Both ways came to the same sentence here, with two probabilities: the model’s beliefs about single "
                "blanks need not fit together to one belief about the whole."
                if at_odds
                else ""
            ),
            tone="quiet",
        ),
    ]


def _step_by_step(filled: "Filled", order: str) -> tuple[str, str]:
    """What was put in, in the order in which it was, and the product of the probabilities where they may be multiplied."""
    chosen = [f"{blank[0].word} {percent(blank[0].probability)}" for blank in filled.blanks]
    if order == "together":
        return ", ".join(chosen), "–"
    return ", then ".join(chosen if order == "left to right" else chosen[::-1]), _product(filled)


def _product(filled: "Filled") -> str:
    return percent(prod(blank[0].probability for blank in filled.blanks))
