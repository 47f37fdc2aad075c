"""Exercises on filling blanks: each answer is computed from the learner's own question where it can tell answers apart."""

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block, Choice
from lessons.components.blocks import Question as Asking
from lessons.components.words import many, percent
from lessons.fill_mask.bars import change, of_two, scaled
from lessons.fill_mask.models import Asked
from lessons.fill_mask.question import BLANK, EXAMPLES, TEXT, Question

if TYPE_CHECKING:
    from lab.fill_mask import Prediction, Shift

_TOP_K = 4
_SPARE = (*EXAMPLES.values(), "He opened the [MASK] and saw a [MASK].", "The [MASK] made me [MASK].")
_DOCUMENTS = 200  # of the corpus, whose words are counted
_LOOKED_AT = 100  # answers among which the second word of a pair is looked for
_COMMON = 40  # words of several pieces that count as common ones
_FILLED = ("the others open", "the others filled")
_FACTOR = 1.25  # answers are apart where one is this many times the other, so that no rounding decides


def card(using: Using, found: Asked, question: Question, turn: int) -> list[Block]:
    """Three questions; another `turn` asks about another text and other words."""
    seed = repr((found.names, question.text, using.corpus, turn)).encode("utf-8", "replace")
    about = hashlib.sha256(seed).hexdigest()[:12]
    texts = list(_SPARE)
    random.Random(about).shuffle(texts)
    if not turn:
        texts.insert(0, question.text)
    picture, first = moved(found, texts, about)
    asking = [first, pair(found.last, texts, about), one_piece(using, found.last, about)]
    return [
        *picture,
        blocks.questions("fill-mask", [each for each in asking if each is not None], again="Other questions"),
    ]


# a. Which answer moved most? --------------------------------------------------------------------------------------------


def moved(found: Asked, texts: Sequence[str], about: str) -> tuple[list[Block], Asking | None]:
    """7a: the largest change that training made; without a run, that another answer made when it was put in."""
    pictures = [(_by_training if found.tuned else _by_an_answer)(found.names, text) for text in texts]
    clear = [(caption, shifts) for caption, shifts in pictures if _is_clear(shifts)]
    if not clear:
        return [], None
    caption, shifts = next((each for each in clear if _moved_most(each[1]) is not _first(each[1])), clear[0])
    most, first = _moved_most(shifts), _first(shifts)
    grown = max(shifts, key=lambda each: each.after / (each.before or 1e-9))
    choices = [
        Choice("{word}", f"{change(most)}: no other answer in the picture moved further.", True, {"word": most.word}),
    ]
    if first is not most:
        why = f"It comes first now, but it moved by {change(first)} only. Being first and moving most are two things."
        choices.append(Choice("{word}", why, values={"word": first.word}))
    if grown not in (most, first):
        why = f"It grew by the largest factor; in points it moved by {change(grown)}, and another moved further."
        choices.append(Choice("{word}", why, values={"word": grown.word}))
    others = (each for each in shifts if each not in (most, first, grown))
    choices += [Choice("{word}", f"{change(each)}. Another moved further.", values={"word": each.word}) for each in others]
    rows = of_two(sorted(shifts, key=lambda each: each.word))
    asking = Asking(
        "moved",
        "In the picture above, the probability of which answer moved most?",
        _mixed(choices[:4], f"{about} a"),
        hint="Up and down both count, in points of probability.",
        about=about,
    )
    return [blocks.bars(caption, scaled(rows), found.labels if found.tuned else _FILLED)], asking


@bench.remembered(64)
def _by_training(names: tuple[str, ...], text: str) -> "tuple[str, tuple[Shift, ...]]":
    from lab.fill_mask import side_by_side

    base, tuned = map(bench.loaded, names)
    return f"The first blank of: {text}", side_by_side(base, tuned, text, top_k=_TOP_K)[0]


@bench.remembered(64)
def _by_an_answer(names: tuple[str, ...], text: str) -> "tuple[str, tuple[Shift, ...]]":
    """The first blank while all are open, and with the others filled from right to left."""
    from lab.fill_mask import contrast, fill

    loaded = bench.loaded(names[0])
    parts = BLANK.split(text)
    if len(parts) < 3:
        return "", ()
    others = [blank[0].word for blank in fill(loaded, text, top_k=1, order="right_to_left").blanks[1:]]
    if any(word.startswith("##") for word in others):
        return "", ()
    filled = f"{parts[0]}[MASK]{''.join(part + word for part, word in zip(parts[1:], others, strict=False))}{parts[-1]}"
    return f"The first blank of: {text} After: {filled}", contrast(loaded, text, filled, top_k=_TOP_K)


def _moved_most(shifts: "Sequence[Shift]") -> "Shift":
    return max(shifts, key=lambda each: abs(each.change))


def _first(shifts: "Sequence[Shift]") -> "Shift":
    return max(shifts, key=lambda each: each.after)


