"""The named endpoints, for programs: the steps and the runs, as plain functions of plain values.

They take the names that the page takes (`reviews`, `imdb`, `upload:TOKEN`; `bundled`, a Hub id, a run's id), check all that
comes, and answer what can't be with a sentence.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal, get_args

import gradio as gr

from lab import jobs
from lab.chunking import Chunking, SpecialTokens, borders, chunk
from lab.config import Masking, Scoring, preset
from lab.decoding import decode
from lab.errors import LabError, require
from lab.events import to_json
from lab.log import read
from lab.settings import build, values
from lab.tokenization import explain
from lessons import bench
from lessons.bench import Using
from lessons.fine_tuning import form
from lessons.visitor import visitor

Order = Literal["together", "left_to_right", "right_to_left"]
MOST_CHUNKS = 500  # held-out chunks that one call of `evaluate` may score
SHOWN = 1_000  # places that a list in an answer holds at most


def declare() -> None:
    """Declare them in the app that is being built."""
    light: dict[str, Callable[..., Any]] = {
        "tokenize": tokenize,
        "chunk": chunk_corpus,
        "mask": mask_text,
        "fill_mask": fill_mask,
    }
    runs: dict[str, Callable[..., Any]] = {"start_run": start_run, "run_events": run_events, "stop_run": stop_run}
    for name, endpoint in light.items():
        gr.api(_answered(endpoint), api_name=name, concurrency_limit=4)
    for name, endpoint in runs.items():
        gr.api(_answered(endpoint), api_name=name, queue=False)
    gr.api(_answered(evaluate), api_name="evaluate", concurrency_limit=1, concurrency_id="heavy")


def tokenize(text: str, model: str = "bundled") -> dict[str, Any]:
    """Take a text apart: its pieces with ids, words and characters, and what decoding gives back."""
    bench.check_text(text)
    tokenizer = bench.tokenizer(_using(model=model).model)
    return {"pieces": [asdict(piece) for piece in explain(tokenizer, text)], "decoded": decode(tokenizer, text).back}


def chunk_corpus(
    corpus: str = "reviews",
    model: str = "bundled",
    chunk_size: int = 128,
    special_tokens: str = "document",
    remainder: str = "drop",
) -> dict[str, Any]:
    """Cut a corpus's training documents into chunks, and report what the cuts did; lists hold their first 1,000 places."""
    using = _using(corpus, model)
    chunking = build(Chunking, {"chunk_size": chunk_size, "special_tokens": special_tokens, "remainder": remainder})
    special = SpecialTokens.of(bench.tokenizer(using.model))
    chunks = chunk(bench.tokens(using), chunking, special)
    found = borders(chunks)
    return {
        "chunks": len(chunks),
        "chunk_size": chunking.chunk_size,
        "mix_documents": int(chunks.mixes_documents.sum()),
        "borders": found.borders,
        "words_cut": {"count": len(found.words_cut), "borders": found.words_cut[:SHOWN].tolist()},
        "documents_cut": {"count": len(found.documents_cut), "borders": found.documents_cut[:SHOWN].tolist()},
        "joins": {"count": len(found.joins), "places": found.joins[:SHOWN].tolist()},
        "dropped": found.dropped[1] - found.dropped[0],
        "padding": found.padding,
        "lost_if_truncated": chunks.truncated,
    }


def mask_text(
    text: str,
    model: str = "bundled",
    strategy: str = "token",
    mlm_probability: float = 0.15,
    mask_share: float = 0.8,
    random_share: float = 0.1,
    seed: int = 42,
    draw: int = 0,
) -> dict[str, Any]:
    """Mask a text as training would: for each piece what the model sees, what was done to it, and whether it leaks."""
    bench.check_text(text)
    given = {
        "strategy": strategy,
        "mlm_probability": mlm_probability,
        "mask_share": mask_share,
        "random_share": random_share,
    }
    masking = build(Masking, given)
    require(
        all(isinstance(number, int) and abs(number) < 2**31 for number in (seed, draw)),
        "seed and draw are whole numbers below 2147483648.",
    )
    tokenizer = bench.tokenizer(_using(model=model).model)
    import torch

    from lab.masking import ACTIONS, Vocabulary, find_leaks, mask

    pieces = explain(tokenizer, text)
    ids = torch.tensor([[piece.id for piece in pieces]])
    starts = torch.tensor([[not piece.continues for piece in pieces]])
    special = torch.tensor([[piece.special for piece in pieces]])
    masked = mask(ids, starts, special, masking, Vocabulary.of(tokenizer), seed=seed, draw=draw)
    leaks = {position for _, position in find_leaks(starts, special, masked.action).leaking.tolist()}
    seen = tokenizer.convert_ids_to_tokens(masked.input_ids[0].tolist())
    rows = [
        {"piece": piece.text, "word": piece.word, "seen": sees, "action": ACTIONS[action], "leaks": i in leaks}
        for i, (piece, sees, action) in enumerate(zip(pieces, seen, masked.action[0].tolist(), strict=True))
    ]
    return {"pieces": rows, "selected": int(masked.selected.sum()), "labels": masked.labels[0].tolist()}


