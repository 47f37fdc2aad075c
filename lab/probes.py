"""Probes: what a run's log tells of the sentences that were filled again and again as it learned."""

from collections.abc import Iterable

from lab.events import Event, Probed


def first_changes(events: Iterable[Event]) -> dict[str, int | None]:
    """Sentence → the first step at which its first answer was no longer the one of step 0; None if it never changed.

    `events` are a run's story, as `runs.curve` makes it. In the order in which they changed.

    >>> def look(step, *words):
    ...     return Probed(step=step, seconds=0.0, fills=tuple((f"s{i}", ((word, 0.5),)) for i, word in enumerate(words)))
    >>> first_changes([look(0, "a", "b", "c"), look(5, "a", "x", "c"), look(9, "y", "b", "c")])
    {'s1': 5, 's0': 9, 's2': None}
    """
    first: dict[str, str] = {}
    changed: dict[str, int | None] = {}
    for event in events:
        if isinstance(event, Probed):
            for sentence, answers in event.fills:
                best = answers[0][0]
                if first.setdefault(sentence, best) != best and changed.get(sentence) is None:
                    changed[sentence] = event.step
                changed.setdefault(sentence, None)
    return dict(sorted(changed.items(), key=lambda each: (each[1] is None, each[1] or 0)))
