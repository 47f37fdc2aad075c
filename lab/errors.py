"""What can go wrong that a person can put right. Each message names the problem, the value and the way out."""


class LabError(Exception):
    """Something the reader of the message can mend. Shown as it is; anything else is a bug and shows its traceback."""


class SettingError(LabError):
    """A setting has a value it can't have."""


class CorpusError(LabError):
    """A corpus can't be found, read or used."""


class ModelError(LabError):
    """A model or tokenizer can't be found, loaded or used."""


class RunError(LabError):
    """A run can't be found, read, resumed or written."""


def require(condition: bool, message: str, error: type[LabError] = SettingError) -> None:
    """Raise `error(message)` unless `condition` holds.

    >>> require(2 > 1, "never shown")
    >>> require(False, "chunk_size is 0. Set it to 8 or more.")
    Traceback (most recent call last):
    lab.errors.SettingError: chunk_size is 0. Set it to 8 or more.
    """
    if not condition:
        raise error(message)
