"""The lines that give what is on the screen: with `lab`, and with plain transformers."""

from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.source import made, where
from lessons.fill_mask.models import Asked
from lessons.fill_mask.question import Question
from lessons.fill_mask.so_what import TEST

# The learner's question ---------------------------------------------------------------------------------------------------


def answers(found: Asked, question: Question) -> Block:
    """Both models' answers to the learner's question."""
    return blocks.code(_answers_with_lab(found, question), _answers_plain(found, question))


def _answers_with_lab(found: Asked, question: Question) -> str:
    how = f"top_k={question.top_k}, targets={list(question.targets)}, order={question.order!r}"
    if not found.tuned:
        return f"""from lab.fill_mask import fill
from lab.model import load

filled = fill(load({found.last!r}, device="cpu"), {question.text!r}, {how})
for blank in filled.blanks:
    for answer in blank:
        print(f"{{answer.word:15}} {{answer.probability:8.2%}}")
print(filled.completed)"""
    base, tuned = found.names
    return f"""from lab.fill_mask import fill, side_by_side
from lab.model import load

base, tuned = load({base!r}, device="cpu"), load({tuned!r}, device="cpu")
text, how = {question.text!r}, dict({how})
for blank in side_by_side(base, tuned, text, **how):
    for answer in blank:
        print(f"{{answer.word:15}} {{answer.before:8.2%}} {{answer.after:8.2%}}")
for model in (base, tuned):
    print(fill(model, text, **how).completed)"""


def _answers_plain(found: Asked, question: Question) -> str:
    turns = {
        "together": "[blanks]",
        "left_to_right": "[[b] for b in blanks]",
        "right_to_left": "[[b] for b in blanks[::-1]]",
    }
    best = f"row.topk({question.top_k}).indices.tolist()"
    if question.targets:
        ids = _target_ids(found, question)
        best = f"sorted({ids}, key=lambda id: -row[id])  # the pieces {', '.join(question.targets)}"
    filled = "ids[0, blank] = best[0]  # in its place before the next one is asked for"
    lines = [
        "import re",
        "",
        "import torch",
        "from transformers import AutoModelForMaskedLM, AutoTokenizer",
        "",
        f"TEXT = {question.text!r}",
        "",
        "",
        "def ask(tokenizer, model):",
        '    text = re.sub(r"(?i)\\[mask\\]|<mask>", lambda _: tokenizer.mask_token, TEXT)',
        '    ids = tokenizer(text, return_tensors="pt")["input_ids"]',
        "    blanks = (ids[0] == tokenizer.mask_token_id).nonzero().flatten().tolist()",
        "    answers = {}",
        f"    for turn in {turns[question.order]}:",
        "        with torch.no_grad():",
        "            probabilities = model(ids).logits[0].softmax(dim=-1)",
        "        for blank in turn:",
        "            row = probabilities[blank]",
        f"            best = {best}",
        *([f"            {filled}"] if question.order != "together" else []),
        "            answers[blank] = [(tokenizer.decode([id]).strip(), row[id].item()) for id in best]",
        "    for blank in blanks:",
        "        for word, probability in answers[blank]:",
        '            print(f"{word:15} {probability:8.2%}")',
        "",
        "",
    ]
    for name in found.names:
        lines += [
            "ask(",
            f"    AutoTokenizer.from_pretrained({where(name)}),",
            f"    AutoModelForMaskedLM.from_pretrained({where(name)}, dtype=torch.float32).eval(),",
            ")",
        ]
    return "\n".join(lines)


def _target_ids(found: Asked, question: Question) -> list[int]:
    from lab.fill_mask import fill

    answers = fill(found.loaded()[0], question.text, targets=question.targets).blanks[0]
    return [answer.id for answer in answers]


# The probe ----------------------------------------------------------------------------------------------------------------


def probe(using: Using, found: Asked, train: int) -> Block:
    """Both models' probes, and whether they differ."""
    return blocks.code(_probe_with_lab(using, found, train), _probe_plain(using, found, train))


def _probe_with_lab(using: Using, found: Asked, train: int) -> str:
    compared = "\nprint(compare(*found).p)" if found.tuned else ""
    names = "compare, probe, sample" if found.tuned else "probe, sample"
    return f"""from lab.corpus import Corpus, load_corpus
from lab.model import load
from lab.linear_probe import {names}

drawn = sample(load_corpus({made(using.corpus_settings())}), train={train}, test={TEST})
found = []
for name in {list(found.names)}:
    *_, outcome = probe(load(name, device="cpu"), drawn)  # reads the documents, then fits the classifier
    found.append(outcome)
    print(name, f"{{outcome.accuracy:.1%}}"){compared}"""


def _probe_plain(using: Using, found: Asked, train: int) -> str:
    calls = "\n".join(
        f"""told.append(probe(
    AutoTokenizer.from_pretrained({where(name)}),
    AutoModel.from_pretrained({where(name)}, dtype=torch.float32).eval(),
))"""
        for name in found.names
    )
    test = """
gained, lost = ((told[1] & ~told[0]).sum(), (told[0] & ~told[1]).sum())
print(binomtest(gained, gained + lost).pvalue if gained + lost else 1.0)  # McNemar's exact test"""
    scipy = "from scipy.stats import binomtest\n" if found.tuned else ""
    return f"""import numpy as np
import torch
{scipy}from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModel, AutoTokenizer

from lab.corpus import Corpus, load_corpus
from lab.linear_probe import sample

drawn = sample(load_corpus({made(using.corpus_settings())}), train={train}, test={TEST})


def probe(tokenizer, model):
    states = []
    for text in (*drawn.train, *drawn.test):
        encoded = tokenizer(text, truncation=True, max_length=128, return_tensors="pt")
        with torch.no_grad():
            states.append(model(**encoded).last_hidden_state[0].mean(dim=0).numpy())
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    classifier.fit(states[:len(drawn.train)], drawn.train_labels)
    right = classifier.predict(states[len(drawn.train):]) == np.array(drawn.test_labels)
    print(f"{{right.mean():.1%}}")
    return right


told = []
{calls}{test if found.tuned else ""}"""
