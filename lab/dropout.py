"""Dropout: why a training loss lies above what the same weights can do.

While a model trains, a random part of its numbers is set to zero at every layer. The training loss is measured then;
held-out text is scored without. Source: Srivastava et al. 2014.
"""

from dataclasses import dataclass

import torch
from torch import nn

from lab.config import RunConfig
from lab.model import inner_model, logits_at
from lab.preparation import Prepared
from lab.surprisals import masked_step


@dataclass(frozen=True, slots=True)
class Disturbed:
    """The same masked chunks, scored with dropout and without, by the same weights. Nats a scored position."""

    chunks: int
    scored: int
    dropout: float  # the encoder's, 0 to 1
    disturbed: tuple[float, ...]  # a mean for each draw of the dropout
    calm: float  # without dropout


def with_and_without_dropout(
    model: nn.Module, config: RunConfig, prepared: Prepared, step: int, *, draws: int = 3, most: int = 32
) -> Disturbed:
    """Score the first chunks that a step read, on that step's masks: as training does, with dropout, and then without.

    The model is left in evaluation mode; its dropout is drawn from the run's seed.
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

    disturbed = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model.train()
        try:
            disturbed = [loss() for _ in range(draws)]
        finally:
            model.eval()
    found = next((getattr(inner_model(model).config, name, None) for name in ("dropout", "hidden_dropout_prob")), None)
    return Disturbed(len(ids), int(where.sum()), float(found or 0.0), tuple(disturbed), loss())
