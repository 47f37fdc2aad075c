"""Passages: a stretch of text of a few sentences, taken apart for a reader, and good ones found in a corpus by code.

What makes a passage good to look at masks in: whole sentences, words of several pieces, and a content word that comes twice
(hide one mention, and the other may still give it away).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lab.errors import CorpusError, SettingError, require
from lab.kinds import FUNCTION_WORDS
from lab.tokenization import Piece, backend, explain

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FEWEST_PIECES, MOST_PIECES = 56, 80  # in a passage that is found
ENOUGH_LONG_WORDS = 4  # words of several pieces
_CHARACTERS = 6_000  # of a document that are looked at
_APART = 4  # words between two mentions, so that one isn't the other's neighbour
_SENTENCE = re.compile(r"(?<!\bMr|\bMs|\bDr|\bSt)(?<!\bMrs)[.!?…]['\"”’)\]]*\s+|\n\s*\n")
_CONTRACTION = re.compile(r"[^\W\d_]+['’][^\W\d_]+")


@dataclass(frozen=True)
class Passage:
    """A text with its pieces, special tokens included, and which of them make a word."""

    text: str
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerFast", text: str) -> "Passage":
        """Take a text apart. Raises SettingError if it has special tokens and unknown pieces only, which are never masked.

        >>> from lab.model import load_tokenizer
        >>> Passage.of(load_tokenizer("bundled"), "An unwatchable [MASK]!").words
        ((1,), (2, 3, 4), (6,))
        """
        pieces = tuple(explain(tokenizer, text))
        require(
            any(not piece.special for piece in pieces),
            "There is nothing in this text that could be masked. Write some words.",
            SettingError,
        )
        return cls(text, pieces)

    @cached_property
    def words(self) -> tuple[tuple[int, ...], ...]:
        """The positions of each word's pieces, word by word; what is never masked belongs to none."""
        found: dict[int | None, list[int]] = {}
        for at, piece in enumerate(self.pieces):
            if not piece.special:
                found.setdefault(piece.word, []).append(at)
        return tuple(map(tuple, found.values()))

    @cached_property
    def word_at(self) -> dict[int, int]:
        """Position of a piece → number of its word."""
        return {at: number for number, word in enumerate(self.words) for at in word}

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """What masking takes: ids, word starts and special tokens, each (1, pieces)."""
        return (
            torch.tensor([[piece.id for piece in self.pieces]]),
            torch.tensor([[not piece.continues for piece in self.pieces]]),
            torch.tensor([[piece.special for piece in self.pieces]]),
        )

    def written(self, word: int) -> str:
        """A word as the text has it."""
        first, last = self.words[word][0], self.words[word][-1]
        return self.text[self.pieces[first].start : self.pieces[last].end].strip()

    @property
    def ordinary(self) -> int:
        """Pieces that may be selected."""
        return sum(map(len, self.words))

    @property
    def long_words(self) -> tuple[int, ...]:
        """The words of several pieces."""
        return tuple(number for number, word in enumerate(self.words) if len(word) > 1)

    @cached_property
    def mentions(self) -> dict[int, tuple[int, ...]]:
        """Word → the other places of the same word, capitals aside; only words that come more than once."""
        places = defaultdict(list)
        for number in range(len(self.words)):
            places[self.written(number).casefold()].append(number)
        return {n: tuple(m for m in same if m != n) for same in places.values() if len(same) > 1 for n in same}

    @cached_property
    def twice(self) -> tuple[tuple[int, int], ...]:
        """The content words that come exactly twice, at some distance: their two places.

        Those in like company come first, and of them those of one piece.
        """
        found = [
            (number, others[0])
            for number, others in self.mentions.items()
            if len(others) == 1 and others[0] - number > _APART and _is_content(self.written(number))
        ]
        return tuple(sorted(found, key=lambda pair: (not self.in_like_company(*pair), len(self.words[pair[0]]) > 1)))

    def in_like_company(self, one: int, other: int) -> bool:
        """Whether two places of a word have the same word before them, or the same word after them.

        >>> from lab.model import load_tokenizer
        >>> Passage.of(load_tokenizer("bundled"), "A lunch counter is a counter for lunch.").in_like_company(2, 5)
        False
        """
        for step in (-1, 1):
            if one + step >= 0 and other + step < len(self.words):
                near, there = self.written(one + step).casefold(), self.written(other + step).casefold()
                if near == there and near.isalpha():
                    return True
        return False

    @property
    def contractions(self) -> tuple[tuple[str, int], ...]:
        """Words with an apostrophe inside, as written, and how many words the tokenizer makes of each.

        >>> from lab.model import load_tokenizer
        >>> Passage.of(load_tokenizer("bundled"), "I don't know.").contractions
        (("don't", 3),)
        """
        found = []
        for match in _CONTRACTION.finditer(self.text):
            inside = [
                number
                for number, word in enumerate(self.words)
                if self.pieces[word[0]].start < match.end() and self.pieces[word[-1]].end > match.start()
            ]
            found.append((match[0], len(inside)))
        return tuple(found)


