"""The bench: the corpus and the model that all lessons use, kept ready. The heavy libraries are loaded behind the page.

A browser sends what it uses by name: `reviews`, `imdb` or `upload:TOKEN`; `bundled`, a Hub id or a run's id. Names are
checked here, so nothing that a stranger sends is ever taken for a path.
"""

import re
import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab import hub
from lab.corpus import Corpus
from lab.disk import keep_below
from lab.errors import CorpusError, ModelError, SettingError, require
from lab.files import FORMATS
from lab.home import home, make_folder, plain_words
from lab.runs import Run
from lessons.shelf import Shelf

if TYPE_CHECKING:
    from datasets import DatasetDict

    from lab.config import RunConfig
    from lab.model import Loaded
    from lab.preparation import Prepared
    from lab.tokenization import Tokens

LONGEST_TEXT = 20_000  # characters of a learner's text that a picture takes
LARGEST_UPLOAD = 50 * 2**20  # bytes of a learner's own corpus
UPLOADS_KEPT = 500 * 2**20  # bytes of all uploads together; the oldest go first
CACHE_KEPT = 2 * 2**30  # bytes of what is computed from corpora and can be computed again
_T = TypeVar("_T")
_UPLOAD = re.compile(r"upload:([0-9a-f]{32})")
_RUN = re.compile(r"[0-9]{8}-[0-9A-Za-z._-]{1,80}")


@dataclass(frozen=True, slots=True)
class Using:
    """Which corpus and which model, by name."""

    corpus: str = "reviews"
    model: str = "bundled"
    runs: tuple[str, ...] = ()  # the browser's own runs, newest last
    text_column: str | None = None  # of an upload; guessed if not given

    @classmethod
    def of(cls, payload: Any) -> "Using":
        """Read what a browser sent. Raises SettingError for names of no known form."""
        given = payload if isinstance(payload, dict) else {}
        corpus, model = given.get("corpus") or "reviews", given.get("model") or "bundled"
        known = isinstance(corpus, str) and (corpus in ("reviews", "imdb") or _UPLOAD.fullmatch(corpus))
        require(bool(known), "There is no such corpus. Choose one under “Change corpus and model”.", SettingError)
        known = isinstance(model, str) and (model == "bundled" or model in hub.MODELS or is_run(model))
        require(bool(known), "There is no such model. Choose one under “Change corpus and model”.", SettingError)
        sent = given.get("runs")
        runs = sent[-50:] if isinstance(sent, list) else []
        column = given.get("text_column")
        column = column[:100] if isinstance(column, str) and column and corpus.startswith("upload:") else None
        return cls(corpus, model, tuple(run for run in runs if isinstance(run, str) and is_run(run)), column)

    def corpus_settings(self, **settings: Any) -> Corpus:
        """The corpus as the lab's settings name it. Raises CorpusError for an upload that is no longer here."""
        return Corpus(corpus=corpus_path(self.corpus), text_column=self.text_column, **settings)


def corpus_path(name: str) -> str:
    """`reviews` and `imdb` as they are; an upload as the path of its file."""
    token = _UPLOAD.fullmatch(name)
    if not token:
        return name
    found = next((uploads() / token[1]).glob("*"), None)
    require(found is not None, "Your corpus is no longer on this computer. Upload it again.", CorpusError)
    return str(found)


def uploads() -> Path:
    """The folder of learners' own corpora: a folder each, so that a file keeps its name, which errors tell."""
    return home() / "uploads"


def keep_upload(file: Path, name: str) -> str:
    """Keep a learner's own corpus and give it a name of its own: `upload:TOKEN`. Raises CorpusError if it can't be used."""
    suffix = Path(name).suffix.lower()
    require(
        suffix in FORMATS, f"A corpus is a file that ends in {', '.join(FORMATS)}. Save it as one of them.", CorpusError
    )
    size = file.stat().st_size
    require(
        size <= LARGEST_UPLOAD,
        f"This file has {size / 2**20:.0f} MB; the lab takes up to {LARGEST_UPLOAD // 2**20} MB. Cut it shorter.",
        CorpusError,
    )
    token = secrets.token_hex(16)
    kept = uploads() / token / (re.sub(r"[^\w -]", "_", Path(name).stem)[:80] + suffix)
    make_folder(kept.parent)
    with plain_words("keep your corpus"):
        shutil.copyfile(file, kept)
    keep_below(uploads(), UPLOADS_KEPT)
    keep_below(home() / "cache", CACHE_KEPT)
    return f"upload:{token}"


# Loading, behind the page ---------------------------------------------------------------------------------------------

_warm = threading.Event()
_trouble: list[BaseException] = []


def warm_up() -> None:
    """Import torch and transformers and load the bundled model, in a thread of their own; returns at once.

    One thread alone does it: two importing transformers at once fail.
    """

    def work() -> None:
        try:
            import torch

            from lab.hardware import choose, cpu_cores
            from lab.model import load

            torch.set_num_threads(cpu_cores())
            bundled = _models.put(("bundled", None), load("bundled", device="cpu"))
            choose(width=bundled.model.config.hidden_size)
        except BaseException as error:  # told to whoever waits
            _trouble.append(error)
        finally:
            _warm.set()

    threading.Thread(target=work, name="warm-up", daemon=True).start()


