"""Twins and likeness: which runs were scored alike, in which settings others differ, and which runs are twins.

Two runs are twins when all that shaped their models is the same but the masking strategy: then scoring each both ways says
what the strategy did, at that seed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab.config import RunConfig, Scoring
from lab.errors import RunError
from lab.evaluation import Fingerprint
from lab.events import RunStarted
from lab.home import read_json
from lab.runs import Run
from lab.settings import declared, values


def fingerprint_of(run: Run) -> Fingerprint | None:
    """How a run's held-out text was scored, from its folder; None while it hasn't begun."""
    started = next((event for event in run.events() if isinstance(event, RunStarted)), None)
    facts = read_json(run.folder / "config.json") or {}
    if started is None or not {"tokenizer", "held_out_text"} <= facts.keys():
        return None
    config = run.config()
    return Fingerprint(
        tokenizer=facts["tokenizer"],
        held_out_text=facts["held_out_text"],
        held_out_chunks=started.test_chunks,
        chunk_size=config.chunking.chunk_size,
        special_tokens=config.chunking.special_tokens,
        remainder=config.chunking.remainder,
        **asdict(config.scoring),
    )


def differing_scorings(fingerprints: Sequence[Fingerprint]) -> dict[str, tuple[Any, ...]]:
    """The settings in which scorings differ, one value each: {"score_seed": (0, 3)}; empty if all are alike."""
    names = sorted({name for each in fingerprints for name in fingerprints[0].differences(each)})
    return {name: tuple(getattr(each, name) for each in fingerprints) for name in names}


@dataclass(frozen=True, slots=True)
class Twins:
    """Two runs that differ in the masking strategy alone."""

    token: Run
    whole_word: Run
    seed: int  # of the training


def find_twins(runs: Iterable[Run]) -> list[Twins]:
    """The twins among some runs that have a model, in the order of the runs; of equal runs the first one counts.

    Runs that can't be read are passed over.
    """
    families: dict[Any, dict[str, Run]] = {}
    seeds: dict[Any, int] = {}
    for run in runs:
        try:
            config, steps = run.config(), run.summary().get("steps")
        except RunError:
            continue
        if not run.model.is_dir():
            continue
        key = (_shaped_by(config), steps, (read_json(run.folder / "config.json") or {}).get("train_text"))
        families.setdefault(key, {}).setdefault(config.masking.strategy, run)
        seeds[key] = config.seed
    return [
        Twins(family["token"], family["whole_word"], seeds[key]) for key, family in families.items() if len(family) == 2
    ]


_TOLD_ONLY = {
    "eval_steps",
    "save_steps",
    "probe_steps",
    "probes",
    "keep_surprisals",
    "report_to",
    "max_test_chunks",
    "per_device_eval_batch_size",
}
_TOLD_ONLY |= {each.name for each in declared(Scoring)}


def _shaped_by(config: RunConfig) -> tuple[tuple[str, Any], ...]:
    """The settings that a model depends on, but for the strategy: not what is only scored, saved or told."""
    return tuple((name, value) for name, value in values(config).items() if name not in _TOLD_ONLY | {"strategy"})
