"""Comparison: runs side by side, in the settings in which they differ and in what became of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.runs import Run
from lab.settings import values


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Runs side by side: only the settings in which they differ, and their results."""

    runs: tuple[Run, ...]
    settings: dict[str, tuple[Any, ...]]  # name → one value a run
    results: dict[str, tuple[Any, ...]]
    rankable: bool  # all were scored alike, so their perplexities may be ranked


def compare_runs(runs: Iterable[Run]) -> RunComparison:
    """Compare runs setting by setting. Damaged runs raise RunError."""
    runs = tuple(runs)
    configs = [values(run.config()) for run in runs]
    differing = {name: tuple(config[name] for config in configs) for name in configs[0]}
    summaries = [run.summary() | {"state": run.state()} for run in runs]
    shown = (
        "state",
        "steps",
        "seconds",
        "tokens_per_second",
        "perplexity_before",
        "perplexity",
        "accuracy",
        "fingerprint",
    )
    results = {name: tuple(summary.get(name) for summary in summaries) for name in shown}
    return RunComparison(
        runs,
        {name: row for name, row in differing.items() if any(value != row[0] for value in row)},
        results,
        len(set(results["fingerprint"])) == 1,
    )
