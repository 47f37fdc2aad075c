"""Scoring: models on held-out text, chunk by chunk, so that a page can tell how far it is; kept for a while."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lessons import bench
from lessons.materials.using import model_name
from lessons.shelf import Shelf

if TYPE_CHECKING:
    from lab.evaluation import Evaluation, HeldOut

_BATCH = 4  # chunks between two words of progress: a third of a second on two cores


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


_scored: "Shelf[Evaluation]" = Shelf(100)  # one of 16 chunks takes 10 kB


def score_all(jobs: Sequence[Job]) -> "Iterator[Progress]":
    """Score each job in turn, or take what is kept of it. The last word has the evaluations of all of them."""
    from lab.evaluation import Evaluation, score

    total = sum(len(job.held_out.chunks) for job in jobs)
    found: list[Evaluation] = []
    models: dict[Subject, Any] = {}
    done = 0
    for job in jobs:
        chunks = len(job.held_out.chunks)
        evaluation = _scored.look(job.key)
        if evaluation is None:
            if job.subject not in models:
                models[job.subject] = _model(job.subject, job.held_out.fingerprint.chunk_size)
            parts = []
            for part in score(models[job.subject], job.held_out, range(chunks), batch_size=_BATCH):
                parts.append(part)
                yield Progress(min(done + len(parts) * _BATCH, done + chunks), total, tuple(found))
            evaluation = _scored.put(job.key, Evaluation.join(parts))
        done += chunks
        found.append(evaluation)
    yield Progress(total, total, tuple(found))


def kept(jobs: Sequence[Job]) -> "tuple[Evaluation, ...] | None":
    """The evaluations, if all of them have been made lately."""
    found = [_scored.look(job.key) for job in jobs]
    there = tuple(evaluation for evaluation in found if evaluation is not None)
    return there if len(there) == len(found) else None


def _model(subject: Subject, chunk_size: int) -> Any:
    from lab.model import check_fits
    from lab.rounding import rounded

    model = bench.loaded(subject.model).model
    check_fits(model, chunk_size)
    return rounded(model, subject.bits) if subject.bits else model
