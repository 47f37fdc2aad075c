"""`fill`: what a model believes belongs under [MASK]."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from lab.commands import add_hardware, add_model, add_text, quiet, read_text
from lab.terminal import console, show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = 'For example:  python -m lab fill --model latest --against bundled "This is a great [MASK]."'
    add_text(parser)
    add_model(parser)
    parser.add_argument("--against", metavar="MODEL", help="a second model, to set beside the first")
    parser.add_argument("--top-k", type=int, default=5, metavar="N", help="answers a blank (default: 5)")
    parser.add_argument("--target", action="append", default=[], metavar="WORD", help="a word to report; may be repeated")
    parser.add_argument(
        "--order",
        choices=("together", "left_to_right", "right_to_left"),
        default="together",
        help="answer several blanks each as if the others stayed blank, or one after the other (default: together)",
    )
    add_hardware(parser)
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.fill_mask import fill, side_by_side
    from lab.model import load

    text = read_text(options)
    quiet()
    loaded = load(options.model, options.device, options.precision)
    filled = fill(loaded, text, top_k=options.top_k, targets=options.target, order=options.order)
    shifts = None
    if options.against:
        other = load(options.against, options.device, options.precision)
        shifts = side_by_side(other, loaded, text, top_k=options.top_k, targets=options.target, order=options.order)
    if options.json:
        beside = [[{**asdict(shift), "change": shift.change} for shift in row] for row in shifts] if shifts else None
        show_json({**asdict(filled), "shifts": beside})
        return 0
    if shifts:
        columns = ("word", options.against, options.model, "change")
        for i, row in enumerate(shifts):
            moved = ((s.word, f"{s.before:.2%}", f"{s.after:.2%}", f"{s.change:+.2%}") for s in row)
            show_table(f"Blank {i + 1}", columns, moved)
    else:
        for i, blank in enumerate(filled.blanks):
            answers = ((prediction.word, f"{prediction.probability:.2%}") for prediction in blank)
            show_table(f"Blank {i + 1}", ("word", "probability"), answers)
    console.print(filled.completed, markup=False)
    return 0
