"""The lines that make the numbers of a round that has been played: with `lab`, and with plain transformers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons import bench
from lessons.be_the_model.picture import Answer
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.source import made, where

if TYPE_CHECKING:
    from lab.cloze import Blank


def drawer(using: Using, read: int, number: int, asked: Sequence["Blank"], answers: Sequence[Answer]) -> Block:
    """The whole round with `lab`; with plain transformers, the model's side of it."""
    return blocks.code(_with_lab(using, read, number, answers), _with_transformers(using.model, asked))


def _with_lab(using: Using, read: int, number: int, answers: Sequence[Answer]) -> str:
    beliefs = "\n".join(f"    belief(WORDS, {list(answer.picked)}, {answer.confidence!r})," for answer in answers)
    return f"""from lab.cloze import WORDS, ask, belief, deal, score
from lab.corpus import Corpus, load_corpus
from lab.lexicon import lexicon
from lab.model import load

loaded = load({using.model!r}, device="cpu")
corpus = load_corpus({made(using.corpus_settings())})
words = lexicon(corpus["train"][:{read}]["text"], loaded.tokenizer)
hidden = deal(loaded.tokenizer, words, corpus["test"]["text"], seed={number})
blanks = [ask(loaded, words, each) for each in hidden]
yours = [  # which words of the list you picked, from 0, and how surely
{beliefs}
]
found = score(blanks, yours)
print(found.better, round(found.your_perplexity, 1), round(found.models_perplexity, 1))"""


def _with_transformers(model: str, asked: Sequence["Blank"]) -> str:
    mask = bench.tokenizer(model).mask_token
    rows = "\n".join(
        f"    ({blank.hidden.before + mask + blank.hidden.after!r},\n     {list(blank.words)}, {blank.hidden.word!r}),"
        for blank in asked
    )
    return f"""import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained({where(model)})
model = AutoModelForMaskedLM.from_pretrained({where(model)}, dtype=torch.float32).eval()
blanks = [  # the sentence, the list, the author's word
{rows}
]
surprises = []
for sentence, words, author in blanks:
    encoded = tokenizer(sentence, return_tensors="pt")
    with torch.no_grad():
        logits = model(**encoded).logits[encoded["input_ids"] == tokenizer.mask_token_id][0]
    ids = [tokenizer(" " + word, add_special_tokens=False)["input_ids"][0] for word in words]
    beliefs = logits[ids].softmax(dim=-1)  # over the list alone, they make 100 %
    surprises.append(-beliefs[words.index(author)].log())
print(round(torch.stack(surprises).mean().exp().item(), 1))  # the model's perplexity"""
