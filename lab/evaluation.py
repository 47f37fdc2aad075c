"""Evaluation: masked-token perplexity on frozen masks, and what it takes to compare two of them honestly.

Masked-token perplexity is exp(total negative log-likelihood in nats / number of scored positions). Sums are kept and never
means of batch means, so the batch size changes nothing. A perplexity means something only beside its scoring: tokenizer,
held-out text, chunk size, special tokens, strategy, rate, shares, seed. That identity travels with each result, and
results under different ones refuse to be compared.

Sources: Devlin et al. 2019, appendix A.2 (what is scored); Koehn 2004 (paired bootstrap); Efron & Tibshirani 1993.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np
import torch
from torch import nn

from lab.chunking import Chunks
from lab.config import Scoring
from lab.errors import require
from lab.masking import MaskedBatch, Vocabulary, mask
from lab.model import inner_model, logits_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """All that two perplexities must share to be compared."""

    tokenizer: str  # sha256 of the tokenizer's definition, shortened
    held_out_text: str  # sha256 of the held-out documents, and of which chunks were drawn from them; shortened
    held_out_chunks: int
    chunk_size: int
    special_tokens: str
    remainder: str
    score_strategy: str
    score_probability: float
    score_mask_share: float
    score_random_share: float
    score_seed: int

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that stand for the whole."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    def differences(self, other: "Fingerprint") -> list[str]:
        """The names of the settings in which two scorings differ."""
        return [each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What is scored and how: chunks, the masks' settings, and the identity of both."""

    chunks: Chunks
    vocabulary: Vocabulary
    scoring: Scoring
    fingerprint: Fingerprint

    def scored(self, scoring: Scoring) -> "HeldOut":
        """The same text under another scoring."""
        return replace(self, scoring=scoring, fingerprint=replace(self.fingerprint, **asdict(scoring)))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on one held-out text, position by position; n positions are scored."""

    fingerprint: Fingerprint
    nll: np.ndarray = field(repr=False)  # (n,) float64 nats
    correct: np.ndarray = field(repr=False)  # (n,) bool: the model's first choice is the author's piece
    labels: np.ndarray = field(repr=False)  # (n,) int32 the author's piece
    chunk: np.ndarray = field(repr=False)  # (n,) int32 row in the held-out chunks
    position: np.ndarray = field(repr=False)  # (n,) int32 position in the row
    document: np.ndarray = field(repr=False)  # (n,) int32
    action: np.ndarray = field(repr=False)  # (n,) uint8 what was done to it: MASKED, RANDOM or KEPT

    def __len__(self) -> int:
        return len(self.nll)

    @property
    def mean_nll(self) -> float:
        """Nats a scored position."""
        return float(self.nll.sum() / len(self.nll))

    @property
    def perplexity(self) -> float:
        return perplexity(self.mean_nll)

    @property
    def accuracy(self) -> float:
        """Share of scored positions at which the model's first choice is the author's piece."""
        return float(self.correct.mean())

    def __getitem__(self, which: np.ndarray) -> "Evaluation":
        """The same for some of the positions: a boolean or an integer index."""
        return replace(self, **{name: getattr(self, name)[which] for name in _ARRAYS})

    @classmethod
    def join(cls, parts: "Sequence[Evaluation]") -> "Evaluation":
        """Parts of one evaluation as the whole. Raises SettingError if nothing at all was scored."""
        require(
            any(len(part) for part in parts),
            "No position of the held-out text was selected to be scored. Hold out more text, or raise score_probability.",
        )
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
        return cls(fingerprint=parts[0].fingerprint, **joined)


_ARRAYS = ("nll", "correct", "labels", "chunk", "position", "document", "action")


def perplexity(mean_nll: float) -> float:
    """exp of nats a position; at 700 nats and beyond, the largest number that still fits.

    >>> round(perplexity(2.388), 2)
    10.89
    """
    return math.exp(min(mean_nll, 700.0))


def evaluate(model: nn.Module, held_out: HeldOut, *, batch_size: int = 64) -> Evaluation:
    """Score a model on frozen masks, on the device the model is on, in the number format of the caller's context.

    Raises SettingError if the masks select nothing at all.

    >>> from lab.corpus import Corpus
    >>> from lab.model import load_model
    >>> from lab.preparation import prepare
    >>> held_out = prepare("bundled", Corpus(max_train_documents=20, max_test_documents=5)).held_out(Scoring())
    >>> model = load_model("bundled")
    >>> small, large = (evaluate(model, held_out, batch_size=size) for size in (3, 64))
    >>> abs(small.perplexity / large.perplexity - 1) < 1e-6
    True
    """
    return Evaluation.join(list(score(model, held_out, range(len(held_out.chunks)), batch_size=batch_size)))


def score(model: nn.Module, held_out: HeldOut, rows: Sequence[int], *, batch_size: int = 64) -> Iterator[Evaluation]:
    """The same for some of the chunks, a part a batch: what one process among several does. May score nothing."""
    require(batch_size >= 1, f"batch_size is {batch_size}. Set it to 1 or more.")
    device = inner_model(model).device
    vocabulary = held_out.vocabulary.to(device)
    training = model.training
    model.eval()
    try:
        for start in range(0, len(rows), batch_size):
            with torch.inference_mode():
                yield _score(model, held_out, vocabulary, np.asarray(rows[start : start + batch_size]), device)
    finally:
        model.train(training)


def freeze(held_out: HeldOut, rows: np.ndarray, device: torch.device, vocabulary: Vocabulary) -> MaskedBatch:
    """The frozen masks of some held-out chunks, on a device (the vocabulary's too)."""
    chunks = held_out.chunks
    ids, starts, specials, numbers = (
        torch.from_numpy(field[rows]).to(device)
        for field in (chunks.input_ids, chunks.word_starts, chunks.special_tokens_mask, chunks.rows)
    )
    masking, seed = held_out.scoring.masking, held_out.scoring.score_seed
    return mask(ids.long(), starts, specials, masking, vocabulary, seed=seed, rows=numbers)


def _score(
    model: nn.Module, held_out: HeldOut, vocabulary: Vocabulary, rows: np.ndarray, device: torch.device
) -> Evaluation:
    chunks = held_out.chunks
    masked = freeze(held_out, rows, device, vocabulary)
    selected = masked.selected
    padded = chunks.padding and len(chunks) - 1 in rows
    attention = torch.from_numpy(chunks.attention_mask[rows]).to(device).long() if padded else None
    labels = masked.labels[selected]
    logits = logits_at(model, masked.input_ids, selected, attention).float()
    nll = torch.cat([_nll(*some) for some in zip(logits.split(_AT_ONCE), labels.split(_AT_ONCE), strict=True)])
    row, position = (index.cpu().numpy().astype(np.int32) for index in selected.nonzero(as_tuple=True))
    return Evaluation(
        fingerprint=held_out.fingerprint,
        nll=nll.cpu().numpy(),
        correct=(logits.argmax(dim=-1) == labels).cpu().numpy(),
        labels=labels.cpu().numpy().astype(np.int32),
        chunk=rows[row].astype(np.int32),
        position=position,
        document=chunks.documents[rows[row], position],
        action=masked.action[selected].cpu().numpy(),
    )


_AT_ONCE = 256  # rows of logits: 30 MB of 30,522 pieces; copies of a whole batch's would be what takes most memory


def _nll(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(n,) float64 nats of the labels, (n,) int64, under logits (n, vocabulary).

    Summed in float64: in float32 the sum over 30,522 pieces is off by 2.6e-6 of the perplexity, always to the same side.
    """
    peak = logits.max(dim=-1, keepdim=True).values
    normalizer = (logits - peak).exp().sum(dim=-1, dtype=torch.float64).log()
    return normalizer + (peak - logits.gather(1, labels[:, None]))[:, 0].double()


@dataclass(frozen=True, slots=True)
class Baselines:
    """Perplexities that need no model, on the same scored positions."""

    uniform: float  # every piece of the vocabulary equally likely
    unigram: float  # each piece as likely as it is frequent in the training text (add-one smoothed)


def baselines(train: Chunks, held_out: HeldOut, batch_size: int = 1024) -> Baselines:
    """What guessing blindly, and guessing by frequency alone, would score on the held-out masks."""
    size = held_out.vocabulary.size
    counts = np.ones(size)
    for start in range(0, len(train), _ROWS_COUNTED):
        part = slice(start, start + _ROWS_COUNTED)
        counts += np.bincount(train.input_ids[part][~train.special_tokens_mask[part]], minlength=size)
    surprise = torch.from_numpy(-np.log(counts / counts.sum()))
    total, scored = 0.0, 0
    for start in range(0, len(held_out.chunks), batch_size):
        rows = np.arange(start, min(start + batch_size, len(held_out.chunks)))
        masked = freeze(held_out, rows, torch.device("cpu"), held_out.vocabulary)
        labels = masked.labels[masked.selected]
        total, scored = total + float(surprise[labels].sum()), scored + len(labels)
    return Baselines(float(size), perplexity(total / max(scored, 1)))


_ROWS_COUNTED = 2**15  # at once: a corpus may be larger than the memory


def spread(model: nn.Module, held_out: HeldOut, seeds: Iterable[int], *, batch_size: int = 64) -> list[Evaluation]:
    """The same model and text under other draws of the masks: how far a perplexity moves when nothing has changed.

    This is what fools people who redraw their masks at each evaluation; it isn't the test of a gain (`compare` is).
    """
    return [
        evaluate(model, held_out.scored(replace(held_out.scoring, score_seed=seed)), batch_size=batch_size)
        for seed in seeds
    ]


FEWEST_DOCUMENTS = 8  # below, the bootstrap draws the same few again and again, and its interval is far too narrow


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether one model beats another on the same masks: the ratio of their perplexities, with its 95 % interval."""

    ratio: float  # after / before: below 1 is a gain
    low: float
    high: float
    documents: int
    resamples: int

    @property
    def real(self) -> bool:
        """The interval excludes 1: the difference is more than the choice of held-out documents can explain. Never so where
        there are too few of them to draw from."""
        return self.enough and not self.low <= 1 <= self.high

    @property
    def enough(self) -> bool:
        """There are documents enough for the interval to say something."""
        return self.documents >= FEWEST_DOCUMENTS


def compare(before: Evaluation, after: Evaluation, *, resamples: int = 2000, seed: int = 0) -> Comparison:
    """Paired bootstrap over documents. Raises SettingError, naming what differs, if the two were scored differently.

    Documents, not positions, are resampled: pieces of one review stand or fall together.
    """
    differing = before.fingerprint.differences(after.fingerprint)
    require(
        not differing,
        f"These two were scored differently ({', '.join(differing)}), so their perplexities can't be compared. "
        "Evaluate both under the same settings.",
    )
    _, document = np.unique(before.document, return_inverse=True)
    difference = np.bincount(document, after.nll - before.nll)
    sizes = np.bincount(document)
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, 100):  # in blocks, so that 25,000 documents need 20 MB and not 400
        drawn = generator.integers(len(sizes), size=(min(100, resamples - start), len(sizes)))
        means[start : start + len(drawn)] = difference[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    ratio = math.exp(difference.sum() / sizes.sum())
    return Comparison(ratio, float(low), float(high), len(sizes), resamples)
