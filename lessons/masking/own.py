"""The learner's own masks: any word hidden or shown, and what the model answers; and both kinds of clue, measured."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import many, percent

if TYPE_CHECKING:
    from lab.clues import Answer, Clue
    from lab.passages import Passage

TOLD = 6  # hidden words whose answers are told, the latest first
Kind = Literal["siblings", "mentions"]  # of clue
MEASURED = 80  # passages of the corpus that a measurement reads


# What is hidden, as it travels ------------------------------------------------------------------------------------------


def key_of(passage: "Passage", model: str) -> str:
    """Names a passage as a tokenizer sees it; hidden words belong to one."""
    return hashlib.sha256(f"{model}\0{passage.text}".encode("utf-8", "replace")).hexdigest()[:12]


def pack(key: str, hidden: Sequence[int]) -> str:
    """The hidden words of a passage, for a link.

    >>> pack("0123456789ab", [21, 38])
    '0123456789ab:21,38'
    """
    return f"{key}:{','.join(map(str, hidden))}" if hidden else ""


def unpack(packed: str, key: str, passage: "Passage") -> list[int]:
    """The hidden words of this passage; none if they belong to another."""
    name, _, numbers = str(packed or "").partition(":")
    return (
        known([int(n) for n in numbers.split(",") if n.isascii() and n.isdigit() and len(n) < 6], passage)
        if name == key
        else []
    )


def known(sent: Any, passage: "Passage") -> list[int]:
    """The words among what a browser sent, each once, in the order of hiding."""
    numbers = sent if isinstance(sent, list) else []
    words = range(len(passage.words))
    return list(dict.fromkeys(n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and n in words))


# The picture ------------------------------------------------------------------------------------------------------------


def picture(passage: "Passage", hidden: list[int], model: str) -> list[Block]:
    """The passage to click on, and what the model answers where words are hidden."""
    return [_guide(passage, hidden), _lane(passage, hidden, model), *(_answers(passage, hidden, model) if hidden else [])]


def _guide(passage: "Passage", hidden: list[int]) -> Block:
    """Where to go from here: to the word that comes twice."""
    if not passage.twice:
        return blocks.say(
            "Hide any word. No content word comes twice here; in a passage where one does, try hiding both mentions."
        )
    pair = passage.twice[0]
    word = passage.written(pair[0])
    covered = len({*pair} & {*hidden})
    text = (
        "In this passage {word} comes twice: the two are underlined. **Hide one of them**, and see how sure the model is.",
        "One {word} is hidden, and its other mention is in sight, elsewhere in the text. **Now hide that one too**: was it "
        "of any use to the model?",
        "Both mentions of {word} are hidden. Below stands what the other mention was worth to the model."
        if hidden and hidden[-1] in pair
        else "Both mentions of {word} are hidden, and more.",
    )[covered]
    return blocks.say(text, word=word)


def _lane(passage: "Passage", hidden: list[int], model: str) -> Block:
    """Drawn by `assets/masking.js`: each word is a button."""
    marked = set(passage.twice[0]) if passage.twice else set()
    groups: list[tuple[int, dict[str, Any]]] = [
        (at, {"special": piece.text}) for at, piece in enumerate(passage.pieces) if piece.special
    ]
    groups += [
        (places[0], {"word": number, "pieces": [passage.pieces[at].text for at in places], "mark": number in marked})
        for number, places in enumerate(passage.words)
    ]
    return {
        "type": "own_masks",
        "key": key_of(passage, model),
        "label": "Your own masks",
        "words": [word for _, word in sorted(groups, key=lambda group: group[0])],
        "hidden": hidden,
    }


def _answers(passage: "Passage", hidden: list[int], model: str) -> list[Block]:
    from lab.clues import ask

    latest = hidden[-1]
    told = hidden[: -TOLD - 1 : -1]
    answers = ask(bench.loaded(model), passage, hidden, about=told, compared=[latest])
    first = answers[0]
    return [
        _sentence(passage, first),
        *_compared(passage, first),
        *_best(first),
        *([_all(passage, answers, len(hidden))] if len(hidden) > 1 else []),
    ]


def _sentence(passage: "Passage", answer: "Answer") -> Block:
    word, probability = passage.written(answer.word), percent(answer.probability)
    if len(answer.spelled) == 1:
        return blocks.say(
            "Where {word} stood, the model gives the true word {probability}.",
            live=True,
            word=word,
            probability=probability,
        )
    return blocks.say(
        "Where {word} stood, the model gives the true word {probability}: spelled from left to right, each piece with the "
        "earlier ones given, {spelled}.",
        live=True,
        word=word,
        probability=probability,
        spelled=" × ".join(map(percent, answer.spelled)),
    )


def _compared(passage: "Passage", answer: "Answer") -> list[Block]:
    """What the other mentions of a word are worth, once they are hidden too."""
    before, after = answer.mention_in_sight, answer.probability
    if before is None:
        return []
    moved = "fell" if after < before else "rose"
    return [
        _pair(
            "The probability of the true word",
            ("other mention in sight", before),
            ("other mention hidden too", after),
        ),
        blocks.say(
            "With its other mention hidden too, the probability of {word} "
            + moved
            + " from {before} to {after}. A sibling is "
            "not the only clue in a text: all that is in sight is context.",
            live=True,
            word=passage.written(answer.word),
            before=percent(before),
            after=percent(after),
        ),
        blocks.did("masking", "mention"),
    ]


def _best(answer: "Answer") -> list[Block]:
    """The model's first answers at each piece of the word."""
    made = []
    for number, blank in enumerate(answer.blanks, 1):
        rows = [
            blocks.bar_row(piece, (probability, percent(probability)), tone="strong" if piece == blank.piece else "")
            for piece, probability in blank.best
        ]
        if blank.piece not in dict(blank.best):
            rows.append(
                blocks.bar_row(blank.piece, (blank.probability, percent(blank.probability)), note="what truly stood there")
            )
        where = "" if len(answer.blanks) == 1 else f", piece {number} of {len(answer.blanks)} (all of the word hidden)"
        made.append(blocks.bars(f"The model's first answers there{where}", rows))
    return made


