"""How a setting is declared: once, with its default, its unit and its help, for Python, the command line and JSON alike.

A group of settings is a frozen, keyword-only dataclass that checks itself when made. Groups nest: a run's configuration
is a group of groups.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from functools import cache, reduce
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lab.errors import SettingError, require


def setting(default: Any, help: str) -> Any:
    """Declare one setting of a dataclass: its default and, for the person who sets it, what it means and its unit."""
    return field(default=default, metadata={"help": help})


def group(kind: type) -> Any:
    """Declare a nested group of settings, at its own defaults."""
    return field(default_factory=kind)


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting, wherever in the groups it stands."""

    path: tuple[str, ...]
    hint: Any
    default: Any
    help: str

    @property
    def name(self) -> str:
        """Its own name, which is unique across groups."""
        return self.path[-1]


def declared(kind: type) -> Iterator[Setting]:
    """Every setting of a group and of the groups in it, in the order declared.

    >>> from lab.masking import Masking
    >>> [setting.name for setting in declared(Masking)]
    ['strategy', 'mlm_probability', 'mask_share', 'random_share']
    """
    hints = _hints(kind)
    for each in fields(kind):
        if is_dataclass(hints[each.name]):
            for inner in declared(hints[each.name]):
                yield replace(inner, path=(each.name, *inner.path))
        else:
            yield Setting((each.name,), hints[each.name], each.default, each.metadata["help"])


def values(settings: Any) -> dict[str, Any]:
    """The settings of a group and of the groups in it under their own names, which are unique across groups."""
    return {each.name: reduce(getattr, each.path, settings) for each in declared(type(settings))}


def build(kind: type, given: Mapping[str, Any], base: Any = None) -> Any:
    """Make a group from flat names and values; what isn't given comes from `base`, or else from the defaults.

    Raises SettingError for a name that no setting has, and for a value of the wrong type.

    >>> from lab.masking import Masking
    >>> build(Masking, {"mlm_probability": 0.2}).mlm_probability
    0.2
    >>> build(Masking, {"mlm_probabilty": 0.2})
    Traceback (most recent call last):
    lab.errors.SettingError: There is no setting mlm_probabilty. Did you mean mlm_probability?
    """
    known = {each.name for each in declared(kind)}
    for name in [name for name in given if name not in known]:
        close = get_close_matches(name, known, n=1)  # slow: 4 ms a name
        hint = f"Did you mean {close[0]}?" if close else f"The settings are: {', '.join(sorted(known))}."
        raise SettingError(f"There is no setting {name}. {hint}")
    return _build(kind, given, base)


def _build(kind: type, given: Mapping[str, Any], base: Any) -> Any:
    hints, made = _hints(kind), {}
    for each in fields(kind):
        before = getattr(base, each.name) if base is not None else None
        if is_dataclass(hints[each.name]):
            made[each.name] = _build(hints[each.name], given, before)
        elif each.name in given:
            made[each.name] = given[each.name]
        elif base is not None:
            made[each.name] = before
    return kind(**made)


def fit(settings: Any) -> None:
    """Bring the values of a group that has just been made to the types that it declares, as they come back from JSON or a
    form. Raises SettingError for one that isn't of its type. What a group's `__post_init__` begins with.
    """
    for name, hint in _hints(type(settings)).items():  # type: ignore[arg-type]  # a class can be hashed
        value = getattr(settings, name)
        if is_dataclass(hint):
            require(type(value) is hint, f"{name} is {value!r}. Give it a {getattr(hint, '__name__', hint)}.")
        else:
            object.__setattr__(settings, name, _fit(name, value, hint))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def choices(hint: Any) -> tuple[Any, ...]:
    """The values a setting may take, for a `Literal`; else nothing."""
    return get_args(hint) if get_origin(hint) is Literal else ()


def plain(hint: Any) -> tuple[Any, bool]:
    """A setting's type without its `None`, and whether it may be None: `int | None` → (int, True)."""
    if isinstance(hint, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return kinds[0], len(kinds) < len(get_args(hint))
    return hint, False


def _fit(name: str, value: Any, hint: Any) -> Any:
    kind, optional = plain(hint)
    if value is None and optional:
        return None
    if choices(kind):
        require(value in choices(kind), f"{name} is {value!r}. It can be {' or '.join(map(repr, choices(kind)))}.")
        return value
    if get_origin(kind) is tuple:
        require(isinstance(value, list | tuple), f"{name} is {value!r}, which is not a list. Give it one.")
        return tuple(_fit(name, each, get_args(kind)[0]) for each in value)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        require(abs(value) < _LARGEST or value != value, f"{name} is too large a number. Give it a smaller one.")
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is str and isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        require(isinstance(text, str) and is_text(text), f"{name} holds signs that are no text in UTF-8. Write it anew.")
        return text
    if isinstance(value, kind) and (kind is bool) == isinstance(value, bool):
        return value
    raise SettingError(f"{name} is {value!r}, which is not {_NOUN.get(kind, kind.__name__)}. Give it one.")


def is_text(text: str) -> bool:
    """Whether a string can be written as UTF-8: what the system could not decode can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_LARGEST = 1e300
_NOUN = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
