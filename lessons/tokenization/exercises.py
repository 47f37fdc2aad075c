"""Exercises on tokenization, about a sentence that is drawn from the corpus: each answer is computed from it."""

import hashlib
import random
from collections import defaultdict
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from lab.decoding import Decoded, Word, decode
from lab.errors import CorpusError, require
from lab.tokenization import Piece, explain
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block, Choice, Question
from lessons.tokenization import pieces as drawn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LONGEST, SHORTEST = 16, 8  # stretches of a sentence that is asked about
_TRIED = 400  # documents that are looked at for a sentence that shows it all


def card(using: Using, seed: int) -> list[Block]:
    """A sentence in pieces, and three questions about it."""
    tokenizer = bench.tokenizer(using.model)
    text = draw(bench.corpus(using)["train"], tokenizer, seed)
    pieces = explain(tokenizer, text)
    decoded = decode(tokenizer, text)
    about = hashlib.sha256(f"{using.model} {text}".encode("utf-8", "replace")).hexdigest()[:12]
    asked = [how_many(pieces, decoded, about), most_pieces(decoded, about), comes_back(pieces, decoded, about)]
    return [
        blocks.quote(text, "A sentence of the corpus in use. It is fed to the tokenizer in use:"),
        blocks.ribbon("The sentence in pieces", blocks.lane(drawn.words(tokenizer, pieces, text)), small=True),
        blocks.questions("tokenization", [each for each in asked if each is not None], again="Another sentence"),
    ]


def draw(documents: Any, tokenizer: "PreTrainedTokenizerFast", seed: int) -> str:
    """A sentence of the corpus in which no tempting answer is the right one, if there is any; else the best found."""
    from lab.lexicon import sentences

    dice = random.Random(seed)
    best, best_grade = "", -1
    for row in dice.sample(range(len(documents)), min(len(documents), _TRIED)):
        document = documents[row]["text"][:4_000]
        found = sentences(document) or [" ".join(document.split()[:LONGEST])[:200]]
        dice.shuffle(found)
        for sentence in found:
            if _at_most(tokenizer, sentence) <= best_grade:
                continue
            grade = _grade(tokenizer, sentence)
            if grade > best_grade:
                best, best_grade = sentence, grade
            if grade == _BEST:
                return best
    require(best_grade >= 0, "This corpus has no sentence to ask about. Choose another corpus.", CorpusError)
    return best


_BEST = 7


def _grade(tokenizer: "PreTrainedTokenizerFast", sentence: str) -> int:
    """4 for a word that takes most pieces and isn't the longest, 2 for a loss beyond capitals, 1 for a length that fits."""
    decoded = decode(tokenizer, sentence)
    if not decoded.words:
        return -1
    most = _most(decoded.words)
    spells = most is not None and most.before != _longest(decoded.words).before
    loses = decoded.back not in (sentence, sentence.lower()) or decoded.lossless
    return 4 * spells + 2 * loses + (SHORTEST <= len(decoded.stretches) <= LONGEST)


def _at_most(tokenizer: "PreTrainedTokenizerFast", sentence: str) -> int:
    """What a sentence's grade can be, seen from its pieces alone: to decode it as well takes four times as long."""
    words: defaultdict[int, list[Piece]] = defaultdict(list)
    for piece in explain(tokenizer, sentence):
        if piece.word is not None:
            words[piece.word].append(piece)
    counts = {sentence[group[0].start : group[-1].end].strip(): len(group) for group in words.values()}
    longest, second = nlargest(2, [0, 0, *counts.values()])
    return 4 * (longest > max(second, 1)) + 2 + (SHORTEST <= len(sentence.split()) <= LONGEST)


def how_many(pieces: list[Piece], decoded: Decoded, about: str) -> Question | None:
    """2a: the pieces, without what the tokenizer puts round them."""
    count = sum(piece.word is not None for piece in pieces)
    special = len(pieces) - count
    choices = [
        Choice(
            str(count),
            "Every piece of the text counts, punctuation too. What the tokenizer adds itself is left out.",
            right=True,
        ),
        Choice(
            str(len(pieces)),
            f"That counts all that is in the ribbon, also the {special} special tokens, which the tokenizer adds itself.",
        ),
        Choice(
            str(len(decoded.stretches)),
            "That is how many words lie between spaces. Punctuation makes pieces of its own, and so do parts of words.",
        ),
        Choice(
            str(len(decoded.words)),
            "That is the number of words, as the tokenizer counts them. A word in several pieces counts for each of them.",
        ),
    ]
    return _asked(
        "pieces",
        "How many pieces does the sentence make, special tokens left out?",
        choices,
        about,
        hint="The special tokens are the grey ones in brackets that the tokenizer puts round a text.",
    )


