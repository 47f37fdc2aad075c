"""`evaluate`: a model scored on held-out text, alone or against another."""

from argparse import ArgumentParser, Namespace
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from lab.chunking import Chunking
from lab.commands import add_hardware, add_model, quiet
from lab.corpus import Corpus
from lab.errors import require
from lab.evaluation import FEWEST_DOCUMENTS, Scoring
from lab.options import add_settings, read_settings
from lab.terminal import console, show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = "For example:  python -m lab evaluate --model latest --against bundled --by-kind"
    add_model(parser)
    parser.add_argument("--against", metavar="MODEL", help="a second model, scored on the same masks, to compare with")
    parser.add_argument("--by-kind", action="store_true", help="part the score by kind of token")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="score N draws of the masks, to see their spread")
    parser.add_argument("--max-test-chunks", type=int, metavar="N", help="score so many chunks at most, drawn at random")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="chunks at a time; changes no result")
    add_settings(parser, Corpus, Chunking, Scoring)
    add_hardware(parser)
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.evaluation import baselines, compare, evaluate, spread
    from lab.kinds import by_kind, kinds
    from lab.model import check_fits, load
    from lab.preparation import prepare

    require(options.seeds >= 1, f"seeds is {options.seeds}. Set it to 1 or more.")
    require(options.batch_size >= 1, f"batch_size is {options.batch_size}. Set it to 1 or more.")
    scoring, chunking = read_settings(Scoring, options), read_settings(Chunking, options)
    result: dict[str, Any] = {}
    quiet()
    prepared = prepare(
        options.model,
        read_settings(Corpus, options),
        chunking,
        max_test_chunks=options.max_test_chunks,
    )
    held_out = prepared.held_out(scoring)
    names = [options.model] + ([options.against] if options.against else [])
    scores = {}
    for name in names:
        loaded = load(name, options.device, options.precision)
        check_fits(loaded.model, chunking.chunk_size)
        with nullcontext() if options.json else console.status(f"Scoring {name}"), loaded.computing():
            scores[name] = evaluate(loaded.model, held_out, batch_size=options.batch_size)
            result[name] = _scores(scores[name])
            if options.seeds > 1:
                seeds = range(scoring.score_seed, scoring.score_seed + options.seeds)
                draws = spread(loaded.model, held_out, seeds, batch_size=options.batch_size)
                result[name]["perplexity by seed"] = [draw.perplexity for draw in draws]
        if options.by_kind:
            parted = by_kind(scores[name], kinds(held_out.chunks, prepared.tokenizer))
            result[name]["by kind"] = {kind: _scores(part) for kind, part in parted.items()}
    baseline = asdict(baselines(prepared.train, held_out))
    comparison = compare(scores[options.against], scores[options.model]) if options.against else None
    if options.json:
        scored = {"digest": held_out.fingerprint.digest, **asdict(held_out.fingerprint)}
        paired = {**asdict(comparison), "real": comparison.real} if comparison else None
        show_json({"scoring": scored, "models": result, "baselines": baseline, "comparison": paired})
    else:
        _show_scores(options, result, baseline, held_out, comparison)
    return 0


def _scores(evaluation: Any) -> dict[str, Any]:
    return {
        "perplexity": evaluation.perplexity,
        "mean nll": evaluation.mean_nll,
        "accuracy": evaluation.accuracy,
        "positions": len(evaluation),
    }


def _show_scores(options: Namespace, result: dict, baseline: dict, held_out: Any, comparison: Any) -> None:
    rows = [
        (name, scores["perplexity"], f"{scores['accuracy']:.1%}", scores["positions"]) for name, scores in result.items()
    ]
    rows += [
        ("guessing by frequency", baseline["unigram"], "", None),
        ("blind guessing", baseline["uniform"], "", None),
    ]
    scored = held_out.scoring
    console.print(
        f"Scored on {len(held_out.chunks):,} chunks of {held_out.fingerprint.chunk_size}, {scored.score_strategy} masks at "
        f"{scored.score_probability:.0%}, seed {scored.score_seed}. Scoring {held_out.fingerprint.digest}: only values "
        "under the same one can be compared."
    )
    show_table("Masked-token perplexity", ("model", "perplexity", "accuracy", "positions"), rows)
    for name, scores in result.items():
        if "perplexity by seed" in scores:
            values = ", ".join(f"{value:.2f}" for value in scores["perplexity by seed"])
            console.print(f"{name} under other draws of the masks: {values}")
        if "by kind" in scores:
            parts = (
                (kind, s["perplexity"], f"{s['accuracy']:.1%}", s["positions"]) for kind, s in scores["by kind"].items()
            )
            show_table(name, ("kind of token", "perplexity", "accuracy", "positions"), parts)
    if comparison:
        verdict = f"That is {'more' if comparison.real else 'no more'} than the choice of held-out documents explains."
        if not comparison.enough:
            verdict = f"These are too few documents to tell: hold out {FEWEST_DOCUMENTS} or more."
        console.print(
            f"{options.model} against {options.against}: perplexity times {comparison.ratio:.4f}, 95 % interval "
            f"{comparison.low:.4f} to {comparison.high:.4f}. Documents: {comparison.documents:,}. {verdict}"
        )
