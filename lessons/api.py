"""The named endpoints, for programs: the steps and the runs, as plain functions of plain values."""


def declare() -> None:
    """Declare them in the app that is being built."""
