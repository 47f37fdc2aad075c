"""Speed and memory against the stock way, as ratios measured in one run. By hand: `python -m tests.benchmarks.NAME`."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
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


class Peak:
    """The most memory, in GB, that a process (this one if not given) and its children had at one time while the block ran.

    Counted is what the system can't take back (RssAnon): pages of mapped files come and go as there is room.
    """

    def __init__(self, process: int | None = None) -> None:
        self.process = psutil.Process(process)

    def __enter__(self) -> "Peak":
        self.gb, self.over = 0.0, threading.Event()
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watcher.join()

    def _watch(self) -> None:
        while not self.over.wait(0.05):
            processes = [self.process, *self.process.children(recursive=True)]
            self.gb = max(self.gb, sum(map(_anonymous, processes)) / 2**20)


def _anonymous(process: psutil.Process) -> int:
    """kB; 0 for a process that has just ended."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def report(**figures: float | str) -> None:
    """One line of JSON, numbers to four digits."""
    print(json.dumps({name: float(f"{v:.4g}") if isinstance(v, float) else v for name, v in figures.items()}), flush=True)
