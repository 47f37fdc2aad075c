"""The Hugging Face Hub: what the lab may fetch from it, and whether it can be reached.

A machine without network would wait 20 to 50 s for each failing look-up. So the Hub is asked once, for two seconds at
most; if it doesn't answer, its libraries are switched offline, for this process and for those it starts.
"""

import os
import threading
from functools import cache
from pathlib import Path

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


class Unreachable(Exception):
    """What is needed of the Hub is not here, and it doesn't answer; the message is a sentence."""


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


def fetch(name: str, *, anew: bool = False) -> Path:
    """The folder with the files of IMDB or of a model, downloaded first if they are not all here.

    An interrupted download is completed; `anew` replaces files that turned out to be damaged. Raises Unreachable if the Hub
    is needed and doesn't answer, and what its client raises if it refuses.
    """
    from huggingface_hub import hf_hub_download

    kind, revision, files = _about(name)
    snapshot = _snapshot(name)
    if anew or not cached(name):
        if not reachable():
            state = f"The copy of {name} on this computer is {'damaged' if anew else 'not whole'}"
            begun = snapshot.is_dir()
            raise Unreachable(
                f"{state if begun else f'{name} is not on this computer'}, and the Hub can't be reached. Connect once and "
                "try again."
            )
        for file in files:
            hf_hub_download(name, file, repo_type=kind, revision=revision, force_download=anew)
    return snapshot


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
