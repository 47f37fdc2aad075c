"""The lines that train the run on the screen: with `lab`, and with plain transformers and datasets."""

from pathlib import Path
from typing import Any

from lab.config import RunConfig
from lab.corpus import Corpus
from lab.events import Evaluated
from lab.reproduce import as_script
from lab.runs import Run
from lab.settings import values
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.source import where


def drawer(config: RunConfig, run: Run | None = None) -> Block:
    """For a run that was scored, the lines that do it again and compare; before that, the lines of the form."""
    shown = own_name(config.data)
    scored = run is not None and any(isinstance(event, Evaluated) for event in run.events())
    with_lab = as_script(run, shown).rstrip() if run is not None and scored else _with_lab(config, shown)
    return blocks.code(with_lab, _with_transformers(config))


def own_name(data: Corpus) -> str | None:
    """An own file by its name alone: where this computer keeps it is no business of a reader."""
    return None if data.corpus in ("reviews", "imdb") else Path(data.corpus).name


def _with_lab(config: RunConfig, corpus: str | None) -> str:
    default = values(RunConfig())
    given = {name: value for name, value in values(config).items() if value != default[name]}
    given |= {"corpus": corpus} if corpus else {}
    settings = "".join(f"    {name!r}: {value!r},\n" for name, value in given.items())
    return f"""from lab.config import RunConfig
from lab.events import Evaluated
from lab.settings import build
from lab.training import fine_tune

# Every setting that is not at its default.
settings = {{
{settings}}}

for event in fine_tune(build(RunConfig, settings)):
    if isinstance(event, Evaluated):
        print(f"step {{event.step}}: held-out perplexity {{event.perplexity}}")"""


def _with_transformers(config: RunConfig) -> str:
    chosen = config.optimization
    whole = config.masking.strategy == "whole_word"
    imports = ["import math", *(["import random"] if whole else []), *(["import re"] if config.data.clean_markup else [])]
    if config.max_train_chunks or config.max_test_chunks:
        imports += ["", "import numpy as np"]
    names = ["AutoModelForMaskedLM", "AutoTokenizer", "Trainer", "TrainingArguments"]
    if not whole:
        names.insert(2, "DataCollatorForLanguageModeling")
    imports += ["", *(["import torch"] if whole else []), "from datasets import load_dataset"]
    imports += [f"from transformers import {', '.join(names)}"]
    model = where(config.model)
    dropout = f", dropout={chosen.dropout}, attention_dropout={chosen.dropout}" if chosen.dropout is not None else ""
    parts = [
        "\n".join(imports),
        f"tokenizer = AutoTokenizer.from_pretrained({model})\n"
        f'model = AutoModelForMaskedLM.from_pretrained({model}, dtype="float32"{dropout})',
        _texts(config.data),
        _chunks(config, whole),
        _whole_words(config) if whole else _tokens(config),
        f"args = TrainingArguments(\n{_arguments(config)})\n"
        "trainer = Trainer(\n"
        '    model, args, train_dataset=chunks["train"], eval_dataset=chunks["test"], data_collator=collator\n)',
    ]
    if chosen.gradient_accumulation_steps > 1:
        parts[-1] += "\ntrainer.model_accepts_loss_kwargs = False  # or the gradients come out that many times too big"
    parts.append(
        "trainer.train()\n"
        'print(len(chunks["train"]), "chunks,", trainer.state.global_step, "steps")\n'
        "# The masks fall by other dice than the lab's, and anew at each evaluation: near the lab's number, not the same.\n"
        'print("held-out perplexity", math.exp(trainer.evaluate()["eval_loss"]))'
    )
    return "\n\n".join(parts)


_READERS = {".csv": "csv", ".jsonl": "json", ".parquet": "parquet", ".txt": "text"}


def _texts(data: Corpus) -> str:
    column = data.text_column or "text"
    if data.corpus == "reviews":
        files = '{"train": "assets/reviews/train.parquet", "test": "assets/reviews/test.parquet"}'
        lines = [f'texts = load_dataset("parquet", data_files={files})']
    elif data.corpus == "imdb":
        lines = ['texts = load_dataset("stanfordnlp/imdb")']
    else:
        name = Path(data.corpus).name
        reader = _READERS.get(Path(name).suffix.lower(), "text")
        paragraphs = ', sample_by="paragraph"' if reader == "text" else ""
        lines = [
            f'texts = load_dataset("{reader}", data_files={name!r}{paragraphs})["train"]',
            f"texts = texts.train_test_split({data.held_out}, seed={data.split_seed})  # by other dice than the lab's",
        ]
    if column != "text":
        lines.append(f'texts = texts.select_columns([{column!r}]).rename_column({column!r}, "text")')
    if data.clean_markup:
        pattern = r'r"(?i)\s*(?:<br\s*/?>\s*)+"'
        lines.append(f'texts = texts.map(lambda row: {{"text": re.sub({pattern}, " ", row["text"])}})')
    return "\n".join(lines)


