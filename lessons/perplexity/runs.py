"""The learner's runs: one epoch by epoch, several side by side, and twins scored both ways."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lab import plots
from lab.comparison import compare_runs
from lab.events import Evaluated, RunStarted
from lab.runs import Run
from lab.story import curve
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.runs import about_run, name_of, runs_of
from lessons.components.words import many
from lessons.perplexity.gain import signed
from lessons.perplexity.text import scored_how, text_of_run
from lessons.scoring import Job, Subject

if TYPE_CHECKING:
    from lab.evaluation import Evaluation, Fingerprint
    from lab.twins import Twins

MOST_CURVES = 6  # in one picture
_SHOWN = {
    "state": "state",
    "steps": "steps",
    "perplexity_before": "perplexity at first",
    "perplexity": "perplexity",
    "accuracy": "accuracy",
}


# One run, epoch by epoch ------------------------------------------------------------------------------------------------


def epochs(using: Using, name: str) -> list[Block]:
    """A run's held-out scores as it learned, beside the baselines. Without a run, what one would show."""
    runs = runs_of(using)
    if not runs:
        return [
            blocks.say(
                "You have no run yet. With one, you see here how the perplexity falls from that of the model you start "
                "from, between the same baselines as above; how the accuracy goes with it, or doesn’t; and after which "
                "epoch to stop. [Train one in lesson 5](?lesson=fine-tuning), then come back: all of the rest works "
                "without."
            )
        ]
    run = next((each for each in runs if each.id == name), None) or next(
        (each for each in runs if each.id == using.model), runs[0]
    )
    options = [{"value": each.id, "label": name_of(each).capitalize(), "note": about_run(each)} for each in runs]
    choice = [{"type": "choose", "name": "run", "label": "Which run?", "chosen": run.id, "options": options}]
    return [*(choice if len(runs) > 1 else []), *_learning(run)]


def _learning(run: Run) -> list[Block]:
    story = curve(run.events())
    started = next((event for event in story if isinstance(event, RunStarted)), None)
    scores = [event for event in story if isinstance(event, Evaluated)]
    if started is None or not scores:
        return [blocks.say("This run hasn’t scored anything yet. Come back when it has begun.")]
    first, last, best = scores[0], scores[-1], min(scores, key=lambda score: score.mean_nll)
    base = {"at step 0": first.perplexity, "guessing by frequency": started.unigram, "blind guessing": started.uniform}
    rows: list[list[Any]] = [
        ["blind guessing", "", f"{started.uniform:,.0f}", "", ""],
        ["guessing by frequency", "", f"{started.unigram:,.0f}", "", ""],
        *[
            [
                f"epoch {round(score.epoch, 2):g}",
                f"{score.step:,}",
                {"value": f"{score.perplexity:.2f}", "tone": "good" if score is best and len(scores) > 1 else ""},
                f"{score.mean_nll:.3f}",
                f"{100 * score.accuracy:.1f} %",
            ]
            for score in scores
        ],
    ]
    columns = ("", "step", "perplexity", "nats a piece", "accuracy")
    title = f"{name_of(run).capitalize()}: {about_run(run)}"
    key = run.id
    return [
        blocks.table(title, columns, rows),
        blocks.chart(
            plots.perplexity_curves({name_of(run): scores}, base, by_epoch=True),
            "Held-out perplexity after each epoch. A double click on the picture shows the baselines that lie outside it.",
            key=key,
            height=280,
        ),
        blocks.chart(
            plots.accuracy_curves({name_of(run): scores}, by_epoch=True),
            "The accuracy on the same places: how often the first choice is the author’s piece.",
            key=key,
            height=200,
        ),
        blocks.say(
            f"The perplexity went from {first.perplexity:.2f} to {last.perplexity:.2f}, the accuracy from "
            f"{100 * first.accuracy:.1f} to {100 * last.accuracy:.1f} %. They need not move together: a model that gives a "
            "hard piece 1 % where it gave 0.01 % has learned, and is as wrong as before."
        ),
        *_overfitted(best, last),
        blocks.say(
            f"Scored on {started.test_chunks:,} held-out chunks, {last.positions:,} places, always the same "
            f"({started.fingerprint}).",
            tone="quiet",
        ),
    ]


