"""Tokenizing and chunking a corpus, against the pipeline that tutorials show. `python -m tests.benchmarks.chunking`

Seconds and the ratio at 25,000 reviews; how the time grows to 100,000; the peak memory of a process that does only this.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from lab.chunking import Chunking, SpecialTokens, chunk
from lab.model import load_tokenizer
from lab.tokenization import tokenize
from tests.benchmarks import report, reviews, seconds

SIZES = (25_000, 50_000, 100_000)


def ours(corpus: Dataset) -> int:
    """Chunks of 128, from text."""
    tokenizer = load_tokenizer("bundled")
    return len(chunk(tokenize(corpus, tokenizer), Chunking(), SpecialTokens.of(tokenizer)))


def stock(corpus: Dataset) -> int:
    """The same by `map`, `sum(lists, [])` and slices, as the Hugging Face course does it."""
    tokenizer = load_tokenizer("bundled")

    def pieces(batch: dict) -> dict:
        encoded = tokenizer(batch["text"])
        encoded["word_ids"] = [encoded.word_ids(i) for i in range(len(encoded["input_ids"]))]
        return encoded

    def group(batch: dict) -> dict:
        joined = {name: sum(batch[name], []) for name in batch}
        whole = len(joined["input_ids"]) // 128 * 128
        chunks = {name: [row[i : i + 128] for i in range(0, whole, 128)] for name, row in joined.items()}
        chunks["labels"] = chunks["input_ids"].copy()
        return chunks

    return len(corpus.map(pieces, batched=True, remove_columns=["text"]).map(group, batched=True))


def alone(file: str) -> None:
    """One measurement in a process of its own, with an empty cache and the corpus mapped from the disk."""
    corpus = Dataset.from_parquet(file, cache_dir=os.environ["LAB_HOME"])
    ours(corpus.select(range(200)))  # imports and first loads are not what is measured
    took = seconds(lambda: ours(corpus))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    report(reviews=len(corpus), seconds=took, reviews_a_second=len(corpus) / took, peak_gb=peak)


def main(folder: Path) -> None:
    files = {}
    for size in SIZES:
        files[size] = folder / f"{size}.parquet"
        pq.write_table(pa.table({"text": reviews(size)}), files[size])
    corpus = Dataset.from_parquet(str(files[SIZES[0]]), cache_dir=str(folder))
    for way in (ours, stock):
        way(corpus.select(range(200)))
    took = seconds(lambda: ours(corpus)), seconds(lambda: stock(corpus))
    report(reviews=len(corpus), ours_seconds=took[0], stock_seconds=took[1], ratio=took[1] / took[0])
    for size in SIZES:
        environment = {**os.environ, "LAB_HOME": str(folder / f"home-{size}")}
        subprocess.run([sys.executable, "-m", "tests.benchmarks.chunking", str(files[size])], check=True, env=environment)


if __name__ == "__main__":
    datasets.disable_progress_bars()
    if len(sys.argv) > 1:
        alone(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["LAB_HOME"] = str(Path(scratch) / "home")
            main(Path(scratch))
