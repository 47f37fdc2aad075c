"""Doctor: what this computer has that the lab can use, and what is missing, each in a sentence."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from lab import hub
from lab.corpus import Corpus, load_corpus
from lab.disk import folder_size
from lab.errors import LabError
from lab.hardware import choose, cpu_cores
from lab.home import home, make_folder
from lab.model import BUNDLED, load_model, load_tokenizer
from lab.runs import PACKAGES, list_runs


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    ok: bool
    said: str
    optional: bool = False  # the lab works without


def examine() -> Iterator[Finding]:
    """Look at one thing after another. What is broken is a finding, never an error.

    >>> next(examine()).name
    'packages'
    """
    yield from _packages()
    yield _try("hardware", lambda: f"{choose(width=load_model(BUNDLED).config.hidden_size).said} {_machine()}")
    yield _try("bundled model", _bundled_model)
    yield _try("bundled corpus", _bundled_corpus)
    yield _try("home", _home)
    online = hub.reachable()
    said = "The Hugging Face Hub answers." if online else "The Hub can't be reached; everything bundled works without."
    yield Finding("network", online, said, optional=True)
    for name in hub.MODELS:
        cached = hub.cached(name)
        yield Finding(name, cached, _WHERE[cached, online], optional=True)
    cached = hub.cached(hub.IMDB)
    yield Finding(hub.IMDB, cached, _WHERE[cached, online], optional=True)


_WHERE = {
    (True, True): "On this computer.",
    (True, False): "On this computer.",
    (False, True): "Not here yet; fetched from the Hub when first used.",
    (False, False): "Not here, and the Hub can't be reached. Connect once and use it.",
}


def _packages() -> Iterator[Finding]:
    found, missing = [f"Python {platform.python_version()}"], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    said = ", ".join(found) + (f". Missing: {', '.join(missing)}; install requirements.txt." if missing else ".")
    yield Finding("packages", not missing, said)


def _try(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except LabError as error:
        return Finding(name, False, str(error))


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else None
    return f"{cpu_cores()} CPU cores" + (f", {memory:.0f} GB of memory." if memory else ".")


def _bundled_model() -> str:
    model, tokenizer = load_model(BUNDLED), load_tokenizer(BUNDLED)
    size = sum(parameter.numel() for parameter in model.parameters())
    return f"{size / 1e6:.1f} million parameters, a vocabulary of {len(tokenizer):,} pieces."


def _bundled_corpus() -> str:
    splits = load_corpus(Corpus())
    return f"{len(splits['train']):,} training and {len(splits['test']):,} held-out reviews."


def _home() -> str:
    make_folder(home())
    free = shutil.disk_usage(home()).free / 2**30
    used = folder_size(home()) / 2**30
    runs = len(list_runs())
    return f"{home()}: {runs} run{'' if runs == 1 else 's'}, {used:.1f} GB used, {free:.0f} GB free."
