"""Pieces of source for the code drawers: what `from_pretrained` takes, and the call that makes a group of settings."""

from dataclasses import MISSING, fields
from typing import Any

from lab import hub
from lessons import bench


def where(model: str) -> str:
    """What plain transformers loads for the name of a model, as source.

    >>> where("bundled")
    '"assets/model"'
    """
    if model == "bundled":
        return '"assets/model"'
    if model in hub.MODELS:
        return f"{model!r}, revision={hub.MODELS[model]!r}"
    return repr(str(bench.run_of(model).model))


def made(settings: Any) -> str:
    """The call that makes a group of settings: what isn't at its default.

    >>> from lab.config import Masking
    >>> made(Masking(strategy="whole_word", mask_share=1, random_share=0))
    "Masking(strategy='whole_word', mask_share=1.0, random_share=0.0)"
    """
    given = (
        f"{each.name}={getattr(settings, each.name)!r}"
        for each in fields(settings)
        if each.default is MISSING or getattr(settings, each.name) != each.default
    )
    return f"{type(settings).__name__}({', '.join(given)})"
