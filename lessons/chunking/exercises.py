"""Exercises on chunking, about the corpus in use cut at a size of their own: each answer is computed from it."""

import hashlib
import random
from functools import cache
from itertools import islice
from typing import Any

from lab.chunk_sizes import Outlook, outlook
from lab.chunking import Chunking, SpecialTokens
from lessons import bench
from lessons.bench import Using
from lessons.chunking.cutting import Cutting, cut, noun, spelled
from lessons.components import blocks
from lessons.components.blocks import Block, Choice, Question

SIZES = (24, 40, 48, 56, 72, 80, 96, 112, 144, 160, 176, 192, 224)
_SIDE = 4  # positions shown on either side of a border
_TRIED = 4_000  # borders that are looked at for those that only look like a cut word


def card(using: Using, turn: int) -> Block:
    """Three questions about a size that isn't in the table, special tokens round each document and the tail dropped.

    Each turn asks of another size, as long as there is one that is good to ask of.
    """
    tokens, special = bench.tokens(using), SpecialTokens.of(bench.tokenizer(using.model))
    sizes, turn = random.Random(0).sample(SIZES, len(SIZES)), max(turn, 0)

    @cache
    def at(size: int) -> Outlook:
        return outlook(tokens, Chunking(chunk_size=size), special)

    def blunt(size: int) -> int:
        return _blunt(at(size), at(2 * size))

    # One that is good for everything, in the order drawn, or else for the most.
    good = list(islice((each for each in sizes if not blunt(each)), min(turn, len(sizes)) + 1))
    size = good[turn % len(good)] if good else min(sizes, key=blunt)
    cutting = cut(using, Chunking(chunk_size=size))
    about = hashlib.sha256(f"{using.corpus} {using.model} {size} {turn} {len(tokens)}".encode()).hexdigest()[:12]
    what = noun(using)
    asked = [
        chunks_and_tail(cutting, at(size), what, about),
        cut_words(cutting, what, about),
        twice_the_size(at(size), at(2 * size), about),
    ]
    return blocks.questions("chunking", [each for each in asked if each is not None], again="Another size")


def _blunt(once: Outlook, twice: Outlook) -> int:
    """In how many questions a size would make a tempting answer the right one, or leave nothing to ask."""
    half = once.words_cut / 2
    return sum(
        (
            once.lost_concatenating == 0,
            once.words_cut < 2,
            abs(twice.words_cut - half) < 1 or twice.words_cut == once.words_cut,
        )
    )


def chunks_and_tail(cutting: Cutting, once: Outlook, what: str, about: str) -> Question | None:
    """3a: how many chunks, and what is dropped."""
    size, length = once.chunk_size, cutting.stream.length
    whole, rest = divmod(length, size)

    def said(chunks: int, dropped: int) -> str:
        return f"{chunks:,} chunks, {dropped:,} positions dropped"

    choices = [
        Choice(
            said(whole, rest),
            f"{length:,} ÷ {size} = {whole:,}, and {rest:,} are left over: too few for a chunk, so they are dropped.",
            right=True,
        ),
        Choice(
            said(whole + 1, 0),
            f"Rounding up keeps the tail, but that has only {rest:,} positions: the other {size - rest:,} of its chunk "
            "would be padding. That is the other setting, “pad”.",
        ),
        Choice(
            said(cutting.documents, once.lost_truncating),
            f"That is one chunk for each {what}, with its end cut off: truncating. Here the {what}s are laid end to end.",
        ),
    ]
    return _asked(
        "tail",
        f"The {what}s make a stream of {length:,} positions, special tokens round each {what} included. Cut it every "
        f"{size} and drop the remainder: what comes out?",
        choices,
        about,
        hint="Divide, and look at what is left over.",
    )


