"""How the tests read what a lesson draws: blocks by their kind, sentences with their values, what the shown code prints."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def of(drawn: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The blocks of one kind."""
    return [block for block in drawn if block["type"] == kind]


def put(words: str, values: dict[str, Any] | None) -> str:
    """A sentence with its values put in, as the page does it."""
    return re.sub(r"\{(\w+)\}", lambda m: str((values or {}).get(m[1], m[0])), words)


def said(drawn: list[dict[str, Any]]) -> str:
    """All sentences of some blocks, values put in."""
    return "\n".join(put(block["text"], block["values"]) for block in of(drawn, "say"))


def steps(drawn: list[dict[str, Any]]) -> list[str]:
    """The steps of the lesson that these blocks tick off."""
    return [block["step"] for block in of(drawn, "did")]


def right(question: dict[str, Any]) -> dict[str, Any]:
    """The one right choice of a question."""
    (found,) = [choice for choice in question["choices"] if choice["right"]]
    return found


def told(choice: dict[str, Any]) -> str:
    """What a choice says."""
    return put(choice["text"], choice["values"])


def printed(source: str, folder: Path = ROOT) -> str:
    """What shown code prints, run where a learner would run it."""
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        exec(compile(source, "shown", "exec"), {"__name__": "__main__"})
    return out.getvalue()
