"""How numbers are written in this lesson."""


def percent(share: float) -> str:
    """A share or a probability, with as many digits as it takes to see it.

    >>> print(*map(percent, (0.906, 0.08, 0.0012, 0.00001, 0)), sep=", ")
    91 %, 8.0 %, 0.12 %, < 0.01 %, 0 %
    """
    digits = 0 if share >= 0.1 or share <= 0 else 1 if share >= 0.01 else 2
    return "< 0.01 %" if 0 < share < 0.0001 else f"{share * 100:.{digits}f} %"


def many(count: int, thing: str) -> str:
    """A number with its noun.

    >>> many(1, "piece"), many(2000, "piece")
    ('1 piece', '2,000 pieces')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
