"""What a run says while it happens: typed events, each with a JSON form.

In this order and nothing else: RunStarted, Evaluated (step 0), then Stepped, Probed, Evaluated and CheckpointSaved, then
exactly one of Finished, Stopped and Failed. A resumed run goes on in the same log with another RunStarted, whose `step` is
the checkpoint's: what the log says of later steps before that line is superseded.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Common to all events."""

    step: int  # optimizer steps done
    seconds: float  # since the run started, pauses left out


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    run: str
    model: str
    corpus: str
    said: str  # device and precision, in words
    device: str
    precision: str
    parameters: int
    train_chunks: int
    test_chunks: int
    chunk_size: int
    total_steps: int
    steps_an_epoch: int
    processes: int
    fingerprint: str  # of the scoring
    uniform: float  # baseline perplexities, on the scored positions
    unigram: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped(Event):
    epoch: float
    loss: float  # nats a scored position, over the whole step
    learning_rate: float
    grad_norm: float | None  # before shortening
    scored: int  # positions in the loss of this step
    tokens_per_second: float  # training only, since the run started
    eta_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated(Event):
    epoch: float
    perplexity: float
    mean_nll: float  # nats a scored position
    accuracy: float
    positions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed(Event):
    fills: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]  # (sentence, ((word, probability), …)) first blank


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    checkpoint: str  # the folder's name in the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(Event):
    perplexity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Event):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    reason: str  # what went wrong and what to try


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind for kind in (RunStarted, Stepped, Evaluated, Probed, CheckpointSaved, Finished, Stopped, Failed)
}


def is_last(event: Event) -> bool:
    """Whether a run, or what was resumed of it, ends with this event."""
    return isinstance(event, Finished | Stopped | Failed)


def to_json(event: Event) -> str:
    """One line of JSON, without the line's end.

    >>> to_json(Stopped(step=3, seconds=1.5, reason="asked to stop"))
    '{"event": "Stopped", "step": 3, "seconds": 1.5, "reason": "asked to stop"}'
    """
    return json.dumps({"event": type(event).__name__, **asdict(event)}, ensure_ascii=False, allow_nan=False)


def from_json(line: str | bytes) -> Event:
    """The event of a line that `to_json` wrote. Fields that this version doesn't know are left out.

    >>> from_json('{"event": "Stopped", "step": 3, "seconds": 1.5, "reason": "asked to stop"}').reason
    'asked to stop'
    """
    content = json.loads(line)
    kind = KINDS[content.pop("event")]
    known = _types(kind)  # type: ignore[arg-type]  # a class can be hashed
    event = kind(**{name: _frozen(value) for name, value in content.items() if name in known})
    for name, types in known.items():
        if not isinstance(getattr(event, name), types):
            raise TypeError(f"{name} is {getattr(event, name)!r}")
    return event


@cache
def _types(kind: Any) -> dict[str, tuple[type, ...]]:
    """The types that the fields of an event have; a number without a fraction may stand for one with."""
    found: dict[str, tuple[type, ...]] = {}
    for name, hint in get_type_hints(kind).items():
        kinds = tuple(get_origin(each) or each for each in (get_args(hint) if isinstance(hint, UnionType) else (hint,)))
        found[name] = (*kinds, int) if float in kinds else kinds
    return found


def event_of(line: bytes) -> Event | None:
    """The event of a line of a log; None if a later version wrote it, or a bad disk has spoilt it: the others are good."""
    try:
        return from_json(line)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