def _overfitted(best: Evaluated, last: Evaluated) -> list[Block]:
    if best.mean_nll >= last.mean_nll:
        return []
    return [
        blocks.say(
            f"The lowest perplexity was at epoch {best.epoch:g}; after it, it rose again. From there on the run learned "
            "its training text rather than the language of such texts: the checkpoint to keep is the best one, and not "
            "the last.",
            tone="warn",
        )
    ]


# Several runs -----------------------------------------------------------------------------------------------------------


def side_by_side(using: Using) -> list[Block]:
    """The newest runs, their settings where they differ, and their curves: ranked only where they were scored alike."""
    runs = runs_of(using)[:MOST_CURVES]
    if len(runs) < 2:
        return [
            blocks.say(
                "With two runs or more you see their curves in one picture here, and only the settings in which they "
                f"differ. You have {'one' if runs else 'none'} so far: [lesson 5](?lesson=fine-tuning) trains another."
            )
        ]
    comparison = compare_runs(runs)
    columns = ("setting", *map(name_of, runs))
    drawn: list[Block] = []
    if comparison.settings:
        rows = [[name, *map(str, row)] for name, row in comparison.settings.items()]
        drawn.append(blocks.table("Only the settings that differ", columns, rows))
    else:
        drawn.append(blocks.say("These runs have the same settings, all of them."))
    rows = [[words, *(_cell(name, value) for value in comparison.results[name])] for name, words in _SHOWN.items()]
    drawn.append(blocks.table("What came of them", ("result", *columns[1:]), rows))
    return [*drawn, *_ranked(runs)]


def _ranked(runs: Sequence[Run]) -> list[Block]:
    """The curves, in one picture for each way of scoring; a ranking never goes across."""
    from lab.twins import differing_scorings, fingerprint_of

    alike: dict[Fingerprint, list[Run]] = {}
    for run in runs:
        fingerprint = fingerprint_of(run)
        if fingerprint is not None:
            alike.setdefault(fingerprint, []).append(run)
    drawn: list[Block] = []
    if len(alike) > 1:
        differing = differing_scorings(list(alike))
        settings = ", ".join(
            f"{name} ({' against '.join(dict.fromkeys(map(str, found)))})" for name, found in differing.items()
        )
        drawn.append(
            blocks.say(
                f"**No ranking across all of them.** They were scored in {len(alike)} different ways, and a perplexity "
                f"means something only under its own. What differs in the scoring: {{settings}}. So each way has a picture "
                "of its own.",
                tone="warn",
                settings=settings,
            )
        )
    for fingerprint, group in alike.items():
        drawn += _overlaid(fingerprint, group)
    return drawn


def _overlaid(fingerprint: "Fingerprint", group: list[Run]) -> list[Block]:
    stories = {name_of(run): curve(run.events()) for run in group}
    curves = {name: [each for each in story if isinstance(each, Evaluated)] for name, story in stories.items()}
    started = next(each for each in next(iter(stories.values())) if isinstance(each, RunStarted))
    ended = sorted(((points[-1].perplexity, name) for name, points in curves.items() if points))
    order = ", ".join(f"{name} ({value:.2f})" for value, name in ended)
    return [
        blocks.heading(f"Scored alike: {fingerprint.digest}"),
        blocks.chart(
            plots.perplexity_curves(curves, {"guessing by frequency": started.unigram, "blind guessing": started.uniform}),
            "Held-out perplexity, run by run. A double click on the picture shows the baselines that lie outside it.",
            key=fingerprint.digest,
            height=300,
        ),
        blocks.say(
            f"From the lowest at its end to the highest: {order}. A lower number is not yet a better model: put the runs "
            "to the paired test above."
            if len(ended) > 1
            else f"Alone under this scoring: {order}."
        ),
    ]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name == "accuracy":
        return f"{100 * value:.1f} %"
    return f"{value:.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


# Twins ------------------------------------------------------------------------------------------------------------------


def pairs(using: Using) -> "list[Twins]":
    """The twins among the learner's runs, newest first."""
    from lab.twins import find_twins

    return find_twins(runs_of(using))


