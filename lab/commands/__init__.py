"""The commands behind `python -m lab`, one a file: each declares its options, calls one step, and shows the result."""

import sys
from argparse import ArgumentParser, Namespace

from lab.errors import require
from lab.settings import is_text


def quiet() -> None:
    """Keep the libraries' own progress bars and notices out of the output: the commands have theirs."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()


def add_text(parser: ArgumentParser) -> None:
    """An argument for a text."""
    parser.add_argument("text", nargs="?", help="the text; from standard input if not given")


def read_text(options: Namespace) -> str:
    """The text given, or what stands on standard input. Raises SettingError if that is nothing."""
    try:
        text = options.text if options.text is not None else sys.stdin.read()
    except UnicodeDecodeError:
        text = None
    require(text is not None and is_text(text), "This text is not in UTF-8. Save it as UTF-8 and try again.")
    assert text is not None, "required above"
    require(bool(text.strip()), "There is no text. Write some after the command, in quotation marks.")
    return text


def add_model(parser: ArgumentParser) -> None:
    """An option for a model."""
    parser.add_argument(
        "--model", default="bundled", metavar="MODEL", help="bundled, a Hub id, a run or latest (default: bundled)"
    )


def add_hardware(parser: ArgumentParser) -> None:
    """Options for where and in what number format to compute; exact unless asked otherwise."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16", "fp16"), default="fp32")
