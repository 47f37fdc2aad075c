"""Lexicon: the words that a corpus uses, and its sentences that can be read on their own. Text in, words and sentences out.

What a name is, the text says itself: names are written with a capital, so a word that stands in lower case isn't one.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lab.kinds import FUNCTION_WORDS
from lab.tokenization import backend

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FEWEST_WORDS, MOST_WORDS = 8, 25  # in a sentence
WORD = re.compile(r"(?<![\w'’-])[^\W\d_]{2,}(?![\w'’-])")  # a word on its own: no part of a contraction or a compound


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words that a corpus writes in lower case and a tokenizer knows whole, most frequent first."""

    words: tuple[str, ...]
    ids: np.ndarray  # (n,) int64 the one piece that each is
    counts: np.ndarray  # (n,) int64 how often the corpus has it
    function: np.ndarray  # (n,) bool: an English function word


def lexicon(documents: Sequence[str], tokenizer: "PreTrainedTokenizerFast") -> Lexicon:
    """Gather the words of a text that are fit to choose from. Names aren't in it, for they are written with a capital.

    >>> from lab.model import load_tokenizer
    >>> lexicon(["Ada saw a film. The film was an unwatchable film!"] * 2, load_tokenizer("bundled")).words
    ('film', 'an', 'saw', 'was')
    """
    counts = Counter(word for text in documents for word in WORD.findall(text) if word.islower())
    found = [(word, count) for word, count in counts.most_common() if count > 1]
    encodings = backend(tokenizer).encode_batch([f" {word}" for word, _ in found], add_special_tokens=False)
    unknown = tokenizer.unk_token_id
    whole = [
        (word, encoding.ids[0], count)
        for (word, count), encoding in zip(found, encodings, strict=True)
        if len(encoding.ids) == 1 and encoding.ids[0] != unknown
    ]
    whole.sort(key=lambda each: (-each[2], each[0]))
    words = tuple(word for word, _, _ in whole)
    return Lexicon(
        words,
        np.array([id for _, id, _ in whole], np.int64),
        np.array([count for _, _, count in whole], np.int64),
        np.array([word in FUNCTION_WORDS for word in words], bool),
    )


def sentences(text: str) -> list[str]:
    """The sentences of a text that are fit to be read on their own: whole, 8 to 25 words long, free of markup.

    >>> sentences("Dull. I laughed more than I should admit, and so did Mr. Greer next to me.")
    ['I laughed more than I should admit, and so did Mr. Greer next to me.']
    """
    found, parts = [], _SENTENCE_END.split(" ".join(text.split()))
    while parts:
        sentence = parts.pop(0)
        while parts and _ABBREVIATION.search(sentence):
            sentence += " " + parts.pop(0)
        if _is_readable(sentence):
            found.append(sentence)
    return found


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_a-z]|[\"“(])")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|Prof|Gen|Capt|Sgt|vs|etc|No|[A-Za-z])\.$")
_ODD = re.compile(r"[<>{}\[\]*_/\\|@#=~^]|\.\.|https?:|www\.")
_MOST_CAPITALS = 0.2  # share of a sentence's words that may begin with one: a sentence full of names is hard to read alone


def _is_readable(sentence: str) -> bool:
    words = sentence.split()
    return (
        FEWEST_WORDS <= len(words) <= MOST_WORDS
        and len(sentence) <= 10 * MOST_WORDS
        and sentence[0].isupper()
        and sentence[-1] in ".!?"
        and sentence.isprintable()
        and not _ODD.search(sentence)
        and sentence.count('"') % 2 == 0
        and sentence.count("(") == sentence.count(")")
        and sentence.count("“") == sentence.count("”")
        and sum(word[0].isupper() and word[:2] not in ("I", "I'", "I’") for word in words[1:])
        <= _MOST_CAPITALS * len(words)
    )
