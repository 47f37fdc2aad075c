"""Runs: one training run, one folder, readable without this program.

    config.json      every setting, with package versions and fingerprints of the corpus
    events.jsonl     what happened, one JSON object a line, only ever appended to, by one writer
    summary.json     how it ended, once it has
    checkpoint-N/    what resuming needs; gone once the run has finished
    model/           the model and its tokenizer, for plain from_pretrained

Folders appear in one move when they are whole. A run that has no last event and whose writer is gone was interrupted.
"""

import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lab.config import RunConfig
from lab.errors import RunError, require
from lab.events import Evaluated, Event, Failed, Finished, RunStarted, Stepped, Stopped, from_json, is_last, to_json
from lab.home import home, make_folder, plain_words, write_json
from lab.settings import build, values

PACKAGES = ("torch", "transformers", "datasets", "accelerate", "tokenizers", "numpy")
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
        """How it ended: the contents of summary.json, made again from the log if a crash left none; {} while it goes on."""
        if (self.folder / "summary.json").exists():
            return self._read("summary.json")
        events = list(self.events())
        return summarize(events) if events and is_last(events[-1]) else {}

    def _read(self, name: str) -> dict[str, Any]:
        try:
            return loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, JSONDecodeError) as error:
            raise RunError(f"Can't read {name} of the run {self.id}: {error}. The run is damaged; delete it.") from error

    def events(self) -> Iterator[Event]:
        """Everything in the log so far; a last line without its end was cut off by a crash, and is passed over."""
        if not self.log.exists():
            return
        with self.log.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield from_json(line)

    def checkpoints(self) -> list[Path]:
        """The whole checkpoints, earliest first."""
        found = [path for path in self.folder.glob("checkpoint-*") if path.is_dir()]
        return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))

    def state(self) -> str:
        """running, finished, stopped, failed or interrupted."""
        if self._written_now():
            return "running"
        summary = self.summary()
        return summary["state"] if summary else "interrupted"

    def _written_now(self) -> bool:
        try:
            with self._lock(timeout=0):
                return False
        except Timeout:
            return True

    def _lock(self, timeout: float) -> FileLock:
        return FileLock(self.folder / "writer.lock", timeout=timeout, thread_local=False)

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Be its one writer. Raises RunError if another process is."""
        try:
            with self._lock(timeout=2):
                _drop_torn_line(self.log)
                shutil.rmtree(self.staging, ignore_errors=True)
                with plain_words(f"write {self.log}"), self.log.open("ab") as file:
                    yield Writer(self, file.fileno())
        except Timeout as error:
            raise RunError(f"The run {self.id} is going on in another process. Wait for it, or stop it there.") from error

    def delete(self) -> None:
        """Remove the folder and all in it. Raises RunError while the run goes on."""
        require(not self._written_now(), f"The run {self.id} is still going on. Stop it first.", RunError)
        # Renamed first, so that a removal cut short leaves nothing that looks like a run.
        grave = self.folder.with_name(f".deleted-{self.id}")
        with plain_words(f"delete {self.folder}"):
            self.folder.replace(grave)
            shutil.rmtree(grave)


@dataclass(frozen=True, slots=True)
class Writer:
    """Appends events to a run's log, a whole line at a time."""

    run: Run
    descriptor: int

    def append(self, event: Event) -> None:
        with plain_words(f"write {self.run.log}"):
            line = f"{to_json(event)}\n".encode()
            if os.write(self.descriptor, line) != len(line):
                raise OSError(28, "No space left on device")
            if is_last(event):
                os.fsync(self.descriptor)
                write_json(self.run.folder / "summary.json", summarize(self.run.events()))


def create_run(config: RunConfig, **facts: Any) -> Run:
    """Make the folder of a new run and write down what it will do. `facts` are added to config.json."""
    now = datetime.now().astimezone()
    # To the millisecond, so that the ids of runs sort as they were made.
    moment = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}"
    name = f"{moment}-{config.masking.strategy.replace('_', '-')}-{secrets.token_hex(2)}"
    run = Run(home() / "runs" / name)
    make_folder(run.folder)
    settings = {key: list(value) if isinstance(value, tuple) else value for key, value in values(config).items()}
    versions = {package: version(package) for package in PACKAGES} | {"python": platform.python_version()}
    created = now.isoformat(timespec="seconds")
    write_json(run.folder / "config.json", {"created": created, "settings": settings, "versions": versions, **facts})
    return run


