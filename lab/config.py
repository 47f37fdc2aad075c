"""The configuration of a run: every setting of every step, in groups, with three presets to start from.

Nothing here needs torch, so that a form or a command line can show the settings before it is loaded.
"""

from dataclasses import dataclass
from typing import Any, Literal

from lab.chunking import Chunking
from lab.corpus import Corpus
from lab.errors import SettingError, require
from lab.settings import build, fit, group, setting

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]

FILM_PROBES = (
    "This is a great [MASK].",
    "The [MASK] was terrible.",
    "I laughed at every [MASK].",
    "She plays a young [MASK].",
    "The acting was [MASK].",
    "What a waste of [MASK].",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """How positions are selected for prediction, and what becomes of the selected."""

    strategy: Literal["token", "whole_word"] = setting(
        "token", "token: each piece by itself; whole_word: all pieces of a word together"
    )
    mlm_probability: float = setting(0.15, "share of ordinary pieces selected for prediction, between 0 and 1")
    mask_share: float = setting(0.8, "share of the selected that becomes the mask token, 0 to 1")
    random_share: float = setting(0.1, "share of the selected that becomes a random piece, 0 to 1; the rest is kept")

    def __post_init__(self) -> None:
        fit(self)
        p, masked, random = self.mlm_probability, self.mask_share, self.random_share
        require(0 < p < 1, f"mlm_probability is {p}. Set it between 0 and 1, for example 0.15.")
        require(0 <= masked <= 1, f"mask_share is {masked}. Set it from 0 to 1, for example 0.8.")
        require(0 <= random <= 1, f"random_share is {random}. Set it from 0 to 1, for example 0.1.")
        require(
            masked + random <= 1 + 1e-9,
            f"mask_share {masked} and random_share {random} add up to more than 1. Lower one of them.",
        )

    @property
    def kept_share(self) -> float:
        """Share of the selected that stays as it is."""
        return max(0.0, 1 - self.mask_share - self.random_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How held-out text is scored: frozen masks, drawn from a seed of their own.

    The same for every run unless asked otherwise, however the run itself masks: so any two runs can be compared.
    """

    score_strategy: Literal["token", "whole_word"] = setting("token", "masking strategy of the held-out masks")
    score_probability: float = setting(0.15, "share of held-out pieces that is scored, between 0 and 1")
    score_mask_share: float = setting(0.8, "share of the scored shown as the mask token, 0 to 1")
    score_random_share: float = setting(0.1, "share of the scored shown as a random piece, 0 to 1; the rest is kept")
    score_seed: int = setting(0, "seed of the frozen held-out masks")

    def __post_init__(self) -> None:
        fit(self)
        try:
            _ = self.masking
        except SettingError as error:
            message = str(error).replace("mlm_probability", "score_probability")
            message = message.replace("mask_share", "score_mask_share").replace("random_share", "score_random_share")
            raise SettingError(message) from None

    @property
    def masking(self) -> Masking:
        return Masking(
            strategy=self.score_strategy,
            mlm_probability=self.score_probability,
            mask_share=self.score_mask_share,
            random_share=self.score_random_share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimization:
    """How long, how fast and in what portions the model learns. Names are those of transformers' TrainingArguments."""

    num_train_epochs: float = setting(3.0, "passes over the training chunks")
    max_steps: int | None = setting(None, "stop after so many optimizer steps, whatever num_train_epochs says")
    per_device_train_batch_size: int = setting(32, "chunks a forward pass, on each device")
    gradient_accumulation_steps: int = setting(1, "forward passes an optimizer step")
    per_device_eval_batch_size: int = setting(64, "chunks a forward pass when scoring; changes no result")
    learning_rate: float = setting(2e-4, "peak learning rate of AdamW")
    weight_decay: float = setting(0.01, "AdamW's weight decay")
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = setting(
        "linear", "how the learning rate falls over the run"
    )
    warmup_steps: int = setting(0, "optimizer steps over which the learning rate rises from 0 to its peak")
    max_grad_norm: float = setting(1.0, "gradients longer than this are shortened to it; 0 for never")
    dropout: float | None = setting(None, "dropout in the encoder, 0 to 1; the model's own if not given")

    def __post_init__(self) -> None:
        fit(self)
        require(
            0 < self.num_train_epochs <= 1e6,
            f"num_train_epochs is {self.num_train_epochs}. Set it above 0, and to a million at most.",
        )
        require(self.max_steps is None or self.max_steps > 0, f"max_steps is {self.max_steps}. Set it to 1 or more.")
        for name in ("per_device_train_batch_size", "gradient_accumulation_steps", "per_device_eval_batch_size"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}. Set it to 1 or more.")
        require(
            0 < self.learning_rate < float("inf"),
            f"learning_rate is {self.learning_rate}. Set it above 0; 5e-5 to 5e-4 is usual.",
        )
        for name in ("weight_decay", "warmup_steps", "max_grad_norm"):
            require(getattr(self, name) >= 0, f"{name} is {getattr(self, name)}. Set it to 0 or more.")
        require(
            self.dropout is None or 0 <= self.dropout < 1,
            f"dropout is {self.dropout}. Set it from 0 to below 1, or leave it out for the model's own.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Everything that a run depends on, and what it is to report."""

    model: str = setting("bundled", "bundled, a Hub id from the allow-list, or an earlier run to go on from")
    data: Corpus = group(Corpus)
    chunking: Chunking = group(Chunking)
    max_train_chunks: int | None = setting(None, "train on so many chunks at most, drawn at random; all if not given")
    max_test_chunks: int | None = setting(None, "score so many held-out chunks at most, drawn at random; all if not given")
    masking: Masking = group(Masking)
    scoring: Scoring = group(Scoring)
    optimization: Optimization = group(Optimization)
    device: Device = setting("auto", "where to compute; auto takes a GPU if there is one")
    precision: Precision = setting(
        "auto", "number format; auto is fp16 on a CUDA GPU, bf16 on a CPU that is faster with it, else fp32"
    )
    seed: int = setting(42, "seed of the data order, the training masks and dropout")
    eval_steps: int | None = setting(None, "score every so many steps too; every epoch is scored in any case")
    save_steps: int | None = setting(None, "save a checkpoint every so many steps too; every epoch saves one in any case")
    probe_steps: int | None = setting(
        None, "fill the probe sentences every so many steps; about 20 times a run if not given"
    )
    probes: tuple[str, ...] = setting(FILM_PROBES, "sentences with a [MASK], filled again and again as the model learns")
    keep_surprisals: bool = setting(True, "keep how surprised the model was at each scored position of each step")
    report_to: Literal["none", "tensorboard", "wandb", "trackio"] = setting(
        "none", "experiment tracker that transformers reports to"
    )

    def __post_init__(self) -> None:
        fit(self)
        for name in ("max_train_chunks", "max_test_chunks", "eval_steps", "save_steps", "probe_steps"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{name} is {value}. Set it to 1 or more, or leave it out.")
        require(0 <= self.seed < 2**32, f"seed is {self.seed}. Set it from 0 to 4294967295.")
        for probe in self.probes:
            require("[MASK]" in probe, f"The probe {probe!r} has no [MASK]. Write [MASK] where a word is to be guessed.")


_TUTORIAL: dict[str, Any] = {
    "model": "distilbert/distilbert-base-uncased",
    "corpus": "imdb",
    "clean_markup": False,
    "per_device_train_batch_size": 64,
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
}

PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "quick": (
        "the bundled model on the bundled reviews, about two minutes on two CPU cores",
        {
            "num_train_epochs": 1.0,
            "learning_rate": 3e-4,
            "max_train_chunks": 1_800,
            "max_test_chunks": 100,
            "warmup_steps": 5,
        },
    ),
    "tutorial": (
        "DistilBERT on IMDB as tutorials do it: 10,000 training and 1,000 held-out chunks, 3 epochs",
        _TUTORIAL | {"max_train_chunks": 10_000, "max_test_chunks": 1_000},
    ),
    "full": ("DistilBERT on all of IMDB, nothing left out", _TUTORIAL),
}


def preset(name: str, **overrides: Any) -> RunConfig:
    """A preset's configuration, with some settings changed. Raises SettingError for an unknown name or a bad value.

    >>> preset("tutorial", mlm_probability=0.2).masking.mlm_probability
    0.2
    """
    require(name in PRESETS, f"There is no preset {name!r}. There are: {', '.join(PRESETS)}.")
    return build(RunConfig, PRESETS[name][1] | overrides)
