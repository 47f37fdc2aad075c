"""So what? A linear probe: the corpus's labels, told by the hidden states of models that learned to fill blanks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import many, percent
from lessons.fill_mask.models import Asked
from lessons.materials.using import corpus_name
from lessons.shelf import Shelf

if TYPE_CHECKING:
    from lab.linear_probe import Probed, Sample

TRAIN, FEWEST, MOST = 300, 50, 2_000  # labelled documents to learn from
TEST = 300  # held-out documents that are asked about; the bundled reviews have fewer
BETTER, SAME, WORSE = "better", "no different, as far as can be told", "worse"
_outcomes: "Shelf[Probed]" = Shelf(12)


def card(found: "tuple[Probed, ...]") -> Block:
    """The prediction, and what it came to."""
    return blocks.prediction(
        "fill-mask-probe",
        "Training to fill blanks never tells a model which reviews praise and which pan. A simple classifier is to "
        "tell them apart by a model’s hidden states. How well will it do with the trained model, compared with its base?",
        options=(BETTER, SAME, WORSE),
        outcome=_outcome(found),
    )


def _outcome(found: "tuple[Probed, ...]") -> str | None:
    from lab.linear_probe import compare

    if len(found) < 2:
        return None
    difference = compare(*found)
    return SAME if not difference.real else BETTER if difference.change > 0 else WORSE


def size(documents: Any) -> int:
    """How many documents to learn from, as a control has it, whose value anyone can send."""
    return bench.whole(documents, FEWEST, MOST, TRAIN)


def draw(using: Using, train: int) -> "Sample":
    """The documents. Raises CorpusError for a corpus without labels."""
    from lab.linear_probe import sample

    return sample(bench.corpus(using), train, TEST)


def known(using: Using, found: Asked, train: int) -> "tuple[Probed, ...]":
    """What has been found out lately about these models and documents; () unless it is about all of them."""
    outcomes = tuple(_outcomes.look(_key(using, name, train)) for name in found.names)
    return tuple(each for each in outcomes if each is not None) if None not in outcomes else ()


def work(using: Using, found: Asked, train: int) -> "Iterator[str | tuple[Probed, ...]]":
    """Probe each model in turn; tells how far it is in words, and at last the outcomes."""
    from lab.linear_probe import Reading, probe

    drawn = draw(using, train)
    outcomes = []
    for name, label in zip(found.names, found.labels, strict=True):
        key = _key(using, name, train)
        outcome = _outcomes.look(key)
        if outcome is None:
            for event in probe(bench.loaded(name), drawn):
                if isinstance(event, Reading):
                    yield f"{label} has read {event.done:,} of {event.of:,} documents …"
                else:
                    outcome = event
            assert outcome is not None, "a probe ends with its outcome"
            _outcomes.put(key, outcome)
        outcomes.append(outcome)
    yield tuple(outcomes)


def _key(using: Using, name: str, train: int) -> tuple[Any, ...]:
    weights = bench.run_of(name).model / "model.safetensors" if name != "bundled" and "/" not in name else None
    stamp = weights.stat().st_mtime_ns if weights and weights.exists() else None  # of a run that was resumed
    return name, stamp, using.corpus, using.text_column, train


def picture(using: Using, asked: Asked, found: "tuple[Probed, ...]") -> list[Block]:
    """How well it did, and whether a difference is more than luck."""
    drawn = found[0].sample
    rows = [
        ("always the commonest label", drawn.chance),
        *zip(asked.labels, (each.accuracy for each in found), strict=True),
    ]
    shown: list[Block] = [
        blocks.bars(
            f"Share of {many(len(drawn.test), 'held-out document')} of {corpus_name(using.corpus)} whose label was "
            "told rightly",
            [blocks.bar_row(label, (share, percent(share))) for label, share in rows],
        )
    ]
    shown += _compared(*found) if len(found) == 2 else _alone(found[0], asked)
    shown.append(
        blocks.say(
            f"The classifier learned from {many(len(drawn.train), 'document')}, each read up to its first 128 tokens "
            "and stood in "
            "for by the mean of its hidden states. The held-out documents it never saw. The models stayed as they are.",
            tone="quiet",
        )
    )
    return shown


def _compared(before: "Probed", after: "Probed") -> list[Block]:
    from lab.linear_probe import compare

    difference = compare(before, after)
    differ = difference.gained + difference.lost
    if not differ:
        return [blocks.say("Both were right and wrong about the very same documents: there is nothing to compare.")]
    chance = (
        f"A fair coin, thrown {many(differ, 'time')}, comes out this uneven or more in {percent(difference.p)} of tries."
    )
    verdict = (
        "So this can’t be told from luck. It isn’t proof that the two are equal: more documents might tell."
        if not difference.real
        else "Luck so rare is hardly luck: for *these* two models, the difference is real. Another run may come out "
        "otherwise."
    )
    return [
        blocks.figures(
            (f"{difference.gained}", "right after training, wrong before"),
            (f"{difference.lost}", "wrong after training, right before"),
        ),
        blocks.say(
            f"Of {many(difference.documents, 'document')} the two disagree about {differ}; only these can tell which "
            f"is better. {chance} {verdict}"
        ),
    ]


def _alone(found: "Probed", asked: Asked) -> list[Block]:
    said = (
        "Filling blanks never shows a label, and yet a straight cut through the hidden states tells labels better than "
        "always giving the commonest one."
        if found.accuracy > found.sample.chance
        else "On these documents the classifier does no better than always giving the commonest label."
    )
    return [
        blocks.say(
            said
            + (
                ""
                if asked.run
                else " Whether training on this text makes them plainer, a run of your own would show: [train one in "
                "lesson "
                "5](?lesson=fine-tuning)."
            )
        )
    ]
