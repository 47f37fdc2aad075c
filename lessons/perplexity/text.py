"""The held-out text of this lesson: of which corpus and which run, one passage of it, and how its numbers are written."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.config import Scoring
from lab.corpus import Corpus
from lab.errors import CorpusError, require
from lessons import bench
from lessons.bench import Using
from lessons.scoring import Job, Subject
from lessons.shelf import Shelf

if TYPE_CHECKING:
    from lab.evaluation import HeldOut
    from lab.preparation import Prepared
    from lab.surprise import Passage

CHUNKS, FEWEST, MOST = 16, 8, 240  # held-out chunks: at first, and the least and the most to ask for


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
    whole = replace(config, model=name, max_train_chunks=None, max_test_chunks=None)
    return Text(bench.prepared_for(whole), config.scoring, config.data)


def passage_of(subject: Subject, held_out: "HeldOut", row: int) -> "Passage":
    """One held-out chunk, scored position by position."""
    from lab.surprise import read_passage

    key = (*Job(subject, held_out).key, row)
    return _passages.take(key, lambda: read_passage(bench.loaded(subject.model), held_out, row))


_passages: "Shelf[Passage]" = Shelf(100)


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
