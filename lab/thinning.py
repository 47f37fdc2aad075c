"""Thinning: a long curve in so few points that a page can draw it, each of them a point of the curve itself."""

from collections.abc import Sequence
from typing import TypeVar

Point = TypeVar("Point", bound=Sequence[float])


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """At most `most` of (x, y, …) points, in order: of every stretch the lowest and the highest, and both ends.

    Peaks and valleys stay, which a mean over each stretch would flatten.

    >>> thin([(1, 5), (2, 9), (3, 1), (4, 4), (5, 5), (6, 6), (7, 2)], 6)
    [(1, 5), (2, 9), (3, 1), (4, 4), (6, 6), (7, 2)]
    """
    if len(points) <= max(most, 4):
        return list(points)
    stretches = (max(most, 4) - 2) // 2
    kept = {0, len(points) - 1}
    inner = range(1, len(points) - 1)
    for i in range(stretches):
        stretch = inner[len(inner) * i // stretches : len(inner) * (i + 1) // stretches]
        kept |= {min(stretch, key=lambda at: points[at][1]), max(stretch, key=lambda at: points[at][1])}
    return [points[at] for at in sorted(kept)]