def chosen_pair(found: "Sequence[Twins]", name: str) -> "Twins | None":
    """The pair of this name (its token run's id), or the newest."""
    return next((pair for pair in found if pair.token.id == name), found[0] if found else None)


def twins(using: Using, name: str) -> list[Block]:
    """The pairs to choose from, or how to get one."""
    found = pairs(using)
    pair = chosen_pair(found, name)
    if pair is None:
        return [
            blocks.say(
                "Two runs are twins when they differ in the masking strategy alone. You have no such pair yet: train a run "
                "in [lesson 5](?lesson=fine-tuning), then press “train its twin” there. Here each is then scored *both* "
                "ways, because two models, each on its own task, can’t be compared."
            )
        ]
    options = [
        {
            "value": each.token.id,
            "label": f"{name_of(each.token).capitalize()} and {name_of(each.whole_word)}",
            "note": f"training seed {each.seed}",
        }
        for each in found
    ]
    seeds = len({each.seed for each in found})
    return [
        {"type": "choose", "name": "pair", "label": "Which twins?", "chosen": pair.token.id, "options": options},
        blocks.say(
            f"Found among your runs: {many(len(found), 'pair')}, {many(seeds, 'training seed')}.",
            tone="quiet",
        ),
    ]


def twin_jobs(pair: "Twins", chunks: int) -> list[Job]:
    """Token-trained and whole-word-trained, each scored on token masks, then on whole-word masks."""
    text = text_of_run(pair.token.id)
    jobs = []
    for strategy in ("token", "whole_word"):
        held_out = replace(text, scoring=replace(text.scoring, score_strategy=strategy)).held_out(chunks)
        jobs += [Job(Subject(run.id), held_out) for run in (pair.token, pair.whole_word)]
    return jobs


def two_by_two(pair: "Twins", found: "Sequence[Evaluation]", jobs: Sequence[Job]) -> list[Block]:
    """Four scores, and down each column a paired test."""
    from lab.evaluation import compare

    token, whole_word = compare(found[0], found[1]), compare(found[2], found[3])
    rows = [
        [f"trained with token masking ({name_of(pair.token)})", f"{found[0].perplexity:.2f}", f"{found[2].perplexity:.2f}"],
        [
            f"trained with whole-word masking ({name_of(pair.whole_word)})",
            f"{found[1].perplexity:.2f}",
            f"{found[3].perplexity:.2f}",
        ],
    ]
    said = [_column("token masks", token), _column("whole-word masks", whole_word)]
    return [
        blocks.table(
            "Perplexity, each twin scored both ways", ("", "scored on token masks", "scored on whole-word masks"), rows
        ),
        blocks.say(
            "Compare **down** a column: one task, two models. Along a row it is one model on two tasks, at other places of "
            "the text: that tells of the tasks. Never compare corner to corner, two models each on its own task."
        ),
        blocks.chart(
            plots.intervals({"token masks": token, "whole-word masks": whole_word}),
            "The perplexity of the whole-word-trained twin against the token-trained one, on each kind of masks: below 0 "
            "it is lower.",
            height=170,
        ),
        blocks.say(" ".join(said)),
        blocks.say(
            f"These are two models, trained once each, from training seed {pair.seed}. Even a real difference between "
            "*them* says nothing yet about the *strategies*: another training seed can turn it round. A claim about a "
            "strategy needs several training seeds, with twins at each.",
            tone="warn",
        ),
        blocks.say(
            f"{scored_how(text_of_run(pair.token.id), jobs[0].held_out)} The second column is of another scoring "
            f"({jobs[2].held_out.fingerprint.digest}), with whole-word masks.",
            tone="quiet",
        ),
    ]


def _column(on: str, comparison: Any) -> str:
    low, high = signed(comparison.low - 1), signed(comparison.high - 1)
    if not comparison.enough:
        return f"On {on} there were too few documents to tell."
    if not comparison.real:
        return f"On {on} the twins can’t be told apart ({low} to {high})."
    better = "whole-word" if comparison.ratio < 1 else "token"
    return f"On {on} the {better}-trained twin is better, by more than the choice of documents explains ({low} to {high})."
