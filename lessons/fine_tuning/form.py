"""The form: a control for every setting of a run, made from its own declaration; and the form as a configuration."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_origin

import gradio as gr

from lab.config import PRESETS, RunConfig, preset
from lab.errors import LabError, SettingError
from lab.estimate import Estimate, estimate
from lab.limits import Limits
from lab.settings import Setting, build, choices, declared, plain, values
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.live_run import span

OPEN = ("strategy", "learning_rate", "num_train_epochs", "max_steps")
# Model and corpus are chosen once, for all lessons; a run in the queue reports to nobody but its log.
LEFT_OUT = {"model", "corpus", "text_column", "report_to"}
GROUPS = {
    "masking": "Masks of the training text",
    "optimization": "Learning",
    "chunking": "Chunks",
    "data": "Text",
    "scoring": "Scoring of the held-out text",
    "": "The run itself",
}
_LABELS = {"strategy": "Strategy", "learning_rate": "Learning rate", "num_train_epochs": "Epochs", "max_steps": "Steps"}
_NAMES = {"token": "token", "whole_word": "whole word"}
_FIRST = values(preset("quick"))


def settings() -> list[Setting]:
    """The settings that the form holds, in its order."""
    return [each for each in declared(RunConfig) if each.name not in LEFT_OUT]


def group_of(each: Setting) -> str:
    """The group that a setting stands in."""
    return each.path[0] if len(each.path) > 1 else ""


def place(each: Setting) -> int:
    """Where a setting stands among those that are open."""
    return OPEN.index(each.name)


def control(each: Setting) -> Any:
    """The control of one setting, at the quick preset's value."""
    hint, optional = plain(each.hint)
    value = shown(each, _FIRST[each.name])
    help = each.help[0].upper() + each.help[1:] + "."
    common: dict[str, Any] = {
        "label": _LABELS.get(each.name, each.name),
        "info": help,
        "elem_id": f"fine-tuning-{each.name.replace('_', '-')}",
        "min_width": 150 if each.name in OPEN else 240,
    }
    if choices(hint):
        options = [(_NAMES.get(name, name), name) for name in choices(hint)]
        kind = gr.Radio if len(options) < 3 else gr.Dropdown
        return kind(options, value=value, **common)
    if hint is bool:
        return gr.Checkbox(value, **common)
    if get_origin(hint) is tuple:
        return gr.Textbox(value, lines=6, max_lines=12, max_length=2000, **common)
    if optional:  # Gradio's number can't begin empty: it shows 0, which is a value
        return gr.Textbox(value, placeholder="not given", max_length=20, **common)
    precision = 0 if hint is int else None
    return gr.Number(value, precision=precision, step=1 if hint is int else _step(each.default), **common)


def _step(default: float | None) -> float:
    """By how much the arrows change a number: a tenth of its size."""
    return 10.0 ** (math.floor(math.log10(default)) - 1) if default else 0.01


def shown(each: Setting, value: Any) -> Any:
    """A setting's value as its control takes it: sentences one a line, and nothing for what is not given."""
    if isinstance(value, tuple):
        return "\n".join(value)
    if plain(each.hint)[1]:
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return value


def read(using: Using, given: Sequence[Any]) -> RunConfig:
    """The form's values, in its order, as a configuration for the corpus and the model in use. Raises LabError."""
    fields: dict[str, Any] = {}
    for each, value in zip(settings(), given, strict=True):
        hint, optional = plain(each.hint)
        if get_origin(hint) is tuple:
            fields[each.name] = _lines(value)
        else:
            fields[each.name] = _number(each.name, hint, value) if optional else value
    return configuration(using, fields)


def configuration(using: Using, fields: Mapping[str, Any]) -> RunConfig:
    """Settings by name as a configuration for the corpus and the model in use."""
    return build(RunConfig, fields, RunConfig(model=using.model, data=using.corpus_settings()))


def _number(name: str, kind: type, text: Any) -> float | None:
    """The number that was written, or None where nothing was. Raises SettingError for anything else."""
    text = str(text or "").strip().replace(",", "")
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        noun = "a whole number" if kind is int else "a number"
        raise SettingError(f"{name} is {text!r}, which is not {noun}. Give one, or leave it empty.") from None


def _lines(text: Any) -> tuple[str, ...]:
    return tuple(line.strip() for line in str(text or "").splitlines() if line.strip())


def described() -> list[Block]:
    """What the presets are."""
    words = "; ".join(f"**{name}**: {words}" for name, (words, _) in PRESETS.items())
    return [blocks.say(f"Ways to begin. {words}.", tone="quiet")]


def filled(name: str) -> tuple[list[Block], list[Any]]:
    """A preset as the form's values, and what is to be said of it."""
    config, (words, given) = values(preset(name)), PRESETS[name]
    wanted = [given[each] for each in ("model", "corpus") if each in given]
    note = f"Filled in: **{name}**, {words}."
    if wanted:
        note += " Model and corpus stay as they are in use: choose others under [Corpus and model](?lesson=materials)."
    return [blocks.say(note, tone="quiet", live=True)], [shown(each, config[each.name]) for each in settings()]


def expected(config: RunConfig) -> list[Block]:
    """How long a run of this configuration will take here, how that is known, and whether it is allowed."""
    found, limits = estimate(config), Limits.from_environment()
    told: list[Block] = [
        blocks.figures(
            (span(found.seconds), "expected time"),
            (f"{found.steps:,}", "optimizer steps"),
            (f"{found.train_chunks:,}", "chunks to train on"),
            (f"{found.tokens_per_second:,.0f}", "tokens a second while it trains"),
        ),
        blocks.say(f"The time is {known(found)}. A run waits its turn when others train.", tone="quiet"),
    ]
    try:
        counted = (found.steps, found.train_tokens) if found.counted else ()
        limits.check(config, *counted)
    except LabError as error:
        told.append(blocks.say("{why}", tone="bad", live=True, why=str(error)))
    if found.seconds > limits.seconds:
        told.append(
            blocks.say(
                f"That is longer than a run may take here: it would be stopped after {span(limits.seconds)}, and its "
                "model kept. Fewer steps fit.",
                tone="warn",
                live=True,
            )
        )
    return told


def known(found: Estimate) -> str:
    """How the time is known, to stand behind “is”."""
    return found.basis if found.basis.startswith(("measured", "reckoned", "a guess")) else f"known so: {found.basis}"
