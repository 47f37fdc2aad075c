"""Bars for answers: as long as the most probable one of the picture allows, with the probability beside."""

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lessons.components import blocks
from lessons.components.words import percent

if TYPE_CHECKING:
    from lab.fill_mask import Prediction, Shift

Row = tuple[str, tuple[float, ...]]  # an answer, and its probability in each model or sentence


def of_one(answers: "Iterable[Prediction]") -> list[Row]:
    """One model's answers."""
    return [(each.word, (each.probability,)) for each in answers]


def of_two(shifts: "Iterable[Shift]") -> list[Row]:
    """Answers in two models, or in two sentences."""
    return [(each.word, (each.before, each.after)) for each in shifts]


def scaled(rows: Sequence[Row], bold: Container[str] = ()) -> list[dict[str, Any]]:
    """Rows of bars, the longest of which fills its track; some words in bold.

    >>> scaled([("film", (0.2, 0.4))])[0]["values"][0]["share"]
    0.5
    """
    most = max((share for _, shares in rows for share in shares), default=0) or 1
    return [
        blocks.bar_row(word, *((share / most, percent(share)) for share in shares), tone="strong" if word in bold else "")
        for word, shares in rows
    ]


def change(shift: "Shift") -> str:
    """What became of an answer's probability, in points.

    >>> from lab.fill_mask import Shift
    >>> change(Shift("film", 0.03, 0.12)), change(Shift("ship", 0.029, 0.009)), change(Shift("it", 0.02, 0.02))
    ('+9.0 points', '−2.0 points', 'as before')
    """
    points = round(100 * shift.change, 1)
    return f"{'+' if points > 0 else '−'}{abs(points):.1f} points" if points else "as before"
