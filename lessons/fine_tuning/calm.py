"""The same batch in peace: a training batch scored by a run's model with dropout and without, on the same masks."""

from collections.abc import Iterator
from statistics import mean

from lab.errors import RunError, require
from lab.events import Evaluated, Stepped
from lab.runs import Run, curve
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import many, percent
from lessons.fine_tuning.look import prepared_for

MOST = 16  # chunks of the batch that are scored: four passes over them take about two seconds on two cores
FALLS, STAYS, RISES = "it falls", "it stays as it is", "it rises"
_ALIKE = 0.002  # nats


def question(outcome: str | None = None) -> Block:
    """Asked before the batch is scored; afterwards with its outcome."""
    return blocks.prediction(
        "fine-tuning-dropout",
        "Take a batch that was trained on, the trained model, and one set of masks. Score it as training does, and then "
        "once more with dropout switched off. What happens to the loss?",
        options=(FALLS, STAYS, RISES),
        outcome=outcome,
        why=""
        if outcome is None
        else "Nothing else differed: same weights, same text, same masks. So a part of every training loss is the "
        "disturbance and not the model.",
    )


def score(run: Run) -> Iterator[tuple[list[Block], list[Block]]]:
    """The batch of the last step: as it was logged, and now with dropout and without.

    Yields (what is to be seen, the question; with its outcome once that is known).
    """
    from lab.dropout import with_and_without_dropout
    from lab.model import load_model

    story = curve(run.events())
    steps = [event for event in story if isinstance(event, Stepped)]
    scores = [event for event in story if isinstance(event, Evaluated)]
    require(run.model.is_dir() and bool(steps), "This run has no trained model yet. Let it end, or stop it.", RunError)
    logged = steps[-1]
    yield blocks.waiting("Scoring the batch with dropout and without …"), [question()]
    config = run.config()
    model = load_model(run.id, config.optimization.dropout)
    found = with_and_without_dropout(model, config, prepared_for(run), logged.step, most=MOST)
    disturbed = mean(found.disturbed)
    change = found.calm - disturbed
    outcome = STAYS if abs(change) < _ALIKE else FALLS if change < 0 else RISES
    least, most = min(found.disturbed), max(found.disturbed)
    rows = [
        (disturbed, f"with dropout ({percent(found.dropout)}), mean of {len(found.disturbed)} draws"),
        (found.calm, "without dropout"),
    ]
    top = max(value for value, _ in rows)
    said = (
        f"With dropout the loss was {least:.3f} to {most:.3f} nats, another at each draw; without, **{found.calm:.3f}**. "
        f"{_direction(change)}"
    )
    yield (
        [
            blocks.bars(
                f"The batch of step {logged.step:,}, scored by the model as it is at the end of the run",
                [blocks.bar_row(words, (value / top, f"{value:.3f} nats")) for value, words in rows],
            ),
            blocks.say(said, live=True),
            blocks.say(
                f"On {many(found.chunks, 'chunk')} of the batch, {many(found.scored, 'scored piece')}. During the run this "
                f"step logged {logged.loss:.3f} nats on the whole batch, with the weights as they were *before* the step.",
                tone="quiet",
            ),
            *_held_out(run, scores, found.calm),
            blocks.did("fine-tuning", "dropout"),
        ],
        [question(outcome)],
    )


def _direction(change: float) -> str:
    if abs(change) < _ALIKE:
        return "That is the same: this model has no dropout to speak of."
    return f"Switching it off {'lowers' if change < 0 else 'raises'} the loss by {abs(change):.3f} nats."


def _held_out(run: Run, scores: list[Evaluated], calm: float) -> list[Block]:
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
