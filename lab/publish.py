"""Publish: a run's model on the Hugging Face Hub, with a card that says what it is, how it was made and how well it does.

The card's figures are computed anew: the run and what it started from, scored on the same frozen masks, and whether the
difference is real.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lab import hub
from lab.config import RunConfig
from lab.errors import ModelError, RunError, require
from lab.evaluation import Baselines, Comparison, Evaluation, baselines, compare, evaluate
from lab.events import Evaluated
from lab.model import load, load_model
from lab.preparation import prepare
from lab.runs import Run
from lab.settings import values
from lab.story import curve

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

_CHUNKS_SCORED = 200  # held-out chunks that the card's figures rest on, at most


@dataclass(frozen=True, slots=True)
class Scores:
    """A run and what it started from, on the same frozen masks."""

    before: Evaluation
    after: Evaluation
    comparison: Comparison
    baselines: Baselines


def score_run(run: Run) -> Scores:
    """Score a run's model and its base on the run's own held-out text. Seconds to minutes. Raises LabError."""
    config = run.config()
    most = min(config.max_test_chunks or _CHUNKS_SCORED, _CHUNKS_SCORED)
    prepared = prepare(
        config.model, config.data, config.chunking, max_train_chunks=config.max_train_chunks, max_test_chunks=most
    )
    held_out = prepared.held_out(config.scoring)
    after = evaluate(load(str(run.folder), config.device).model, held_out)
    before = evaluate(load_model(config.model), held_out)
    return Scores(before, after, compare(before, after), baselines(prepared.train, held_out))


def model_card(run: Run, repo: str, scores: Scores) -> "ModelCard":
    """The card of a run's model, with metadata that the Hub reads."""
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

    config = run.config()
    base = config.model if config.model in hub.MODELS else None
    corpus = {"reviews": "the Masked Language Lab's invented film reviews", "imdb": "IMDB"}.get(
        config.data.corpus, "a text file of the author's own"
    )
    results = [
        EvalResult("fill-mask", config.data.corpus if config.data.corpus == "imdb" else "custom", corpus, kind, value)
        for kind, value in (("perplexity", scores.after.perplexity), ("accuracy", scores.after.accuracy))
    ]
    data = ModelCardData(
        model_name=repo.rpartition("/")[2],
        base_model=base,
        datasets=hub.IMDB if config.data.corpus == "imdb" else None,
        eval_results=results,
        library_name="transformers",
        license="apache-2.0",
        pipeline_tag="fill-mask",
        tags=["masked-language-lab", "fill-mask"],
        language=None if base and "multilingual" in base else "en",
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{_text(run, repo, config, corpus, scores)}")


def push(run: Run, repo: str, *, token: str | None = None, private: bool = False) -> str:
    """Upload a run's model, tokenizer and card; returns the address of the repository, which is made if there is none.

    Without `token`, the one that `hf auth login` has left on this computer. It is passed on and not kept. Raises RunError
    for a run that has no model, ModelError for what the Hub refuses.
    """
    check(run, repo)
    return upload(run, repo, model_card(run, repo, score_run(run)), token=token, private=private)


def check(run: Run, repo: str) -> None:
    """Raise RunError, SettingError or ModelError for what can't be pushed, before anything is computed."""
    require(run.model.is_dir(), f"The run {run.id} has no model yet (it is {run.state()}).", RunError)
    named = len(repo) <= 96 and repo.count("/") == 1 and all(repo.split("/"))
    require(named, f"{repo[:100]!r} is not USER/NAME. Give it as, say, ada/film-bert.")
    require(hub.reachable(), "The Hub can't be reached from here. Connect, and push again.", ModelError)


def upload(run: Run, repo: str, card: "ModelCard", *, token: str | None = None, private: bool = False) -> str:
    """Upload what `push` does, with a card that has been made before. Raises ModelError for what the Hub refuses."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import HfHubHTTPError, HFValidationError

    api = HfApi(token=token)
    try:
        address = api.create_repo(repo, private=private, exist_ok=True)
        with TemporaryDirectory() as folder:
            card.save(Path(folder) / "README.md")
            api.upload_folder(repo_id=repo, folder_path=run.model, commit_message=f"The model of the run {run.id}")
            api.upload_folder(repo_id=repo, folder_path=folder, commit_message="What it is and how well it does")
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise ModelError(f"The Hub refused {repo}: {hub.reason(error)}") from error
    return str(address)


def _text(run: Run, repo: str, config: RunConfig, corpus: str, scores: Scores) -> str:
    before, after, paired = scores.before, scores.after, scores.comparison
    scored = after.fingerprint
    started = "the Masked Language Lab's bundled small DistilBERT" if config.model == "bundled" else f"`{config.model}`"
    verdict = "more" if paired.real else "no more"
    epochs = [event for event in curve(run.events()) if isinstance(event, Evaluated)]
    settings = {name: value for name, value in values(config).items() if name not in _PRIVATE}
    return f"""# {repo.rpartition("/")[2]}

A masked language model: {started}, fine-tuned on {corpus} with the Masked Language Lab.

## How well it does

Masked-token perplexity on {scored.held_out_chunks:,} held-out chunks of {scored.chunk_size}:
{len(after):,} scored positions, {scored.score_strategy} masks at {scored.score_probability:.0%}, seed {scored.score_seed}.
Values under another scoring can't be compared.

{_table(("", "perplexity", "accuracy"), _score_rows(before, after, scores.baselines))}

Paired, on the same masks: perplexity times {paired.ratio:.4f}, 95 % interval {paired.low:.4f} to {paired.high:.4f}
(bootstrap over {paired.documents:,} documents). That is {verdict} than the choice of held-out documents explains.

## How it was trained

{_table(("step", "epoch", "held-out perplexity", "accuracy"), [_curve_row(event) for event in epochs])}

{_table(("setting", "value"), [(f"`{name}`", f"{value}") for name, value in settings.items() if value is not None])}

## How to use it

```python
from transformers import pipeline

fill = pipeline("fill-mask", model="{repo}")
print(fill("This is a great {load(str(run.folder), "cpu").tokenizer.mask_token}."))
```

## Limits

It says what is likely in texts like those it has read, not what is true. It carries the prejudices of its texts and of the
model that it started from. It was trained to fill blanks in short passages; anything else has not been tested.

## Licence

Apache-2.0, like the model that it started from; mind the licence of the text as well.
"""


_PRIVATE = ("corpus", "text_column", "probes", "report_to", "device")  # paths, and what doesn't matter to a reader


def _score_rows(before: Evaluation, after: Evaluation, baseline: Baselines) -> list[tuple[str, str, str]]:
    return [
        ("this model", f"{after.perplexity:.2f}", f"{after.accuracy:.1%}"),
        ("what it started from", f"{before.perplexity:.2f}", f"{before.accuracy:.1%}"),
        ("guessing by frequency", f"{baseline.unigram:,.0f}", ""),
        ("blind guessing", f"{baseline.uniform:,.0f}", ""),
    ]


def _curve_row(event: Evaluated) -> tuple[str, ...]:
    return str(event.step), f"{event.epoch:g}", f"{event.perplexity:.2f}", f"{event.accuracy:.1%}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
