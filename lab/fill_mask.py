"""Fill-mask: a sentence with blanks in; what a model believes belongs there out, for one model or two side by side.

Several blanks are answered together (each as if the others stayed blank) or one after the other, each answer put in before
the next is asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch.nn.utils.rnn import pad_sequence

from lab.errors import SettingError, require
from lab.model import Loaded, logits_at, positions

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Order = Literal["together", "left_to_right", "right_to_left"]
ORDERS: tuple[Order, ...] = get_args(Order)
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
    return fill_in_orders(loaded, text, (order,), top_k=top_k, targets=targets)[order]


def fill_in_orders(
    loaded: Loaded, text: str, orders: Sequence[Order] = ORDERS, *, top_k: int = 5, targets: Sequence[str] = ()
) -> dict[Order, Filled]:
    """The same, in several orders at once: what they have in common is asked only once.

    >>> from lab.model import load
    >>> filled = fill_in_orders(load("bundled", device="cpu"), "The [MASK] was so [MASK] that we left.")
    >>> filled["left_to_right"].blanks[0] == filled["together"].blanks[0]
    True
    """
    _check_top_k(top_k)
    require(set(orders) <= set(ORDERS), f"order is {' or '.join(map(repr, orders))}. It can be {', '.join(ORDERS)}.")
    ids = _encode(loaded, text)
    target_ids = _target_ids(loaded, text, targets)
    filled: dict[Order, Filled] = {}
    for order, rows in _beliefs(loaded, ids, target_ids, orders).items():
        found = []
        for row in rows:
            chosen = sorted(target_ids, key=lambda id: -row[id]) or row.topk(min(top_k, len(row))).indices.tolist()
            found.append(tuple(_prediction(loaded, id, float(row[id])) for id in chosen))
        filled[order] = Filled(text, tuple(found), complete(text, [each[0].word for each in found]))
    return filled


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
    _check_top_k(top_k)
    require(
        _vocabulary(before.tokenizer) == _vocabulary(after.tokenizer),
        f"{before.name} and {after.name} have different vocabularies, so their answers can't be set side by side.",
    )
    encoded = [(loaded, _encode(loaded, text)) for loaded in (before, after)]
    target_ids = _target_ids(before, text, targets)
    both = (_beliefs(loaded, ids, target_ids, (order,))[order] for loaded, ids in encoded)
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
    _check_top_k(top_k)
    encoded = [_encode(loaded, each) for each in (text, other)]
    target_ids = _target_ids(loaded, text, targets)
    first, second = (rows[0] for rows in _probabilities(loaded, encoded))
    shifts = _shifts(loaded, first, second, target_ids, top_k)
    return tuple(sorted(shifts, key=lambda shift: shift.after / (shift.before + shift.after or 1)))


def spell(loaded: Loaded, text: str, word: str) -> tuple[str, ...]:
    """The pieces that a word becomes in the place of a text's first blank: one, if it can be a target.

    >>> from lab.model import load
    >>> spell(load("bundled", device="cpu"), "This is [MASK].", "unwatchable")
    ('un', '##watch', '##able')
    """
    _encode(loaded, text)
    (pieces,) = _spell(loaded, text, [word])
    return tuple(map(str, loaded.tokenizer.convert_ids_to_tokens(pieces)))


def complete(text: str, words: Sequence[str]) -> str:
    """The text with a word in each blank's place; a continuation piece joins the word before it.

    >>> complete("A [MASK] [MASK].", ["film", "##maker"])
    'A filmmaker.'
    """
    for word in words:
        blank = _BLANK.search(text)
        assert blank is not None, "a blank for each word"
        head, tail = text[: blank.start()], text[blank.end() :]
        text = head.rstrip() + word.removeprefix("##") + tail if word.startswith("##") else head + word + tail
    return text


def _beliefs(
    loaded: Loaded, ids: torch.Tensor, target_ids: Sequence[int], orders: Sequence[Order]
) -> dict[Order, list[torch.Tensor]]:
    """For each order and blank the probabilities of the whole vocabulary, (vocabulary,) float32, when it is asked for.

    One after the other, the best answer of each (of the targets, if there are any) stands in its place from then on. The
    orders go in step, a forward pass a turn for all of them.
    """
    blanks = (ids == loaded.tokenizer.mask_token_id).nonzero().flatten().tolist()
    turns = {order: _turns(blanks, order) for order in orders}
    texts = dict.fromkeys(orders, ids)
    found: dict[Order, dict[int, torch.Tensor]] = {order: {} for order in orders}
    for turn in range(max(map(len, turns.values()))):
        going = [order for order in orders if turn < len(turns[order])]
        asked = _probabilities(loaded, [ids] if turn == 0 else [texts[order] for order in going])
        for order, rows in zip(going, asked * len(going) if turn == 0 else asked, strict=True):
            open_blanks = [blank for blank in blanks if blank not in found[order]]
            for blank in turns[order][turn]:
                row = found[order][blank] = rows[open_blanks.index(blank)]
                if order != "together":
                    texts[order] = texts[order].clone()
                    texts[order][blank] = max(target_ids, key=lambda id: row[id]) if target_ids else int(row.argmax())
    return {order: [found[order][blank] for blank in blanks] for order in orders}


def _shifts(
    loaded: Loaded, before: torch.Tensor, after: torch.Tensor, target_ids: Sequence[int], top_k: int
) -> tuple[Shift, ...]:
    """The answers in either row's first `top_k` (or the targets), sorted by the second row's."""
    shown = target_ids or sorted({id for row in (before, after) for id in row.topk(min(top_k, len(row))).indices.tolist()})
    shifts = [Shift(_word(loaded, id), float(before[id]), float(after[id])) for id in shown]
    return tuple(sorted(shifts, key=lambda shift: -shift.after))


def _check_top_k(top_k: int) -> None:
    require(top_k >= 1, f"top_k is {top_k}. Set it to 1 or more.")


def _turns(blanks: list[int], order: Order) -> list[list[int]]:
    """Which blanks are answered at which turn: [[1, 4]] together, [[4], [1]] right to left."""
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


def _probabilities(loaded: Loaded, texts: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """For each text, (n,) ids, what is believed of its blanks: (blanks, vocabulary) float32. In one forward pass."""
    batch = pad_sequence(list(texts), batch_first=True, padding_value=loaded.tokenizer.pad_token_id or 0)
    lengths = torch.tensor([len(text) for text in texts], device=loaded.device)
    attention = torch.arange(batch.shape[1], device=loaded.device) < lengths[:, None]
    where = (batch == loaded.tokenizer.mask_token_id) & attention
    with loaded.computing():
        logits = logits_at(loaded.model, batch, where, None if bool(attention.all()) else attention.long())
    return list(logits.float().softmax(dim=-1).cpu().split(where.sum(dim=1).tolist()))


@lru_cache(maxsize=16)
def _vocabulary(tokenizer: "PreTrainedTokenizerFast") -> int:
    """A number for a tokenizer's pieces and their ids. To compare them each time takes longer than to ask a small model."""
    return hash(frozenset(tokenizer.get_vocab().items()))


