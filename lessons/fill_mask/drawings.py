"""The drawings of the closing quiz: one question a lesson, about the bundled reviews and model, each answer computed.

Each takes dice and gives a question whose tempting wrong answers are not right by chance.
"""

import math
import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from lessons import bench
from lessons.bench import Using
from lessons.components.blocks import Choice, Question
from lessons.components.words import many, percent

_BUNDLED = Using()
_TRIES = 60
_LIKELY = 60  # answers of the model among which the author's word is looked for


def be_the_model(dice: random.Random) -> Question:
    """How surprised is the model by the author's word?"""
    from lab.fill_mask import fill

    loaded = bench.loaded(_BUNDLED.model)
    for _ in range(_TRIES):
        sentence = dice.choice(_sentences())
        words = [word for word in sentence.split() if word.isalpha() and word.islower() and len(word) > 2]
        if not words:
            continue
        word = dice.choice(words)
        before, _, after = sentence.partition(f" {word} ")
        text = f"{before} [MASK] {after}"
        if not after:
            continue
        first, *others = fill(loaded, text, top_k=_LIKELY).blanks[0]
        found = [each.probability for each in others if each.word == word and each.probability > 0.005]
        if found and first.word.isalpha():
            break
    shown = _as_shown(found[0])
    return Question(
        "",
        "“{text}” The author wrote “{word}”, and the model gave that {p}; its own first choice was “{first}”. How "
        "surprised was it by the author’s word, in nats?",
        (
            Choice(
                f"{-math.log(shown):.2f}", "−ln of the probability. Halve the probability, and 0.69 nats are added.", True
            ),
            Choice(
                f"{1 - shown:.2f}",
                "That is the probability of any other word. Surprises must add up where probabilities multiply, and "
                "these don’t.",
            ),
            Choice(f"{1 / shown:.2f}", "That is e to the surprise: the perplexity of this one blank."),
        ),
        hint="The surprise is −ln of the probability.",
        values={"text": text, "word": word, "p": percent(shown), "first": first.word},
    )


def tokenization(dice: random.Random) -> Question:
    """What does decoding give back?"""
    tokenizer = bench.tokenizer(_BUNDLED.model)
    for _ in range(_TRIES):
        sentence = dice.choice(_sentences())
        ids = tokenizer(sentence)["input_ids"]
        pieces = tokenizer.convert_ids_to_tokens(ids[1:-1])
        back, spaced = tokenizer.decode(ids, skip_special_tokens=True), " ".join(pieces)
        if any(piece.startswith("##") for piece in pieces) and len({back, spaced, sentence}) == 3 and len(pieces) < 24:
            break
    return Question(
        "",
        "“{text}” goes through the tokenizer and becomes {count} pieces. They are decoded again. What comes back?",
        (
            Choice(
                "{back}",
                "Pieces of a word are joined again; what the vocabulary doesn’t tell apart is gone.",
                True,
                {"back": back},
            ),
            Choice(
                "{back}",
                "That is the text as it went in. This vocabulary knows no capitals, so nothing can bring them back.",
                values={"back": sentence},
            ),
            Choice(
                "{back}",
                "Those are the pieces. Decoding joins a piece that begins with ## to the one before it.",
                values={"back": spaced},
            ),
        ),
        hint="This tokenizer is an uncased one.",
        values={"text": sentence, "count": len(pieces)},
    )


