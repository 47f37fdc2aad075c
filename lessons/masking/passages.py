"""The passage that the whole lesson looks at: one found in the corpus in use, or the learner's own text."""

from typing import TYPE_CHECKING

from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.materials.using import corpus_name

if TYPE_CHECKING:
    from lab.passages import Passage

FOUND = 12  # passages to choose from
FIRST = 1  # of the bundled reviews, one in which the first draw leaks
LONGEST = 2_000  # characters of a learner's own text


def passage_of(using: Using, number: float, text: str) -> "Passage":
    """The learner's own text if there is one, else the passage of this number, from 1."""
    from lab.passages import Passage

    if text.strip():
        return Passage.of(bench.tokenizer(using.model), bench.check_text(text, LONGEST))
    found = _found(using)
    return found[(int(number) - 1) % len(found)]


@bench.remembered(6)
def _found(using: Using) -> "tuple[Passage, ...]":
    from lab.passages import find

    return tuple(find(bench.corpus(using)["train"]["text"], bench.tokenizer(using.model), wanted=FOUND))


def card(using: Using, passage: "Passage", own: bool) -> list[Block]:
    """The passage as running text, and what it is made of."""
    parted = [(written, words) for written, words in passage.contractions if words > 1]
    numbers = [
        (str(passage.ordinary), "pieces that can be selected"),
        (str(len(passage.words)), "words and punctuation marks"),
        (str(len(passage.long_words)), "words of several pieces"),
    ]
    made = [blocks.quote(passage.text, "Your own text" if own else f"From: {corpus_name(using.corpus)}")]
    if not parted:
        return [*made, blocks.figures(*numbers)]
    written, words = parted[0]
    return [
        *made,
        blocks.figures(*numbers, (str(len(parted)), "words with an apostrophe, parted into words of their own")),
        blocks.say(
            "{written} counts as {words} words: the tokenizer parts it at the apostrophe, so its parts are no siblings.",
            tone="quiet",
            written=written,
            words=words,
        ),
    ]
