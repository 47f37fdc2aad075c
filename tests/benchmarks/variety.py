"""How varied the bundled reviews are, against as many words of real ones. `python -m tests.benchmarks.variety`

Without IMDB beside the project the ratios are left out; what concerns the bundled reviews alone is told all the same.
"""

import re
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq

from tests.benchmarks import REVIEWS, SHARED, report

MARKUP = re.compile(r"<br\s*/?>")


def words(text: str) -> list[str]:
    """Lower-case words, without markup and punctuation."""
    return re.findall(r"[\w']+", MARKUP.sub(" ", text).lower())


def grams(text: list[str], n: int) -> list[tuple[str, ...]]:
    """Every n words in a row."""
    return list(zip(*(text[i:] for i in range(n)), strict=False))


def sample(texts: list[list[str]], size: int) -> list[list[str]]:
    """Whole texts, in their order, until there are so many words."""
    ends = np.cumsum([len(text) for text in texts])
    return texts[: int(np.searchsorted(ends, size)) + 1]


def distinct(texts: list[list[str]], n: int) -> int:
    """How many different n-grams."""
    return len({gram for text in texts for gram in grams(text, n)})


def shared_often(texts: list[list[str]], n: int, most: int) -> list[str]:
    """The n-grams that occur in more than `most` texts."""
    count = Counter(gram for text in texts for gram in set(grams(text, n)))
    return [" ".join(gram) for gram, times in count.items() if times > most]


def alike(texts: list[list[str]], n: int, share: float) -> list[tuple[int, int]]:
    """Pairs of texts of which the shorter has more than this share of its n-grams in common with the other."""
    sets = [set(grams(text, n)) for text in texts]
    where = defaultdict(list)
    for i, found in enumerate(sets):
        for gram in found:
            where[gram].append(i)
    common = Counter(pair for found in where.values() if 1 < len(found) < 50 for pair in combinations(found, 2))
    return [(a, b) for (a, b), times in common.items() if times > share * max(1, min(len(sets[a]), len(sets[b])))]


def main() -> None:
    ours = [
        words(t) for split in ("train", "test") for t in pq.read_table(REVIEWS / f"{split}.parquet")["text"].to_pylist()
    ]
    size = sum(map(len, ours))
    real: list[list[str]] = []
    if (SHARED / "imdb" / "train.parquet").exists():
        texts = pq.read_table(SHARED / "imdb" / "train.parquet")["text"].to_pylist()
        order = np.random.default_rng(0).permutation(len(texts))
        real = sample([words(texts[i]) for i in order[:5000]], size)
    else:
        print("IMDB is not here: no ratios.")
    for name, corpus in (("bundled", ours), ("imdb", real)):
        if corpus:
            report(
                corpus=name,
                reviews=len(corpus),
                words=sum(map(len, corpus)),
                distinct_words=distinct(corpus, 1),
                distinct_3_grams=distinct(corpus, 3),
                openings=distinct([text[:4] for text in corpus], 4) / len(corpus),
                closings=distinct([text[-4:] for text in corpus], 4) / len(corpus),
                eight_grams_in_more_than_two=len(shared_often(corpus, 8, 2)),
                pairs_alike=len(alike(corpus, 4, 0.2)),
                **{f"length_{q}": float(np.quantile([len(text) for text in corpus], q / 100)) for q in (5, 25, 50, 75, 95)},
            )
    if real:
        report(
            distinct_words_ratio=distinct(ours, 1) / distinct(real, 1),
            distinct_3_grams_ratio=distinct(ours, 3) / distinct(real, 3),
        )


if __name__ == "__main__":
    main()
