"""Fill-mask: a sentence with blanks in; what a model believes belongs there out, for one model or two side by side.

Several blanks are answered together (each as if the others stayed blank) or one after the other, each answer put in before
the next is asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from lab.errors import SettingError, require
from lab.model import Loaded, logits_at, positions

Order = Literal["together", "left_to_right", "right_to_left"]
_BLANK = re.compile(r"\[mask\]|<mask>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer for one blank."""

    piece: str  # as the vocabulary spells it
    word: str  # as a reader would write it
    id: int
    probability: float  # 0 to 1, over the whole vocabulary


@dataclass(frozen=True, slots=True)
class Filled:
    """A sentence, its answers blank by blank, and the sentence with the best answers in it."""

    text: str
    blanks: tuple[tuple[Prediction, ...], ...]  # most probable first; the targets instead, where targets were given
    completed: str


@dataclass(frozen=True, slots=True)
class Shift:
    """One answer in two models."""

    word: str
    before: float  # probability in the first model
    after: float  # probability in the second

    @property
    def change(self) -> float:
        return self.after - self.before


def fill(loaded: Loaded, text: str, *, top_k: int = 5, targets: Sequence[str] = (), order: Order = "together") -> Filled:
    """Ask a model what belongs under each [MASK] of a text.

    With `targets`, only these words are reported, each with its probability over the whole vocabulary. Raises SettingError
    if there is no blank, if the text is longer than the model reads, or if a target isn't one piece of the vocabulary.

    >>> from lab.model import load
    >>> filled = fill(load("bundled", device="cpu"), "Paris is the [MASK] of France.", top_k=3)
    >>> len(filled.blanks[0]), filled.blanks[0][0].probability > filled.blanks[0][1].probability
    (3, True)
    """
    require(top_k >= 1, f"top_k is {top_k}. Set it to 1 or more.")
    ids = _encode(loaded, text)
    target_ids = [_target_id(loaded, text, target) for target in targets]
    found = []
    for row in _beliefs(loaded, ids, target_ids, order):
        chosen = sorted(target_ids, key=lambda id: -row[id]) or row.topk(min(top_k, len(row))).indices.tolist()
        found.append(tuple(_prediction(loaded, id, float(row[id])) for id in chosen))
    return Filled(text, tuple(found), _complete(text, [each[0] for each in found]))


def side_by_side(
    before: Loaded,
    after: Loaded,
    text: str,
    *,
    top_k: int = 5,
    targets: Sequence[str] = (),
    order: Order = "together",
) -> tuple[tuple[Shift, ...], ...]:
    """Blank by blank, the answers in either model's first `top_k` (or the targets), with both probabilities.

    Sorted by the second model's. One blank after the other, each model goes on from its own best answers. Raises
    SettingError if the two models' vocabularies differ.
    """
    require(
        before.tokenizer.get_vocab() == after.tokenizer.get_vocab(),
        f"{before.name} and {after.name} have different vocabularies, so their answers can't be set side by side.",
    )
    encoded = [_encode(loaded, text) for loaded in (before, after)]
    target_ids = [_target_id(before, text, target) for target in targets]
    both = (_beliefs(loaded, ids, target_ids, order) for loaded, ids in zip((before, after), encoded, strict=True))
    return tuple(_shifts(before, first, second, target_ids, top_k) for first, second in zip(*both, strict=True))


def contrast(loaded: Loaded, text: str, other: str, *, top_k: int = 5, targets: Sequence[str] = ()) -> tuple[Shift, ...]:
    """What one model answers in two sentences: `before` is the probability in the first, `after` that in the other.

    The answers in either's first `top_k` (or the targets) for the first blank of each; those that the first sentence
    favours most come first. Raises SettingError as `fill` does.

    >>> from lab.model import load
    >>> shifts = contrast(load("bundled", device="cpu"), "He was a [MASK].", "She was a [MASK].", targets=["king", "queen"])
    >>> [shift.word for shift in shifts]
    ['king', 'queen']
    """
    target_ids = [_target_id(loaded, text, target) for target in targets]
    first, second = (_probabilities(loaded, _encode(loaded, each))[0] for each in (text, other))
    shifts = _shifts(loaded, first, second, target_ids, top_k)
    return tuple(sorted(shifts, key=lambda shift: shift.after / (shift.before + shift.after)))


def spell(loaded: Loaded, text: str, word: str) -> tuple[str, ...]:
    """The pieces that a word becomes in the place of a text's first blank: one, if it can be a target.

    >>> from lab.model import load
    >>> spell(load("bundled", device="cpu"), "This is [MASK].", "unwatchable")
    ('un', '##watch', '##able')
    """
    _encode(loaded, text)
    return tuple(map(str, loaded.tokenizer.convert_ids_to_tokens(_spell(loaded, text, word))))


