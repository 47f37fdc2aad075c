"""`runs`: list, show, compare and delete runs."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from lab.errors import require
from lab.runs import compare_runs, get_run, list_runs
from lab.settings import values
from lab.terminal import as_text, console, show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("what", nargs="?", choices=("list", "show", "compare", "delete"), default="list")
    parser.add_argument("run", nargs="*", help="a run's id, the beginning of one, or latest")
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    if options.what == "list":
        return _list(options.json)
    require(bool(options.run), f"Name the run to {options.what}: python -m lab runs {options.what} RUN")
    runs = [get_run(name) for name in options.run]
    if options.what == "delete":
        for run in runs:
            run.delete()
        show_json({"deleted": [run.id for run in runs]}) if options.json else console.print(f"Deleted {len(runs)}.")
        return 0
    comparison = compare_runs(runs)
    if options.json:
        show_json({**asdict(comparison), "runs": [run.id for run in runs]})
        return 0
    names = ("", *(run.id for run in runs))
    title, settings = "Settings that differ", comparison.settings
    if len(runs) == 1:
        title, settings = "Settings", {name: (value,) for name, value in values(runs[0].config()).items()}
    show_table(title, names, ((name, *map(str, row)) for name, row in settings.items()))
    show_table("Results", names, ((name, *map(as_text, row)) for name, row in comparison.results.items()))
    if not comparison.rankable:
        console.print("These runs were scored differently, so their perplexities can't be ranked.")
    return 0


def _list(as_json: bool) -> int:
    found = [{"run": run.id, "state": run.state(), **run.summary()} for run in list_runs()]
    if as_json:
        show_json(found)
        return 0
    shown = ("run", "state", "steps", "perplexity_before", "perplexity", "accuracy")
    rows = ([run.get(name) for name in shown] for run in found)
    show_table("Runs", ("run", "state", "steps", "before", "perplexity", "accuracy"), rows)
    return 0
