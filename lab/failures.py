"""Failures: what a run says of the error that ended it, and what to try."""

import errno
import os

import torch

from lab.errors import LabError

UNEXPECTED = "Something unexpected ended the run: {}. This is a fault of the lab, not yours."

LOST = (
    "The processes of this run have lost each other: one of them has ended, or can't be reached any more. Nothing saved is "
    "lost. See to it that all of them can run, and resume the run."
)


def explain(error: Exception) -> str | None:
    """What to tell of an error that ends a run, or None for one that nobody expected."""
    if isinstance(error, LabError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error):
        return (
            "There was not enough memory. Halve per_device_train_batch_size and double gradient_accumulation_steps: "
            "the result is the same. A shorter chunk_size helps too."
        )
    if isinstance(error, torch.distributed.DistBackendError) or "gloo" in str(error):
        return LOST
    # safetensors and torch report a full disk in exceptions of their own, with the system's words in them.
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
        return "The disk is full. Delete old runs (`python -m lab runs delete`), or set LAB_HOME to another disk."
    return None
