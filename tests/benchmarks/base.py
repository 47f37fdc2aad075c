"""How well the bundled base model guesses: in books and in real film reviews, before the quick preset and after it.

python -m tests.benchmarks.base

Masked-token perplexity and accuracy, token masks at 15 % with 80/10/10, on 500 chunks of held-out books and as many of
IMDB's test reviews without markup, under three seeds of the masks; the range over them, and a 95 % interval over documents
under the first. Some six minutes on two cores. Needs the books and IMDB beside the project.
"""

import os
import tempfile
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import transformers

from lab.chunking import Chunking
from lab.config import Scoring
from lab.corpus import Corpus
from lab.evaluation import Evaluation, HeldOut, spread
from lab.model import load
from lab.preparation import prepare
from tests.benchmarks import SHARED, report
from tests.benchmarks.transfer import trained

# What the base model was not shown in the last part of its training.
HELD_OUT = (
    "Anonymous/The Dhammapada",
    "Anton Chekhov/The Cherry Orchard",
    "Arthur Conan Doyle/The Five Orange Pips",
    "Charles Dickens/A Tale of Two Cities",
    "Charles Fort/The Book of the Damned",
    "Daniel Defoe/Journal of the Plague Year",
    "David Lindsay/A Voyage to Arcturus",
    "Edgar Allan Poe/William Wilson",
    "Edgar Rice Burroughs/Tarzan and the Jewels of Opar",
    "Emily Bronte/Wuthering Heights",
    "Ernest Renan/The Life of Jesus",
    "Ernest Shackleton/South!",
    "F. Scott Fitzgerald/The Beautiful and Damned",
    "George Eliot/The Mill on the Floss",
    "H. Rider Haggard/She",
    "Jane Austen/Northanger Abbey",
    "Johann David Wyss/Swiss Family Robinson",
    "Louisa May Alcott/Hospital Sketches",
    "Mack Reynolds/Adaptation",
    "Maimonides/The Guide for the Perplexed",
    "Mary Wollstonecraft Shelley/Frankenstein",
    "Nathaniel Hawthorne/Young Goodman Brown",
    "Robert Louis Stevenson/Treasure Island",
    "Thomas Hardy/The Mayor of Casterbridge",
)
PASSAGE = 3_000  # characters of a book that count as a document, so that an interval has something to resample
SEEDS = range(3)
CHUNKS = 500


def books(folder: Path) -> HeldOut:
    """Passages of the held-out books, cut into chunks as the base model was trained on them."""
    found = pq.read_table(SHARED / "classics" / "general.parquet").to_pylist()
    texts = [row["text"] for row in found if row["title"] in HELD_OUT]
    passages = [text[at : at + PASSAGE] for text in texts for at in range(0, len(text) - PASSAGE, PASSAGE)]
    for split, rows in (("train", passages[:20]), ("test", passages[20:])):
        pq.write_table(pa.table({"text": rows}), folder / f"{split}.parquet")
    chunking = Chunking(special_tokens="chunk")
    return prepare("bundled", Corpus(corpus=str(folder)), chunking, max_test_chunks=CHUNKS).held_out(Scoring())


def reviews() -> HeldOut:
    imdb = Corpus(corpus=str(SHARED / "imdb"), max_train_documents=50)
    return prepare("bundled", imdb, max_test_chunks=CHUNKS).held_out(Scoring())


def told(model: str, text: str, scores: list[Evaluation]) -> None:
    perplexities = [each.perplexity for each in scores]
    low, high = interval(scores[0])
    report(
        model=model,
        text=text,
        perplexity=float(np.mean(perplexities)),
        lowest=min(perplexities),
        highest=max(perplexities),
        low=low,
        high=high,
        accuracy=float(np.mean([each.accuracy for each in scores])),
    )


def interval(score: Evaluation, resamples: int = 2_000) -> tuple[float, float]:
    """95 % of the perplexities of as many documents drawn anew from those that were scored."""
    documents, at = np.unique(score.document, return_inverse=True)
    nats, counts = np.bincount(at, score.nll), np.bincount(at)
    drawn = np.random.default_rng(0).integers(len(documents), size=(resamples, len(documents)))
    low, high = np.quantile(nats[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (0.025, 0.975))
    return float(np.exp(low)), float(np.exp(high))


def main(scratch: Path) -> None:
    texts = {"books": books(scratch), "IMDB": reviews()}
    tuned, _ = trained()
    for name, model in (("bundled", "bundled"), ("after the quick preset", tuned)):
        for text, held_out in texts.items():
            told(name, text, spread(load(model, device="cpu").model, held_out, SEEDS))


if __name__ == "__main__":
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    if not (SHARED / "classics").exists() or not (SHARED / "imdb").exists():
        raise SystemExit("The books and IMDB are not here, and this measures nothing without them.")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["LAB_HOME"] = f"{scratch}/home"
        main(Path(scratch))
