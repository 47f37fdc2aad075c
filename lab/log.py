"""The log of a run, from any line on, in milliseconds: what a page, or thirty of them, asks for again and again.

The state of a reader is a line number, and the reader keeps it. Kept here, for the logs asked for lately, is where every
64th line begins: so no question reads the log from its start, and 100,000 events cost 12 KB of memory.
"""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lab.errors import require
from lab.events import Event, event_of
from lab.runs import Run

_EVERY = 64
_LOGS = 256  # so many logs have their index kept
_BLOCK = 1 << 20
_NEAR_THE_END = 1 << 16  # bytes

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Tail:
    """A piece of a log."""

    events: tuple[Event, ...]
    next: int  # the line to ask from next time
    lines: int  # whole lines in the log now


def read(run: Run, after: int = 0, limit: int = 250) -> Tail:
    """The events behind the first `after` lines, `limit` of them at most. A last line without its end isn't there yet.

    Raises SettingError where `after` or `limit` is below 0. An `after` beyond the end gives nothing, and the end as `next`.
    """
    require(after >= 0 and limit >= 0, f"after is {after} and limit is {limit}. Set both to 0 or more.")
    try:
        descriptor = os.open(run.log, os.O_RDONLY)
    except OSError:  # it has none yet, or is gone
        return Tail((), 0, 0)
    try:
        lines, offset = _index(run.log).place(descriptor, after)
        start = min(after, lines)
        end = min(start + limit, lines)
        skipped = start % _EVERY
        found = _whole_lines(descriptor, offset, skipped + end - start)[skipped:]
    finally:
        os.close(descriptor)
    events = map(event_of, found)
    return Tail(tuple(event for event in events if event is not None), end, lines)


def latest(run: Run, kind: type[E]) -> E | None:
    """The last event of a kind, among the last ones of the log."""
    try:
        with run.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _NEAR_THE_END))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    return next((event for event in map(event_of, reversed(lines)) if isinstance(event, kind)), None)


def step_of(run: Run) -> int:
    """The step that a run has come to, as far as its log tells."""
    last = latest(run, Event)
    return last.step if last else 0


def _whole_lines(descriptor: int, offset: int, count: int) -> list[bytes]:
    """So many lines from there on, which are known to be there."""
    found = b""
    while found.count(b"\n") < count:
        block = os.pread(descriptor, max(4096, count * 256), offset + len(found))
        if not block:  # it was cut off meanwhile
            break
        found += block
    return found.split(b"\n")[:-1][:count]


@dataclass(slots=True)
class _Index:
    """Where every 64th line of a log begins, as far as it has been read; grows with the log."""

    file: tuple[int, int] = (0, 0)  # which file it is of
    starts: list[int] = field(default_factory=lambda: [0])
    lines: int = 0
    size: int = 0  # bytes of whole lines
    lock: threading.Lock = field(default_factory=threading.Lock)

    def place(self, descriptor: int, line: int) -> tuple[int, int]:
        """How many whole lines there are, and where the 64 lines begin among which that line is."""
        with self.lock:
            status = os.fstat(descriptor)
            if self.file != (status.st_dev, status.st_ino) or status.st_size < self.size:
                self.file, self.starts, self.lines, self.size = (status.st_dev, status.st_ino), [0], 0, 0
            block_size = _BLOCK
            while status.st_size > self.size:
                block = os.pread(descriptor, block_size, self.size)
                self._take(block)
                if b"\n" not in block:  # the last line isn't whole yet, or it is longer than a block
                    if len(block) < block_size:
                        break
                    block_size *= 2
            return self.lines, self.starts[min(line, self.lines) // _EVERY]

    def _take(self, block: bytes) -> None:
        end = 0
        while end := block.find(b"\n", end) + 1:
            self.lines += 1
            if self.lines % _EVERY == 0:
                self.starts.append(self.size + end)
        self.size += block.rfind(b"\n") + 1


_indices: OrderedDict[Path, _Index] = OrderedDict()
_indices_lock = threading.Lock()


def _index(path: Path) -> _Index:
    with _indices_lock:
        index = _indices.setdefault(path, _Index())
        _indices.move_to_end(path)
        while len(_indices) > _LOGS:
            _indices.popitem(last=False)
        return index
