"""The Hugging Face Hub: what the lab may fetch from it, and whether it can be reached.

A machine without network would wait 20 to 50 s for each failing look-up. So the Hub is asked once, for two seconds at
most; if it doesn't answer, its libraries are switched offline, for this process and for those it starts.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

# What a run may start from, each at a fixed revision: weights in safetensors, no code.
MODELS = {
    "distilbert/distilbert-base-uncased": "12040accade4e8a0f71eabdb258fecc2e7e948be",
    "distilbert/distilbert-base-cased": "6ea81172465e8b0ad3fddeed32b986cdcdcffcf0",
    "distilbert/distilroberta-base": "fb53ab8802853c8e4fbdbcd0529f21fc6f459b2b",
    "distilbert/distilbert-base-multilingual-cased": "45c032ab32cc946ad88a166f7cb282f58c753c2e",
}
IMDB = "stanfordnlp/imdb"
IMDB_REVISION = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
IMDB_FILES = {split: f"plain_text/{split}-00000-of-00001.parquet" for split in ("train", "test", "unsupervised")}
_MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")

SECONDS = 2.0


class NotFetched(Exception):
    """What is needed of the Hub is not here and can't be had; the message is a sentence."""


@cache
def reachable() -> bool:
    """Whether the Hub answers within two seconds. Asked once a process; if not, the Hub's libraries go offline."""
    from huggingface_hub import constants

    answered = not constants.HF_HUB_OFFLINE and _answers()
    if not answered:
        _go_offline()
    return answered


def cached(name: str) -> bool:
    """Whether IMDB, or one of the models, lies whole in this computer's cache."""
    snapshot = _snapshot(name)
    return all((snapshot / file).is_file() for file in _about(name)[2])  # a link to a file that is gone is none


def loaded(name: str, load: Callable[[Path], Any]) -> Any:
    """What `load` makes of the folder with the files of IMDB or of a model, which are downloaded if they are not here.

    An interrupted download is completed, and files that turn out to be damaged are replaced, once. Raises NotFetched, and
    what `load` raises on files that are whole.
    """
    _fetch(name, [file for file in _about(name)[2] if not (_snapshot(name) / file).is_file()], "not whole")
    try:
        return load(_snapshot(name))
    except Exception:  # the readers raise what they like
        broken = [file for file in _about(name)[2] if _damaged(_snapshot(name) / file)]
        if not broken:
            raise
    _fetch(name, broken, "damaged")
    return load(_snapshot(name))


def _fetch(name: str, files: Sequence[str], state: str) -> None:
    """Download these files, on from where it broke off, or anew. `state` is that of the copy on this computer."""
    if not files:
        return
    from huggingface_hub import hf_hub_download

    if not reachable():
        begun = f"The copy of {name} on this computer is {state}"
        raise NotFetched(
            f"{begun if _snapshot(name).is_dir() else f'{name} is not on this computer'}, and the Hub can't be reached. "
            "Connect once and try again."
        )
    kind, revision, _ = _about(name)
    try:
        for file in files:
            hf_hub_download(name, file, repo_type=kind, revision=revision, force_download=state == "damaged")
    except Exception as error:  # whatever its client raises
        raise NotFetched(f"The Hub answered, but {name} could not be fetched: {reason(error)} Try again.") from error


def _damaged(file: Path) -> bool:
    """Whether a file's content is another than the cache's name for it says: its SHA-256, or git's name for small files."""
    blob = file.resolve()
    content = blob.read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return len(blob.name) in (40, 64) and blob.name not in (git, hashlib.sha256(content).hexdigest())


def _snapshot(name: str) -> Path:
    from huggingface_hub import constants

    kind, revision, _ = _about(name)
    return Path(constants.HF_HUB_CACHE) / f"{kind}s--{name.replace('/', '--')}" / "snapshots" / revision


def _about(name: str) -> tuple[str, str, tuple[str, ...]]:
    """(kind, revision, files) of what may be fetched."""
    if name == IMDB:
        return "dataset", IMDB_REVISION, tuple(IMDB_FILES.values())
    return "model", MODELS[name], _MODEL_FILES


def reason(error: Exception) -> str:
    """Why the Hub refused, in a sentence, from what its client raised."""
    from huggingface_hub.utils import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else None
    if status == 401:
        return "it wants to know who you are. Give it a token that may write, or log in with `hf auth login`."
    if status == 403 or isinstance(error, GatedRepoError):
        return "your token may not write there. Make one with the right to write, or choose another name."
    if isinstance(error, RepositoryNotFoundError):
        return "there is no such repository, or it isn't yours."
    said = getattr(error, "server_message", None) or str(error)
    return f"{said.strip().splitlines()[0].rstrip('.') if said.strip() else type(error).__name__}."


def _answers() -> bool:
    # In a thread of its own, for a look-up of the name may hang beyond any timeout that a client takes.
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    answer: list[bool] = []

    def ask() -> None:
        try:
            get_session().head(constants.ENDPOINT, timeout=SECONDS)
            answer.append(True)
        except Exception:  # whatever the client raises, it means: no answer
            answer.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return bool(answer and answer[0])


def _go_offline() -> None:
    import datasets
    from huggingface_hub import constants

    constants.HF_HUB_OFFLINE = True
    datasets.config.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"
