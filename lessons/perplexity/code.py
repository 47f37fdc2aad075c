"""The lines that make the numbers on the screen: with `lab`, and with plain transformers."""

import textwrap
from typing import TYPE_CHECKING

from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.source import made, where
from lessons.perplexity.text import CHUNKS, Text

if TYPE_CHECKING:
    from lab.evaluation import HeldOut
    from lab.surprise import Passage


def drawer(text: Text, model: str, held_out: "HeldOut", row: int, passage: "Passage", chunks: int) -> Block:
    """The passage's perplexity both ways; with `lab` also that of the held-out text. `held_out` is the sample it is in."""
    return blocks.code(_with_lab(text, model, row, chunks), _with_transformers(model, held_out, row, passage))


def _with_lab(text: Text, model: str, row: int, chunks: int) -> str:
    def held_out(size: int) -> str:
        return (
            f"prepare({model!r}, {made(text.corpus)}, {made(text.prepared.chunking)}, max_test_chunks={size})\n"
            f"held_out = prepared.held_out({made(text.scoring)})"
        )

    again = "" if chunks == CHUNKS else f"\nprepared = {held_out(chunks)}"
    return f"""from lab.chunking import Chunking
from lab.config import Scoring
from lab.corpus import Corpus
from lab.evaluation import evaluate
from lab.model import load
from lab.preparation import prepare
from lab.surprise import add_up, read_passage

loaded = load({model!r}, device="cpu")
prepared = {held_out(CHUNKS)}
passage = read_passage(loaded, held_out, {row})
print(round(add_up([each.nats for each in passage.scored])[-1].perplexity, 1))  # of the passage
{again}
print(round(evaluate(loaded.model, held_out).perplexity, 1))  # of {chunks} held-out chunks"""


def _with_transformers(model: str, held_out: "HeldOut", row: int, passage: "Passage") -> str:
    reads = textwrap.fill(", ".join(map(str, passage.input_ids)), 100, initial_indent="    ", subsequent_indent="    ")
    wanted = ", ".join(f"{position}: {id}" for position, id in passage.labels.items())
    wanted = textwrap.fill(wanted, 100, initial_indent="    ", subsequent_indent="    ")
    padded = not held_out.chunks.attention_mask[row].all()
    attention = f", attention_mask=(reads != {passage.input_ids[-1]}).long()" if padded else ""
    return f"""import torch
from transformers import AutoModelForMaskedLM

model = AutoModelForMaskedLM.from_pretrained({where(model)}, dtype=torch.float32).eval()
reads = torch.tensor([[  # what the model reads: some ids hidden, some swapped
{reads}
]])
wanted = {{  # position: the id that the author wrote
{wanted}
}}
labels = torch.full_like(reads, -100)  # -100: not scored
for position, id in wanted.items():
    labels[0, position] = id
with torch.no_grad():
    loss = model(input_ids=reads, labels=labels{attention}).loss  # the mean surprise, in nats
print(round(loss.exp().item(), 1))"""
