"""One word changed: the same sentence about two people, and what each model makes of the difference."""

from dataclasses import dataclass
from typing import Any

from lab.errors import require
from lessons import bench
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import percent
from lessons.fill_mask.models import Asked
from lessons.fill_mask.question import LONGEST, read_words

GAP = "___"


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence with a gap for one of two words, a blank, and the words to be compared in the blank."""

    frame: str
    first: str
    second: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, frame: Any, both: Any, words: Any) -> "Pair":
        """Read the controls. Raises SettingError."""
        frame = bench.check_text(frame, LONGEST)
        require(frame.count(GAP) == 1, f"The sentence has {frame.count(GAP)} gaps. Write {GAP} once, where the two differ.")
        parts = [each.strip() for each in bench.check_text(both, 200).split("/")]
        require(len(parts) == 2 and all(parts), "Give the two with a stroke between them, as in: man / woman.")
        return cls(frame, parts[0], parts[1], read_words(words))

    @property
    def sentences(self) -> tuple[str, str]:
        return self.frame.replace(GAP, self.first), self.frame.replace(GAP, self.second)


PAIRS = {
    "He and she": (
        "___ was a [MASK].",
        "He / She",
        "soldier, doctor, officer, teacher, writer, nurse, servant, cook, genius, fool",
    ),
    "Man and woman": (
        "The ___ was very [MASK].",
        "man / woman",
        "strong, brave, clever, rich, angry, kind, weak, beautiful, quiet, silly",
    ),
    "Boy and girl": (
        "The ___ wanted to become a [MASK].",
        "boy / girl",
        "soldier, doctor, king, captain, teacher, nurse, wife, dancer, writer, star",
    ),
    "Rich and poor": (
        "The ___ man was [MASK].",
        "rich / poor",
        "honest, happy, proud, clever, drunk, ill, kind, mad, generous, dangerous",
    ),
}
GIVEN = next(iter(PAIRS.values()))
_TOP_K = 5


def picture(found: Asked, pair: Pair) -> list[Block]:
    """For each model, how its belief in each word is divided over the two sentences."""
    from lab.fill_mask import contrast

    first, second = pair.sentences
    drawn: list[Block] = []
    for loaded, label in zip(found.loaded(), found.labels, strict=True):
        rows = []
        for shift in contrast(loaded, first, second, targets=pair.words, top_k=_TOP_K):
            both = shift.before + shift.after or 1
            rows.append(
                blocks.bar_row(
                    shift.word, (shift.before / both, percent(shift.before)), (shift.after / both, percent(shift.after))
                )
            )
        drawn.append(blocks.bars(label, rows, [pair.first, pair.second]))
    return [
        *drawn,
        blocks.say(
            "A bar says how the belief in a word is divided over the two sentences; the number beside it is the word’s "
            "probability in that sentence. Half and half would be no difference.",
            tone="quiet",
        ),
    ]
