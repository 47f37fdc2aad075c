"""The learner's runs: which there are, and each in a few words."""

from lab.errors import LabError
from lab.runs import Run
from lessons import bench
from lessons.bench import Using
from lessons.materials.using import model_name

MOST_RUNS = 8  # of a learner's, the newest
STRATEGIES = {"token": "token masking", "whole_word": "whole-word masking"}


def runs_of(using: Using) -> list[Run]:
    """The learner's newest runs that can be read, newest first: those of this browser, and in any case the one in use."""
    own = [using.model] if bench.is_run(using.model) else []
    found: list[Run] = []
    for name in dict.fromkeys([*own, *sorted(using.runs, reverse=True)]):
        if len(found) == MOST_RUNS:
            break
        try:
            run = bench.run_of(name)
            run.config()
        except LabError:
            continue
        found.append(run)
    return sorted(found, key=lambda run: run.id, reverse=True)


def name_of(run: Run) -> str:
    """A run in two words."""
    return model_name(run.id)


def about_run(run: Run) -> str:
    """What a run is and how far it came, in a few words."""
    summary, strategy = run.summary(), STRATEGIES[run.config().masking.strategy]
    steps = summary.get("steps")
    return f"{strategy}, {steps:,} steps, {summary['state']}" if steps is not None else f"{strategy}, {run.state()}"