def list_runs() -> list[Run]:
    """The runs in LAB_HOME, newest first."""
    folder = home() / "runs"
    if not folder.is_dir():
        return []
    return [Run(path) for path in sorted(folder.iterdir(), reverse=True) if (path / "config.json").exists()]


def find_run(name: str) -> Run | None:
    """A run by its id, by the unique beginning of one, "latest", or by the path of its folder; None if there is none."""
    if name == "latest":
        return next(iter(list_runs()), None)
    if _ID.fullmatch(name):
        matching = [run for run in list_runs() if run.id.startswith(name)]
        exact = [run for run in matching if run.id == name]
        if exact or len(matching) == 1:
            return (exact or matching)[0]
    path = Path(name).expanduser()
    return Run(path.absolute()) if (path / "config.json").exists() and (path / "events.jsonl").exists() else None


def get_run(name: str) -> Run:
    """The same, or RunError with the runs that there are."""
    run = find_run(name)
    if run is None:
        newest = ", ".join(each.id for each in list_runs()[:5]) or "none yet; `python -m lab train` makes one"
        raise RunError(f"There is no run {name!r}. The newest are: {newest}.")
    return run


def curve(events: Iterable[Event]) -> list[Event]:
    """The events of a run as one story: what a resumed run did again takes the place of what was lost."""
    story: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted) and event.step > 0:
            story = [kept for kept in story if kept.step <= event.step and not is_last(kept)]
        story.append(event)
    return story


def summarize(events: Iterable[Event]) -> dict[str, Any]:
    """The outcome of a run, from its events."""
    story = curve(events)
    last = story[-1]
    states = {Finished: "finished", Stopped: "stopped", Failed: "failed"}
    evaluated = [event for event in story if isinstance(event, Evaluated)]
    stepped = [event for event in story if isinstance(event, Stepped)]
    started = next((event for event in story if isinstance(event, RunStarted)), None)
    best = min(evaluated, key=lambda event: event.mean_nll, default=None)
    return {
        "state": states.get(type(last), "interrupted"),
        "reason": getattr(last, "reason", None),
        "steps": last.step,
        "seconds": last.seconds,
        "tokens_per_second": stepped[-1].tokens_per_second if stepped else None,
        "perplexity_before": evaluated[0].perplexity if evaluated else None,
        "perplexity": evaluated[-1].perplexity if evaluated else None,
        "accuracy": evaluated[-1].accuracy if evaluated else None,
        "best": asdict(best) if best else None,
        "fingerprint": started.fingerprint if started else None,
        "said": started.said if started else None,
    }


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Runs side by side: only the settings in which they differ, and their results."""

    runs: tuple[Run, ...]
    settings: dict[str, tuple[Any, ...]]  # name → one value a run
    results: dict[str, tuple[Any, ...]]
    rankable: bool  # all were scored alike, so their perplexities may be ranked


def compare_runs(runs: Iterable[Run]) -> RunComparison:
    """Compare runs setting by setting. Damaged runs raise RunError."""
    runs = tuple(runs)
    configs = [values(run.config()) for run in runs]
    differing = {name: tuple(config[name] for config in configs) for name in configs[0]}
    summaries = [run.summary() | {"state": run.state()} for run in runs]
    shown = (
        "state",
        "steps",
        "seconds",
        "tokens_per_second",
        "perplexity_before",
        "perplexity",
        "accuracy",
        "fingerprint",
    )
    results = {name: tuple(summary.get(name) for summary in summaries) for name in shown}
    return RunComparison(
        runs,
        {name: row for name, row in differing.items() if any(value != row[0] for value in row)},
        results,
        len(set(results["fingerprint"])) == 1,
    )


def _drop_torn_line(log: Path) -> None:
    """Cut off a last line without its end, so that the next one starts whole."""
    if log.exists():
        content = log.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with log.open("rb+") as file:
                file.truncate(whole)
