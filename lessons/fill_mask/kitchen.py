"""The prediction: a sentence about a kitchen, before and after training on film reviews."""

from typing import TYPE_CHECKING

from lessons import bench
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import listed, percent
from lessons.fill_mask.bars import Row, of_one, of_two, scaled
from lessons.fill_mask.models import FILMS, Asked

if TYPE_CHECKING:
    from lab.fill_mask import Shift

SENTENCE = "In the kitchen they talked about the [MASK]."
SAME, OTHER, FILM = "the same word as before", "another word, but none about films", "a word about films"
# Words that film reviews live on. Some, such as scene, have other uses; both models are measured by the same list.
WORDS = (
    "film", "films", "movie", "movies", "cinema", "scene", "scenes", "plot", "script", "director", "actor", "actors",
    "actress", "cast", "acting", "screen", "camera", "soundtrack", "audience", "sequel", "thriller", "comedy",
)  # fmt: skip
TOP_K = 6


def card(outcome: str | None) -> Block:
    """The prediction, and what it came to."""
    return blocks.prediction(
        "fill-mask-kitchen",
        f"Train a model on film reviews, then ask it to end a sentence about a kitchen: “{SENTENCE}” What will its first "
        "answer be?",
        options=(SAME, OTHER, FILM),
        outcome=outcome,
    )


def outcome(shifts: "tuple[Shift, ...]") -> str:
    """What became of the first answer."""
    before, after = (max(shifts, key=part).word for part in (lambda each: each.before, lambda each: each.after))
    return SAME if before == after else FILM if after in WORDS else OTHER


def ask(found: Asked) -> tuple[Block, list[Block]]:
    """The prediction with its outcome, and what both models answer."""
    from lab.fill_mask import fill, side_by_side

    models = found.loaded()
    if not found.tuned:
        rows = of_one(fill(models[0], SENTENCE, top_k=TOP_K).blanks[0])
        return card(None), [
            _picture(rows, None),
            _share([found.labels[0]], [_belief(found.last)]),
            blocks.say(
                "The outcome is known when both can be asked, the trained model and its base."
                if found.run
                else "How it ends after training nobody knows yet: you have no run of this model. [Train one in lesson "
                "5](?lesson=fine-tuning), and your prediction is answered here."
            ),
            _counted(),
        ]
    (shifts,) = side_by_side(models[0], models[1], SENTENCE, top_k=TOP_K)
    return card(outcome(shifts)), [
        _picture(of_two(shifts), found.labels),
        _share(found.labels, [_belief(each) for each in found.names]),
        *_other_text(found),
        _counted(),
    ]


def _picture(rows: list[Row], series: list[str] | None) -> Block:
    return blocks.bars(SENTENCE, scaled(rows, bold=WORDS), series)


@bench.remembered(16)
def _belief(model: str) -> float:
    """The probability of all film words that are one piece of this model's vocabulary."""
    from lab.fill_mask import fill, spell

    loaded = bench.loaded(model)
    words = [word for word in WORDS if len(spell(loaded, SENTENCE, word)) == 1]
    return sum(each.probability for each in fill(loaded, SENTENCE, targets=words).blanks[0]) if words else 0.0


def _share(labels: list[str], shares: list[float]) -> Block:
    return blocks.figures(
        *((percent(share), f"to film words, all together: {label}") for label, share in zip(labels, shares, strict=True))
    )


def _other_text(found: Asked) -> list[Block]:
    if found.run is None or found.run.config().data.corpus in FILMS:
        return []
    return [blocks.say("Your run read a text of your own, not film reviews: films need not come up at all.", tone="quiet")]


def _counted() -> Block:
    return blocks.say(
        "How this is judged: the words about films are {words}, in bold where they come up. The outcome is a word "
        "about films if one of them has the highest probability after training, and was not first before it too.",
        tone="quiet",
        words=listed(WORDS, len(WORDS)),
    )
