"""The forecast: where the model stands, what the learner expects of a run, and what came of it."""

from collections.abc import Iterator, Sequence

from lab.config import RunConfig, Scoring, preset
from lab.events import Evaluated, Event, Stepped
from lab.probes import first_changes
from lab.runs import Run
from lab.story import curve
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import many, percent
from lessons.scoring import Job, Subject, score_all

LESSON = "fine-tuning"
NONE = "none of them changes"


def now(using: Using) -> Iterator[list[Block]]:
    """Where the model in use stands before any training, scored as a quick run begins; between what needs no model."""
    from lab.evaluation import baselines

    yield blocks.waiting("Scoring the model in use on held-out text …")
    quick = preset("quick")
    prepared = bench.prepared(using, max_train_chunks=quick.max_train_chunks, max_test_chunks=quick.max_test_chunks)
    held_out = prepared.held_out(Scoring())
    for progress in score_all([Job(Subject(using.model), held_out)]):
        if progress.done < progress.of:
            yield blocks.waiting(progress.words)
    (found,) = progress.found
    base = baselines(prepared.train, held_out)
    yield [
        blocks.figures(
            (f"{found.perplexity:.1f}", "perplexity of the model in use, on held-out text"),
            (f"{base.unigram:,.0f}", "of guessing by frequency in the training text"),
            (f"{base.uniform:,.0f}", "of guessing blindly"),
        ),
        blocks.say(
            "The perplexity is e to the power of the held-out loss: a model that hesitated between so many equally likely "
            f"pieces would be surprised as much. Here it is of {many(len(prepared.test), 'held-out chunk')}, "
            f"{many(len(found), 'scored piece')}, token masks at {percent(0.15)}: what a quick run begins with. A run that "
            "is scored on other chunks begins with another number.",
            tone="quiet",
        ),
    ]


def questions(config: RunConfig, run: Run | None = None) -> Block:
    """What is asked before a run; with one that has ended, what came of it."""
    story = _ended(run) if run else []
    probes = list(config.probes) if run is None else list(run.config().probes)
    scores = [event for event in story if isinstance(event, Evaluated)]
    learned = len(scores) > 1
    before, after = (scores[0], scores[-1]) if learned else (None, None)
    perplexity = blocks.prediction(
        f"{LESSON}-perplexity",
        "With these settings, what will the perplexity on held-out text be when the run ends?",
        low=1,
        high=1_000_000,
        outcome=round(after.perplexity, 1) if after else None,
        verdict=f"It went from {before.perplexity:.1f} to {after.perplexity:.1f}." if before and after else "",
    )
    probe = None
    if probes:
        probe = blocks.prediction(
            f"{LESSON}-probe",
            "The run asks the model again and again what belongs in these sentences. Whose first answer changes first?",
            options=[*probes, NONE],
            outcome=changed_first(story) if learned else None,
        )
    return {"type": "forecast", "run": run.id if run else "", "perplexity": perplexity, "probe": probe}


def _ended(run: Run) -> Sequence[Event]:
    """The story of a run that has ended; nothing of one that goes on."""
    return curve(run.events()) if run.state() not in ("waiting", "running") else []


def changed_first(story: Sequence[Event]) -> str:
    """The sentence whose first answer changed first, with the step; several if they changed at the same look."""
    changed = first_changes(story)
    steps = [step for step in changed.values() if step is not None]
    if not steps:
        return NONE
    first = min(steps)
    together = [sentence for sentence, step in changed.items() if step == first]
    return f"{' · '.join(together)} (at step {first:,})"


def after(run: Run, *, now_state: str) -> list[Block]:
    """What a run that has ended came to, how its two losses lie, and where to go on."""
    story = _ended(run)
    scores = [event for event in story if isinstance(event, Evaluated)]
    steps = [event for event in story if isinstance(event, Stepped)]
    if not steps or not scores or now_state not in ("finished", "stopped"):
        return []
    first, last = scores[0], scores[-1]
    told: list[Block] = []
    if len(scores) > 1:
        lower = last.mean_nll < first.mean_nll
        told.append(
            blocks.say(
                f"Held-out perplexity **{first.perplexity:.2f}** at first, **{last.perplexity:.2f}** at step "
                f"{last.step:,}; the first choice is the author’s piece at {percent(last.accuracy)} of the places "
                f"({percent(first.accuracy)} at first). "
                + (
                    "Whether that is a real gain, or the luck of these documents, is the question of "
                    "[lesson 6](?lesson=perplexity)."
                    if lower
                    else "It did not fall: try a lower learning rate, or fewer steps."
                ),
                tone="good" if lower else "warn",
            )
        )
        told.append(blocks.say(_losses(steps, last), tone=None))
    told.append(
        blocks.say("What has it learned to say? Ask it beside the model that it was, in [lesson 7](?lesson=fill-mask).")
    )
    return told


def _losses(steps: Sequence[Stepped], last: Evaluated) -> str:
    """How the training loss lies to the held-out loss at the end: over a tenth of the steps, for one step is one batch."""
    tail = [event.loss for event in steps if event.step <= last.step][-max(1, len(steps) // 10) :]
    mean = sum(tail) / len(tail)
    above = mean > last.mean_nll
    over = f"over the last {many(len(tail), 'step')}" if len(tail) > 1 else "at the last step"
    return (
        f"The training loss {over} was {mean:.3f} nats, the held-out loss {last.mean_nll:.3f}: the training loss lies "
        f"**{'above' if above else 'below'}** it. "
        + ("That is no bug; see below." if above else "Even so it is measured under a handicap; see below.")
    )
