"""Runs: one training run, one folder, readable without this program.

    config.json      every setting, with package versions and fingerprints of the corpus
    events.jsonl     what happened, one JSON object a line, only ever appended to, by one writer
    summary.json     how it ended, once it has; gone again while it is resumed
    checkpoint-N/    what resuming needs; gone once the run has finished
    model/           the model and its tokenizer, for plain from_pretrained
    stop.json        somebody asked it to stop, and why; gone once it has
    owner.json       for one that came through the queue: a hash of its owner's token
    worker.json      the process that trains it now
    pinned           it is never removed to make room

Folders appear in one move when they are whole. A run that has no last event and whose writer is gone was interrupted.
"""

import errno
import os
import platform
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from json import loads
from pathlib import Path
from typing import Any

from filelock import Timeout

from lab import queue
from lab.config import RunConfig
from lab.errors import RunError
from lab.events import Event, RunStarted, event_of, is_last, to_json
from lab.home import held, home, lock, make_folder, plain_words, read_json, write_json
from lab.settings import build, values
from lab.story import summarize

STOPPED = "stopped when asked to"
PACKAGES = ("torch", "transformers", "datasets", "accelerate", "tokenizers", "numpy")
_CHECKPOINT = re.compile(r"checkpoint-\d+")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Run:
    """A run on disk. Making one reads nothing."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def log(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def staging(self) -> Path:
        """Where folders are made before they are moved to their place."""
        return self.folder / "partial"

    def config(self) -> RunConfig:
        """Its configuration. Raises RunError if that can't be read."""
        return build(RunConfig, self._read("config.json")["settings"])

    def summary(self) -> dict[str, Any]:
        """How it ended: what summary.json says, or the log if a crash left none; {} while it goes on or waits."""
        return self._ended() or self._ended_in_the_log() or {}

    def _ended(self) -> dict[str, Any] | None:
        found = read_json(self.folder / "summary.json")
        return found if isinstance(found, dict) else None

    def _ended_in_the_log(self) -> dict[str, Any] | None:
        # Asked in this order: a run that ends meanwhile has its summary before it lets go of the lock.
        if self.goes_on() or self.waits():
            return self._ended()
        events = list(self.events())
        return self._ended() or (summarize(events) if events else None)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            content = loads((self.folder / name).read_text(encoding="utf-8"))
            if not isinstance(content, dict) or not isinstance(content.get("settings"), dict):
                raise ValueError("it holds no settings")
        except (OSError, ValueError) as error:
            raise RunError(f"Can't read {name} of the run {self.id}: {error}. The run is damaged; delete it.") from error
        return content

    def events(self) -> Iterator[Event]:
        """Everything in the log so far; a last line without its end was cut off by a crash, and isn't there yet."""
        if not self.log.is_file():
            return
        with self.log.open("rb") as file:
            for line in file:
                event = event_of(line) if line.endswith(b"\n") else None
                if event is not None:
                    yield event

    def checkpoints(self) -> list[Path]:
        """The whole checkpoints, earliest first."""
        found = [path for path in self.folder.glob("checkpoint-*") if path.is_dir() and _CHECKPOINT.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))

    def state(self) -> str:
        """waiting, running, finished, stopped, failed or interrupted."""
        ended = self._ended()
        if ended is None and self.waits():
            return "waiting"
        if ended is None and self.goes_on():
            return "running"
        return (ended or self.summary()).get("state", "interrupted")

    def has_ended(self) -> bool:
        """Whether its end has been written down."""
        return (self.folder / "summary.json").exists()

    def log_bytes(self) -> int:
        """How long its log is."""
        try:
            return self.log.stat().st_size
        except OSError:
            return 0

    def is_queued(self) -> bool:
        """Whether it came through the queue, and has an owner."""
        return (self.folder / "owner.json").exists()

    def is_pinned(self) -> bool:
        """Whether it is never removed to make room."""
        return (self.folder / "pinned").exists()

    def pin(self, pinned: bool = True) -> None:
        """Have it stay, or let it go when room is needed."""
        with plain_words(f"write to {self.folder}"):
            (self.folder / "pinned").touch() if pinned else (self.folder / "pinned").unlink(missing_ok=True)

    def goes_on(self) -> bool:
        """Whether a process trains it now."""
        # Whoever writes down its end for it holds the lock too, so that is asked before and after.
        return not self._is_being_ended() and held(self.folder / "writer.lock") and not self._is_being_ended()

    def _is_being_ended(self) -> bool:
        return (self.folder / "ending").exists()

    def waits(self) -> bool:
        """Whether it stands in the queue and no worker has taken it up yet."""
        return not (self.folder / "worker.json").exists() and queue.find(self.id, self.folder.parent.parent) is not None

    def ask_to_stop(self, reason: str) -> None:
        """Leave word that it is to stop after the step it is at; whoever trains it looks after each step."""
        write_json(self.folder / "stop.json", {"reason": reason})

    def asked_to_stop(self) -> str | None:
        """Why it is to stop, if it is to."""
        if not (self.folder / "stop.json").exists():
            return None
        return (read_json(self.folder / "stop.json") or {}).get("reason", STOPPED)

    def forget_stop(self) -> None:
        """It is wanted again."""
        (self.folder / "stop.json").unlink(missing_ok=True)

    def begin_again(self) -> None:
        """Take back how it ended, for it is to go on."""
        for trace in ("worker.json", "stop.json", "ending", "summary.json"):
            (self.folder / trace).unlink(missing_ok=True)

    def note_facts(self, **facts: str) -> None:
        """Add what has been found out to config.json; RunError if it said otherwise, for then this is another corpus."""
        content = self._read("config.json")
        if {name: content.get(name, fact) for name, fact in facts.items()} != facts:
            raise RunError(f"The corpus of the run {self.id} has changed since it began. Start a new run with it.")
        if not facts.items() <= content.items():
            write_json(self.folder / "config.json", content | facts)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep the place of its one writer, for this process, from before there is something to write."""
        with self._alone(patience=2.0):
            _RESERVED.add(self.folder)
            try:
                yield
            finally:
                _RESERVED.discard(self.folder)

    def is_reserved(self) -> bool:
        """Whether this process keeps that place."""
        return self.folder in _RESERVED

    @contextmanager
    def writing(self, patience: float = 2.0) -> Iterator["Writer"]:
        """Be its one writer. Raises RunError if another process is, and still is after so many seconds."""
        with nullcontext() if self.is_reserved() else self._alone(patience):
            _drop_torn_line(self.log)
            shutil.rmtree(self.staging, ignore_errors=True)
            with plain_words(f"write {self.log}"), self.log.open("ab") as file:
                yield Writer(self, file.fileno())

    @contextmanager
    def ending(self) -> Iterator["Writer"]:
        """Write its end for a worker that is dead; meanwhile nobody takes it for one that goes on."""
        with plain_words(f"write to {self.folder}"):
            (self.folder / "ending").touch()
        try:
            with self.writing() as writer:
                yield writer
        finally:
            (self.folder / "ending").unlink(missing_ok=True)

    @contextmanager
    def _alone(self, patience: float) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(lock(self.folder / "writer.lock", timeout=patience))
            except Timeout as error:
                raise RunError(
                    f"The run {self.id} is going on in another process. Wait for it, or stop it there."
                ) from error
            yield

    def delete(self) -> None:
        """Remove the folder and all in it. Raises RunError while the run goes on."""
        # Renamed first, so that a removal cut short leaves nothing that looks like a run.
        grave = self.folder.with_name(f".deleted-{self.id}")
        with plain_words(f"delete {self.folder}"):
            try:
                with self._alone(patience=0.2):
                    self.folder.replace(grave)
            except RunError:
                raise RunError(f"The run {self.id} is still going on. Stop it first.") from None
            shutil.rmtree(grave)


_RESERVED: set[Path] = set()  # the folders of the runs whose locks this process holds


@dataclass(frozen=True, slots=True)
class Writer:
    """Appends events to a run's log, a whole line at a time."""

    run: Run
    descriptor: int

    def append(self, event: Event) -> None:
        """Write one event down. What can't be written whole is taken back, so that every line is one event."""
        folder = self.run.folder
        with plain_words(f"write {self.run.log}"):
            if isinstance(event, RunStarted):
                (folder / "summary.json").unlink(missing_ok=True)
            line, before = f"{to_json(event)}\n".encode(), os.fstat(self.descriptor).st_size
            try:
                if os.write(self.descriptor, line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                os.ftruncate(self.descriptor, before)
                raise
            if is_last(event):
                os.fsync(self.descriptor)
                self.conclude(summarize(self.run.events()))

    def conclude(self, summary: dict[str, Any]) -> None:
        """Write down how it ended."""
        write_json(self.run.folder / "summary.json", summary)
        for trace in ("stop.json", "worker.json"):
            (self.run.folder / trace).unlink(missing_ok=True)


def create_run(config: RunConfig, enter: Callable[[str, Path], None] = lambda _run, _folder: None) -> Run:
    """Make the folder of a new run and write down what it will do.

    `enter` is called with the run's id and the folder as it is being made, before it appears in its place.
    """
    folder = home() / "runs"
    make_folder(folder)
    name = f"{_moment(folder)}-{config.masking.strategy.replace('_', '-')}-{secrets.token_hex(2)}"
    draft = folder / f".new-{name}"
    make_folder(draft)
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in values(config).items()}
    versions = {package: version(package) for package in PACKAGES} | {"python": platform.python_version()}
    created = datetime.now().astimezone().isoformat(timespec="seconds")
    try:
        write_json(draft / "config.json", {"created": created, "settings": settings, "versions": versions})
        enter(name, draft)
        with plain_words(f"make the folder of the run {name}"):
            draft.replace(folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # still there only if something went wrong
    return Run(folder / name)


def _moment(folder: Path) -> str:
    """Now, to the millisecond: 20261124-101500-123.

    Later than the newest run in any case, so that ids sort as they were made even where a clock was put back.
    """
    now = datetime.now()
    newest = max((path.name for path in folder.iterdir() if is_id(path.name)), default="")
    with suppress(ValueError):
        now = max(now, datetime.strptime(newest[:19], "%Y%m%d-%H%M%S-%f") + timedelta(milliseconds=1))
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}"