def fill_mask(
    text: str,
    model: str = "bundled",
    against: str | None = None,
    top_k: int = 5,
    targets: list[str] | None = None,
    order: Order = "together",
) -> dict[str, Any]:
    """Ask a model what belongs under each [MASK] of a text; with `against`, a second model beside it."""
    bench.check_text(text)
    require(1 <= top_k <= 100, f"top_k is {top_k}. Set it from 1 to 100.")
    orders = get_args(Order)
    require(order in orders, f"order is {order!r}. It can be {', '.join(orders)}.")
    words = list(targets or ())
    require(len(words) <= 50, f"You gave {len(words)} targets; 50 at a time can be scored.")
    loaded = bench.loaded(_using(model=model).model)
    from lab.fill_mask import fill, side_by_side

    filled = fill(loaded, text, top_k=top_k, targets=words, order=order)
    answer = asdict(filled)
    if against is not None:
        other = bench.loaded(_using(model=against).model)
        shifts = side_by_side(other, loaded, text, top_k=top_k, targets=words, order=order)
        answer["shifts"] = [[{**asdict(shift), "change": shift.change} for shift in row] for row in shifts]
    return answer


def evaluate(
    model: str = "bundled", corpus: str = "reviews", chunks: int = 100, strategy: str = "token", seed: int = 0
) -> dict[str, Any]:
    """Masked-token perplexity of a model on held-out text, on frozen masks, with its scoring and its baselines."""
    require(1 <= chunks <= MOST_CHUNKS, f"chunks is {chunks}. Set it from 1 to {MOST_CHUNKS}.")
    scoring = build(Scoring, {"score_strategy": strategy, "score_seed": seed})
    using = _using(corpus, model)
    prepared = bench.prepared(using, max_test_chunks=chunks)
    from lab.evaluation import baselines
    from lab.evaluation import evaluate as score

    held_out = prepared.held_out(scoring)
    found = score(bench.loaded(using.model).model, held_out)
    return {
        "perplexity": found.perplexity,
        "mean_nll": found.mean_nll,
        "accuracy": found.accuracy,
        "positions": len(found),
        "baselines": asdict(baselines(prepared.train, held_out)),
        "scoring": {"digest": held_out.fingerprint.digest, **asdict(held_out.fingerprint)},
    }


def start_run(
    request: gr.Request, settings: dict[str, Any] | None = None, corpus: str = "reviews", model: str = "bundled"
) -> dict[str, Any]:
    """Put a run into the queue. `settings` are named as the lab names them, on top of the quick preset's, for example
    {"max_steps": 20}. Gives the run's id and the token that stops it: keep both.
    """
    using, given = _using(corpus, model), dict(settings or {})
    ours = sorted(form.LEFT_OUT & given.keys())
    require(not ours, f"{', '.join(ours)} can't be set here; give corpus and model beside the settings.")
    if using.model not in ("bundled", *bench.hub.MODELS):
        bench.run_of(using.model)
    quick = {name: value for name, value in values(preset("quick")).items() if name not in form.LEFT_OUT}
    ticket = jobs.submit(form.configuration(using, quick | given), visitor=visitor(request))
    return asdict(ticket)


def run_events(run: str, after: int = 0, limit: int = 250) -> dict[str, Any]:
    """Where a run stands, and its events behind the first `after` lines of its log, 1,000 at most; ask from `next` then."""
    require(
        isinstance(after, int) and isinstance(limit, int) and limit <= SHOWN,
        f"limit is {limit}. Set it to {SHOWN} or less.",
    )
    found = bench.run_of(run)
    tail = read(found, after, limit)
    events = [json.loads(to_json(event)) for event in tail.events]
    return {"standing": asdict(jobs.standing(run)), "events": events, "next": tail.next, "lines": tail.lines}


def stop_run(run: str, token: str) -> dict[str, Any]:
    """Stop a run after its current step and keep its model so far. The token is the one that `start_run` gave."""
    bench.run_of(run)
    jobs.stop(run, token)
    return asdict(jobs.standing(run))


def _using(corpus: str = "reviews", model: str = "bundled") -> Using:
    return Using.of({"corpus": corpus, "model": model})


def _answered(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The one place where an error becomes the sentence that a program is answered with."""

    @functools.wraps(endpoint)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return endpoint(*args, **kwargs)
        except LabError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return run
