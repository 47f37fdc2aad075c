"""`push`: a run's model uploaded to the Hugging Face Hub."""

from argparse import ArgumentParser, Namespace

from lab.commands import quiet
from lab.terminal import console, show_json


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = "For example:  python -m lab push latest ada/film-bert     (log in first: hf auth login)"
    parser.add_argument("run", help="a run's id, the beginning of one, or latest")
    parser.add_argument("repo", metavar="USER/NAME", help="where to: your name on the Hub, and a name for the model")
    parser.add_argument("--private", action="store_true", help="only you may see it")
    parser.add_argument("--dry-run", action="store_true", help="score the run and print its card; upload nothing")
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.publish import model_card, push, score_run
    from lab.runs import get_run

    quiet()
    run = get_run(options.run)
    if options.dry_run:
        card = str(model_card(run, options.repo, score_run(run)))
        show_json({"card": card}) if options.json else print(card)
        return 0
    address = push(run, options.repo, private=options.private)
    show_json({"address": address}) if options.json else console.print(f"It is at {address}", markup=False)
    return 0
