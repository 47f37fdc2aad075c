"""Decoding: ids back to text, and what of the text has not come back.

A tokenizer may lower capitals, strip accents, add or drop spaces, and put one and the same unknown token for all that its
vocabulary can't spell. Compared stretch by stretch, a stretch being what lies between two spaces.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Literal

from lab.tokenization import Piece, explain

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# White space, but not the control characters that Python counts to it and tokenizers throw away or spell.
_SPACES = re.compile(r"[^\S\x0b\x0c\x1c-\x1f\x85]+")

Loss = Literal["unknown", "capitals", "accents", "characters", "spaces"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the tokenizer counts words: as the text has it, and as it comes back."""

    before: str
    after: str
    start: int  # the characters of the text that it came from: text[start:end]
    end: int
    pieces: int
    unknown: bool  # at least one of its pieces is the unknown token


@dataclass(frozen=True, slots=True)
class Stretch:
    """What lies between two spaces of the text, as it was and as it comes back."""

    before: str
    after: str
    words: tuple[Word, ...]
    losses: tuple[Loss, ...]  # none if it came back as it was


@dataclass(frozen=True)
class Decoded:
    """A text that went into a tokenizer and came out again."""

    text: str
    back: str
    stretches: tuple[Stretch, ...]
    gaps_changed: int  # places between two stretches where the white space came back as another

    @property
    def lossless(self) -> bool:
        """Whether it came back character for character."""
        return self.text == self.back

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """All words, in the order of the text."""
        return tuple(word for stretch in self.stretches for word in stretch.words)

    @cached_property
    def confused(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(what comes back, the different words that it stands for): once encoded, nobody can tell them apart."""
        spellings: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for word in self.words:
            spellings[word.after][word.before] = None
        return tuple((after, tuple(befores)) for after, befores in spellings.items() if len(befores) > 1)


def decode(tokenizer: "PreTrainedTokenizerFast", text: str) -> Decoded:
    """Encode a text and decode its ids again, what the tokenizer puts round the text left out.

    >>> from lab.model import load_tokenizer
    >>> decoded = decode(load_tokenizer("bundled"), "Amélie's 🎬")
    >>> decoded.back, [stretch.losses for stretch in decoded.stretches]
    ("amelie ' s [UNK]", [('capitals', 'accents', 'spaces'), ('unknown',)])
    """
    groups = _words(explain(tokenizer, text))
    back = str(tokenizer.decode([piece.id for group in groups for piece in group]))
    words, places = [], []
    at = 0
    for group in groups:
        after = _stripped(str(tokenizer.decode([piece.id for piece in group])))
        found = back.find(after, at)
        begin = at if found < 0 else found
        at = begin + len(after) if found >= 0 else at
        places.append((begin, at))
        words.append(_word(text, group, after, tokenizer.unk_token_id))
    starts, ends = [word.start for word in words], [word.end for word in words]
    stretches, spans = [], []
    for start, end in _between_spaces(text):
        first, last = bisect_right(ends, start), bisect_left(starts, end)
        before, inside, after = text[start:end], tuple(words[first:last]), ""
        if inside:
            begin, stop = places[first][0], places[last - 1][1]
            after = back[begin:stop]
            spans.append((start, end, begin, stop))
        stretches.append(Stretch(before, after, inside, _losses(before, after, inside)))
    gaps = sum(text[one[1] : other[0]] != back[one[3] : other[2]] for one, other in pairwise(spans))
    return Decoded(text, back, tuple(stretches), gaps)


def _words(pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces of each word; what the tokenizer puts round the text belongs to none."""
    inside = [piece for piece in pieces if piece.word is not None]
    return [list(group) for _, group in groupby(inside, key=lambda piece: piece.word)]


def _word(text: str, group: list[Piece], after: str, unknown: int | None) -> Word:
    source = text[group[0].start : group[-1].end]
    before = _stripped(source)  # some tokenizers count the space before a word to it
    start = group[0].start + source.find(before)
    is_unknown = any(piece.id == unknown for piece in group) and before != after
    return Word(before, after, start, start + len(before), len(group), is_unknown)


def _losses(before: str, after: str, words: tuple[Word, ...]) -> tuple[Loss, ...]:
    found: set[Loss] = set()
    for word in words:
        found |= {"unknown"} if word.unknown else _changes(word.before, word.after)
    if len("".join(word.before for word in words)) < len(before):
        found.add("characters")
    if _SPACES.search(after):
        found.add("spaces")
    order: tuple[Loss, ...] = ("unknown", "capitals", "accents", "characters", "spaces")
    return tuple(loss for loss in order if loss in found)


def _changes(before: str, after: str) -> set[Loss]:
    """How a word differs from what came back of it; composed and decomposed letters count as the same."""
    if _composed(before) == _composed(after):
        return set()
    bare = _without_accents(before)
    found: set[Loss] = set()
    if bare.lower() != bare and after == after.lower():
        found.add("capitals")
    if _composed(bare) != _composed(before) and _composed(_without_accents(after)) == _composed(after):
        found.add("accents")
    if not found or _composed(bare.lower()) != _composed(_without_accents(after).lower()):
        found.add("characters")
    return found


def _between_spaces(text: str) -> list[tuple[int, int]]:
    """From and to which character each stretch goes: "a  film" → [(0, 1), (3, 7)]."""
    borders = [0, *(at for space in _SPACES.finditer(text) for at in space.span()), len(text)]
    return [(start, end) for start, end in zip(borders[::2], borders[1::2], strict=True) if start < end]


def _stripped(text: str) -> str:
    spans = _between_spaces(text)
    return text[spans[0][0] : spans[-1][1]] if spans else ""


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter) != "Mn")