def _is_clear(shifts: "Sequence[Shift]") -> bool:
    """Whether one answer moved clearly further than any other."""
    moves = sorted((abs(each.change) for each in shifts), reverse=True)
    return len(moves) > 1 and moves[0] > max(_FACTOR * moves[1], 0.01)


# b. The probability of a pair -------------------------------------------------------------------------------------------


def pair(model: str, texts: Sequence[str], about: str) -> Asking | None:
    """7b: two blanks, one after the other."""
    for text in texts:
        found = _pair(model, text)
        if found is None:
            continue
        first, second, alone = found
        right, wrong = first.probability * second.probability, first.probability * alone
        mean = (first.probability + second.probability) / 2
        if alone and _apart(right, wrong, mean) and right > 1e-3:
            break
    else:
        return None
    choices = [
        Choice(
            percent(right),
            "The first one’s probability times that of the second *given the first*: that is what both together means.",
            True,
        ),
        Choice(
            percent(wrong),
            "That multiplies two answers that knew nothing of each other: the second was given while the first blank "
            "stood open.",
        ),
        Choice(percent(mean), "That is their mean. Of two things that must both happen, the probabilities multiply."),
    ]
    return Asking(
        "pair",
        "“{text}” Asked for the first blank, the model gives “{first}” a probability of {p}. With that in its place, "
        "it gives “{second}” {q} in the other blank; while both were blank it gave it {alone}. How probable is the pair?",
        _mixed(choices, f"{about} b"),
        hint="Which of the two numbers for the second word was given with the first one in place?",
        about=about,
        values={
            "text": text,
            "first": first.word,
            "second": second.word,
            "p": percent(first.probability),
            "q": percent(second.probability),
            "alone": percent(alone),
        },
    )


@bench.remembered(64)
def _pair(model: str, text: str) -> "tuple[Prediction, Prediction, float] | None":
    """Left to right: the first answer, the second given the first, and the second's probability while both were blank."""
    from lab.fill_mask import fill_in_orders

    if len(BLANK.findall(text)) != 2:
        return None
    filled = fill_in_orders(bench.loaded(model), text, ("together", "left_to_right"), top_k=_LOOKED_AT)
    (first, *_), (second, *_) = filled["left_to_right"].blanks
    alone = next((each.probability for each in filled["together"].blanks[1] if each.id == second.id), 0.0)
    return first, second, alone


def _apart(*answers: float) -> bool:
    ordered = sorted(answers)
    return all(high > _FACTOR * low for low, high in pairwise(ordered))


# c. Can this target be scored? ------------------------------------------------------------------------------------------


def one_piece(using: Using, model: str, about: str) -> Asking | None:
    """7c: a rare word in one piece among common ones in several."""
    from lab.fill_mask import spell

    dice = random.Random(f"{about} c")
    rare, common = _words(replace(using, model=model))
    if not rare or len(common) < 3:
        return None
    word = dice.choice(rare)
    choices = [
        Choice("{word}", "Rare in these documents, and yet the vocabulary has it in one piece.", True, {"word": word})
    ]
    for other, times in dice.sample(common, 3):
        pieces = spell(bench.loaded(model), TEXT, other)
        why = (
            f"It comes {many(times, 'time')} in the documents that were looked at. But common or not, it is "
            f"{many(len(pieces), 'piece')}, {{pieces}}, and one blank holds one piece: so it has no single probability."
        )
        choices.append(Choice("{word}", why, values={"word": other, "pieces": " ".join(pieces)}))
    return Asking(
        "one-piece",
        "Which of these words can be given as a target for one blank?",
        _mixed(choices, f"{about} c"),
        hint="Not the commonest one, but the one that the vocabulary has whole. Lesson 2 takes any word apart.",
        about=about,
    )


@bench.remembered(8)
def _words(using: Using) -> tuple[list[str], list[tuple[str, int]]]:
    """Words of the corpus that come once and are one piece, and the commonest of several pieces, with their counts."""
    from lab.lexicon import WORD
    from lab.tokenization import backend

    documents = bench.corpus(using)["test"]
    texts = documents[: min(_DOCUMENTS, len(documents))]["text"]
    counts = Counter(word for text in texts for word in WORD.findall(text) if word.islower() and len(word) > 4)
    words = [word for word, _ in counts.most_common()]
    encodings = backend(bench.tokenizer(using.model)).encode_batch([f" {word}" for word in words], add_special_tokens=False)
    pieces = {word: len(encoding.ids) for word, encoding in zip(words, encodings, strict=True)}
    rare = [word for word in words if counts[word] == 1 and pieces[word] == 1]
    common = [(word, counts[word]) for word in words if counts[word] > 1 and pieces[word] > 1]
    return rare, common[:_COMMON]


def _mixed(choices: list[Choice], seed: str) -> tuple[Choice, ...]:
    random.Random(seed).shuffle(choices)
    return tuple(choices)
