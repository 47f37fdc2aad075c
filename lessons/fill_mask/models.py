"""The models that are asked: the base alone, or a base and the learner's run that was trained from it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.runs import Run
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.runs import about_run, runs_of
from lessons.materials.using import model_name

if TYPE_CHECKING:
    from lab.model import Loaded

FILMS = ("reviews", "imdb")  # corpora of film reviews


@dataclass(frozen=True, slots=True)
class Asked:
    """One or two models, the base first."""

    names: tuple[str, ...]
    run: Run | None = None  # the one that made the second
    gone: str = ""  # why a run's base isn't asked

    @property
    def labels(self) -> list[str]:
        """Each in a few words."""
        return [model_name(name) for name in self.names]

    @property
    def last(self) -> str:
        """The trained one, or the only one."""
        return self.names[-1]

    @property
    def tuned(self) -> bool:
        """Whether a base and its run are set side by side."""
        return len(self.names) == 2

    def loaded(self) -> "list[Loaded]":
        """Ready to be asked."""
        return [bench.loaded(name) for name in self.names]


def trained(using: Using) -> list[Run]:
    """The learner's runs that have a model, newest first."""
    return [run for run in runs_of(using) if run.model.is_dir()]


def asked(using: Using) -> Asked:
    """The run in use and its base; else the model in use, and beside it the newest run that was trained from it."""
    runs = trained(using)
    run = next((each for each in runs if each.id == using.model), None)
    if run is None:
        run = next((each for each in runs if each.config().model == using.model), None)
    if run is None:
        return Asked((using.model,))
    base = run.config().model
    try:
        model_name(base)
        bench.loaded(base)
    except LabError as error:
        return Asked((run.id,), run, str(error))
    return Asked((base, run.id), run)


def choice(using: Using, found: Asked) -> list[Block]:
    """Which models answer, which other runs there are, or what a run would add."""
    runs = trained(using)
    shown: list[Block] = []
    if len(runs) > 1 or (runs and not found.tuned):
        options = [
            {
                "value": run.id,
                "label": f"{model_name(run.id).capitalize()}, from {_base(run)}",
                "note": about_run(run),
                "off": False,
            }
            for run in runs
        ]
        shown.append({"type": "choices", "name": "model", "title": "Which of your runs?", "options": options})
    if found.gone:
        shown.append(
            blocks.say("The base of {run} can’t be asked: {why}", tone="warn", run=model_name(found.last), why=found.gone)
        )
    elif found.tuned:
        base, tuned = found.labels
        shown.append(blocks.say("You ask two models: {base}, and {tuned}, trained from it.", base=base, tuned=tuned))
    else:
        shown.append(
            blocks.say(
                "You ask one model: {base}. "
                + (
                    "None of your runs began with it. "
                    if runs
                    else "With a run of your own you would see here what training did to each answer. "
                )
                + "[Train one in lesson 5](?lesson=fine-tuning) and come back; all of the rest works without.",
                base=model_name(found.last),
            )
        )
    return shown


def _base(run: Run) -> str:
    try:
        return model_name(run.config().model)
    except LabError:
        return "a model that is gone"
