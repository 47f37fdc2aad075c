"""Arrays of a corpus: in memory while they are small; else in files of the cache, mapped, so that memory stays flat."""

import shutil
from collections.abc import Callable
from math import prod
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from lab.errors import RunError, require
from lab.home import home, lock, make_folder, plain_words

LARGE = 256 * 2**20  # bytes from which arrays lie in files

Layout = dict[str, tuple[tuple[int, ...], type]]  # name → (shape, dtype)
Arrays = dict[str, np.ndarray]


def laid_out(key: str, layout: Layout, fill: Callable[[Arrays], None]) -> Arrays:
    """Arrays of this layout as `fill` fills them, part by part. Those in files are made once, by whichever process is
    first; all others, also other runs, map the same files.

    `key` names what they hold. Raises RunError if the disk has no room for them.

    >>> laid_out("squares", {"n": ((3,), np.int32)}, lambda arrays: np.copyto(arrays["n"], [0, 1, 4]))
    {'n': array([0, 1, 4], dtype=int32)}
    """
    size = sum(prod(shape) * np.dtype(dtype).itemsize for shape, dtype in layout.values())
    if size < LARGE:
        arrays: Arrays = {name: np.empty(shape, dtype) for name, (shape, dtype) in layout.items()}
        fill(arrays)
        return arrays
    folder = home() / "cache" / "arrays" / key
    make_folder(folder.parent)
    with lock(folder.with_suffix(".lock")), plain_words(f"keep the corpus in {folder.parent}"):
        if not all((folder / f"{name}.npy").is_file() for name in layout):
            shutil.rmtree(folder, ignore_errors=True)
            room = shutil.disk_usage(folder.parent).free
            require(
                size < room,
                f"This corpus takes {size / 2**30:.1f} GB on the disk once it is chunked, and {room / 2**30:.1f} GB are "
                "free. Free some space, or set LAB_HOME to a larger disk.",
                RunError,
            )
            draft = Path(mkdtemp(dir=folder.parent, prefix=".new-"))
            try:
                made: Arrays = {
                    name: np.lib.format.open_memmap(draft / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)
                    for name, (shape, dtype) in layout.items()
                }
                fill(made)
                made.clear()
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in layout}
