"""Surprisals: how surprised the model was at every scored position of every training step, and which tokens those were.

Only the surprises are kept while a run trains. The tokens are built anew when somebody looks, for order and masks follow
from the seed, the epoch and the chunk's number. A record a step in the run's folder; none where several processes train:

    surprisals.bin    step (uint32), positions (uint32), so many float16 nats in the order in which they were read
"""

import math
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch
from torch import Tensor

from lab.batches import ChunkRows, mask_batch, rows_of_step
from lab.config import RunConfig
from lab.errors import RunError, require
from lab.home import read_json
from lab.masking import MaskedBatch
from lab.runs import Run

if TYPE_CHECKING:
    from lab.preparation import Prepared

ROOM = 32 * 2**20  # bytes that one run's record may take; a run too long for it keeps every second step, or third …
_HEAD = struct.Struct("<II")
_LARGEST = 65_504.0  # of float16


class Recorder:
    """Appends to a run's record. It never fails a run: what can't be written is given up."""

    def __init__(self, run: Run, config: RunConfig, total_steps: int, step: int) -> None:
        """`step` is how many the run has done: what was recorded of later ones is superseded."""
        self._file: BinaryIO | None = None
        self._every = _every(config, total_steps)
        try:
            places = _places(_path(run))
            self._file = _path(run).open("ab")
            self._file.truncate(max((end for done, (_, _, end) in places.items() if done <= step), default=0))
        except OSError:
            self.close()

    def keep(self, step: int, nats: Sequence[Tensor]) -> None:
        """Write one step down: nats a scored position, a tensor a forward pass."""
        if self._file is None or step % self._every:
            return
        together = torch.cat(list(nats)).float().clamp(max=_LARGEST).half().cpu().numpy()
        try:
            self._file.write(_HEAD.pack(step, len(together)) + together.astype("<f2").tobytes())
            self._file.flush()
        except OSError:
            self.close()

    def close(self) -> None:
        """Write no more."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # the disk is full: the reader passes over the torn end
                file.close()


def _every(config: RunConfig, total_steps: int) -> int:
    """Of how many steps one is kept, so that the whole run stays within ROOM."""
    chosen = config.optimization
    positions = chosen.per_device_train_batch_size * chosen.gradient_accumulation_steps * config.chunking.chunk_size
    expected = _HEAD.size + 2 * positions * config.masking.mlm_probability
    return max(1, math.ceil(total_steps * expected / ROOM))


def _path(run: Run) -> Path:
    return run.folder / "surprisals.bin"


def _places(path: Path) -> dict[int, tuple[int, int, int]]:
    """step → (where its values begin, how many there are, where they end). A torn record at the end is passed over."""
    found: dict[int, tuple[int, int, int]] = {}
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            at = 0
            while at + _HEAD.size <= size:
                file.seek(at)
                step, count = _HEAD.unpack(file.read(_HEAD.size))
                begin, at = at + _HEAD.size, at + _HEAD.size + 2 * count
                if at <= size:
                    found[step] = (begin, count, at)
    except (OSError, struct.error):
        return found
    return found


def recorded(run: Run) -> list[int]:
    """The steps that were kept, in order; none for a run that kept nothing."""
    return sorted(_places(_path(run)))


def nearest(run: Run, step: int) -> int:
    """The kept step that is nearest to this one. Raises RunError if none was kept."""
    steps = recorded(run)
    require(
        bool(steps),
        f"The run {run.id} kept no surprisals, so its steps can't be looked into. Train one with keep_surprisals on.",
        RunError,
    )
    return min(steps, key=lambda each: abs(each - step))


@dataclass(frozen=True, slots=True)
class StepRead:
    """One training step as the model read it, before its weights were changed. Arrays are (chunks, chunk_size)."""

    step: int
    epoch: int  # from 0
    parts: tuple[int, ...]  # chunks of each forward pass
    read: np.ndarray  # int64: what the model saw
    original: np.ndarray  # int64: what the author wrote
    word_starts: np.ndarray  # bool
    special: np.ndarray  # bool
    action: np.ndarray  # uint8: UNTOUCHED, MASKED, RANDOM or KEPT
    nats: np.ndarray  # float32; nan where nothing is scored
    documents: np.ndarray  # int32

    @property
    def scored(self) -> int:
        """Positions in the loss."""
        return int((self.action != 0).sum())

    @property
    def loss(self) -> float:
        """Nats a scored position, as the curve has it but for float16's rounding."""
        return float(np.nanmean(self.nats))


def read_step(run: Run, prepared: "Prepared", step: int) -> StepRead:
    """What a step read, and how surprised the model was. `prepared` is the run's corpus, as `prepare` makes it.

    Raises RunError if the step was not kept, or if corpus and record don't belong together.
    """
    place = _places(_path(run)).get(step)
    require(place is not None, f"Step {step} of the run {run.id} was not kept. Choose another.", RunError)
    assert place is not None
    begin, count, _ = place
    with _path(run).open("rb") as file:
        file.seek(begin)
        nats = np.frombuffer(file.read(2 * count), "<f2").astype(np.float32)
    facts = read_json(run.folder / "config.json") or {}
    same = facts.get("train_text") in (None, prepared.train_text)
    epoch, rows, masked = masked_step(run.config(), prepared, step)
    action = masked.action.numpy()
    require(
        same and int((action != 0).sum()) == count,
        f"The corpus of the run {run.id} has changed since it began, so what it read can't be shown any more.",
        RunError,
    )
    flat = [row for part in rows for row in part]
    chunks, places = prepared.train, np.full(action.shape, np.nan, np.float32)
    places[action != 0] = nats
    return StepRead(
        step=step,
        epoch=epoch,
        parts=tuple(len(part) for part in rows),
        read=masked.input_ids.numpy(),
        original=chunks.input_ids[flat].astype(np.int64),
        word_starts=chunks.word_starts[flat],
        special=chunks.special_tokens_mask[flat],
        action=action,
        nats=places,
        documents=chunks.documents[flat],
    )


def masked_step(config: RunConfig, prepared: "Prepared", step: int) -> tuple[int, list[list[int]], MaskedBatch]:
    """The epoch, the rows and the masks of a step: as one batch, for a chunk's masks don't depend on its neighbours."""
    chosen = config.optimization
    epoch, rows = rows_of_step(
        len(prepared.train),
        chosen.per_device_train_batch_size,
        chosen.gradient_accumulation_steps,
        config.seed,
        step,
    )
    batch = ChunkRows(prepared.train).__getitems__([row for part in rows for row in part])
    return epoch, rows, mask_batch(batch, config.masking, prepared.vocabulary, config.seed, epoch)
