"""Whether the bundled reviews read like life: what the quick preset on them does for real reviews, and what it changes.

python -m tests.benchmarks.transfer

The bundled model, the same after the quick preset on the bundled reviews, and after it on as many chunks of IMDB's training
reviews: each scored on 1,000 chunks of IMDB's test reviews, without markup, on the same masks, with paired 95 % intervals.
Then twenty probes: in how many a word about films enters the first three answers where none was, after either text. Some
eight minutes on two cores. Needs IMDB beside the project; without it only the probes are asked, of the first two models.
"""

import os
import tempfile

import datasets
import transformers

from lab.config import preset
from lab.corpus import Corpus
from lab.evaluation import Evaluation, Scoring, compare, evaluate
from lab.events import RunStarted
from lab.fill_mask import fill
from lab.model import load
from lab.preparation import prepare
from lab.training import fine_tune
from lessons.fill_mask.kitchen import WORDS
from tests.benchmarks import SHARED, report

PROBES = (
    "This is a great [MASK].",
    "This [MASK] was a waste of time.",
    "The [MASK] was terrible.",
    "I have never seen a worse [MASK].",
    "What a boring [MASK]!",
    "I really enjoyed this [MASK].",
    "The [MASK] makes no sense at all.",
    "I would not recommend this [MASK] to anyone.",
    "The best thing about it is the [MASK].",
    "He knows how to make a [MASK].",
    "The [MASK] is well written.",
    "She is the best [MASK] in it.",
    "I fell asleep during the [MASK].",
    "The whole [MASK] is predictable.",
    "I expected more from this [MASK].",
    "It is an unforgettable [MASK].",
    "Nothing could save this [MASK].",
    "It was the worst [MASK] of the year.",
    "I have seen this [MASK] three times.",
    "If you like horror, see this [MASK].",
)


def trained(**settings: object) -> tuple[str, int]:
    """The id of a run of the quick preset, and how many chunks it trained on."""
    run, chunks = "", 0
    for event in fine_tune(preset("quick", probes=(), **settings)):
        if isinstance(event, RunStarted):
            run, chunks = event.run, event.train_chunks
    return run, chunks


def told(name: str, before: Evaluation, after: Evaluation) -> None:
    found = compare(before, after)
    report(
        model=name, perplexity=after.perplexity, accuracy=after.accuracy, ratio=found.ratio, low=found.low, high=found.high
    )


def film_words(model: str) -> list[list[str]]:
    """For each probe, the words about films among the first three answers."""
    loaded = load(model, device="cpu")
    best = [[answer.piece for answer in fill(loaded, probe, top_k=3).blanks[0]] for probe in PROBES]
    return [[word for word in answers if word in WORDS] for answers in best]


def visible(name: str, old: list[list[str]], new: list[list[str]]) -> None:
    report(
        model=name,
        probes=len(PROBES),
        none_before_and_one_after=sum(bool(after) and not before for before, after in zip(old, new, strict=True)),
        one_before=sum(map(bool, old)),
        one_after=sum(map(bool, new)),
    )


def main() -> None:
    ours, chunks = trained()
    asked = {"after the bundled reviews": ours}
    imdb = SHARED / "imdb"
    if imdb.exists():
        held_out = prepare("bundled", Corpus(corpus=str(imdb), max_train_documents=50), max_test_chunks=1_000).held_out(
            Scoring()
        )
        real, _ = trained(corpus=str(imdb), max_train_chunks=chunks)
        base, mine, theirs = (evaluate(load(name, device="cpu").model, held_out) for name in ("bundled", ours, real))
        report(model="bundled", perplexity=base.perplexity, accuracy=base.accuracy, chunks=chunks)
        asked["after real reviews"] = real
        for name, after in zip(asked, (mine, theirs), strict=True):
            told(name, base, after)
        told("the bundled against the real ones", theirs, mine)
    else:
        print("IMDB is not here: only the probes are asked.")
    before = film_words("bundled")
    after = {name: film_words(run) for name, run in asked.items()}
    for probe, *answers in zip(PROBES, before, *after.values(), strict=True):
        print(f"{probe:50}", *(f"{', '.join(words) or '–':20}" for words in answers))
    for name, found in after.items():
        visible(name, before, found)


if __name__ == "__main__":
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["LAB_HOME"] = scratch
        main()
