"""Model: which checkpoint, with its tokenizer, and the one way the lab asks it for predictions.

A checkpoint is the bundled one, one of the Hub's allow-listed ones, or a finished run. Weights are safetensors, code never
comes with them, and what is on this computer is used before the network is asked.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from lab import hub
from lab.config import Device, Precision
from lab.errors import ModelError, require
from lab.hardware import choose
from lab.home import ASSETS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

BUNDLED = "bundled"


def load_model(name: str, dropout: float | None = None) -> "PreTrainedModel":
    """Load a masked language model in float32, in evaluation mode, on the CPU.

    `name`: "bundled", an id in `hub.MODELS`, a run (its id, or the path of its folder), or the folder of a checkpoint.
    `dropout` takes the place of the model's own, in the encoder and in its attention. Raises ModelError.

    >>> load_model("bundled").config.model_type
    'distilbert'
    """
    from transformers import AutoConfig, AutoModelForMaskedLM

    def load(where: str) -> "PreTrainedModel":
        config = AutoConfig.from_pretrained(where, **_LOCAL)
        for name in _DROPOUTS if dropout is not None else ():
            if hasattr(config, name):
                setattr(config, name, dropout)
        return AutoModelForMaskedLM.from_pretrained(
            where, config=config, dtype=torch.float32, use_safetensors=True, **_LOCAL
        )

    return _load(name, load).eval()


_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
_LOCAL = {"local_files_only": True, "trust_remote_code": False}
_DROPOUTS = ("dropout", "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob")


def load_tokenizer(name: str) -> "PreTrainedTokenizerFast":
    """Load the tokenizer of a model; names as in `load_model`. It doesn't warn of long texts: the lab cuts them itself.

    >>> load_tokenizer("bundled").mask_token
    '[MASK]'
    """
    from transformers import AutoTokenizer

    def load(where: str) -> Any:
        # Without any of its files transformers would make one up, of its special tokens alone.
        require(
            any((Path(where) / file).is_file() for file in _TOKENIZERS),
            "it has no tokenizer: none of its files is there",
            ModelError,
        )
        return AutoTokenizer.from_pretrained(where, use_fast=True, **_LOCAL)

    tokenizer = _load(name, load)
    # The warning that a sequence is longer than 512 alarms people, and chunking answers it.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    return tokenizer


def _load(name: str, load: Callable[[str], Any]) -> Any:
    where = name if name in hub.MODELS else _folder(name)
    try:
        if name in hub.MODELS:
            return hub.loaded(name, lambda folder: load(str(folder)))
        return load(str(where))
    except hub.NotFetched as error:
        raise ModelError(f'{error} The bundled model works without: model "{BUNDLED}".') from error
    except Exception as error:  # the readers of weights and of tokenizers raise what they like
        raise ModelError(f"Can't load the model in {where}: {_first_line(error)}. Its files may be damaged.") from error


def _folder(name: str) -> Path:
    """The folder with the weights of the bundled model, of a run, or of a checkpoint."""
    from lab.runs import find_run

    if name == BUNDLED:
        return ASSETS / "model"
    run = find_run(name)
    if run is None:
        plain = Path(name).expanduser()
        if (plain / "config.json").is_file() and (plain / "model.safetensors").is_file():
            return plain
        raise ModelError(
            f"There is no model {name!r}. Give {BUNDLED}, a run, the folder of a checkpoint, or one of: "
            f"{', '.join(hub.MODELS)}."
        )
    require(
        run.model.is_dir(),
        f"The run {run.id} has no model yet (it is {run.state()}). Choose another run, or resume this one.",
        ModelError,
    )
    return run.model


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def positions(model: "PreTrainedModel") -> int:
    """The longest chunk a model can read, in tokens.

    >>> positions(load_model("bundled"))
    512
    """
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa's positions begin behind its padding index, so two of its 514 are never used.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return model.config.max_position_embeddings


def check_fits(model: "PreTrainedModel", chunk_size: int) -> None:
    """Raise ModelError if a chunk is longer than the model's positions."""
    longest = positions(model)
    require(
        chunk_size <= longest,
        f"chunk_size is {chunk_size}, but this model reads {longest} tokens at once. Set it to {longest} or less.",
        ModelError,
    )


def logits_at(model: nn.Module, input_ids: Tensor, where: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """The model's logits at the positions `where` only: (n, vocabulary), n the number of True in `where`.

    `input_ids` (batch, width) int64, `where` (batch, width) bool, on the model's device. Equal to
    `model(...).logits[where]`, for any masked language model of transformers: its head works position by position, so the
    hidden states are narrowed before they reach it.

    The projection to 30,522 pieces is most of a small model's arithmetic, and at 15 % one position in seven needs it.

    >>> model = load_model("bundled")
    >>> ids = torch.tensor([[101, 2023, 103, 102]])
    >>> torch.allclose(logits_at(model, ids, ids == 103), model(ids).logits[ids == 103], atol=1e-4)
    True
    """
    with _narrowed(inner_model(model), where):
        return model(input_ids=input_ids, attention_mask=attention_mask).logits.squeeze(0)


def inner_model(model: nn.Module) -> "PreTrainedModel":
    """The transformers model inside a wrapper for several devices."""
    return cast("PreTrainedModel", getattr(model, "module", model))


@contextmanager
def _narrowed(model: "PreTrainedModel", where: Tensor) -> Iterator[None]:
    """While this holds, the encoder hands on only the hidden states at `where`, as one row: (1, n, hidden).

    To the thread that asked: others that use the same model meanwhile, as visitors of a page do, have places of their own.
    """
    asking = threading.get_ident()

    def narrow(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        if threading.get_ident() != asking:
            return output
        output.last_hidden_state = output.last_hidden_state[where].unsqueeze(0)
        return output

    handle = model.base_model.register_forward_hook(narrow)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with its tokenizer, on its device, ready to be asked."""

    name: str
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast"
    device: str
    precision: str

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Without gradients, in the model's precision."""
        narrow = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.precision)
        with torch.inference_mode(), torch.autocast(self.device, narrow, enabled=narrow is not None):
            yield


def load(name: str, device: Device = "auto", precision: Precision = "fp32") -> Loaded:
    """Load a model and its tokenizer to be asked or scored. fp32 unless told otherwise: scores are to be exact.

    >>> load("bundled", device="cpu").precision
    'fp32'
    """
    model = load_model(name)
    hardware = choose(device, precision, model.config.hidden_size)
    model.to(torch.device(hardware.device))  # type: ignore[arg-type]  # its decorator hides the signature
    return Loaded(name, model, load_tokenizer(name), hardware.device, hardware.precision)