def _spell(loaded: Loaded, text: str, words: Sequence[str]) -> list[list[int]]:
    """For each word the ids that it becomes in the place of the text's first blank."""
    tokenizer = loaded.tokenizer
    blank = _BLANK.search(text)
    assert blank is not None, "the text has been encoded, which asks for a blank"
    head, tail = text[: blank.start()], text[blank.end() :]
    masked, *filled = tokenizer([_blank_out(loaded, each) for each in (text, *(head + word + tail for word in words))])[
        "input_ids"
    ]
    at = masked.index(tokenizer.mask_token_id)
    return [ids[at : len(ids) - (len(masked) - at - 1)] for ids in filled]


def _target_ids(loaded: Loaded, text: str, targets: Sequence[str]) -> list[int]:
    """The one piece that each target becomes. Raises SettingError, by name, for one that becomes several."""
    tokenizer, found = loaded.tokenizer, []
    for target, pieces in zip(targets, _spell(loaded, text, targets), strict=True):
        if len(pieces) != 1 or pieces[0] == tokenizer.unk_token_id or not target.strip():
            spelled = " ".join(tokenizer.convert_ids_to_tokens(pieces)) or "nothing"
            raise SettingError(
                f"The target {target!r} is not one piece of this vocabulary but {spelled}, so it has no single "
                "probability. Choose a word that is one piece."
            )
        found += pieces
    return found


def _prediction(loaded: Loaded, id: int, probability: float) -> Prediction:
    return Prediction(str(loaded.tokenizer.convert_ids_to_tokens(id)), _word(loaded, id), id, probability)


def _word(loaded: Loaded, id: int) -> str:
    return str(loaded.tokenizer.decode([id])).strip()