def cut_words(cutting: Cutting, what: str, about: str) -> Question | None:
    """3b: the border that cuts a word, among borders that only look like it."""
    dice = random.Random(f"{about} borders")
    cuts = cutting.borders.words_cut.tolist()
    if not cuts:
        return None
    chosen = dice.choice(cuts)
    left, right = _sides(cutting, chosen)
    choices = [
        Choice(
            "{before} ✂ {after}",
            "{left} and {right} are pieces of one word, and the border goes between them.",
            right=True,
            values={**_shown(cutting, chosen), "left": left, "right": right},
        )
    ]
    wanted = {
        "apostrophe": "It looks like one word, but to the tokenizer an apostrophe begins a word of its own. The border "
        "falls between two words.",
        "special": f"Here the border meets the special tokens: one {what} ends or another begins. No word is cut.",
        "between": f"The border falls within a {what}, but between two words of it.",
    }
    torn = set(cuts)
    for border in dice.sample(range(cutting.borders.borders), min(cutting.borders.borders, _TRIED)):
        kind = "" if border in torn else _kind(cutting, border)
        if kind in wanted:
            choices.append(Choice("{before} ✂ {after}", wanted.pop(kind), values=_shown(cutting, border)))
        if not wanted:
            break
    return _asked(
        "borders",
        f"Which of these borders, at size {cutting.stream.size}, cuts a word in two?",
        choices,
        about,
        hint="A word is cut where its own pieces stand on both sides.",
    )


def _near(cutting: Cutting, border: int) -> tuple[list[int], list[int]]:
    """The ids of what stands before a border and behind it."""
    ids = cutting.chunks.input_ids
    return ids[border, -_SIDE:].tolist(), ids[border + 1, :_SIDE].tolist()


def _sides(cutting: Cutting, border: int) -> tuple[str, str]:
    before, after = _near(cutting, border)
    spell = spelled(cutting.tokenizer)
    return spell(before[-1]), spell(after[0])


def _shown(cutting: Cutting, border: int) -> dict[str, Any]:
    spell = spelled(cutting.tokenizer)
    before, after = _near(cutting, border)
    return {"before": " ".join(map(spell, before)), "after": " ".join(map(spell, after))}


def _kind(cutting: Cutting, border: int) -> str:
    """What a border that cuts no word looks like: "special", "apostrophe" (`don | ' t`), "between", or nothing of these."""
    before, after = _near(cutting, border)
    if {before[-1], after[0]} & {*cutting.special.prefix, *cutting.special.suffix}:
        return "special"
    spell = spelled(cutting.tokenizer)
    first, left, right, last = (spell(id).strip("Ġ▁") for id in (*before[-2:], *after[:2]))
    parted = left.isalpha() and (right[1:] or last) in _TAILS and right[:1] in _APOSTROPHES
    parted = parted or (first.isalpha() and left in _APOSTROPHES and right in _TAILS)
    if parted:
        return "apostrophe"
    return "between" if left.isalpha() and right.isalpha() else ""


_APOSTROPHES = ("'", "’")
_TAILS = {"s", "t", "d", "m", "ll", "re", "ve"}  # of contractions


def twice_the_size(once: Outlook, twice: Outlook, about: str) -> Question | None:
    """3c: how many words are cut at twice the size."""
    if once.words_cut < 2:
        return None
    half = round(once.words_cut / 2)
    choices = [
        Choice(
            f"{twice.words_cut:,}",
            f"Every second border stays and the others vanish. Of the {once.words_cut:,} cut words {twice.words_cut:,} "
            "happen to lie on borders that stay.",
            right=True,
        ),
        Choice(
            f"{half:,}",
            "Half would be a good guess, for half of the borders vanish. But which of them cut a word is chance: one has "
            "to look.",
        ),
        Choice(f"{once.words_cut:,}", "That many are cut now. Half of the borders vanish, and the cuts on them with them."),
        Choice(
            f"{2 * once.words_cut:,}",
            "Twice as many would be for half the size, about: smaller chunks have more borders, larger ones fewer.",
        ),
    ]
    return _asked(
        "twice",
        f"At size {once.chunk_size}, {once.words_cut:,} words are cut in two. How many are cut at twice the size, "
        f"{twice.chunk_size}?",
        choices,
        about,
        hint="Set the slider, and look.",
    )


def _asked(id: str, prompt: str, choices: list[Choice], about: str, hint: str) -> Question | None:
    """The question, its choices shuffled by what it is about; None if nothing wrong is left that isn't right too."""
    distinct = {(choice.text, str(choice.values)): choice for choice in reversed(choices)}  # the first of equals stays
    if len(distinct) < 2:
        return None
    order = list(reversed(distinct.values()))
    random.Random(f"{about} {id}").shuffle(order)
    return Question(id, prompt, tuple(order), hint=hint, about=about)
