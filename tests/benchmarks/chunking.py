"""Tokenizing and chunking a corpus, against the pipeline that tutorials show. `python -m tests.benchmarks.chunking`

Seconds and the ratio at 25,000 reviews; how the time grows to 100,000; and the peak memory of a process that does only this.
"""

import os
import resource
import subprocess
import sys
import tempfile

SIZES = (25_000, 50_000, 100_000)


def ours(texts: list[str]) -> int:
    """Chunks of 128, from text."""
    from datasets import Dataset

    from lab.chunking import Chunking, SpecialTokens, chunk
    from lab.model import load_tokenizer
    from lab.tokenization import tokenize

    tokenizer = load_tokenizer("bundled")
    return len(chunk(tokenize(Dataset.from_dict({"text": texts}), tokenizer), Chunking(), SpecialTokens.of(tokenizer)))


def stock(texts: list[str]) -> int:
    """The same by `map`, `sum(lists, [])` and slices, as the Hugging Face course does it."""
    from datasets import Dataset

    from lab.model import load_tokenizer

    tokenizer = load_tokenizer("bundled")

    def tokenize(batch: dict) -> dict:
        encoded = tokenizer(batch["text"])
        encoded["word_ids"] = [encoded.word_ids(i) for i in range(len(encoded["input_ids"]))]
        return encoded

    def group(batch: dict) -> dict:
        joined = {name: sum(batch[name], []) for name in batch}
        whole = len(joined["input_ids"]) // 128 * 128
        chunks = {name: [row[i : i + 128] for i in range(0, whole, 128)] for name, row in joined.items()}
        chunks["labels"] = chunks["input_ids"].copy()
        return chunks

    tokenized = Dataset.from_dict({"text": texts}).map(tokenize, batched=True, remove_columns=["text"])
    return len(tokenized.map(group, batched=True))


def alone(size: int) -> None:
    """One measurement in a process of its own, with an empty cache."""
    import datasets

    from tests.benchmarks import report, reviews, seconds

    datasets.disable_progress_bars()
    texts = reviews(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    took = seconds(lambda: ours(texts))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    report(reviews=size, seconds=took, reviews_a_second=size / took, peak_gb=peak, of_which_before_gb=before)


def main() -> None:
    import datasets

    from tests.benchmarks import report, reviews, seconds

    datasets.disable_progress_bars()
    texts = reviews(SIZES[0])
    took = seconds(lambda: ours(texts)), seconds(lambda: stock(texts))
    report(reviews=SIZES[0], ours_seconds=took[0], stock_seconds=took[1], ratio=took[1] / took[0])
    for size in SIZES:
        with tempfile.TemporaryDirectory() as home:
            command = [sys.executable, "-m", "tests.benchmarks.chunking", str(size)]
            subprocess.run(command, check=True, env={**os.environ, "LAB_HOME": home})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        alone(int(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as home:
            os.environ["LAB_HOME"] = home
            main()
