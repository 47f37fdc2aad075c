"""Scoring: which held-out text, which models; chunk by chunk, so that a page can tell how far it is; kept for a while."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.chunking import Chunking
from lab.config import Scoring
from lab.corpus import Corpus
from lab.errors import CorpusError, require
from lessons import bench
from lessons.bench import Using
from lessons.materials.using import model_name

if TYPE_CHECKING:
    from lab.evaluation import Evaluation, HeldOut
    from lab.preparation import Prepared
    from lab.surprise import Passage

CHUNKS, FEWEST, MOST = 16, 8, 240  # held-out chunks: at first, and the least and the most to ask for
_BATCH = 4  # chunks between two words of progress: a third of a second on two cores
_ROOM = 100  # scorings kept; one of 16 chunks takes 10 kB


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to be scored, as it is or with its weights rounded."""

    model: str
    bits: int | None = None

    @property
    def name(self) -> str:
        """In a few words."""
        return f"rounded to {self.bits} bits" if self.bits else model_name(self.model)


@dataclass(frozen=True, slots=True)
class Text:
    """A corpus ready to be scored, and the scoring it is scored under."""

    prepared: "Prepared"
    scoring: Scoring
    corpus: Corpus

    def held_out(self, chunks: int) -> "HeldOut":
        """So many of its held-out chunks, as a run that is limited to so many draws them; all if there are fewer."""
        few = self.prepared.test.sample(chunks, self.corpus.split_seed)
        return replace(self.prepared, test=few).held_out(self.scoring)


def text_of(using: Using) -> Text:
    """The corpus in use. Where the model in use is a run that was trained on it, split and chunked as that run did, so that
    nothing it was trained on is called held out."""
    corpus = using.corpus_settings()
    if bench.is_run(using.model):
        config = bench.run_of(using.model).config()
        if config.data.corpus == corpus.corpus:
            return text_of_run(using.model)
    return Text(bench.prepared(using), Scoring(), corpus)


def text_of_run(name: str) -> Text:
    """What a run held out, scored as the run scores it. Raises CorpusError if its corpus is gone."""
    config = bench.run_of(name).config()
    there = config.data.corpus in ("reviews", "imdb") or Path(config.data.corpus).exists()
    require(there, "The text that this run learned from is no longer on this computer. Choose another run.", CorpusError)
    bench.wait_until_warm()
    return Text(_prepared(name, config.data, config.chunking), config.scoring, config.data)


@lru_cache(maxsize=4)
def _prepared(model: str, data: Corpus, chunking: Chunking) -> "Prepared":
    from lab.preparation import prepare

    return prepare(model, data, chunking)


# Scoring, and what is kept of it ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Job:
    """A model and the text that it is to be scored on."""

    subject: Subject
    held_out: "HeldOut"

    @property
    def key(self) -> tuple[Any, ...]:
        """What the result depends on."""
        written = bench.edition(self.subject.model)
        return self.subject, written, self.held_out.fingerprint, self.held_out.chunks.rows.tobytes()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scoring is."""

    done: int  # chunks
    of: int
    found: "tuple[Evaluation, ...]"  # of the jobs that are done

    @property
    def words(self) -> str:
        return f"Scored {self.done} of {self.of} chunks …"


_shelf: "OrderedDict[tuple[Any, ...], Any]" = OrderedDict()
_shelf_lock = threading.Lock()


def score_all(jobs: Sequence[Job]) -> "Iterator[Progress]":
    """Score each job in turn, or take what is kept of it. The last word has the evaluations of all of them."""
    from lab.evaluation import Evaluation, score

    total = sum(len(job.held_out.chunks) for job in jobs)
    found: list[Evaluation] = []
    models: dict[Subject, Any] = {}
    done = 0
    for job in jobs:
        chunks = len(job.held_out.chunks)
        evaluation = _kept(job.key)
        if evaluation is None:
            if job.subject not in models:
                models[job.subject] = _model(job.subject, job.held_out.fingerprint.chunk_size)
            parts = []
            for part in score(models[job.subject], job.held_out, range(chunks), batch_size=_BATCH):
                parts.append(part)
                yield Progress(min(done + len(parts) * _BATCH, done + chunks), total, tuple(found))
            evaluation = _keep(job.key, Evaluation.join(parts))
        done += chunks
        found.append(evaluation)
    yield Progress(total, total, tuple(found))


def kept(jobs: Sequence[Job]) -> "tuple[Evaluation, ...] | None":
    """The evaluations, if all of them have been made lately."""
    found = tuple(_kept(job.key) for job in jobs)
    return None if None in found else found


def passage(subject: Subject, held_out: "HeldOut", row: int) -> "Passage":
    """One held-out chunk, scored position by position."""
    from lab.surprise import read_passage

    key = (*Job(subject, held_out).key, row)
    return _kept(key) or _keep(key, read_passage(bench.loaded(subject.model), held_out, row))


def _kept(key: Any) -> Any:
    with _shelf_lock:
        if key in _shelf:
            _shelf.move_to_end(key)
        return _shelf.get(key)


def _keep(key: Any, value: Any) -> Any:
    with _shelf_lock:
        _shelf[key] = value
        while len(_shelf) > _ROOM:
            _shelf.popitem(last=False)
    return value


def _model(subject: Subject, chunk_size: int) -> Any:
    from lab.model import check_fits
    from lab.rounding import rounded

    model = bench.loaded(subject.model).model
    check_fits(model, chunk_size)
    return rounded(model, subject.bits) if subject.bits else model


def chance(probability: float) -> str:
    """A probability with two digits that count, however small: 37 %, 3.1 %, 0.00031 %."""
    if probability >= 0.1:
        return f"{100 * probability:.{0 if probability < 0.95 else 1}f}\u00a0%"
    return f"{np.format_float_positional(100 * probability, precision=2, fractional=False, trim='-')}\u00a0%"


def amount(perplexity: float) -> str:
    """74.69 → 74.7, 30522 → 30,522."""
    return f"{perplexity:.1f}" if perplexity < 1000 else f"{perplexity:,.0f}"


def scored_how(text: Text, held_out: "HeldOut") -> str:
    """What must be said beside a perplexity."""
    of = len(text.prepared.test)
    how = held_out.scoring
    shares = f"{how.score_mask_share * 100:.0f}/{how.score_random_share * 100:.0f}/{how.masking.kept_share * 100:.0f}"
    strategy = {"token": "token masks", "whole_word": "whole-word masks"}[how.score_strategy]
    return (
        f"Scored on {len(held_out.chunks):,} of {of:,} held-out chunks of {held_out.fingerprint.chunk_size} tokens, with "
        f"{strategy} at {how.score_probability * 100:.0f} % and {shares}, seed {how.score_seed}. Only numbers of this very "
        f"scoring ({held_out.fingerprint.digest}) may be compared."
    )
