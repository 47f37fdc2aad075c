"""`mask`: a text masked, and what became of each piece."""

from argparse import ArgumentParser, Namespace

from lab.commands import add_model, add_text, read_text
from lab.masking import ACTIONS, Masking
from lab.options import add_settings, read_settings
from lab.terminal import console, show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = 'For example:  python -m lab mask --strategy whole_word "An unwatchable film, unforgettably so."'
    add_text(parser)
    add_model(parser)
    add_settings(parser, Masking)
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="seed of the masks (default: 42)")
    parser.add_argument("--draw", type=int, default=0, metavar="N", help="which draw: one an epoch (default: 0)")
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    import torch

    from lab.masking import Vocabulary, find_leaks, mask
    from lab.model import load_tokenizer
    from lab.tokenization import explain

    tokenizer = load_tokenizer(options.model)
    pieces = explain(tokenizer, read_text(options))
    ids = torch.tensor([[piece.id for piece in pieces]])
    starts = torch.tensor([[not piece.continues for piece in pieces]])
    special = torch.tensor([[piece.special for piece in pieces]])
    settings = read_settings(Masking, options)
    masked = mask(ids, starts, special, settings, Vocabulary.of(tokenizer), seed=options.seed, draw=options.draw)
    shown = tokenizer.convert_ids_to_tokens(masked.input_ids[0].tolist())
    actions = [ACTIONS[action] for action in masked.action[0].tolist()]
    leaks = find_leaks(starts, special, masked.action)
    leaking = {position for _, position in leaks.leaking.tolist()}
    rows = [
        {"piece": piece.text, "word": piece.word, "shown": now, "action": action, "leaks": i in leaking}
        for i, (piece, now, action) in enumerate(zip(pieces, shown, actions, strict=True))
    ]
    if options.json:
        show_json(rows)
        return 0
    columns = ("piece", "word", "the model sees", "done to it", "a sibling gives it away")
    show_table(
        "Masks",
        columns,
        (
            (
                row["piece"],
                row["word"],
                row["shown"],
                "" if row["action"] == "untouched" else row["action"],
                "yes" if row["leaks"] else "",
            )
            for row in rows
        ),
    )
    selected, ordinary = int(masked.selected.sum()), int((~special).sum())
    console.print(
        f"{selected} of {ordinary} pieces are to be predicted ({settings.mlm_probability:.0%} are expected). Of "
        f"{len(leaks.at_risk)} in words of several pieces, {len(leaks.leaking)} leak."
    )
    return 0
