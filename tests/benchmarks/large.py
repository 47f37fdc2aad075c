"""How much memory a corpus takes that is larger than memory should be: prepared and read, at 10 and at 100 million tokens.

python -m tests.benchmarks.large

What counts is the memory that the system can't take back (RssAnon): pages of mapped files come and go as there is room.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lab.batches import ChunkRows, RowBatches
from lab.corpus import Corpus
from lab.preparation import prepare
from tests.benchmarks import Peak, report, reviews, seconds

TOKENS_A_REVIEW = 300  # about
SIZES = (10_000_000, 100_000_000)
BATCHES = 1_000


def write(file: Path, tokens: int) -> None:
    """Reviews, each a text of its own, in row groups of a few megabytes."""
    texts = reviews(10_000)
    with pq.ParquetWriter(file, pa.schema({"text": pa.string()})) as writer:
        for copy in range(-(-tokens // TOKENS_A_REVIEW // len(texts))):
            writer.write_table(pa.table({"text": [f"{text} Copy {copy}." for text in texts]}))


def alone(file: str) -> None:
    """One measurement, in a process of its own: from the file to chunks, then batches in random order."""
    with Peak() as preparing:
        took = seconds(lambda: prepare("bundled", Corpus(corpus=file)))
    with Peak() as reading:
        train = prepare("bundled", Corpus(corpus=file)).train
        rows, batches = ChunkRows(train), iter(RowBatches(len(train), 32, 0, 0, 1))
        read = seconds(lambda: [rows.__getitems__(next(batches)) for _ in range(BATCHES)])
    tokens = int(np.prod(train.input_ids.shape, dtype=np.int64))
    report(
        tokens=tokens,
        prepare_seconds=took,
        tokens_a_second=tokens / took,
        prepare_peak_gb=preparing.gb,
        read_peak_gb=reading.gb,
        batch_ms=1000 * read / BATCHES,
    )


def main(folder: Path) -> None:
    for size in SIZES:
        file = folder / f"{size}.parquet"
        write(file, size)
        environment = {**os.environ, "LAB_HOME": str(folder / f"home-{size}")}
        subprocess.run([sys.executable, "-m", "tests.benchmarks.large", str(file)], check=True, env=environment)


if __name__ == "__main__":
    datasets.disable_progress_bars()
    if len(sys.argv) > 1:
        alone(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
