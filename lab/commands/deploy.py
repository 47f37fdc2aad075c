"""`deploy`: the lab as a Hugging Face Space."""

from argparse import ArgumentParser, Namespace

from lab.terminal import console, show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = "For example:  python -m lab deploy ada/lab --dry-run     (log in first: hf auth login)"
    parser.add_argument("repo", metavar="USER/NAME", help="your name on the Hub, and a name for the Space")
    parser.add_argument("--hardware", metavar="NAME", help="for example cpu-basic (free; what a new Space has), t4-small")
    parser.add_argument("--private", action="store_true", help="only you may see it")
    parser.add_argument("--dry-run", action="store_true", help="list and check what would be uploaded; upload nothing")
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.space import deploy, plan

    if options.dry_run:
        prepared = plan()
        if options.json:
            show_json({"files": dict(prepared.files), "bytes": prepared.size, "wrong": prepared.wrong})
        else:
            show_table("What would be uploaded", ("file", "bytes"), prepared.files)
            console.print(f"{len(prepared.files)} files, {prepared.size / 2**20:.1f} MB.")
            for sentence in prepared.wrong or ("Nothing is wrong with it.",):
                console.print(sentence, markup=False)
        return 1 if prepared.wrong else 0
    address = deploy(options.repo, hardware=options.hardware, private=options.private)
    show_json({"address": address}) if options.json else console.print(f"It is building at {address}", markup=False)
    return 0
