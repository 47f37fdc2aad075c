"""`tokenize`: a text taken apart into pieces."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from lab.commands import add_model, add_text, read_text
from lab.terminal import console, show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = 'For example:  python -m lab tokenize "An unwatchable film!"'
    add_text(parser)
    add_model(parser)
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.model import load_tokenizer
    from lab.tokenization import explain

    tokenizer = load_tokenizer(options.model)
    text = read_text(options)
    pieces = explain(tokenizer, text)
    decoded = tokenizer.decode([piece.id for piece in pieces], skip_special_tokens=True)
    if options.json:
        show_json({"pieces": [asdict(piece) for piece in pieces], "decoded": decoded})
        return 0
    rows = (
        (piece.text, str(piece.id), piece.word, repr(text[piece.start : piece.end]), _kind(piece.special, piece.continues))
        for piece in pieces
    )
    show_table("Pieces", ("piece", "id", "word", "characters", "kind"), rows)
    ordinary = [piece for piece in pieces if not piece.special]
    words = len({piece.word for piece in ordinary})
    console.print(f"{len(ordinary)} pieces of {words} words, and {len(pieces) - len(ordinary)} special tokens.")
    console.print(f"Decoded again: {decoded}", markup=False)
    return 0


def _kind(special: bool, continues: bool) -> str:
    return "special" if special else "continues the word" if continues else "begins a word"