def list_runs() -> list[Run]:
    """The runs in LAB_HOME, newest first."""
    folder = home() / "runs"
    with plain_words(f"look into {folder}"):
        if not folder.is_dir():
            return []
        return [Run(path) for path in sorted(folder.iterdir(), reverse=True) if is_id(path.name) and _is_run(path)]


def is_id(name: str) -> bool:
    """Whether a run may be called that: no path, no hidden folder."""
    return _ID.fullmatch(name) is not None


def _is_run(folder: Path) -> bool:
    return (folder / "config.json").exists()


def find_run(name: str) -> Run | None:
    """A run by its id, by the unique beginning of one, "latest", or by the path of its folder; None if there is none."""
    if name == "latest":
        return next(iter(list_runs()), None)
    if is_id(name):
        matching = [run for run in list_runs() if run.id.startswith(name)]
        exact = [run for run in matching if run.id == name]
        if exact or len(matching) == 1:
            return (exact or matching)[0]
    with suppress(OSError, ValueError, RuntimeError):  # no path at all: too long, say, or of a user that isn't there
        path = Path(name).expanduser()
        if (path / "config.json").exists() and (path / "events.jsonl").exists():
            return Run(path.absolute())
    return None


def settled(config: RunConfig) -> RunConfig:
    """The configuration with the run that it goes on from under its whole name: "latest" will mean another one later."""
    run = find_run(config.model)
    if run is None:
        return config
    return replace(config, model=run.id if run.folder.parent == home() / "runs" else str(run.folder))


def get_run(name: str) -> Run:
    """The same, or RunError with the runs that there are."""
    run = find_run(name)
    if run is None:
        newest = ", ".join(each.id for each in list_runs()[:5]) or "none yet; `python -m lab train` makes one"
        raise RunError(f"There is no run {name!r}. The newest are: {newest}.")
    return run


def _drop_torn_line(log: Path) -> None:
    """Cut off a last line without its end, so that the next one starts whole."""
    if log.exists():
        content = log.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with log.open("rb+") as file:
                file.truncate(whole)
