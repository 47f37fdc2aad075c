"""Settings as options of the command line: `--learning-rate` for `learning_rate`, made from its declaration."""

import argparse
from collections.abc import Callable
from types import NoneType
from typing import Any, get_origin

from lab.settings import build, choices, declared, plain


def add_settings(parser: argparse.ArgumentParser, *kinds: type) -> None:
    """Give a parser an option for every setting of these groups. What isn't given leaves no trace in the result."""
    for kind in kinds:
        words = (kind.__doc__ or kind.__name__).splitlines()[0]
        group = parser.add_argument_group(words)
        for each in declared(kind):
            hint, optional = plain(each.hint)
            flag = "--" + each.name.replace("_", "-")
            default = "" if each.default is None or each.name == "probes" else f" (default: {each.default})"
            kwargs: dict[str, Any] = {"dest": each.name, "default": argparse.SUPPRESS, "help": each.help + default}
            if hint is bool:
                group.add_argument(flag, action=argparse.BooleanOptionalAction, **kwargs)
            elif choices(hint):
                group.add_argument(flag, choices=choices(hint), **kwargs)
            elif get_origin(hint) is tuple:
                group.add_argument(flag, nargs="*", metavar="TEXT", **kwargs)
            else:
                group.add_argument(flag, type=_reader(hint, optional), metavar=_METAVAR[hint], **kwargs)


def read_settings(kind: type, arguments: argparse.Namespace, base: Any = None) -> Any:
    """The group of settings that the options given make, on top of `base` or of the defaults."""
    names = {each.name for each in declared(kind)}
    return build(kind, {name: value for name, value in vars(arguments).items() if name in names}, base)


_METAVAR = {int: "N", float: "X", str: "TEXT", NoneType: ""}


def _reader(kind: type, optional: bool) -> Callable[[str], Any]:
    """Reads one value; `none` and `all` unset a setting that may be left out, so a preset's limit can be lifted."""

    def read(text: str) -> Any:
        if optional and text.lower() in ("none", "all"):
            return None
        return kind(text)

    read.__name__ = {int: "whole number", float: "number"}.get(kind, "text")  # argparse names it in its message
    return read
