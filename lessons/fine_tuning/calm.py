"""The same batch in peace: a training batch scored by a run's model with dropout and without, on the same masks."""

from collections.abc import Iterator, Sequence
from statistics import mean
from typing import TYPE_CHECKING

from lab.errors import RunError, require
from lab.events import Evaluated, Stepped
from lab.runs import Run
from lab.story import curve
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import many, percent
from lessons.fine_tuning.exercises import latest_full
from lessons.fine_tuning.look import prepared_for

if TYPE_CHECKING:
    from lab.dropout import BothWays

FALLS, STAYS, RISES = "it falls", "it stays as it is", "it rises"
_ALIKE = 0.002  # nats
_WHY = {
    FALLS: "Nothing else differed: same weights, same text, same masks. So much of the training loss is the disturbance, "
    "and not the model.",
    STAYS: "Without dropout to speak of there is nothing to switch off: then the training loss has no such handicap.",
    RISES: "That is rare. Dropout is drawn anew at each pass, and on a small batch luck can outweigh it.",
}


def question(outcome: str | None = None) -> Block:
    """Asked before the batch is scored; afterwards with its outcome."""
    return blocks.prediction(
        "fine-tuning-dropout",
        "Take a batch that was trained on, the trained model, and one set of masks. Score it as training does, and then "
        "once more with dropout switched off. What happens to the loss?",
        options=(FALLS, STAYS, RISES),
        outcome=outcome,
        why=_WHY.get(outcome or "", ""),
    )


def score(run: Run) -> Iterator[tuple[list[Block], list[Block]]]:
    """The batch of a late step: as it was logged, and now with dropout and without.

    Yields (what is to be seen, the question; with its outcome once that is known).
    """
    from lab.dropout import score_both_ways
    from lab.model import load_model

    story = curve(run.events())
    steps = [event for event in story if isinstance(event, Stepped)]
    scores = [event for event in story if isinstance(event, Evaluated)]
    require(run.model.is_dir() and bool(steps), "This run has no trained model yet. Let it end, or stop it.", RunError)
    logged, config = latest_full(steps), run.config()
    yield blocks.waiting("Loading the model and the batch …"), [question()]
    model = load_model(run.id, config.optimization.dropout)
    for found in score_both_ways(model, config, prepared_for(run), logged.step):
        if found.calm is None:
            done = many(len(found.disturbed), "pass", "passes")
            yield blocks.waiting(f"Scoring the batch: {done} with dropout …"), [question()]
            continue
        change = found.calm - mean(found.disturbed)
        outcome = STAYS if abs(change) < _ALIKE else FALLS if change < 0 else RISES
        yield _picture(run, found, logged, scores, change), [question(outcome)]


def _picture(run: Run, found: "BothWays", logged: Stepped, scores: Sequence[Evaluated], change: float) -> list[Block]:
    assert found.calm is not None, "it is scored last"
    held_out = [(f"{scores[-1].mean_nll:.3f}", "held-out loss of the same weights")] if scores else []
    return [
        blocks.heading(f"The batch of step {logged.step:,}, scored by the trained model"),
        blocks.figures(
            (
                f"{mean(found.disturbed):.3f}",
                f"with dropout ({percent(found.dropout)}): mean of {len(found.disturbed)} draws",
            ),
            (f"{found.calm:.3f}", "without dropout", "good" if change < 0 else "warn"),
            *held_out,
        ),
        blocks.say(
            f"With dropout the loss came to between {min(found.disturbed):.3f} and {max(found.disturbed):.3f} nats, "
            f"another at each draw; without, to **{found.calm:.3f}**. {_direction(change)}",
            live=True,
        ),
        blocks.say(
            f"On {many(found.chunks, 'chunk')}, {many(found.scored, 'scored piece')}. During the run this step logged "
            f"{logged.loss:.3f} nats, by the weights as they were *before* the step.",
            tone="quiet",
        ),
        *_held_out(run, scores, found.calm),
        blocks.did("fine-tuning", "dropout"),
    ]


def _direction(change: float) -> str:
    if abs(change) < _ALIKE:
        return "That is the same: this model has no dropout to speak of."
    return f"Switching it off {'lowers' if change < 0 else 'raises'} the loss by {abs(change):.3f} nats."


def _held_out(run: Run, scores: Sequence[Evaluated], calm: float) -> list[Block]:
    """Beside the held-out loss, and what else differs from it."""
    if not scores:
        return []
    config, last = run.config(), scores[-1]
    other = []
    if config.masking.strategy != config.scoring.score_strategy:
        other.append("another masking strategy, so another task")
    if config.masking.mlm_probability != config.scoring.score_probability:
        other.append("another share of hidden pieces")
    differs = f" They also differ in {' and '.join(other)}." if other else ""
    return [
        blocks.say(
            f"The held-out loss of the same weights, step {last.step:,}: **{last.mean_nll:.3f}** nats, scored without "
            f"dropout too. What is left between it and the {calm:.3f} is another text: one the model was trained on, the "
            f"other not, and some texts are harder than others.{differs}"
        )
    ]
