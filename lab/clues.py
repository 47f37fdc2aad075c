"""Clues: what gives a hidden word away. The pieces of its own word, if they are in sight; and another mention of it.

A passage with hidden words in; out, what the model answers, and the probability that it gives to what truly stood there:
with a clue in sight, and with the clue hidden too. All else in the passage stays the same, so the two can be compared.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lab.config import Masking
from lab.errors import require
from lab.masking import MASKED, Vocabulary, mask
from lab.model import Loaded, logits_at, positions
from lab.passages import Passage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ROWS_AT_ONCE = 16  # versions of passages a forward pass


@dataclass(frozen=True, slots=True)
class Blank:
    """One hidden piece, and what the model answers while all that is hidden stays hidden."""

    piece: str  # what truly stood there, as the vocabulary spells it
    probability: float  # of the true piece, 0 to 1
    best: tuple[tuple[str, float], ...]  # the model's first answers with their probabilities


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answers where a word is hidden."""

    word: int
    blanks: tuple[Blank, ...]  # one a piece
    spelled: tuple[float, ...]  # of each true piece, the earlier pieces of the word given
    mention_in_sight: float | None  # the word's probability, were its other mentions in sight; None where that wasn't asked

    @property
    def probability(self) -> float:
        """Of the true word: its pieces' probabilities from left to right, multiplied."""
        return _product(self.spelled)


@dataclass(frozen=True, slots=True)
class Clue:
    """One piece that was hidden twice: with a clue in sight, and with the clue hidden too."""

    word: str  # as the text has it
    piece: str  # as the vocabulary spells it
    in_sight: float  # probability of the true piece with the clue in sight
    hidden: float  # and with the clue hidden


def ask(
    loaded: Loaded,
    passage: Passage,
    hidden: Sequence[int],
    *,
    about: Sequence[int],
    compared: Sequence[int] = (),
    top_k: int = 5,
) -> list[Answer]:
    """Hide some words of a passage and ask the model for those in `about`, which are among the hidden.

    Those in `compared` are asked for once more with their other mentions in sight, if such are hidden too. Raises
    SettingError if the passage is longer than the model reads.

    >>> from lab.model import load
    >>> loaded = load("bundled", device="cpu")
    >>> passage = Passage.of(loaded.tokenizer, "The mule was tired, so we led the mule home.")
    >>> (answer,) = ask(loaded, passage, [1, 9], about=[1], compared=[1])
    >>> passage.written(1), answer.probability < answer.mention_in_sight
    ('mule', True)
    """
    _check_length(loaded, passage)
    ids = passage.tensors()[0][0]
    asked = _Asked(loaded)
    plan: list[tuple[int, tuple[int, ...], list[int], list[int] | None]] = []
    for word in about:
        places = passage.words[word]
        others = {m for m in passage.mentions.get(word, ()) if m in hidden} if word in compared else set()
        rest = [at for other in hidden if other != word for at in passage.words[other]]
        sighted = [at for other in hidden if other != word and other not in others for at in passage.words[other]]
        plan.append(
            (
                word,
                tuple(asked.add(_hide(ids, [*rest, *places], loaded), at) for at in places),
                [asked.add(_hide(ids, [*rest, *places[i:]], loaded), at) for i, at in enumerate(places)],
                [asked.add(_hide(ids, [*sighted, *places[i:]], loaded), at) for i, at in enumerate(places)]
                if others
                else None,
            )
        )
    given = asked.answers()
    tokenizer, answers = loaded.tokenizer, []
    for word, together, chain, sight in plan:
        places = passage.words[word]
        true = [passage.pieces[at].id for at in places]
        answers.append(
            Answer(
                word,
                tuple(_blank(tokenizer, given[k], id, top_k) for k, id in zip(together, true, strict=True)),
                tuple(float(given[k][id]) for k, id in zip(chain, true, strict=True)),
                None if sight is None else _product(float(given[k][id]) for k, id in zip(sight, true, strict=True)),
            )
        )
    return answers


