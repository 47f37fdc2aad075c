"""The story of a run, read from its events: one curve however often it was resumed, and what it came to."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from lab.events import Evaluated, Event, Failed, Finished, RunStarted, Stepped, Stopped, is_last


def curve(events: Iterable[Event]) -> list[Event]:
    """The events of a run as one story: what a resumed run did again takes the place of what was lost."""
    story: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted) and event.step > 0:
            story = [kept for kept in story if kept.step <= event.step and not is_last(kept)]
        story.append(event)
    return story


def summarize(events: Iterable[Event]) -> dict[str, Any]:
    """The outcome of a run, from its events."""
    story = curve(events)
    last = story[-1]
    states = {Finished: "finished", Stopped: "stopped", Failed: "failed"}
    evaluated = [event for event in story if isinstance(event, Evaluated)]
    stepped = [event for event in story if isinstance(event, Stepped)]
    started = next((event for event in story if isinstance(event, RunStarted)), None)
    best = min(evaluated, key=lambda event: event.mean_nll, default=None)
    return {
        "state": states.get(type(last), "interrupted"),
        "reason": getattr(last, "reason", None) or (None if is_last(last) else CUT_OFF),
        "steps": last.step,
        "seconds": last.seconds,
        "tokens_per_second": stepped[-1].tokens_per_second if stepped else None,
        "perplexity_before": evaluated[0].perplexity if evaluated else None,
        "perplexity": evaluated[-1].perplexity if evaluated else None,
        "accuracy": evaluated[-1].accuracy if evaluated else None,
        "best": asdict(best) if best else None,
        "fingerprint": started.fingerprint if started else None,
        "said": started.said if started else None,
    }


CUT_OFF = "Its process ended without a word: it was killed, or the computer was switched off."
