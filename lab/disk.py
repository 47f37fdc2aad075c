"""Disk: how much a folder holds, and keeping it below a limit."""

import contextlib
from pathlib import Path


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder and below it; 0 if there is none. What vanishes meanwhile counts as nothing."""
    return sum(size for _, size, _ in _files(folder))


def keep_below(folder: Path, limit: int) -> list[Path]:
    """Delete the files of a folder that were not written for longest until it holds `limit` bytes at most.

    Returns what was deleted. A file that is mapped into memory lives on for whoever has mapped it.
    """
    files = sorted(_files(folder))
    total, deleted = sum(size for _, size, _ in files), []
    for _, size, path in files:
        if total <= limit:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            deleted.append(path)
        total -= size
    return deleted


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    """(time of the last writing in ns, bytes, path) of each file."""
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            about = path.lstat()
            if path.is_file():
                found.append((about.st_mtime_ns, about.st_size, path))
    return found
