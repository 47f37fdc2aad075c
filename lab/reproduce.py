"""Reproduce: a run as a script or a notebook that does it again, and says whether it came to the same number.

On the same computer in fp32 the number is the same to the last digit: data order, masks and dropout come from seeds.
Elsewhere, and in bf16 or fp16, sums are taken in another order; the perplexity then agrees to about a hundredth of itself.
"""

from typing import TYPE_CHECKING, Any

from lab.config import RunConfig
from lab.errors import RunError, require
from lab.events import Evaluated
from lab.runs import Run
from lab.settings import values
from lab.story import curve

if TYPE_CHECKING:
    from nbformat import NotebookNode


def as_script(run: Run, corpus: str | None = None) -> str:
    """The run as a Python program. `corpus` takes the place of the run's own, where that is a path of another computer.

    Raises RunError for a run that was never scored.
    """
    return "\n\n".join(_cells(run, corpus)) + "\n"


def as_notebook(run: Run) -> "NotebookNode":
    """The same as a notebook, to be written with `nbformat.write`."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    heading = f"# The run {run.id}, again\n\nTrains as that run did, and compares what it comes to. See `lab/reproduce.py`."
    return new_notebook(
        cells=[new_markdown_cell(heading), *(new_code_cell(source) for source in _cells(run, None))],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def _cells(run: Run, corpus: str | None) -> list[str]:
    scored = [event for event in curve(run.events()) if isinstance(event, Evaluated)]
    require(bool(scored), f"The run {run.id} was never scored, so there is no number to reproduce.", RunError)
    last = scored[-1]
    given = _changed(run.config(), corpus)
    stopped = last.step < _steps(run)
    settings = "".join(f"    {name!r}: {value!r},\n" for name, value in given.items())
    return [
        "from lab.config import RunConfig\nfrom lab.events import Evaluated\nfrom lab.settings import build\n"
        "from lab.training import fine_tune",
        f"# Every setting that is not at its default.\nsettings = {{\n{settings}}}",
        "for event in fine_tune(build(RunConfig, settings)):\n"
        "    if isinstance(event, Evaluated):\n"
        '        print(f"step {event.step}: held-out perplexity {event.perplexity}")\n'
        f"        if event.step == {last.step}:\n"
        "            came_to = event.perplexity" + ("\n            break  # as that run was stopped" if stopped else ""),
        f"shown = {last.perplexity!r}  # by the run, at step {last.step}\n"
        'print("the same to the last digit" if came_to == shown else f"times {came_to / shown:.6f} of what was shown")',
    ]


def _changed(config: RunConfig, corpus: str | None) -> dict[str, Any]:
    """The settings that are not at their defaults."""
    default = values(RunConfig())
    given = {name: value for name, value in values(config).items() if value != default[name]}
    if corpus is not None:
        given["corpus"] = corpus
    return given


def _steps(run: Run) -> int:
    """The optimizer steps that the run was to take."""
    return max((event.total_steps for event in run.events() if hasattr(event, "total_steps")), default=0)
