"""Exercises on a run of one's own: each answer is computed from what the run did."""

import hashlib
import math
import random
from collections.abc import Sequence

from lab.events import Evaluated, RunStarted, Stepped
from lab.runs import Run
from lab.story import curve
from lessons.components import blocks
from lessons.components.blocks import Block, Choice, Question
from lessons.components.words import many


def questions(run: Run) -> list[Block]:
    """The card of questions about a run that has taken steps."""
    config, story = run.config(), curve(run.events())
    started = next((event for event in story if isinstance(event, RunStarted)), None)
    steps = [event for event in story if isinstance(event, Stepped)]
    if started is None or not steps:
        return [blocks.say("The questions are about your run. They come when it has taken its first steps.", tone="quiet")]
    about = hashlib.sha256(f"{run.id} {story[-1].step}".encode()).hexdigest()[:12]
    chosen = config.optimization
    asked = [
        optimizer_steps(started.train_chunks, chosen.per_device_train_batch_size, about),
        best_checkpoint([event for event in story if isinstance(event, Evaluated)], steps, about),
        scored_positions(
            latest_full(steps),
            min(
                chosen.per_device_train_batch_size * chosen.gradient_accumulation_steps * started.processes,
                started.train_chunks,
            ),
            config.chunking.chunk_size,
            config.masking.mask_share,
            about,
        ),
    ]
    return [blocks.questions("fine-tuning", [question for question in asked if question])]


def latest_full(steps: Sequence[Stepped]) -> Stepped:
    """The latest step that read a whole batch: an epoch's last one may be left with a few chunks."""
    most = max(step.scored for step in steps)
    return [step for step in steps if step.scored > most / 2][-1]


def optimizer_steps(chunks: int, batch_size: int, about: str) -> Question | None:
    """The same run with other epochs and portions: so that leaving out the accumulation gives another number.

    Not asked where there is but one chunk.
    """
    dice = random.Random(f"steps {about}")
    epochs, portions = dice.choice((2, 3)), dice.choice((2, 3, 4))
    if chunks < 2:
        return None
    batch_size = min(batch_size, chunks // 2)  # two batches at least, or one portion would hold them all
    batches = math.ceil(chunks / batch_size)
    right = epochs * math.ceil(batches / portions)
    wrong = {
        epochs * batches: f"That counts forward passes. Only every {_th(portions)} of them is followed by a step: the "
        "gradients of the ones before are added up for it.",
        math.ceil(batches / portions): "That is one epoch.",
        epochs
        * max(1, chunks // (batch_size * portions)): "The last step of an epoch has fewer forward passes, and the last "
        "batch fewer chunks; both count all the same. Round up, at each division.",
    }
    return Question(
        "steps",
        f"Say this run’s {many(chunks, 'chunk')} are read in batches of {batch_size}, with gradient_accumulation_steps "
        f"{portions}, for {epochs} epochs. How many optimizer steps does that make?",
        _choices(
            right,
            f"{epochs} × ⌈⌈{chunks:,} ÷ {batch_size}⌉ ÷ {portions}⌉ = {epochs} × ⌈{batches:,} ÷ {portions}⌉ = {right:,}.",
            wrong,
            about,
        ),
        hint="First the batches of one epoch, then how many of them make a step.",
        about=about,
    )


def best_checkpoint(scores: Sequence[Evaluated], steps: Sequence[Stepped], about: str) -> Question | None:
    """Which moment's model is the one to keep; not asked of a run that was scored only once."""
    if len(scores) < 2:
        return None
    best, last = min(scores, key=lambda score: score.mean_nll), scores[-1]
    lowest = min(steps, key=lambda step: step.loss)
    wrong = {lowest.step: "There the training loss was lowest: on one batch, which may have been an easy one."}
    wrong |= {
        score.step: "That is before any training."
        if score.step == 0
        else f"The last is not always the best: its held-out loss is {score.mean_nll:.3f}, and it has been lower."
        if score is last
        else f"Its held-out loss is {score.mean_nll:.3f}; another is lower."
        for score in _few(scores, best)
    }
    is_last = " Here that is the last one; but it is the loss that says so, and not the place." if best is last else ""
    return Question(
        "best",
        "Of all the moments of this run, which step’s model would you keep?",
        _choices(
            best.step,
            f"Its held-out loss is the lowest, {best.mean_nll:.3f} nats: it does best on text that it wasn’t trained on."
            f"{is_last}",
            wrong,
            about,
            "the one at step {}",
        ),
        hint="A model is for text that it hasn’t seen.",
        about=about,
    )


def _few(scores: Sequence[Evaluated], best: Evaluated) -> list[Evaluated]:
    """The first, the last, and the neighbours of the best."""
    at = scores.index(best)
    near = {0, len(scores) - 1, max(0, at - 1), min(len(scores) - 1, at + 1)}
    return [scores[i] for i in sorted(near) if i != at]


def scored_positions(step: Stepped, chunks: int, chunk_size: int, mask_share: float, about: str) -> Question:
    """How many positions enter the loss of a step that read so many chunks: the event says it."""
    tokens = chunks * chunk_size
    wrong = {
        tokens: f"That is all the tokens of the batch, {chunks} × {chunk_size}. The others are read, and nothing is asked "
        "about them.",
        round(step.scored * mask_share): "That leaves out the swapped and the kept ones. They are predicted too.",
        round(step.scored / chunks): "That is about what one chunk has.",
    }
    return Question(
        "scored",
        f"Step {step.step:,} read {many(chunks, 'chunk')} of {chunk_size} tokens. In how many places was the model’s "
        "answer scored?",
        _choices(step.scored, "So the run’s log says: the selected pieces, and no others.", wrong, about),
        hint="Look into the step: which pieces are coloured?",
        about=about,
    )


def _choices(right: int, why: str, wrong: dict[int, str], about: str, words: str = "{}") -> tuple[Choice, ...]:
    """The right number and the wrong ones, in an order that stays the same for the same run."""
    choices = [Choice(words.format(f"{right:,}"), why, right=True)]
    choices += [Choice(words.format(f"{number:,}"), said) for number, said in wrong.items() if number != right]
    random.Random(f"{words} {right} {about}").shuffle(choices)
    return tuple(choices)


def _th(number: int) -> str:
    return {2: "second", 3: "third", 4: "fourth"}[number]
