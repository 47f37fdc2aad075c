"""Speed and memory against the stock way, as ratios measured in one run. By hand: `python -m tests.benchmarks.NAME`."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
REVIEWS = Path(__file__).resolve().parents[2] / "assets" / "reviews"


def reviews(size: int) -> list[str]:
    """So many real film reviews where IMDB lies beside the project, else the bundled ones, repeated; says which."""
    imdb = [SHARED / "imdb" / f"{split}.parquet" for split in ("train", "test")]
    real = all(path.exists() for path in imdb)
    paths = imdb if real else [REVIEWS / f"{split}.parquet" for split in ("train", "test")]
    texts = [text for path in paths for text in pq.read_table(path).column("text").to_pylist()]
    print(f"{size:,} reviews: {'real ones from IMDB' if real else 'the bundled ones, for IMDB is not here'}", end="")
    print(f", each {-(-size // len(texts))} times." if size > len(texts) else ".")
    return (texts * -(-size // len(texts)))[:size]


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """The shortest of so many runs."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def report(**figures: float | str) -> None:
    """One line of JSON, numbers to four digits."""
    print(json.dumps({name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in figures.items()}), flush=True)
