"""Dropout: why a training loss lies above what the same weights can do.

While a model trains, a random part of its numbers is set to zero at every layer. The training loss is measured then;
held-out text is scored without. Source: Srivastava et al. 2014.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from lab.config import RunConfig
from lab.model import inner_model, logits_at
from lab.preparation import Prepared
from lab.surprisals import masked_step


@dataclass(frozen=True, slots=True)
class BothWays:
    """The same masked chunks, scored with dropout and without, by the same weights. Nats a scored position."""

    chunks: int
    scored: int
    dropout: float  # the encoder's, 0 to 1
    disturbed: tuple[float, ...]  # a mean for each draw of the dropout
    calm: float | None = None  # without dropout; scored last


def score_both_ways(
    model: nn.Module, config: RunConfig, prepared: Prepared, step: int, *, draws: int = 3, most: int = 32
) -> Iterator[BothWays]:
    """Score the chunks that a step of a run read, `most` of them, on that step's masks: as training does, with dropout, and
    then without. Yields after each pass; the last has both.

    The model is in evaluation mode whenever it yields. Dropout is drawn from the run's seed.
    """
    _, rows, masked = masked_step(config, prepared, step)
    ids, labels, where = masked.input_ids[:most], masked.labels[:most], masked.selected[:most]
    flat = [row for part in rows for row in part][:most]
    attention = None
    if prepared.train.padding and len(prepared.train) - 1 in flat:
        attention = torch.from_numpy(prepared.train.attention_mask[flat]).long()

    def loss() -> float:
        with torch.inference_mode():
            logits = logits_at(model, ids, where, attention)
            return float(nn.functional.cross_entropy(logits.float(), labels[where]))

    settings = inner_model(model).config
    share = next((getattr(settings, name) for name in ("dropout", "hidden_dropout_prob") if hasattr(settings, name)), 0.0)
    found = BothWays(len(ids), int(where.sum()), float(share), ())
    for draw in range(draws):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed + draw)
            model.train()
            try:
                found = replace(found, disturbed=(*found.disturbed, loss()))
            finally:
                model.eval()
        yield found
    yield replace(found, calm=loss())
