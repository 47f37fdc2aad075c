"""`pretrain`: a model trained from nothing, or from another checkpoint's encoder."""

from argparse import ArgumentParser, Namespace

from lab.commands import quiet
from lab.commands.train import follow
from lab.config import RunConfig
from lab.options import add_settings, read_settings
from lab.pretraining import Start, pretrain_config
from lab.settings import declared


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = (
        "For example:  python -m lab pretrain --corpus books.parquet --dim 256 --n-layers 4 --n-heads 4 --hidden-dim 1024. "
        "Go on with:  python -m lab train --resume latest. The defaults are those of pretraining: chunks in [CLS] … [SEP], "
        "batches of 64, a learning rate of 5e-4 after 100 steps of warm-up, no dropout."
    )
    add_settings(parser, Start, RunConfig)
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.training import fine_tune

    quiet()
    known = {each.name for each in declared(RunConfig)}
    given = {name: value for name, value in vars(options).items() if name in known}
    config = pretrain_config(read_settings(Start, options), **given)
    return follow(options, lambda stop: fine_tune(config, should_stop=stop))