def _beliefs(loaded: Loaded, ids: torch.Tensor, target_ids: Sequence[int], order: Order) -> list[torch.Tensor]:
    """For each blank the probabilities of the whole vocabulary, (vocabulary,) float32, when it is its turn to be asked.

    One after the other, the best answer of each (of the targets, if there are any) stands in its place from then on.
    """
    blanks = (ids == loaded.tokenizer.mask_token_id).nonzero().flatten().tolist()
    found: dict[int, torch.Tensor] = {}
    for asked in _rounds(blanks, order):
        rows = dict(zip((each for each in blanks if each not in found), _probabilities(loaded, ids), strict=True))
        found |= {blank: rows[blank] for blank in asked}
        if order != "together":
            row = found[asked[0]]
            ids = ids.clone()
            ids[asked[0]] = max(target_ids, key=lambda id: row[id]) if target_ids else int(row.argmax())
    return [found[blank] for blank in blanks]


def _shifts(
    loaded: Loaded, before: torch.Tensor, after: torch.Tensor, target_ids: Sequence[int], top_k: int
) -> tuple[Shift, ...]:
    """The answers in either row's first `top_k` (or the targets), sorted by the second row's."""
    shown = target_ids or sorted({id for row in (before, after) for id in row.topk(top_k).indices.tolist()})
    shifts = [Shift(_word(loaded, id), float(before[id]), float(after[id])) for id in shown]
    return tuple(sorted(shifts, key=lambda shift: -shift.after))


def _rounds(blanks: list[int], order: Order) -> list[list[int]]:
    """Which blanks are answered in which round: [[1, 4]] together, [[4], [1]] right to left."""
    if order == "together":
        return [blanks]
    return [[blank] for blank in (blanks if order == "left_to_right" else reversed(blanks))]


def _encode(loaded: Loaded, text: str) -> torch.Tensor:
    """(n,) int64 ids with special tokens, the blanks as the model's own mask token."""
    ids = loaded.tokenizer(_blank_out(loaded, text))["input_ids"]
    longest = positions(loaded.model)
    require(
        loaded.tokenizer.mask_token_id in ids,
        "There is no blank in this text. Write [MASK] where a word is to be guessed.",
    )
    require(len(ids) <= longest, f"This text makes {len(ids)} tokens, but the model reads {longest} at once. Shorten it.")
    return torch.tensor(ids, device=loaded.device)


def _blank_out(loaded: Loaded, text: str) -> str:
    return _BLANK.sub(loaded.tokenizer.mask_token, text)


def _probabilities(loaded: Loaded, ids: torch.Tensor) -> torch.Tensor:
    """(blanks, vocabulary) float32."""
    batch = ids[None]
    with loaded.computing():
        logits = logits_at(loaded.model, batch, batch == loaded.tokenizer.mask_token_id)
    return logits.float().softmax(dim=-1).cpu()


def _spell(loaded: Loaded, text: str, word: str) -> list[int]:
    """The ids that a word becomes in the place of the first blank."""
    tokenizer = loaded.tokenizer
    blank = _BLANK.search(text)
    assert blank is not None, "the text has been encoded, which asks for a blank"
    head, tail = text[: blank.start()], text[blank.end() :]
    masked = tokenizer(_blank_out(loaded, text))["input_ids"]
    filled = tokenizer(_blank_out(loaded, head + word + tail))["input_ids"]
    at = masked.index(tokenizer.mask_token_id)
    return filled[at : len(filled) - (len(masked) - at - 1)]


def _target_id(loaded: Loaded, text: str, target: str) -> int:
    """The one piece that a target becomes in the place of the first blank. Raises SettingError if it becomes several."""
    tokenizer, pieces = loaded.tokenizer, _spell(loaded, text, target)
    if len(pieces) != 1 or pieces[0] == tokenizer.unk_token_id or not target.strip():
        spelled = " ".join(tokenizer.convert_ids_to_tokens(pieces)) or "nothing"
        raise SettingError(
            f"The target {target!r} is not one piece of this vocabulary but {spelled}, so it has no single probability. "
            "Choose a word that is one piece."
        )
    return pieces[0]


def _prediction(loaded: Loaded, id: int, probability: float) -> Prediction:
    return Prediction(str(loaded.tokenizer.convert_ids_to_tokens(id)), _word(loaded, id), id, probability)


def _word(loaded: Loaded, id: int) -> str:
    return str(loaded.tokenizer.decode([id])).strip()


def _complete(text: str, best: list[Prediction]) -> str:
    """The text with each blank's best answer in its place; a continuation piece joins the word before it."""
    for prediction in best:
        blank = _BLANK.search(text)
        assert blank is not None, "a blank for each answer"
        head, tail = text[: blank.start()], text[blank.end() :]
        if prediction.word.startswith("##"):
            text = head.rstrip() + prediction.word.removeprefix("##") + tail
        else:
            text = head + prediction.word + tail
    return text
