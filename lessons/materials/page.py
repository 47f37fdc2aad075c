"""Corpus and model: what there is to choose from, a learner's own text, and what this computer has."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from lab import hub
from lab.errors import LabError
from lessons import bench
from lessons.bench import Using
from lessons.components.blocks import Block, figures, quote, say, table
from lessons.components.page import LessonPage
from lessons.components.view import view
from lessons.materials.using import corpus_name

MODELS = {
    "distilbert/distilbert-base-uncased": "DistilBERT, uncased: the model of the classic tutorial, 67 million parameters.",
    "distilbert/distilbert-base-cased": "DistilBERT, cased: tells *Film* from *film*.",
    "distilbert/distilroberta-base": "DistilRoBERTa: byte-level pieces, no `##`.",
    "distilbert/distilbert-base-multilingual-cased": "DistilBERT, multilingual: 104 languages.",
}


class Page(LessonPage):
    """The page of `lesson.md`."""

    def slot_choices(self) -> None:
        self.choices = view()

    def slot_upload(self) -> None:
        gr.Markdown(
            "A `.txt` file (documents parted by blank lines), `.csv`, `.jsonl` or `.parquet`, up to "
            f"{bench.LARGEST_UPLOAD // 2**20} MB. It stays on the computer that runs this lab, under a name that only your "
            "browser knows.",
            elem_classes="prose",
        )
        with gr.Row(elem_classes="controls"):
            self.column = gr.Textbox(
                label="Column that holds the text",
                info="For a table; the lab guesses it if you leave this empty.",
                max_length=100,
                elem_id="upload-column",
            )
            formats = [".txt", ".csv", ".jsonl", ".parquet"]
            self.file = gr.UploadButton("Choose a file", file_types=formats, elem_id="upload-corpus", scale=0)
        self.uploaded = view([])

    def slot_doctor(self) -> None:
        self.look = gr.Button("Look", elem_id="doctor-look", scale=0)
        self.found = view([])

    def connect(self) -> None:
        self.when_opened(choices, [], [self.choices])
        self.on(self.file.upload, upload, [self.file, self.column], [self.uploaded], heavy=True)
        self.on(self.look.click, doctor, [], [self.found], heavy=True)


def choices(using: Using) -> list[Block]:
    """The corpora and the models, and why one isn't available."""
    bench.wait_until_warm()
    online = hub.reachable()
    corpora = [
        _option("reviews", "Bundled reviews", "Written for the lab, of films that don't exist. Needs no network."),
        _hub_option("imdb", "IMDB", "50,000 real film reviews.", hub.cached(hub.IMDB), online),
    ]
    if using.corpus.startswith("upload:"):
        corpora.append(_option(using.corpus, "Your own file", "Uploaded from this browser."))
    models = [
        _option("bundled", "Small DistilBERT, bundled", "22.7 million parameters; it has read books. Needs no network.")
    ]
    for name, words in MODELS.items():
        models.append(_hub_option(name, name, words, hub.cached(name), online))
    for run in using.runs:
        models += _run_options(run)
    return [
        {"type": "choices", "name": "corpus", "title": "Corpus", "options": corpora},
        {"type": "choices", "name": "model", "title": "Model", "options": models},
    ]


def _option(value: str, label: str, note: str, *, off: bool = False) -> dict[str, Any]:
    return {"value": value, "label": label, "note": note, "off": off}


def _hub_option(value: str, label: str, words: str, here: bool, online: bool) -> dict[str, Any]:
    if here:
        return _option(value, label, f"{words} On this computer.")
    if online:
        return _option(value, label, f"{words} Fetched from the Hugging Face Hub when first used.")
    why = "Not on this computer, and the Hub can't be reached. Connect once and choose it."
    return _option(value, label, f"{words} {why}", off=True)


def _run_options(name: str) -> list[dict[str, Any]]:
    """A run of this browser's own, where it has a model."""
    try:
        run = bench.run_of(name)
        ended = run.summary()
        if not run.model.is_dir() or not ended:
            return []
    except LabError:
        return []
    perplexity = ended.get("perplexity")
    reached = f", held-out perplexity {perplexity:.1f}" if perplexity else ""
    return [_option(name, f"Your run {name}", f"{ended['state'].capitalize()} after {ended['steps']:,} steps{reached}.")]


def upload(using: Using, file: str | None, column: str) -> Iterator[list[Block]]:
    """Keep a corpus, read it, and use it."""
    if file is None:
        yield []
        return
    yield [say("Reading your text …", tone="waiting", live=True)]
    name = bench.keep_upload(Path(file), Path(file).name)
    own = Using.of({"corpus": name, "model": using.model, "text_column": column.strip()})
    try:
        splits, tokens = bench.corpus(own), bench.tokens(own)
    except LabError:
        bench.drop_upload(name)
        raise
    yield [
        say("Your corpus is in use from now on, in all lessons.", tone="good", live=True),
        figures(
            (f"{len(splits['train']):,}", "documents to train on"),
            (f"{len(splits['test']):,}", "documents held out"),
            (f"{len(tokens):,}", "tokens to train on"),
        ),
        quote(splits["train"][0]["text"][:400], "How your first document begins"),
        {"type": "use", "nonce": secrets.token_hex(4), "corpus": name, "text_column": own.text_column},
    ]


def doctor(using: Using) -> Iterator[list[Block]]:
    """What this computer has, finding by finding."""
    bench.wait_until_warm()
    from lab.doctor import examine

    rows: list[list[Any]] = []
    for finding in examine():
        state = "yes" if finding.ok else "no" if finding.optional else "broken"
        rows.append([finding.name, {"value": state, "tone": "good" if finding.ok else "bad"}, finding.said])
        yield [table(f"What this computer has (corpus in use: {corpus_name(using.corpus)})", ("what", "there", ""), rows)]
