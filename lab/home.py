"""Where the lab keeps things: LAB_HOME (default `.lab/` in the current folder); and how it writes, never by halves."""

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from filelock import FileLock, Timeout

from lab.errors import RunError

if TYPE_CHECKING:
    from datasets import Dataset

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def home() -> Path:
    """The lab's folder, from the environment variable LAB_HOME, else `.lab` here. Not made until something is written."""
    return Path(os.environ.get("LAB_HOME") or ".lab").expanduser().absolute()


def cached_map(dataset: "Dataset", function: Callable, kind: str, fingerprint: str, **options: Any) -> "Dataset":
    """`dataset.map(function)`, kept in a file of the lab's cache under the fingerprint, and read from there next time.

    A cache file that can't be read is made anew.
    """
    folder = home() / "cache"
    make_folder(folder)
    file = folder / f"{kind}-{fingerprint}.arrow"
    options |= {"batched": True, "new_fingerprint": fingerprint, "cache_file_name": str(file), "keep_in_memory": False}
    with plain_words(f"use the cache file {file}"):
        try:
            return dataset.map(function, load_from_cache_file=True, **options)
        except pa.ArrowInvalid:
            file.unlink(missing_ok=True)
            return dataset.map(function, load_from_cache_file=False, **options)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises RunError with a sentence if that can't be done."""
    with plain_words(f"make the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file so that a reader, or a crash, sees the old one whole or the new one whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    with plain_words(f"write {path}"):
        try:
            with draft.open("w", encoding="utf-8") as file:
                json.dump(content, file, indent=2, ensure_ascii=False, allow_nan=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """What `write_json` wrote; None if there is no such file, or nothing that can be read in it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def lock(path: Path, timeout: float = -1) -> FileLock:
    """A lock between processes (and between threads) that the system gives back when its holder dies."""
    return FileLock(path, timeout=timeout, thread_local=False)


def held(path: Path) -> bool:
    """Whether somebody holds that lock now. Asks by taking it for an instant; never makes the file."""
    if not path.exists():
        return False
    for pause in (0.002, 0):  # asked again, for it may have been another one asking
        with contextlib.suppress(Timeout), lock(path, timeout=0):
            return False
        time.sleep(pause)
    return True


def publish(draft: Path, final: Path) -> None:
    """Put a finished folder in its place in one move, its files on the disk first. A folder that was there is replaced."""
    with plain_words(f"write {final}"):
        for path in draft.rglob("*"):
            if path.is_file():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        draft.replace(final)


@contextlib.contextmanager
def plain_words(what: str) -> Iterator[None]:
    """Turn what the system says of a full disk or a closed folder into a sentence that says what to do."""
    try:
        yield
    except OSError as error:
        raise RunError(f"Can't {what}: {error.strerror or error}. {_WAY_OUT}") from error


_WAY_OUT = "Free some space or set LAB_HOME to a folder that can be written to."
