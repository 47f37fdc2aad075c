"""Is this gain real? Two models under redrawn masks, which fools people; and on the same masks, paired, which tells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lab import plots
from lab.runs import Run
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.runs import about_run, runs_of
from lessons.perplexity.text import Text, scored_how, text_of, text_of_run
from lessons.scoring import Job, Subject

if TYPE_CHECKING:
    from lab.evaluation import Comparison, Evaluation, HeldOut

DRAWS = 5
_BITS = ((8, "a quarter of the memory"), (6, "less than a fifth of the memory"), (4, "an eighth of the memory"))


@dataclass(frozen=True, slots=True)
class Change:
    """Two models, before and after something was done."""

    name: str  # in an address
    label: str
    note: str
    before: Subject
    after: Subject
    run: str | None = None  # whose held-out text it is looked at on


def changes(using: Using) -> list[Change]:
    """What can be put to the test: the learner's trained runs, the one in use first, and the model in use, rounded."""
    trained = [run for run in runs_of(using) if run.model.is_dir()]
    trained.sort(key=lambda run: run.id != using.model)
    return [*map(_training, trained), *(_rounding(using, bits, note) for bits, note in _BITS)]


def _training(run: Run) -> Change:
    before, after = Subject(run.config().model), Subject(run.id)
    return Change(run.id, f"Training: {after.name} against its base", about_run(run), before, after, run.id)


def _rounding(using: Using, bits: int, note: str) -> Change:
    label = f"Rounding: every weight stored in {bits} bits"
    return Change(
        f"{bits}-bits",
        label,
        f"The model in use, in {note}, against itself as it is.",
        Subject(using.model),
        Subject(using.model, bits),
    )


def chosen(using: Using, name: str) -> Change:
    """The change of this name; the first one if there is none of it."""
    found = changes(using)
    return next((change for change in found if change.name == name), found[0])


def choice(using: Using, change: Change) -> list[Block]:
    """The changes to choose from."""
    options = [{"value": each.name, "label": each.label, "note": each.note} for each in changes(using)]
    shown = [{"type": "choose", "name": "change", "label": "Which change?", "chosen": change.name, "options": options}]
    if change.run is None:
        shown.append(
            blocks.say(
                "A run of your own would be the real thing: training that should have taught the model something. [Train "
                "one in lesson 5](?lesson=fine-tuning), and it stands here beside its base. Rounding the weights teaches "
                "nothing, and it is soon done: it shows the test just as well."
            )
        )
    return shown


def text_for(using: Using, change: Change) -> Text:
    """The text that a change is looked at on: what the run held out, or the corpus in use."""
    return text_of_run(change.run) if change.run else text_of(using)


def paired_jobs(change: Change, held_out: "HeldOut") -> list[Job]:
    """Both models, on the same frozen masks."""
    return [Job(change.before, held_out), Job(change.after, held_out)]


def redrawn_jobs(change: Change, held_out: "HeldOut") -> list[Job]:
    """Both models under several draws of the masks, the frozen ones first."""
    first = held_out.scoring.score_seed
    draws = [held_out.scored(replace(held_out.scoring, score_seed=first + i)) for i in range(DRAWS)]
    return [job for draw in draws for job in paired_jobs(change, draw)]


# The noise meter --------------------------------------------------------------------------------------------------------