def chunking(dice: random.Random) -> Question:
    """How many chunks, and how many tokens are dropped?"""
    from lab.chunking import Chunking, SpecialTokens, chunk
    from lab.tokenization import Tokens

    everything = bench.tokens(_BUNDLED, "test")
    special = SpecialTokens.of(bench.tokenizer(_BUNDLED.model))
    starts = everything.document_starts
    for _ in range(_TRIES):
        first, count, size = dice.randrange(len(starts) - 6), dice.randint(3, 5), dice.choice((64, 128))
        begin, end = starts[first], starts[first + count]
        some = Tokens(
            everything.input_ids[begin:end], everything.word_starts[begin:end], starts[first : first + count + 1] - begin
        )
        lengths = (np.diff(some.document_starts) + len(special.prefix) + len(special.suffix)).tolist()
        chunks = chunk(some, Chunking(chunk_size=size), special)
        right = len(chunks), chunks.dropped[1] - chunks.dropped[0]
        alone = sum(length // size for length in lengths), sum(length % size for length in lengths)
        if right[1] and alone != right and alone[0] != right[0] + 1:
            break
    return Question(
        "",
        "Reviews of {lengths} tokens, special tokens included, are laid end to end and cut every {size}. How many "
        "whole chunks are there, and how many tokens are dropped?",
        (
            Choice(
                _chunks(*right),
                f"All {sum(lengths):,} tokens in one stream: divided by {size}, and what is left over.",
                True,
            ),
            Choice(_chunks(right[0] + 1, 0), "That rounds up. To fill a last chunk, padding would have to be added."),
            Choice(
                _chunks(*alone),
                "That cuts each review by itself and throws away each one’s rest. Laying them end to end is what "
                "avoids it.",
            ),
        ),
        hint="Add the lengths up first.",
        values={"lengths": ", ".join(map(str, lengths)), "size": size},
    )


def _chunks(count: int, dropped: int) -> str:
    return f"{many(count, 'chunk')}, {dropped or 'no'} {'token' if dropped == 1 else 'tokens'} dropped"


def masking(dice: random.Random) -> Question:
    """How many positions enter the loss?"""
    import torch

    from lab.config import Masking
    from lab.masking import KEPT, MASKED, RANDOM, mask

    prepared = bench.prepared(_BUNDLED)
    for _ in range(_TRIES):
        row = dice.randrange(len(prepared.test))
        ids, starts, special = (
            torch.from_numpy(each[[row]])
            for each in (prepared.test.input_ids, prepared.test.word_starts, prepared.test.special_tokens_mask)
        )
        masked = mask(ids.long(), starts, special, Masking(), prepared.vocabulary, seed=dice.randrange(10**6))
        counts = torch.bincount(masked.action[0].long(), minlength=4).tolist()
        hidden, swapped, kept = counts[MASKED], counts[RANDOM], counts[KEPT]
        if swapped and kept:
            break
    return Question(
        "",
        "Selected in a chunk of {n} pieces: {hidden} that now read [MASK], {swapped} swapped for a random piece, and "
        "{kept} left as they were. How many positions enter the loss?",
        (
            Choice(
                str(hidden + swapped + kept),
                "All that were selected. A piece that is left as it was is to be predicted too.",
                True,
            ),
            Choice(str(hidden), "Those are the visible [MASK]s alone: about eight in ten of the selected."),
            Choice(str(hidden + swapped), "The kept ones are scored as well, or the model could trust whatever it sees."),
            Choice(
                str(ids.shape[1]), "That is every position. The model reads them all and is asked for the selected only."
            ),
        ),
        hint="What was selected is predicted, whatever was done to it.",
        values={"n": ids.shape[1], "hidden": hidden, "swapped": swapped, "kept": kept},
    )


def fine_tuning(dice: random.Random) -> Question:
    """How many optimizer steps?"""
    from lab.config import preset
    from lab.estimate import estimate

    chunks, batch, waits, epochs = (
        dice.randint(300, 1200),
        dice.choice((8, 16, 32)),
        dice.choice((2, 4)),
        dice.randint(2, 4),
    )
    settings: dict[str, Any] = {
        "max_train_chunks": chunks,
        "per_device_train_batch_size": batch,
        "num_train_epochs": float(epochs),
    }
    right = estimate(preset("quick", **settings, gradient_accumulation_steps=waits)).steps
    without = estimate(preset("quick", **settings)).steps
    return Question(
        "",
        "{chunks} chunks, batches of {batch}, gradients gathered over {waits} batches before each step, {epochs} "
        "epochs. How many optimizer steps is that?",
        (
            Choice(
                f"{right:,}", "Batches an epoch, rounded up; divided by those gathered, rounded up; times the epochs.", True
            ),
            Choice(f"{without:,}", "Those are the batches. A step is taken only when enough of them have been gathered."),
            Choice(f"{chunks * epochs:,}", "That is one step a chunk. A batch holds many chunks."),
        ),
        hint="How many batches are there in an epoch?",
        values={"chunks": chunks, "batch": batch, "waits": waits, "epochs": epochs},
    )


def perplexity(dice: random.Random) -> Question:
    """What does a perplexity say?"""
    from lab.config import Scoring
    from lab.surprise import add_up, read_passage

    held_out = bench.prepared(_BUNDLED).held_out(Scoring())
    for _ in range(_TRIES):
        passage = read_passage(bench.loaded(_BUNDLED.model), held_out, dice.randrange(len(held_out.chunks)))
        scored = passage.scored
        if len(scored) < 8:
            continue
        found = add_up([each.nats for each in scored])[-1].perplexity
        hits = sum(each.guesses[0][0] == each.piece for each in scored)
        mean = sum(each.probability for each in scored) / len(scored)
        if found > 5 and min(hits / len(scored), mean) > 2 / found:
            break
    return Question(
        "",
        "On a held-out passage the model has a perplexity of {value}. What does that say?",
        (
            Choice(
                "On average it was as unsure as between {n} equally likely pieces",
                "The average is of surprises, turned back by e. At single places it was far surer, and far less sure.",
                True,
                {"n": f"{found:.0f}"},
            ),
            Choice(
                "Its first choice was right one time in {n}",
                f"Its first choice was right at {hits} of {len(scored)} places. Perplexity measures belief, and not hits.",
                values={"n": f"{found:.0f}"},
            ),
            Choice(
                "It gave the author’s pieces {p} on average",
                "The mean of the probabilities is another number: here {mean}. Surprises are averaged, so one very "
                "unlikely piece weighs more.",
                values={"p": percent(1 / found), "mean": percent(mean)},
            ),
        ),
        hint="e to the mean surprise.",
        values={"value": f"{found:.1f}"},
    )


def fill_mask(dice: random.Random) -> Question:
    """Why do two orders give two sentences?"""
    from lab.fill_mask import fill_in_orders

    loaded = bench.loaded(_BUNDLED.model)
    for _ in range(_TRIES):
        words = dice.choice(_sentences()).split()
        inner = [i for i, word in enumerate(words[:-1]) if i and word.isalpha() and word.islower() and len(word) > 3]
        pair = next(((i, i + 1) for i in dice.sample(inner, len(inner)) if i + 1 in inner), None)
        if pair is None:
            continue
        text = " ".join("[MASK]" if i in pair else word for i, word in enumerate(words))
        right, left = fill_in_orders(loaded, text, ("left_to_right", "right_to_left"), top_k=1).values()
        words_in = [blank[0].word for each in (right, left) for blank in each.blanks]
        if right.completed != left.completed and all(word.isalpha() for word in words_in):
            break
    return Question(
        "",
        "“{text}” From left to right the model writes: “{right}” From right to left: “{left}” Why two sentences?",
        (
            Choice(
                "What is filled first is in place when the other is asked for",
                "The second answer fits the first one, and which one comes first is a matter of the order.",
                True,
            ),
            Choice(
                "The model throws dice",
                "There are no dice here: ask again, and every answer is the same to the last digit.",
            ),
            Choice(
                "English runs from left to right, so the other way it makes mistakes",
                "This model reads all places at once. To it neither way is the natural one.",
            ),
            Choice(
                "It looks the answer up in what it has read, and finds two",
                "It looks nothing up. Each answer is a belief about one place, computed from all the other places.",
            ),
        ),
        hint="What does the model see when it is asked for the second blank?",
        values={"text": text, "right": right.completed, "left": left.completed},
    )


DRAWINGS: dict[str, Callable[[random.Random], Question]] = {
    "be-the-model": be_the_model,
    "tokenization": tokenization,
    "chunking": chunking,
    "masking": masking,
    "fine-tuning": fine_tuning,
    "perplexity": perplexity,
    "fill-mask": fill_mask,
}


@lru_cache(maxsize=1)
def _sentences() -> list[str]:
    """Sentences of the bundled reviews that are held out, fit to be read on their own and short."""
    from lab.lexicon import sentences

    documents = bench.corpus(_BUNDLED)["test"]["text"]
    return [each for text in documents for each in sentences(text) if len(each) < 120]


def _as_shown(share: float) -> float:
    """A probability as it is written, so that the answer is computed from what the learner sees."""
    return float(percent(share).removesuffix("\u00a0%")) / 100
