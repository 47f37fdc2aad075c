"""`runs`: list, show, watch, stop, resume, delete, compare, export, pin and unpin runs."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from lab import jobs
from lab.comparison import compare_runs
from lab.errors import RunError, require
from lab.events import is_last
from lab.export import export
from lab.runs import Run, get_run, list_runs
from lab.settings import values
from lab.terminal import as_text, console, minutes, show_events, show_events_as_json, show_json, show_table

_ACTIONS = ("list", "show", "watch", "stop", "resume", "delete", "compare", "export", "pin", "unpin")


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("what", nargs="?", choices=_ACTIONS, default="list")
    parser.add_argument("run", nargs="*", help="a run's id, the beginning of one, or latest")
    parser.add_argument(
        "--to",
        metavar="PATH",
        help="export: a file that ends in .zip, or a new folder; or one that ends in .py or .ipynb, which trains the run "
        "again and compares (default: RUN.zip)",
    )
    parser.epilog = "watch follows a run wherever it is trained; Ctrl-C leaves it, and the run goes on."
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    if options.what == "list":
        return _list(options.json)
    require(bool(options.run), f"Name the run to {options.what}: python -m lab runs {options.what} RUN")
    runs = [get_run(name) for name in options.run]
    if options.what in ("show", "compare"):
        return _compare(runs, options.json)
    if options.what == "watch":
        require(len(runs) == 1, "Watch one run at a time.", RunError)
        return watch(runs[0], options.json)
    require(not options.to or len(runs) == 1, "Export one run at a time where you say --to.", RunError)
    for run in runs:
        _do(options.what, run, options.to)
    done = [run.id for run in runs]
    show_json({options.what: done}) if options.json else console.print(f"{_SAID[options.what]} {', '.join(done)}.")
    return 0


_SAID = {
    "stop": "Asked to stop after this step:",
    "resume": "Back in the queue:",
    "delete": "Deleted",
    "export": "Exported",
    "pin": "Kept, whatever room is needed:",
    "unpin": "May go when room is needed:",
}


def _do(what: str, run: Run, target: str | None) -> None:
    match what:
        case "stop":
            jobs.stop(run.id, jobs.administrator())
        case "resume":
            jobs.resume(run.id, jobs.administrator())
            jobs.open_in_background()
        case "delete":
            jobs.delete(run.id, jobs.administrator())
        case "export":
            export(run, Path(target or f"{run.id}.zip").expanduser())
        case "pin" | "unpin":
            run.pin(what == "pin")


def watch(run: Run, as_json: bool) -> int:
    """Follow a run to its end; returns the exit code of `train`."""

    def say(standing: jobs.Standing) -> None:
        if not as_json:
            soon = f", starts in about {minutes(standing.expected_start)}" if standing.expected_start is not None else ""
            console.print(standing.reason or f"Waiting: number {standing.position} in the queue{soon}.")

    try:
        events = jobs.follow(run.id, say)
        last = show_events_as_json(events) if as_json else show_events(events)
    except KeyboardInterrupt:
        console.print(f"\n{run.id} goes on. Watch it again: python -m lab runs watch {run.id}")
        return 130
    standing = jobs.standing(run.id)
    if not as_json:
        _tell(
            standing, f" after {last.step:,} steps, {minutes(last.seconds)}" if last is not None and is_last(last) else ""
        )
    return {"finished": 0, "stopped": 130}.get(standing.state, 1)


def _tell(standing: jobs.Standing, after: str = "") -> None:
    """How a run stands, and why."""
    console.print(f"{standing.state.capitalize()}{after}{f': {standing.reason}' if standing.reason else '.'}", markup=False)


def _compare(runs: list[Run], as_json: bool) -> int:
    comparison = compare_runs(runs)
    if as_json:
        show_json({**asdict(comparison), "runs": [run.id for run in runs]})
        return 0
    names = ("", *(run.id for run in runs))
    title, settings = "Settings that differ", comparison.settings
    if len(runs) == 1:
        _tell(jobs.standing(runs[0].id))
        title, settings = "Settings", {name: (value,) for name, value in values(runs[0].config()).items()}
    show_table(title, names, ((name, *map(str, row)) for name, row in settings.items()))
    show_table("Results", names, ((name, *map(as_text, row)) for name, row in comparison.results.items()))
    if not comparison.rankable:
        console.print("These runs were scored differently, so their perplexities can't be ranked.")
    return 0


def _list(as_json: bool) -> int:
    found = [{"run": run.id, **run.summary(), "state": run.state()} for run in list_runs()]
    if as_json:
        show_json(found)
        return 0
    shown = ("run", "state", "steps", "perplexity_before", "perplexity", "accuracy")
    rows = ([run.get(name) for name in shown] for run in found)
    show_table("Runs", ("run", "state", "steps", "before", "perplexity", "accuracy"), rows)
    return 0
