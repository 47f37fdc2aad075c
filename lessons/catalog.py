"""The catalog: finds the lessons, reads their texts, and puts them in order.

A lesson's text (`lesson.md`) is front matter and prose. A line `[[name]]` is a slot: there the lesson's page puts its part
of that name. `[[more: Title]]` … `[[end]]` folds what lies between; `[[after: ID]]` … `[[end]]` keeps it out of sight until
the prediction of that id is committed.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from lessons.components.page import LessonPage

FOLDER = Path(__file__).parent
FIELDS = {"id", "order", "title", "goal", "minutes", "prerequisites", "modules", "steps"}
_SLOT = re.compile(r"^\[\[(.+?)\]\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a lesson: prose, a slot, or the beginning or the end of a folded part."""

    kind: str  # "prose", "slot", "more", "after" or "end"
    text: str  # the prose, the slot's name, the fold's title, or the prediction's id


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson's text and what it says of itself."""

    folder: str
    id: str
    order: int
    title: str
    goal: str
    minutes: int
    prerequisites: tuple[str, ...]
    modules: tuple[str, ...]  # what it shows of `lab`
    steps: tuple[str, ...]  # what a learner does in it; each is ticked off when done
    parts: tuple[Part, ...]

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(part.text for part in self.parts if part.kind == "slot")

    def page(self) -> "type[LessonPage]":
        """The class of its page."""
        return import_module(f"lessons.{self.folder}.page").Page


@cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons, in their order; what has order 0 is no lesson of the course and comes last."""
    found = [read(path.parent.name) for path in FOLDER.glob("*/lesson.md")]
    return tuple(sorted(found, key=lambda lesson: (lesson.order == 0, lesson.order)))


def read(folder: str) -> Lesson:
    """Read one lesson. Raises ValueError, naming the file, for front matter that isn't whole.

    >>> read("tokenization").title
    'Tokenization'
    """
    path = FOLDER / folder / "lesson.md"
    text = path.read_text(encoding="utf-8")
    _, front, body = re.split(r"^---$", text, maxsplit=2, flags=re.MULTILINE)
    given: dict[str, Any] = yaml.safe_load(front)
    if set(given) != FIELDS:
        raise ValueError(f"{path}: the front matter has {sorted(given)}; it should have {sorted(FIELDS)}")
    for name in ("prerequisites", "modules", "steps"):
        given[name] = tuple(given[name] or ())
    return Lesson(folder=folder, parts=tuple(_parts(body)), **given)


def _parts(body: str) -> list[Part]:
    parts, at = [], 0
    for slot in _SLOT.finditer(body):
        parts.append(Part("prose", body[at : slot.start()].strip()))
        kind, _, title = slot[1].partition(":")
        if kind in ("more", "after", "end"):
            parts.append(Part(kind, title.strip()))
        else:
            parts.append(Part("slot", slot[1].strip()))
        at = slot.end()
    parts.append(Part("prose", body[at:].strip()))
    return [part for part in parts if part.text or part.kind == "end"]
