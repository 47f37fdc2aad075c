"""Training speed, against the stock Trainer with the stock model. `python -m tests.benchmarks.training [--steps N]`

Both train on the same chunks in batches of 32 × 128, in turn, a fresh model each time: the stock way with transformers'
token collator, ours with its own masks, in fp32 and in what this hardware does best. The first steps are not counted.
"""

import argparse
import time

import torch
from datasets import Dataset
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    DataCollatorForLanguageModeling,
    DistilBertConfig,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from lab.chunking import Chunking, SpecialTokens, chunk
from lab.evaluation import Scoring
from lab.hardware import choose_device
from lab.masking import Masking, Vocabulary
from lab.model import ASSETS, load_tokenizer
from lab.preparation import HeldOut
from lab.tokenization import tokenize
from lab.trainer import MaskedTrainer
from tests.benchmarks import report, reviews

BATCH, WIDTH, WARM_UP = 32, 128, 2
MODELS = {
    "bundled": lambda: AutoConfig.from_pretrained(ASSETS / "model"),
    "DistilBERT, random weights": DistilBertConfig,
}


class Clock(TrainerCallback):
    """Times the steps after the warm-up."""

    def on_step_end(self, args, state, _control, **_):
        if args.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        if state.global_step == WARM_UP:
            self.began = now
        self.ended, self.steps = now, state.global_step - WARM_UP


def arguments(steps: int, device: str, precision: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir="unused",
        max_steps=steps + WARM_UP,
        per_device_train_batch_size=BATCH,
        use_cpu=device == "cpu",
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device == "cuda",
        logging_strategy="no",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    device = choose_device()
    print(torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads")
    tokenizer = load_tokenizer("bundled")
    tokens = tokenize(Dataset.from_dict({"text": reviews(2000)}), tokenizer)
    chunks = chunk(tokens, Chunking(), SpecialTokens.of(tokenizer))
    rows = Dataset.from_dict({"input_ids": chunks.input_ids}).with_format("torch")
    vocabulary = Vocabulary.of(tokenizer)

    def tokens_a_second(name: str, way: str, precision: str) -> float:
        torch.manual_seed(0)
        model = AutoModelForMaskedLM.from_config(MODELS[name](), dtype=torch.float32)
        clock = Clock()
        args = arguments(options.steps, device, precision)
        if way == "stock":
            collator = DataCollatorForLanguageModeling(tokenizer)
            trainer = Trainer(model=model, args=args, train_dataset=rows, data_collator=collator, callbacks=[clock])
        else:
            held_out = HeldOut(chunks, vocabulary, Scoring(), None)
            trainer = MaskedTrainer(
                model=model, args=args, train=chunks, held_out=held_out, masking=Masking(), vocabulary=vocabulary,
                callbacks=[clock],
            )  # fmt: skip
        trainer.train()
        return clock.steps * BATCH * WIDTH / (clock.ended - clock.began)

    best = "fp16" if device == "cuda" else "bf16"
    ways = [("stock", "fp32"), ("ours", "fp32"), ("stock", best), ("ours", best)]
    for name in MODELS:
        speed = dict.fromkeys(ways, 0.0)
        for _ in range(options.rounds):
            for way in ways:
                speed[way] = max(speed[way], tokens_a_second(name, *way))
        for way in ways:
            report(model=name, way=way[0], precision=way[1], tokens_a_second=speed[way], ratio=speed[way] / speed[ways[0]])


if __name__ == "__main__":
    main()
