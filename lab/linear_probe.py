"""Linear probe: how plainly a label lies in what a model makes of a text, though filling blanks never shows it a label.

The model is frozen. A document stands for itself by its hidden states: the last layer's, of its first 128 tokens, averaged.
On some labelled training documents a logistic regression learns to tell the labels apart, and held-out documents say how
well it does. All that is learned is that one straight cut, so its accuracy speaks of the model's hidden states, and two
models can be compared: the same documents, the same classifier, and a paired test.

Sources: Alain & Bengio 2016 (linear probes); McNemar 1947 and its exact form (two classifiers on the same documents).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from lab.errors import CorpusError, LabError, require
from lab.model import Loaded, positions

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

TOKENS = 128  # of a document that are read, special tokens included
LABEL = "label"  # the column
MOST_LABELS = 20
# The classifier's C, weak on purpose: there are about as many numbers to a document as there are documents.
STRENGTH = 0.01
_NONE = ("None", "-1")  # how tables say that a document has no label; IMDB's unsupervised half says -1


@dataclass(frozen=True, slots=True)
class Sample:
    """Labelled documents to learn from, and held-out ones to be asked about."""

    train: tuple[str, ...]
    train_labels: tuple[str, ...]
    test: tuple[str, ...]
    test_labels: tuple[str, ...]

    @property
    def chance(self) -> float:
        """The accuracy of always answering the label that most training documents have, 0 to 1."""
        commonest = max(sorted(set(self.train_labels)), key=self.train_labels.count)
        return self.test_labels.count(commonest) / len(self.test_labels)


def sample(splits: "DatasetDict", train: int, test: int, seed: int = 0) -> Sample:
    """Draw so many labelled documents of each split; fewer, if there are fewer.

    Raises CorpusError if the corpus has no labels, or none that can be told apart.

    >>> from lab.corpus import Corpus, load_corpus
    >>> drawn = sample(load_corpus(Corpus()), train=30, test=10)
    >>> len(drawn.train), sorted(set(drawn.train_labels))
    (30, ['0', '1'])
    """
    learned, asked = _draw(splits["train"], train, seed), _draw(splits["test"], test, seed)
    kinds = len(set(learned[1]))
    require(
        kinds <= MOST_LABELS,
        f"The column {LABEL!r} has {kinds} values among {len(learned[1])} documents; a probe takes up to {MOST_LABELS}. "
        "Put a few kinds in it, such as 0 and 1.",
        CorpusError,
    )
    require(
        kinds > 1,
        f"All documents that were drawn have the same {LABEL!r}, so there is nothing to tell apart. Draw more of them.",
        CorpusError,
    )
    return Sample(*learned, *asked)


def _draw(split: "Dataset", size: int, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Texts and labels."""
    require(
        LABEL in split.column_names,
        f"This corpus has no column {LABEL!r}, so there is nothing to probe for. The bundled reviews and IMDB have one; "
        f"in a table of your own, name a column {LABEL}.",
        CorpusError,
    )
    labels = list(map(str, split[LABEL]))
    order = np.random.default_rng(seed).permutation(len(labels)).tolist()
    rows = [row for row in order if labels[row] not in _NONE][:size]
    require(bool(rows), f"The column {LABEL!r} is empty. Fill it, or choose another corpus.", CorpusError)
    return tuple(split[rows]["text"]), tuple(labels[row] for row in rows)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the model has read."""

    done: int  # documents
    of: int


@dataclass(frozen=True, slots=True)
class Probed:
    """What the classifier made of a model's hidden states."""

    model: str
    sample: Sample = field(repr=False)
    correct: np.ndarray = field(repr=False)  # (n,) bool, one a held-out document

    @property
    def accuracy(self) -> float:
        """Share of the held-out documents whose label it told, 0 to 1."""
        return float(self.correct.mean())