def most_pieces(decoded: Decoded, about: str) -> Question | None:
    """2b: the word that splits most."""
    most = _most(decoded.words)
    if most is None:
        return None
    longest = _longest(decoded.words)
    others = sorted({word.before: word for word in decoded.words if word.pieces < most.pieces}.values(), key=_length)
    dice = random.Random(f"{about} words")
    tempting = [longest, *dice.sample(others[-6:], min(3, len(others)))]

    def why(word: Word) -> str:
        if word.before == longest.before and word.pieces == 1:
            return "It is the longest, and still one piece: it came often enough where the vocabulary was learned."
        if word.before == longest.before:
            return (
                "It is the longest, but another one takes more pieces: what counts is how rare a word was, not its length."
            )
        return "It takes one piece." if word.pieces == 1 else f"It takes {word.pieces} pieces; another one takes more."

    choices = [
        Choice(
            "{word}",
            f"It takes {most.pieces} pieces. The vocabulary doesn’t hold it whole: it was rare, or missing, where that was "
            "learned.",
            right=True,
            values={"word": most.before},
        ),
        *(Choice("{word}", why(word), values={"word": word.before}) for word in tempting if word.pieces < most.pieces),
    ]
    return _asked(
        "splits",
        "Which word is split into the most pieces?",
        choices,
        about,
        hint="Look for the pieces that hang together.",
    )


def comes_back(pieces: list[Piece], decoded: Decoded, about: str) -> Question | None:
    """2c: what decoding gives back."""
    text, back = decoded.text, decoded.back
    joined = " ".join(piece.text for piece in pieces if piece.word is not None)
    right = (
        "It comes back as it was: these pieces hold capitals, accents and spaces."
        if decoded.lossless
        else "The pieces of a word are joined, and what they don’t hold stays away."
    )
    choices = [
        Choice("{text}", right, right=True, values={"text": back}),
        Choice(
            "{text}",
            "That is the sentence as it was written. The pieces don’t hold all of it, so nothing could bring it back.",
            values={"text": text},
        ),
        Choice(
            "{text}",
            "That is the sentence in small letters. "
            + ("These pieces hold capitals." if decoded.lossless else "Capitals are not all that is lost."),
            values={"text": text.lower()},
        ),
        Choice(
            "{text}",
            "Those are the pieces as the vocabulary spells them. Decoding joins those of a word and takes such marks away.",
            values={"text": joined},
        ),
    ]
    return _asked(
        "back",
        "What does decoding give back?",
        choices,
        about,
        hint="Look closely at capitals, accents, and the spaces round punctuation.",
    )


def _asked(id: str, prompt: str, choices: list[Choice], about: str, hint: str) -> Question | None:
    """The question, its choices shuffled by what it is about; None if no wrong one is left that isn't the right one too."""
    distinct: dict[str, Choice] = {}
    for choice in choices:
        shown = choice.text if choice.values is None else str(choice.values)
        distinct.setdefault(shown, choice)
    if len(distinct) < 2:
        return None
    order = list(distinct.values())
    random.Random(f"{about} {id}").shuffle(order)
    return Question(id, prompt, tuple(order), hint=hint, about=about)


def _most(words: tuple[Word, ...]) -> Word | None:
    """The word of the most pieces, if there is one such."""
    ranked = sorted({word.before: word for word in words}.values(), key=lambda word: -word.pieces)
    if not ranked or ranked[0].pieces < 2 or (len(ranked) > 1 and ranked[1].pieces == ranked[0].pieces):
        return None
    return ranked[0]


def _longest(words: tuple[Word, ...]) -> Word:
    return max(words, key=_length)


def _length(word: Word) -> int:
    return len(word.before)