def noise(change: Change, text: Text, held_out: "HeldOut", found: "Sequence[Evaluation]") -> list[Block]:
    """What redrawing the masks does to both perplexities, as far as it is known."""
    before, after = ([each.perplexity for each in found[i::2]] for i in (0, 1))
    names = change.before.name, change.after.name
    picture = blocks.chart(
        plots.redraws(dict(zip(names, (before, after), strict=True)), DRAWS),
        f"The same two models on the same text, under {len(after)} draws of the masks.",
        key=change.name,
        height=280,
    )
    if len(found) < 2 * DRAWS:
        return [picture]
    low, high = min(before), max(before)
    best, worst = min(after) / high - 1, max(after) / low - 1
    together = (
        "But see how the two lines rise and fall together: a hard draw is hard for both. So give both the *same* masks, "
        "and "
        if np.corrcoef(before, after)[0, 1] > 0.5
        else "Give both the *same* masks instead, and "
    )
    return [
        picture,
        blocks.figures(
            (f"{low:.1f} to {high:.1f}", f"{names[0]}: nothing changed but the masks"),
            (signed(best), "how the change would look on the luckiest draws"),
            (signed(worst), "and on the unluckiest"),
        ),
        blocks.say(
            "Whoever redraws the masks at each evaluation compares one model’s luck with another’s: the same change could "
            f"have looked like anything from {signed(best)} to {signed(worst)}. {together}compare place by place. That is "
            "the test below; how far one line wanders is not."
        ),
        blocks.say(f"{scored_how(text, held_out)} The other draws have the seeds after it.", tone="quiet"),
        blocks.did("perplexity", "redraw"),
    ]


# The paired test --------------------------------------------------------------------------------------------------------


def verdict(change: Change, text: Text, held_out: "HeldOut", before: "Evaluation", after: "Evaluation") -> list[Block]:
    """The paired test of a change: its interval, drawn, and kind by kind."""
    from lab.evaluation import compare
    from lab.kinds import by_kind, kinds

    comparison = compare(before, after)
    found = kinds(held_out.chunks, text.prepared.tokenizer)
    parts = by_kind(after, found)
    rows = {"all pieces": comparison}
    for kind, part in by_kind(before, found).items():
        each = compare(part, parts[kind])
        if each.enough:
            rows[kind] = each
    return [
        blocks.figures(
            (f"{before.perplexity:.2f}", f"perplexity, {change.before.name}"),
            (f"{after.perplexity:.2f}", f"perplexity, {change.after.name}"),
            (signed(comparison.ratio - 1), "change of the perplexity"),
            (f"{signed(comparison.low - 1)} to {signed(comparison.high - 1)}", "its 95 % interval"),
        ),
        _said(comparison),
        blocks.chart(
            plots.intervals(rows),
            "The change of the perplexity with its 95 % interval; the dashed line is no change. Filled points: the "
            "interval leaves that line out. The first row is the test. The rows below it show where the change sits; each "
            "is one more look, and so one more chance to be fooled.",
            key=change.name,
            height=90 + 44 * len(rows),
        ),
        blocks.say(
            f"Both models were scored on the same {len(before):,} places. For each of the {comparison.documents:,} "
            "documents the differences were added up; then the documents were drawn anew, with repeats, "
            f"{comparison.resamples:,} times, to see how far the answer depends on which documents were held out. "
            "Documents, and not pieces, because the pieces of one review stand or fall together."
        ),
        blocks.say(scored_how(text, held_out), tone="quiet"),
        blocks.did("perplexity", "test"),
    ]


def _said(comparison: "Comparison") -> Block:
    low, high = signed(comparison.low - 1), signed(comparison.high - 1)
    if not comparison.enough:
        return blocks.say(
            f"There were only {comparison.documents} documents to compare on, too few to trust any interval. Take more "
            "chunks, or a corpus that holds out more.",
            tone="warn",
            live=True,
        )
    if not comparison.real:
        return blocks.say(
            f"**Not shown to be real.** The interval from {low} to {high} holds 0: which documents happened to be held out "
            "explains a difference of this size. That doesn’t prove that the two are equal. More held-out chunks would "
            "narrow it.",
            tone="warn",
            live=True,
        )
    kind = "gain" if comparison.ratio < 1 else "loss"
    return blocks.say(
        f"**A real {kind}**, on text like this: the interval from {low} to {high} leaves 0 out, so the choice of "
        "held-out documents doesn’t explain it.",
        tone="good" if kind == "gain" else "bad",
        live=True,
    )


def signed(change: float) -> str:
    """-0.0341 → −3.4 %, 0.002 → +0.20 %.

    >>> signed(-0.0341), signed(0.002)
    ('−3.4\\xa0%', '+0.20\\xa0%')
    """
    digits = 1 if abs(change) >= 0.01 else 2
    return f"{100 * change:+.{digits}f}\u00a0%".replace("-", "−")
