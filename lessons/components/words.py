"""How numbers and lists are written in sentences."""

from collections.abc import Sequence


def percent(share: float) -> str:
    """A share, with as many digits as it takes to see it.

    >>> [percent(share).replace("\\u00a0", " ") for share in (1, 0.906, 1 - 0.9, 0.08, 0.0006, 0.00001, 0)]
    ['100 %', '91 %', '10 %', '8.0 %', '0.06 %', '< 0.01 %', '0 %']
    """
    digits = 0 if share >= 0.0995 or share <= 0 else 1 if share >= 0.00995 else 2
    return "< 0.01\u00a0%" if 0 < share < 0.0001 else f"{share * 100:.{digits}f}\u00a0%"


def many(count: int, thing: str, things: str = "") -> str:
    """A number with its noun.

    >>> many(1, "piece"), many(2000, "piece"), many(0, "entry", "entries")
    ('1 piece', '2,000 pieces', '0 entries')
    """
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names one after another; of many, the first few and how many more.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed("abcdef", 3)
    ('a', 'a, b and c', 'a, b, c and 3 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
