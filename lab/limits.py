"""Limits: what one run, one visitor, and all runs together may take of a computer that many share.

Each is an environment variable, so that whoever runs the server sets it; `none` lifts it.
"""

import math
import os
from dataclasses import dataclass, field, fields
from typing import Any

from lab.config import RunConfig
from lab.errors import SettingError, require
from lab.events import Event, RunStarted


def _limit(default: float, variable: str, help: str) -> Any:
    return field(default=default, metadata={"variable": variable, "default": default, "help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits in force; infinity where there is none."""

    seconds: float = _limit(14_400, "LAB_MAX_SECONDS", "seconds that a run may take; then it stops, and keeps its model")
    steps: float = _limit(20_000, "LAB_MAX_STEPS", "optimizer steps of a run")
    tokens: float = _limit(100_000_000, "LAB_MAX_TOKENS", "training tokens of a run, over all epochs")
    chunk_size: float = _limit(512, "LAB_MAX_CHUNK_SIZE", "positions in a chunk")
    batch_size: float = _limit(256, "LAB_MAX_BATCH_SIZE", "chunks a forward pass")
    queue: float = _limit(100, "LAB_MAX_QUEUE", "runs that may wait at one time")
    visitor: float = _limit(2, "LAB_MAX_RUNS_PER_VISITOR", "runs that one visitor may have waiting or running")
    disk: float = _limit(
        20, "LAB_MAX_DISK_GB", "gigabytes kept for runs; the oldest that have ended make room, pinned ones stay"
    )

    @classmethod
    def from_environment(cls) -> "Limits":
        """As the environment sets them. Raises SettingError for what is no number."""
        return cls(**{each.name: _read(each.metadata["variable"], each.metadata["default"]) for each in fields(cls)})

    def check(self, config: RunConfig, steps: int | None = None, tokens: int | None = None) -> None:
        """Raise SettingError, in a sentence, for what goes beyond a limit; `steps` and `tokens` are what it comes to."""
        chosen = config.optimization
        steps = steps if steps is not None else chosen.max_steps
        for name, value, most in (
            ("chunk_size", config.chunking.chunk_size, self.chunk_size),
            ("per_device_train_batch_size", chosen.per_device_train_batch_size, self.batch_size),
            ("per_device_eval_batch_size", chosen.per_device_eval_batch_size, self.batch_size),
            ("gradient_accumulation_steps", chosen.gradient_accumulation_steps, _PORTIONS),
        ):
            require(value <= most, f"{name} is {value}. At most {most:,.0f} are allowed here.")
        require(
            len(config.probes) <= _PROBES and all(len(probe) <= _PROBE_LENGTH for probe in config.probes),
            f"There are {len(config.probes)} probes. At most {_PROBES} of {_PROBE_LENGTH} characters are allowed here.",
        )
        require(
            config.report_to == "none",
            f"report_to is {config.report_to!r}. A run in the background reports to nobody: leave it at 'none'.",
        )
        for what, comes_to, most in (("steps", steps or 0, self.steps), ("training tokens", tokens or 0, self.tokens)):
            require(
                comes_to <= most,
                f"This run would take {comes_to:,} {what}, and at most {most:,.0f} are allowed here. "
                "Lower num_train_epochs, or set max_steps or max_train_chunks.",
            )

    def reached(self, started: RunStarted, last: Event, seconds: float) -> str | None:
        """Why a run must stop now, if it must: `seconds` is how long it has gone on."""
        if seconds > self.seconds:
            return f"stopped at the limit of {_duration(self.seconds)} that a run may take here; the model so far is kept"
        tokens_a_step = started.train_chunks * started.chunk_size / started.steps_an_epoch
        most = min(self.steps, self.tokens / tokens_a_step)
        if last.step >= most and last.step < started.total_steps:
            return f"stopped at the limit of {int(most):,} steps that a run may take here; the model so far is kept"
        return None


_PORTIONS = 64  # forward passes a step: a run can be stopped between steps only
_PROBES, _PROBE_LENGTH = 20, 500


def _read(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        value = math.inf if text.lower() == "none" else float(text)
    except ValueError:
        value = math.nan
    if not value > 0:
        raise SettingError(f"The environment variable {variable} is {text!r}. Set it to a number above 0, or to none.")
    return value


def _duration(seconds: float) -> str:
    """900 → 15 minutes."""
    return f"{seconds:g} seconds" if seconds < 120 else f"{seconds / 60:g} minutes"