def siblings(
    loaded: Loaded, passages: Iterable[Passage], masking: Masking | None = None, *, seed: int = 0
) -> Iterator[list[Clue]]:
    """Whole words are selected as in training, and each selected piece of a word of several pieces is asked for twice: with
    its word hidden whole, and with its siblings in sight. All that is selected reads [MASK]. One list a passage.
    """
    vocabulary = Vocabulary.of(loaded.tokenizer)
    rate = (masking or Masking()).mlm_probability
    whole = Masking(strategy="whole_word", mlm_probability=rate, mask_share=1, random_share=0)
    for row, passage in enumerate(passages):
        ids, starts, special = passage.tensors()
        masked = mask(ids, starts, special, whole, vocabulary, seed=seed, rows=torch.tensor([row]))
        selected = {passage.word_at[at] for at in (masked.action[0] == MASKED).nonzero().flatten().tolist()}
        pairs = []
        for word in sorted(selected.intersection(passage.long_words)):
            for at in passage.words[word]:
                shown = masked.input_ids[0].clone()
                for sibling in passage.words[word]:
                    if sibling != at:
                        shown[sibling] = ids[0, sibling]
                pairs.append((at, shown, masked.input_ids[0]))
        yield _compare(loaded, passage, pairs)


def mentions(loaded: Loaded, passages: Iterable[Passage]) -> Iterator[list[Clue]]:
    """Each content word of one piece that comes twice is asked for with its other mention in sight, and with both hidden.

    Nothing else is hidden. One list a passage.
    """
    for passage in passages:
        ids = passage.tensors()[0][0]
        pairs = []
        for one, other in passage.twice:
            if len(passage.words[one]) == 1:
                first, second = passage.words[one][0], passage.words[other][0]
                both = _hide(ids, [first, second], loaded)
                pairs += [(at, _hide(ids, [at], loaded), both) for at in (first, second)]
        yield _compare(loaded, passage, pairs)


class _Asked:
    """Questions to the model, answered together: equal versions of a passage are read once."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._rows: dict[tuple[int, ...], int] = {}
        self._places: list[tuple[int, int]] = []

    def add(self, ids: Tensor, at: int) -> int:
        """Ask for what stands at a position; the number under which `answers` has it."""
        row = self._rows.setdefault(tuple(ids.tolist()), len(self._rows))
        self._places.append((row, at))
        return len(self._places) - 1

    def answers(self) -> Tensor:
        """(questions, vocabulary) float32: the probabilities, in the order of asking."""
        rows = torch.tensor(list(self._rows), device=self._loaded.device)
        where = torch.zeros(rows.shape, dtype=torch.bool)
        for row, at in self._places:
            where[row, at] = True
        number = {place: i for i, place in enumerate(map(tuple, where.nonzero().tolist()))}
        parts = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            with self._loaded.computing():
                logits = logits_at(self._loaded.model, rows[some], where[some].to(rows.device))
            parts.append(logits.float().softmax(dim=-1).cpu())
        return torch.cat(parts)[[number[place] for place in self._places]]


def _compare(loaded: Loaded, passage: Passage, pairs: Sequence[tuple[int, Tensor, Tensor]]) -> list[Clue]:
    """(position, the passage with the clue in sight, the passage with it hidden) → clues."""
    if not pairs:
        return []
    _check_length(loaded, passage)
    asked = _Asked(loaded)
    numbers = [(at, asked.add(shown, at), asked.add(hidden, at)) for at, shown, hidden in pairs]
    given = asked.answers()
    return [
        Clue(
            passage.written(passage.word_at[at]),
            passage.pieces[at].text,
            float(given[shown][passage.pieces[at].id]),
            float(given[hidden][passage.pieces[at].id]),
        )
        for at, shown, hidden in numbers
    ]


def _hide(ids: Tensor, places: Sequence[int], loaded: Loaded) -> Tensor:
    hidden = ids.clone()
    hidden[list(places)] = loaded.tokenizer.mask_token_id
    return hidden


def _blank(tokenizer: "PreTrainedTokenizerFast", probabilities: Tensor, id: int, top_k: int) -> Blank:
    best = probabilities.topk(min(top_k, len(probabilities)))
    names = tokenizer.convert_ids_to_tokens(best.indices.tolist())
    true = str(tokenizer.convert_ids_to_tokens(id))
    return Blank(true, float(probabilities[id]), tuple(zip(map(str, names), best.values.tolist(), strict=True)))


def _check_length(loaded: Loaded, passage: Passage) -> None:
    longest = positions(loaded.model)
    require(
        len(passage.pieces) <= longest,
        f"This text makes {len(passage.pieces)} pieces, but the model reads {longest} at once. Shorten it.",
    )


def _product(numbers: Iterable[float]) -> float:
    result = 1.0
    for number in numbers:
        result *= number
    return result
