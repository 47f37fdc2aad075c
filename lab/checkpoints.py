"""Checkpoints: whether one is whole, so that a run is resumed from the last that is."""

import json
import zipfile
from pathlib import Path

from safetensors import SafetensorError, safe_open


def is_whole(checkpoint: Path) -> bool:
    """Whether all that a run needs to go on can be read. A copy broken off, or a bad disk, leaves others."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        with safe_open(checkpoint / "model.safetensors", "np"):
            pass
    except (OSError, ValueError, SafetensorError):
        return False
    needed = {checkpoint / "optimizer.pt", checkpoint / "scheduler.pt"}
    return all(
        map(zipfile.is_zipfile, needed.union(checkpoint.glob("*.pt"), checkpoint.glob("*.pth")))
    )  # torch's files are zip files, whose directory stands at their end
