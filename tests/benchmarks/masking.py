"""Masks for a batch of 64 chunks of 128, against transformers' collators. `python -m tests.benchmarks.masking`"""

import torch
from datasets import Dataset
from transformers import DataCollatorForLanguageModeling

from lab.chunking import Chunking, SpecialTokens, chunk
from lab.masking import Masking, Vocabulary, mask
from lab.model import load_tokenizer
from lab.tokenization import tokenize
from tests.benchmarks import report, reviews, seconds

CALLS, ROUNDS = 20, 100


def main() -> None:
    tokenizer = load_tokenizer("bundled")
    texts = reviews(200)
    chunks = chunk(
        tokenize(Dataset.from_dict({"text": texts}), tokenizer),
        Chunking(special_tokens="chunk"),
        SpecialTokens.of(tokenizer),
    )
    rows = range(64)
    fields = chunks.input_ids[:64].astype("int64"), chunks.word_starts[:64], chunks.special_tokens_mask[:64]
    ids, starts, special = map(torch.from_numpy, fields)
    vocabulary = Vocabulary.of(tokenizer)
    # What transformers' whole-word collator needs for its idea of a word: where each piece stood in the text.
    encoded = tokenizer(
        [tokenizer.decode(chunks.input_ids[row][1:-1]) for row in rows],
        truncation=True,
        max_length=128,
        padding="max_length",
        return_offsets_mapping=True,
    )
    offsets = [{"input_ids": encoded["input_ids"][row], "offset_mapping": encoded["offset_mapping"][row]} for row in rows]
    plain = [{"input_ids": chunks.input_ids[row].tolist()} for row in rows]
    features = {"token": plain, "whole_word": offsets}
    for strategy, whole_word in (("token", False), ("whole_word", True)):
        masking = Masking(strategy=strategy)
        settings = {"mask_replace_prob": 1, "random_replace_prob": 0} if whole_word else {}
        stock = DataCollatorForLanguageModeling(tokenizer, whole_word_mask=whole_word, **settings)

        def ours(masking: Masking = masking) -> None:
            for draw in range(CALLS):
                mask(ids, starts, special, masking, vocabulary, seed=0, draw=draw)

        # In turn, and each in stretches of a few milliseconds, so that other work on the machine meets both alike.
        ours_ms = stock_ms = float("inf")
        for _ in range(ROUNDS):
            ours_ms = min(ours_ms, seconds(ours) * 1000 / CALLS)
            stock_ms = min(stock_ms, seconds(lambda stock=stock, strategy=strategy: stock(features[strategy])) * 1000)
        report(strategy=strategy, ours_ms=ours_ms, transformers_ms=stock_ms, ratio=stock_ms / ours_ms)


if __name__ == "__main__":
    main()
