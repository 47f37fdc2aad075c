"""The command line: `python -m lab COMMAND`. Each command shows one step, on your own text, model and settings."""

import argparse
import json
import os
import sys
from importlib import import_module

from lab.errors import LabError

COMMANDS = {
    "doctor": "what this computer has: device, precision, network, bundled assets, cache",
    "tokenize": "take a text apart into pieces",
    "chunk": "cut a corpus into chunks, and see what the cuts did",
    "mask": "mask a text, and see what became of each piece",
    "train": "fine-tune a model, and watch it learn",
    "pretrain": "train a base model from nothing, or from another checkpoint's encoder",
    "evaluate": "score a model on held-out text, alone or against another",
    "fill": "ask a model what belongs under [MASK]",
    "runs": "list, watch, stop, resume, compare, export or delete runs",
    "push": "upload a run's model to the Hugging Face Hub",
    "deploy": "put the lab on the Hugging Face Hub as a Space",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for what went wrong, 2 for wrong usage, 130 for stopped by Ctrl-C."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    options = None
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        return options.act(options)
    except LabError as error:
        if options is not None and options.json:
            print(json.dumps({"error": str(error)}, ensure_ascii=False))
        else:
            print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read a command with its options. Wrong usage exits with 2 and says what is right."""
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="Masked language modelling, step by step.",
        epilog="Begin with:  python -m lab train --preset quick     Then:  python -m lab fill --model latest "
        '"This is a great [MASK]."',
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in arguments if word in COMMANDS), None)
    for name, help in COMMANDS.items():
        inner = commands.add_parser(name, help=help, description=help.capitalize() + ".", allow_abbrev=False)
        if name == asked:  # only the command asked for is loaded: `--help` need not wait for torch
            import_module(f"lab.commands.{name}").declare(inner)
            inner.add_argument("--json", action="store_true", help="print JSON instead")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
