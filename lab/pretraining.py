"""Pretraining: a model to begin with, from nothing or from another checkpoint's encoder; then it trains like any other.

The fresh model is a checkpoint in LAB_HOME like one that was downloaded, so all that fine-tuning has, pretraining has too:
events, resume, precision, several devices.

Source: Sanh et al. 2019 (DistilBERT); Liu et al. 2019 (RoBERTa), table 9, for the optimizer's settings.
"""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lab.config import RunConfig
from lab.errors import ModelError, require
from lab.home import home, make_folder, plain_words, publish
from lab.model import load_tokenizer
from lab.settings import build, fit, setting

if TYPE_CHECKING:
    from transformers import DistilBertForMaskedLM, PreTrainedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a fresh model looks like, and what it takes over."""

    tokenizer: str = setting("bundled", "model whose tokenizer the fresh model reads with")
    encoder: str | None = setting(
        None, "checkpoint whose encoder to take over, of BERT's or DistilBERT's kind: a folder; none for a random one"
    )
    dim: int = setting(384, "width of the hidden states; the encoder's own if one is taken over, like the next three")
    n_layers: int = setting(6, "layers")
    n_heads: int = setting(12, "attention heads; dim is a multiple of it")
    hidden_dim: int = setting(1536, "width inside a layer, usually 4 times dim")
    start_seed: int = setting(0, "seed of the random weights")

    def __post_init__(self) -> None:
        fit(self)
        for name in ("dim", "n_layers", "n_heads", "hidden_dim"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}. Set it to 1 or more.")
        require(
            self.dim % self.n_heads == 0,
            f"dim is {self.dim} and n_heads {self.n_heads}. Set dim to a multiple of n_heads.",
        )


# From nothing a model learns at a higher rate than it is fine-tuned at, and without dropout: one pass over a large corpus
# leaves nothing to overfit.
_SETTINGS: dict[str, Any] = {
    "special_tokens": "chunk",
    "per_device_train_batch_size": 64,
    "learning_rate": 5e-4,
    "warmup_steps": 100,
    "num_train_epochs": 1.0,
    "dropout": 0.0,
    "max_test_chunks": 500,
    "save_steps": 500,
}


def pretrain_config(start: Start, **overrides: Any) -> RunConfig:
    """The configuration of a pretraining run; the fresh model that it names is made here.

    Give it to `lab.training.fine_tune`. Raises LabError for what can't be made or is set wrongly.

    >>> config = pretrain_config(Start(dim=32, n_layers=1, n_heads=2, hidden_dim=64), max_steps=1)
    >>> config.chunking.special_tokens, config.optimization.max_steps
    ('chunk', 1)
    """
    settings = _SETTINGS | overrides
    return build(RunConfig, settings | {"model": str(fresh_checkpoint(start))})


def fresh_checkpoint(start: Start) -> Path:
    """The folder of the fresh model, made if it isn't there: the same start gives the same weights and the same folder."""
    tokenizer = load_tokenizer(start.tokenizer)
    said = json.dumps({**asdict(start), "vocabulary": tokenizer.get_vocab()}, sort_keys=True)
    folder = home() / "starts" / hashlib.sha256(said.encode()).hexdigest()[:16]
    if folder.exists():
        return folder
    model = fresh_model(start, len(tokenizer))
    draft = folder.with_name(f".{folder.name}")
    make_folder(folder.parent)
    with plain_words(f"write {folder}"):
        shutil.rmtree(draft, ignore_errors=True)
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
    publish(draft, folder)
    return folder


def fresh_model(start: Start, vocabulary: int) -> "DistilBertForMaskedLM":
    """A DistilBERT with a head that nobody has trained; its encoder random, or taken over.

    >>> fresh_model(Start(dim=32, n_layers=1, n_heads=2, hidden_dim=64), vocabulary=100).config.dim
    32
    """
    from transformers import DistilBertConfig, DistilBertForMaskedLM

    torch.manual_seed(start.start_seed)
    if start.encoder is None:
        shape = {name: getattr(start, name) for name in ("dim", "n_layers", "n_heads", "hidden_dim")}
        return DistilBertForMaskedLM(DistilBertConfig(vocab_size=vocabulary, attention_dropout=0.0, **shape))
    source = _load_encoder(start.encoder)
    config = source.config
    have = config.vocab_size
    require(
        have == vocabulary,
        f"The encoder of {start.encoder} knows {have:,} pieces, and the tokenizer {vocabulary:,}. Give its own tokenizer.",
        ModelError,
    )
    model = DistilBertForMaskedLM(
        DistilBertConfig(
            vocab_size=vocabulary,
            max_position_embeddings=config.max_position_embeddings,
            dim=config.hidden_size,
            n_layers=config.num_hidden_layers,
            n_heads=config.num_attention_heads,
            hidden_dim=getattr(config, "intermediate_size", None) or config.hidden_dim,
            attention_dropout=0.0,
        )
    )
    _take_over(source, model)
    return model


def _load_encoder(name: str) -> "PreTrainedModel":
    from transformers import AutoModel

    require(
        (Path(name).expanduser() / "config.json").is_file(),
        f"There is no checkpoint in {name}. Give the folder of one, with its config.json and model.safetensors.",
        ModelError,
    )
    try:
        model = AutoModel.from_pretrained(
            Path(name).expanduser(), dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
    except Exception as error:
        raise ModelError(f"Can't load the checkpoint in {name}: {str(error).splitlines()[0]}") from error
    kind = model.config.model_type
    require(
        kind in ("bert", "distilbert"),
        f"The checkpoint in {name} is of the kind {kind}. An encoder of BERT's or DistilBERT's kind can be taken over.",
        ModelError,
    )
    return model


# DistilBERT's layer is BERT's under other names.
_NAMES = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}


def _take_over(source: "PreTrainedModel", model: "DistilBertForMaskedLM") -> None:
    """Copy the encoder's weights."""
    if source.config.model_type == "distilbert":
        model.distilbert.load_state_dict(source.state_dict())
        return
    bert: Any = source  # torch types a module's parts as tensors or modules
    given, taken = bert.embeddings, model.distilbert.embeddings
    with torch.no_grad():
        taken.word_embeddings.weight.copy_(given.word_embeddings.weight)
        # DistilBERT has no token types. A text of one sentence is all of type 0, so that its embedding added to each
        # position's comes to exactly the same.
        taken.position_embeddings.weight.copy_(given.position_embeddings.weight + given.token_type_embeddings.weight[0])
    taken.LayerNorm.load_state_dict(given.LayerNorm.state_dict())
    for before, after in zip(bert.encoder.layer, model.distilbert.transformer.layer, strict=True):
        for old, new in _NAMES.items():
            part: nn.Module = after.get_submodule(new)
            part.load_state_dict(before.get_submodule(old).state_dict())