def find(
    documents: Sequence[str], tokenizer: "PreTrainedTokenizerFast", *, wanted: int = 12, most: int = 400, seed: int = 0
) -> list[Passage]:
    """Passages of a corpus, one a document, the best first; of up to `most` documents, drawn by the seed.

    The best have a content word that comes twice, words of several pieces, and a comfortable length. A corpus without any
    such gives what it has. Raises CorpusError if it gives nothing at all.

    >>> from lab.model import load_tokenizer
    >>> text = "The quizmaster walked his unwatchable mule. " * 2 + "Nobody applauded the bored quizmaster " * 6 + "."
    >>> len(find([text], load_tokenizer("bundled"))[0].long_words) >= ENOUGH_LONG_WORDS
    True
    """
    drawn = np.random.default_rng(seed).permutation(len(documents))[:most].tolist()
    graded: list[tuple[int, Passage]] = []
    for document in drawn:
        best = _best(str(documents[document])[:_CHARACTERS], tokenizer)
        if best is not None:
            graded.append(best)
        if sum(grade == _BEST for grade, _ in graded) == wanted:
            break
    require(bool(graded), "No document of this corpus has words to mask. Choose another corpus.", CorpusError)
    return [passage for _, passage in sorted(graded, key=lambda each: -each[0])[:wanted]]


def sample(
    documents: Sequence[str], tokenizer: "PreTrainedTokenizerFast", size: int, *, seed: int = 0
) -> Iterator[Passage]:
    """Passages as they come, for measuring: the first of each document, the documents in an order drawn by the seed."""
    drawn = np.random.default_rng(seed).permutation(len(documents)).tolist()
    each = (next(_passages(str(documents[i])[:_CHARACTERS], tokenizer), None) for i in drawn)
    return islice((found[0] for found in each if found is not None), size)


# 8 for a word that comes twice in like company, 4 for one that comes twice, 2 for enough words of several pieces, 1 for a
# length that fits.
_BEST = 15


def _best(text: str, tokenizer: "PreTrainedTokenizerFast") -> tuple[int, Passage] | None:
    """The first passage of a document that has it all, else the best there is; and its grade."""
    best: tuple[int, Passage] | None = None
    for passage, fits in _passages(text, tokenizer):
        company = any(passage.in_like_company(*pair) for pair in passage.twice)
        grade = 8 * company + 4 * bool(passage.twice) + 2 * (len(passage.long_words) >= ENOUGH_LONG_WORDS) + fits
        if best is None or grade > best[0]:
            best = grade, passage
        if grade == _BEST:
            break
    return best


def _passages(text: str, tokenizer: "PreTrainedTokenizerFast") -> Iterator[tuple[Passage, bool]]:
    """The passages of a document one after another, and whether each is of a passage's length."""
    for start, end, fits in _stretches(text, tokenizer):
        try:
            yield Passage.of(tokenizer, text[start:end].strip()), fits
        except SettingError:  # nothing in it but special tokens or spaces
            continue


def _stretches(text: str, tokenizer: "PreTrainedTokenizerFast") -> list[tuple[int, int, bool]]:
    """From and to which character: whole sentences of a passage's length; if there are none, the text's beginning."""
    encoding = backend(tokenizer).encode(text, add_special_tokens=False)
    begins = np.array([start for start, _ in encoding.offsets], np.int64)
    borders = [0, *(match.end() for match in _SENTENCE.finditer(text)), len(text)]
    before = np.searchsorted(begins, borders)  # pieces before each border
    found = []
    for i, start in enumerate(borders[:-1]):
        sizes = before[i + 1 :] - before[i]
        j = int(np.searchsorted(sizes, FEWEST_PIECES))
        if j < len(sizes) and sizes[j] <= MOST_PIECES:
            found.append((start, borders[i + 1 + j], True))
    if found or not len(begins):
        return found
    words = encoding.word_ids
    cuts = [k for k in range(1, len(words)) if words[k] != words[k - 1] and k <= MOST_PIECES]
    whole = len(words) <= MOST_PIECES or not cuts
    return [(0, len(text) if whole else int(begins[cuts[-1]]), len(words) >= FEWEST_PIECES)]


def _is_content(word: str) -> bool:
    return len(word) > 3 and word.isalpha() and word.lower() not in FUNCTION_WORDS
