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
    blanks = (ids == loaded.tokenizer.mask_token_id).nonzero().flatten().tolist()
    target_ids = [_target_id(loaded, text, target) for target in targets]
    answers: dict[int, tuple[Prediction, ...]] = {}
    for asked in _rounds(blanks, order):
        probabilities = _probabilities(loaded, ids)
        remaining = [blank for blank in blanks if blank not in answers]
        for blank in asked:
            row = probabilities[remaining.index(blank)]
            best = row.topk(min(top_k, len(row))).indices.tolist()
            chosen = sorted(target_ids, key=lambda id: -row[id]) if targets else best
            answers[blank] = tuple(_prediction(loaded, id, float(row[id])) for id in chosen)
        if order != "together":
            ids = ids.clone()
            ids[asked[0]] = answers[asked[0]][0].id
    found = tuple(answers[blank] for blank in blanks)
    return Filled(text, found, _complete(text, [each[0] for each in found]))


def side_by_side(
    before: Loaded, after: Loaded, text: str, *, top_k: int = 5, targets: Sequence[str] = ()
) -> tuple[tuple[Shift, ...], ...]:
    """Blank by blank, the answers in either model's first `top_k` (or the targets), with both probabilities.

    Sorted by the second model's. Raises SettingError if the two models' vocabularies differ.
    """
    require(
        before.tokenizer.get_vocab() == after.tokenizer.get_vocab(),
        f"{before.name} and {after.name} have different vocabularies, so their answers can't be set side by side.",
    )
    both = []
    for loaded in (before, after):
        ids = _encode(loaded, text)
        both.append(_probabilities(loaded, ids))
    target_ids = [_target_id(before, text, target) for target in targets]
    rows = []
    for first, second in zip(*both, strict=True):
        shown = target_ids or sorted({*first.topk(top_k).indices.tolist(), *second.topk(top_k).indices.tolist()})
        shifts = [Shift(_word(before, id), float(first[id]), float(second[id])) for id in shown]
        rows.append(tuple(sorted(shifts, key=lambda shift: -shift.after)))
    return tuple(rows)


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


def _target_id(loaded: Loaded, text: str, target: str) -> int:
    """The one piece that a target becomes in the place of the first blank. Raises SettingError if it becomes several."""
    tokenizer = loaded.tokenizer
    blank = _BLANK.search(text)
    assert blank is not None, "the text has been encoded, which asks for a blank"
    head, tail = text[: blank.start()], text[blank.end() :]
    masked = tokenizer(_blank_out(loaded, text))["input_ids"]
    filled = tokenizer(_blank_out(loaded, head + target + tail))["input_ids"]
    at = masked.index(tokenizer.mask_token_id)
    after = len(masked) - at - 1
    pieces = filled[at : len(filled) - after]
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