def _all(passage: "Passage", answers: "list[Answer]", hidden: int) -> Block:
    more = f" (the latest {len(answers)} of {hidden})" if hidden > len(answers) else ""
    return blocks.table(
        f"All that you have hidden{more}",
        ["word", "probability of the true word", "the model's first choice"],
        [
            [passage.written(each.word), percent(each.probability), " ".join(blank.best[0][0] for blank in each.blanks)]
            for each in answers
        ],
    )


def _pair(caption: str, *rows: tuple[str, float]) -> Block:
    """Two probabilities as bars, in proportion to the larger."""
    largest = max(share for _, share in rows) or 1.0
    return blocks.bars(caption, [blocks.bar_row(name, (share / largest, percent(share))) for name, share in rows])


# Measured over the corpus -----------------------------------------------------------------------------------------------


def measure(using: Using, kind: Kind) -> "Iterator[tuple[int, int, list[Clue]]]":
    """Clues found in the corpus in use, passage by passage: (passages read, passages in all, clues so far)."""
    from lab.clues import mentions, siblings
    from lab.passages import sample

    loaded = bench.loaded(using.model)
    passages = list(sample(bench.corpus(using)["train"]["text"], loaded.tokenizer, MEASURED))
    clues: list[Clue] = []
    for done, found in enumerate((siblings if kind == "siblings" else mentions)(loaded, passages), 1):
        clues += found
        yield done, len(passages), list(clues)


def measured(kind: Kind, clues: "list[Clue]") -> list[Block]:
    """What they come to, and the first few as they came."""
    sight, hidden, thing, none = _ROWS[kind]
    count = len(clues)
    if not count:
        return [blocks.say(none)]
    lower = sum(clue.hidden < clue.in_sight for clue in clues)
    return [
        _pair(
            f"Average probability that the model gives to the true {thing}, over {many(count, thing)}",
            (sight, sum(clue.in_sight for clue in clues) / count),
            (hidden, sum(clue.hidden for clue in clues) / count),
        ),
        blocks.say("{lower} of {count} are less probable with the clue hidden too.", lower=lower, count=count),
        blocks.table(
            "The first five, as they came",
            ["word", "piece asked for", sight, hidden],
            [[clue.word, clue.piece, percent(clue.in_sight), percent(clue.hidden)] for clue in clues[:5]],
        ),
    ]


_ROWS: dict[Kind, tuple[str, str, str, str]] = {
    "siblings": (
        "siblings in sight",
        "whole word hidden",
        "piece",
        "In none of these passages a word of several pieces was selected. Choose a corpus with rarer words.",
    ),
    "mentions": (
        "other mention in sight",
        "both mentions hidden",
        "word",
        "In none of these passages a content word comes twice. Choose a corpus with longer documents.",
    ),
}
