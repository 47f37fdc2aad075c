"""Blocks: what a picture says, as plain data; `assets/*.js` draw it, `blocks.js` first. A view shows a list of blocks.

Learner's text may stand in any field: it is drawn as text and never read as markup. Authored text (`say`, `prompt`, `why`)
may hold **strong**, *emphasis*, `code`, [a link](?lesson=ID) to a lesson, and {name} for a value that is given beside it
and shown as it is.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Block = dict[str, Any]
Tone = Literal["good", "warn", "bad", "waiting", "quiet"]


def say(text: str, *, tone: Tone | None = None, live: bool = False, **values: object) -> Block:
    """A sentence or a paragraph; with a tone, a note set apart. `live` has a screen reader say it when it changes.

    >>> say("Decoding gives {back}.", back="the film")["values"]
    {'back': 'the film'}
    """
    return {"type": "say", "text": text, "tone": tone, "live": live, "values": _texts(values)}


def heading(text: str) -> Block:
    """A small heading inside a view."""
    return {"type": "heading", "text": text}


def quote(text: str, caption: str = "") -> Block:
    """A passage of running text."""
    return {"type": "quote", "text": text, "caption": caption}


def figures(*numbers: tuple[str, str] | tuple[str, str, Tone]) -> Block:
    """Numbers to be seen at a glance: (value, what it is[, tone])."""
    return {
        "type": "figures",
        "figures": [{"value": n[0], "label": n[1], "tone": n[2] if len(n) > 2 else None} for n in numbers],
    }


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Block:
    """A table; a cell is a text, or {"value": text, "tone": "good"}."""
    return {"type": "table", "caption": caption, "columns": list(columns), "rows": [list(row) for row in rows]}


def bar_row(label: str, *values: tuple[float, str], note: str = "", tone: str = "") -> dict[str, Any]:
    """One row of `bars`: a (share from 0 to 1, text) for each series."""
    return {"label": label, "values": [{"share": s, "text": t} for s, t in values], "note": note, "tone": tone}


def bars(caption: str, rows: Sequence[dict[str, Any]], series: Sequence[str] | None = None) -> Block:
    """Horizontal bars, one row a thing; with `series`, several bars a row and a legend."""
    return {"type": "bars", "caption": caption, "rows": list(rows), "series": list(series) if series else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece in a ribbon, as drawn."""

    text: str
    kind: Literal["ordinary", "special", "masked", "random", "kept", "dropped"] = "ordinary"
    under: str | None = None  # the piece that was there before, small
    heat: int | None = None  # surprise, 0 (none) to 4
    tip: tuple[tuple[str, str], ...] | None = None  # (name, value) pairs, told on hover and focus
    pick: dict[str, Any] | None = None  # makes the piece a button; what the event `pick` carries
    pressed: bool | None = None
    mark: bool = False  # underlined with the accent
    note: str | None = None  # for a screen reader


def word(*pieces: Piece, leak: bool = False, torn: bool = False, doc: int | None = None) -> dict[str, Any]:
    """Pieces joined to a word. `doc` 1 to 4 gives a document's line; `torn` marks a word that a border cuts.

    >>> word(Piece(text="film", heat=0))["pieces"]  # no surprise at all is a surprise of 0
    [{'text': 'film', 'kind': 'ordinary', 'heat': 0}]
    """
    drawn = [
        {key: value for key, value in asdict(piece).items() if value is not None and value is not False} for piece in pieces
    ]
    return {"pieces": drawn, "leak": leak, "torn": torn, "doc": doc}


def cut(label: str = "", *, quiet: bool = False) -> dict[str, Any]:
    """A border in a ribbon, between two words or two pieces of one."""
    return {"cut": "quiet" if quiet else "border", "label": label}


def lane(words: Sequence[dict[str, Any]], name: str = "", note: str = "") -> dict[str, Any]:
    """One line of a ribbon, with a name beside it where there are several."""
    return {"words": list(words), "name": name, "note": note}


def ribbon(
    label: str,
    *lanes: dict[str, Any],
    legend: Sequence[tuple[str, str]] = (),
    hint: str = "",
    small: bool = False,
) -> Block:
    """Pieces, words joined. `label` names it for a screen reader. `legend`: (kind, meaning), the kinds of `Piece`, or
    leak, torn, continues, doc-1 …, heat-0 …. `hint` stands below until a piece is pointed at."""
    return {
        "type": "ribbon",
        "label": label,
        "lanes": list(lanes),
        "legend": [list(entry) for entry in legend],
        "hint": hint,
        "size": "small" if small else "",
    }


def legend(*entries: tuple[str, str]) -> Block:
    """What the kinds in a ribbon mean, on its own."""
    return {"type": "legend", "entries": [list(entry) for entry in entries]}


def chart(figure: Any, caption: str, *, key: str = "same", height: int = 320) -> Block:
    """A Plotly figure from `lab.plots`. The caption says what to see, also to a screen reader. Zoom and legend choices are
    kept while `key` stays the same."""
    return {"type": "chart", "figure": json.loads(figure.to_json()), "caption": caption, "key": key, "height": height}


def prediction(
    id: str,
    prompt: str,
    *,
    options: Sequence[str] | None = None,
    unit: str = "",
    low: float = 0,
    high: float = 1_000_000,
    outcome: str | float | None = None,
    verdict: str = "",
    why: str = "",
) -> Block:
    """A prediction, asked before the outcome is shown, kept in the browser, and set beside the outcome.

    `id` is LESSON-NAME; what carries the class `after-prediction-ID` is hidden until it is committed, and the view's event
    `commit` carries {"id", "value"}. Without `options`, a number from `low` to `high` is asked for.
    """
    return {
        "type": "prediction",
        "id": id,
        "prompt": prompt,
        "options": list(options) if options else None,
        "unit": unit,
        "min": low,
        "max": high,
        "outcome": outcome,
        "verdict": verdict,
        "why": why,
    }


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose, and why it is right or wrong: said to whoever chooses it."""

    text: str
    why: str
    right: bool = False
    values: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """An exercise about what is on the screen; its answer is computed from it."""

    id: str
    prompt: str
    choices: tuple[Choice, ...]
    hint: str = ""
    about: str = ""  # what it was computed from: when that changes, so does the question, and the old answer lapses
    values: dict[str, object] | None = None


def questions(lesson: str, asked: Sequence[Question], again: str = "") -> Block:
    """A card of questions. `again` labels a button whose `pick` carries {"again": true}, for a fresh passage."""
    return {
        "type": "questions",
        "lesson": lesson,
        "again": again,
        "questions": [
            {
                "id": question.id,
                "prompt": question.prompt,
                "hint": question.hint,
                "about": question.about,
                "values": _texts(question.values or {}),
                "choices": [{**asdict(choice), "values": _texts(choice.values or {})} for choice in question.choices],
            }
            for question in asked
        ],
    }


def code(lab: str, plain: str, title: str = "Show me the code") -> Block:
    """The drawer with the few lines that reproduce the picture: with `lab`, and with the plain libraries."""
    return {"type": "code", "title": title, "tabs": [["lab", lab], ["plain transformers", plain]]}


def did(lesson: str, step: str) -> Block:
    """Draws nothing: ticks off a step of a lesson, because the learner has just done it."""
    return {"type": "did", "lesson": lesson, "step": step}


def waiting(text: str = "Drawing …") -> list[Block]:
    """What a view shows until it is first drawn."""
    return [say(text, tone="waiting")]


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}