def _chunks(config: RunConfig, words: bool) -> str:
    """Everything laid end to end and cut; for whole words the number of each piece's word goes along."""
    chunking = config.chunking
    each = chunking.special_tokens == "chunk"
    special = ", add_special_tokens=False" if each else ""
    columns = ["input_ids", *(["words"] if words else [])]
    room = "CHUNK_SIZE - 2" if each else "CHUNK_SIZE"
    stop = "len(ids)" if chunking.remainder == "pad" else f"len(ids) - ({room}) + 1" if each else f"len(ids) - {room} + 1"
    begin, end = "[tokenizer.cls_token_id] + ", " + [tokenizer.sep_token_id]"
    cut = {
        "input_ids": f"{begin if each else ''}ids[at : at + {room}]{end if each else ''}",
        "words": f"{'[None] + ' if each else ''}words[at : at + {room}]{' + [None]' if each else ''}",
    }
    made = ", ".join(f'"{name}": [{cut[name]} for at in places]' for name in columns)
    lines = [
        f"CHUNK_SIZE = {chunking.chunk_size}",
        "",
        "",
        "def chunked(documents):",
        f'    encoded = tokenizer(documents["text"]{special})',
        '    ids = [id for row in encoded["input_ids"] for id in row]',
    ]
    if words:
        lines.append(
            "    words = [None if word is None else f'{i} {word}' for i in range(len(encoded[\"input_ids\"])) "
            "for word in encoded.word_ids(i)]"
        )
    lines += [
        f"    places = range(0, {stop}, {room})",
        f"    return {{{made}}}",
        "",
        "",
        'chunks = texts.map(chunked, batched=True, batch_size=None, remove_columns=texts["train"].column_names)',
    ]
    for split, most in (("train", config.max_train_chunks), ("test", config.max_test_chunks)):
        if most:
            lines.append(
                f'kept = np.random.default_rng({config.data.split_seed}).permutation(len(chunks["{split}"]))[:{most}]\n'
                f'chunks["{split}"] = chunks["{split}"].select(sorted(kept.tolist()))'
            )
    return "\n".join(lines)


def _tokens(config: RunConfig) -> str:
    masking = config.masking
    return (
        "collator = DataCollatorForLanguageModeling(\n"
        f"    tokenizer, mlm_probability={masking.mlm_probability}, mask_replace_prob={masking.mask_share}, "
        f"random_replace_prob={masking.random_share}\n)"
    )


def _whole_words(config: RunConfig) -> str:
    """transformers' own goes by touching characters, and hides all that it selects: so here is a short one."""
    masking = config.masking
    return f"""def collator(rows):
    \"\"\"All pieces of a word are selected, or none; what befalls a selected piece is drawn for each.\"\"\"
    batch = tokenizer.pad([{{"input_ids": row["input_ids"]}} for row in rows], return_tensors="pt")
    labels = torch.full_like(batch["input_ids"], -100)  # -100: not scored
    for i, row in enumerate(rows):
        chosen = {{word for word in set(row["words"]) - {{None}} if random.random() < {masking.mlm_probability}}}
        for at, word in enumerate(row["words"]):
            if word in chosen:
                labels[i, at], fate = batch["input_ids"][i, at], random.random()
                if fate < {masking.mask_share}:
                    batch["input_ids"][i, at] = tokenizer.mask_token_id
                elif fate < {round(masking.mask_share + masking.random_share, 6)}:
                    batch["input_ids"][i, at] = random.randrange(len(tokenizer))
    return {{**batch, "labels": labels}}"""


def _arguments(config: RunConfig) -> str:
    chosen = config.optimization
    given: dict[str, Any] = {
        "output_dir": "trained",
        "num_train_epochs": chosen.num_train_epochs,
        "max_steps": chosen.max_steps or -1,
        "per_device_train_batch_size": chosen.per_device_train_batch_size,
        "gradient_accumulation_steps": chosen.gradient_accumulation_steps,
        "per_device_eval_batch_size": chosen.per_device_eval_batch_size,
        "learning_rate": chosen.learning_rate,
        "weight_decay": chosen.weight_decay,
        "lr_scheduler_type": chosen.lr_scheduler_type,
        "warmup_steps": chosen.warmup_steps,
        "max_grad_norm": chosen.max_grad_norm,
        "seed": config.seed,
        "save_strategy": "no",
        "report_to": "none",
        "remove_unused_columns": False,
    }
    if config.device == "cpu":
        given["use_cpu"] = True
    if config.precision in ("bf16", "fp16"):
        given[config.precision] = True
    return "".join(f"    {name}={value!r},\n" for name, value in given.items())