def probe(loaded: Loaded, drawn: Sample, *, batch_size: int = 16) -> Iterator[Reading | Probed]:
    """Read all documents, telling how far it is, then fit the classifier; the last event is the outcome.

    >>> from lab.corpus import Corpus, load_corpus
    >>> from lab.model import load
    >>> drawn = sample(load_corpus(Corpus()), train=12, test=4)
    >>> [type(event).__name__ for event in probe(load("bundled", device="cpu"), drawn)]
    ['Reading', 'Probed']
    """
    classifier = _classifier()
    texts = (*drawn.train, *drawn.test)
    states = np.empty((len(texts), loaded.model.config.hidden_size), np.float32)
    done = 0
    for rows, pooled in pool(loaded, texts, batch_size=batch_size):
        states[rows] = pooled
        done += len(rows)
        yield Reading(done, len(texts))
    classifier.fit(states[: len(drawn.train)], drawn.train_labels)
    told = classifier.predict(states[len(drawn.train) :])
    yield Probed(loaded.name, drawn, told == np.array(drawn.test_labels))


def _classifier() -> Any:
    """Each number of the hidden states on one scale, then the logistic regression."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ModuleNotFoundError as error:
        raise LabError("The probe's classifier is scikit-learn's, which isn't installed. Install scikit-learn.") from error
    return make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000))


def pool(
    loaded: Loaded, texts: Sequence[str], *, tokens: int = TOKENS, batch_size: int = 16
) -> Iterator[tuple[list[int], np.ndarray]]:
    """The mean of each text's hidden states, (texts, hidden) float32, a batch at a time: (which texts, theirs).

    Texts of like length go together, so the batch hardly pads; padding never enters a mean.

    >>> from lab.model import load
    >>> [(rows, states.shape) for rows, states in pool(load("bundled", device="cpu"), ["A film.", "Bad."])]
    [([1, 0], (2, 384))]
    """
    width = min(tokens, positions(loaded.model))
    encoded = [loaded.tokenizer(text, truncation=True, max_length=width)["input_ids"] for text in texts]
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        several = [torch.tensor(encoded[row], device=loaded.device) for row in rows]
        ids = pad_sequence(several, batch_first=True, padding_value=loaded.tokenizer.pad_token_id or 0)
        attention = pad_sequence([torch.ones_like(each) for each in several], batch_first=True)
        with loaded.computing():
            states = loaded.model.base_model(input_ids=ids, attention_mask=attention).last_hidden_state
        here = attention[..., None].to(states.dtype)
        with torch.inference_mode():
            yield rows, ((states * here).sum(dim=1) / here.sum(dim=1)).float().cpu().numpy()


@dataclass(frozen=True, slots=True)
class Difference:
    """Two models on the same held-out documents, document by document."""

    gained: int  # right after, wrong before
    lost: int  # wrong after, right before
    documents: int

    @property
    def change(self) -> float:
        """Accuracy after, less accuracy before."""
        return (self.gained - self.lost) / self.documents

    @property
    def p(self) -> float:
        """How often a fair coin, thrown for each document on which the two differ, would come out this uneven or more so.

        The exact form of McNemar's test, two-sided.
        """
        differ, fewer = self.gained + self.lost, min(self.gained, self.lost)
        return min(1.0, 2 * sum(math.comb(differ, k) for k in range(fewer + 1)) / 2**differ)

    @property
    def real(self) -> bool:
        """Less than one time in twenty."""
        return self.p < 0.05


def compare(before: Probed, after: Probed) -> Difference:
    """Set two models side by side. Raises SettingError if they were not asked about the same documents.

    >>> drawn = Sample(("good", "bad"), ("1", "0"), tuple("abcdefgh"), ("1", "0") * 4)
    >>> none, all = Probed("base", drawn, np.zeros(8, bool)), Probed("tuned", drawn, np.ones(8, bool))
    >>> compare(none, all).gained, compare(none, all).p
    (8, 0.0078125)
    """
    require(before.sample == after.sample, "The two models were not asked about the same documents. Probe both anew.")
    gained, lost = (after.correct & ~before.correct).sum(), (before.correct & ~after.correct).sum()
    return Difference(int(gained), int(lost), len(after.correct))
