"""Batches: which chunks a training step reads, and how they are read and masked.

Order and masks are a function of the seed and the epoch. So what any step of a run read can be had again.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from lab.chunking import Chunks
from lab.config import Masking
from lab.masking import MaskedBatch, Vocabulary, mask

Batch = dict[str, Tensor]


class ChunkRows(Dataset):
    """Chunks as batches of tensors: (batch, chunk_size) each, and `rows` (batch,). A row of -1 is an idle one."""

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks

    def __len__(self) -> int:
        return len(self.chunks)

    def __getitems__(self, rows: list[int]) -> Batch:
        chunks = self.chunks
        batch = {
            "input_ids": torch.from_numpy(chunks.input_ids[rows].astype(np.int64)),
            "word_starts": torch.from_numpy(chunks.word_starts[rows]),
            "special_tokens_mask": torch.from_numpy(chunks.special_tokens_mask[rows]),
            "rows": torch.from_numpy(chunks.rows[rows]),
        }
        if rows == IDLE:
            batch["special_tokens_mask"][:] = True  # nothing of it is scored
        if chunks.padding and len(chunks) - 1 in rows:
            batch["attention_mask"] = torch.from_numpy(chunks.attention_mask[rows]).long()
        return batch


IDLE = [-1]


class RowBatches(Sampler[list[int]]):
    """One process's share of the row numbers, batch by batch, in an order drawn from the seed and the epoch.

    The batches of all processes laid side by side are the batches of one process with that many times the batch size. A
    process with nothing left in the last one gets an idle row, so that all take the same number of steps.

    >>> one, two = (list(RowBatches(10, size, 0, 0, world)) for size, world in ((4, 1), (2, 2)))
    >>> other = list(RowBatches(10, 2, 0, 1, 2))
    >>> [a + b for a, b in zip(two, other)] == one
    True
    """

    def __init__(self, rows: int, batch_size: int, seed: int, process: int, processes: int) -> None:
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.process, self.processes = process, processes
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(self.rows / (self.batch_size * self.processes))

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.rows)
        together = self.batch_size * self.processes
        for start in range(0, self.rows, together):
            shares = np.array_split(order[start : start + together], self.processes)
            yield shares[self.process].tolist() or IDLE


def rows_of_step(rows: int, batch_size: int, portions: int, seed: int, step: int) -> tuple[int, list[list[int]]]:
    """The epoch (from 0) of an optimizer step (from 1), and the rows that it reads: a list for each forward pass.

    >>> epoch, parts = rows_of_step(10, 4, 2, seed=0, step=2)  # 10 rows make 3 batches, and they 2 steps an epoch
    >>> epoch, [len(part) for part in parts]
    (0, [2])
    """
    batches = RowBatches(rows, batch_size, seed, 0, 1)
    steps_an_epoch = math.ceil(len(batches) / portions)
    batches.epoch, place = divmod(step - 1, steps_an_epoch)
    return batches.epoch, list(batches)[place * portions : (place + 1) * portions]


def mask_batch(batch: Batch, masking: Masking, vocabulary: Vocabulary, seed: int, epoch: int) -> MaskedBatch:
    """A batch's masks in an epoch, on the device that it is on (the vocabulary's too)."""
    fields = batch["input_ids"], batch["word_starts"], batch["special_tokens_mask"]
    return mask(*fields, masking, vocabulary, seed=seed, draw=epoch, rows=batch["rows"])