def is_warm() -> bool:
    """Whether the libraries are there."""
    return _warm.is_set()


def wait_until_warm() -> None:
    """Wait for the libraries. Raises what kept them from loading."""
    _warm.wait()
    if _trouble:
        raise _trouble[0]


# Kept ready: a few of each ---------------------------------------------------------------------------------------------

_models: "Shelf[Loaded]" = Shelf(4)
_corpora: "Shelf[DatasetDict]" = Shelf(3)
_tokens: "Shelf[Tokens]" = Shelf(6)
_prepared: "Shelf[Prepared]" = Shelf(6)


def loaded(model: str) -> "Loaded":
    """A model with its tokenizer, on the CPU in fp32, ready to be asked. Raises ModelError."""
    wait_until_warm()
    from lab.model import load

    return _models.take((model, edition(model)), lambda: load(model, device="cpu"))


def tokenizer(model: str) -> Any:
    """A model's tokenizer."""
    return loaded(model).tokenizer


def is_run(model: str) -> bool:
    """Whether a model's name has the form of a run's id."""
    return bool(_RUN.fullmatch(model))


def run_of(name: str) -> Run:
    """A run by its whole id. Raises ModelError for one that isn't here."""
    folder = home() / "runs" / name
    there = is_run(name) and (folder / "config.json").exists()
    require(there, "This run is no longer on this computer. Choose another model.", ModelError)
    return Run(folder)


def edition(model: str) -> int | None:
    """Which weights a run has by now: one that was resumed has others under the same name. None for what isn't a run.

    Raises ModelError for a run that is gone.
    """
    if not is_run(model):
        return None
    weights = run_of(model).model / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.exists() else None


def remembered(room: int) -> Callable[[Callable[..., _T]], Callable[..., _T]]:
    """Keep what a function finds out about models or a corpus: once for all visitors, and anew for a run's new weights.

    The first argument of such a function names them: one model, several, or what is in use. Whose runs stand beside that
    makes no difference, and the function isn't told.
    """

    def decorate(ask: Callable[..., _T]) -> Callable[..., _T]:
        shelf = Shelf[_T](room)

        @wraps(ask)
        def remember(about: str | tuple[str, ...] | Using, *given: Any) -> _T:
            if isinstance(about, Using):
                about = replace(about, runs=())
            names = (about.model,) if isinstance(about, Using) else (about,) if isinstance(about, str) else about
            return shelf.take((tuple(map(edition, names)), about, *given), lambda: ask(about, *given))

        return remember

    return decorate


def corpus(using: Using) -> "DatasetDict":
    """The corpus in use: train and test documents. Raises CorpusError."""
    wait_until_warm()
    from lab.corpus import load_corpus

    return _corpora.take((using.corpus, using.text_column), lambda: load_corpus(using.corpus_settings()))


def tokens(using: Using, split: str = "train") -> "Tokens":
    """The corpus in use, taken apart by the tokenizer in use."""
    from lab.tokenization import tokenize

    documents, cutter = corpus(using)[split], tokenizer(using.model)
    key = (using.corpus, using.text_column, split, using.model)
    return _tokens.take(key, lambda: tokenize(documents, cutter))


def prepared(using: Using, **limits: Any) -> "Prepared":
    """Both splits chunked at the lab's defaults, sampled to `max_train_chunks` and `max_test_chunks`."""
    wait_until_warm()
    from lab.preparation import prepare

    key = (using.corpus, using.text_column, using.model, *sorted(limits.items()))
    return _prepared.take(key, lambda: prepare(using.model, using.corpus_settings(), **limits))


def prepared_for(config: "RunConfig") -> "Prepared":
    """Both splits as a run of this configuration chunks and samples them."""
    wait_until_warm()
    from lab.preparation import prepare

    limits = {"max_train_chunks": config.max_train_chunks, "max_test_chunks": config.max_test_chunks}
    key = (config.model, config.data, config.chunking, *limits.values())
    return _prepared.take(key, lambda: prepare(config.model, config.data, config.chunking, **limits))


def drop_upload(name: str) -> None:
    """Delete an upload that has turned out to be no corpus."""
    shutil.rmtree(Path(corpus_path(name)).parent, ignore_errors=True)


def check_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """A learner's text, or SettingError if there is none or too much of it."""
    require(isinstance(text, str) and bool(text.strip()), "There is no text here yet. Write or paste some.")
    require(
        len(text) <= longest,
        f"This text has {len(text):,} characters; the picture takes up to {longest:,}. Shorten it.",
    )
    return text


def whole(value: Any, low: int, high: int, otherwise: int) -> int:
    """A whole number from a control or an event, which anyone can send: kept between two bounds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        return otherwise
    return int(min(max(value, low), high))
