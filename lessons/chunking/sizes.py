"""What the chunk size decides: words cut, documents mixed, pieces lost; over many sizes, and beside truncating."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from lab import corpus_plots
from lab.chunk_sizes import Outlook, outlook
from lessons.chunking.cutting import SIZES, Cutting
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import percent


def table(cutting: Cutting, noun: str) -> list[Block]:
    """Some sizes side by side, the one in use among them, and what doubling it would do."""
    size = cutting.chunking.chunk_size
    rows = []
    for each in sorted({*SIZES, size}):
        found = cutting.at_size(each)
        cells = [f"{found.chunks:,}", f"{found.words_cut:,}", percent(found.mixed_share)]
        rows.append(_row(str(each), cells, each == size))
    once, twice = cutting.at_size(size), cutting.at_size(2 * size)
    return [
        blocks.table(
            "The whole corpus, cut at other sizes",
            ("chunk size", "chunks", "words cut in two", f"chunks that mix {noun}s", ""),
            rows,
        ),
        _doubled(once, twice, noun),
    ]


def _row(name: str, cells: list[str], now: bool) -> list[Any]:
    """A row of a table; the one in use says so."""
    return [name, *({"value": cell, "tone": "good"} if now else cell for cell in cells), "in use" if now else ""]


def _doubled(once: Outlook, twice: Outlook, noun: str) -> Block:
    if not twice.chunks:
        return blocks.say(f"At twice the size the {noun}s wouldn’t fill a single chunk.")
    fewer, more = twice.words_cut < once.words_cut, twice.mixed_share > once.mixed_share
    reasons = [
        *(["there are fewer cuts, so fewer words are cut"] if fewer else []),
        *([f"a longer chunk reaches over the end of more {noun}s"] if more else []),
    ]
    because = " and ".join(reasons)
    cut = f"{twice.words_cut:,} words cut instead of {once.words_cut:,}"
    mixed = f"{percent(twice.mixed_share)} of the chunks mixed instead of {percent(once.mixed_share)}"
    return blocks.say(
        f"Twice as large, at **{twice.chunk_size}**, it would be {cut}, and {mixed}"
        + (f": {because}. Whichever size you choose, you pay one way or the other." if fewer and more else ".")
    )


def losses(cutting: Cutting, noun: str) -> list[Block]:
    """What is lost by concatenating and by truncating, over chunk sizes; and how long the documents are."""
    size = cutting.chunking.chunk_size
    lengths = np.diff(cutting.tokens.document_starts)
    around = len(cutting.special.prefix) + len(cutting.special.suffix)
    longer = float((lengths > size - around).mean())
    here = cutting.at_size(size)
    outlooks = [cutting.at_size(each) for each in sorted({*SIZES, *(3 * each // 2 for each in SIZES[:-1]), size})]
    return [
        blocks.figures(
            (percent(here.lost_concatenating / here.pieces), f"of all pieces lost by concatenating, at {size}", "good"),
            (percent(here.lost_truncating / here.pieces), f"lost by truncating each {noun} to {size}", "bad"),
            (percent(here.padded_truncating / (cutting.documents * size)), f"of the rows padding, with a {noun} a row"),
        ),
        blocks.chart(
            corpus_plots.losses(outlooks, size),
            f"Pieces lost, over chunk sizes. Concatenating loses {_at_most(outlooks)}: only the tail of the whole stream. "
            f"Truncating loses whatever of a {noun} goes beyond its row.",
            key="losses",
        ),
        blocks.chart(
            corpus_plots.lengths(lengths, size, around),
            f"How long the {noun}s are, in pieces. Half of them have more than {int(np.median(lengths)):,}, and "
            f"{percent(longer)} don’t fit into a row of {size} with their special tokens.",
            key="lengths",
            height=260,
        ),
    ]


def _at_most(outlooks: list[Outlook]) -> str:
    worst = max(each.lost_concatenating / each.pieces for each in outlooks)
    return f"at most {percent(worst)} here" if worst else "nothing here"


def specials(cutting: Cutting, noun: str) -> list[Block]:
    """Both ways to place the special tokens, at this size."""
    rows = []
    places: list[tuple[str, Literal["document", "chunk"]]] = [
        (f"round each {noun}", "document"),
        ("round each chunk", "chunk"),
    ]
    for name, where in places:
        chunking = replace(cutting.chunking, special_tokens=where)
        found = outlook(cutting.tokens, chunking, cutting.special)
        positions = found.special_tokens + found.pieces - found.lost_concatenating
        cells = [
            f"{found.chunks:,}",
            f"{found.special_tokens:,}",
            percent(found.special_tokens / positions) if positions else "0",
            percent(found.mixed_share),
        ]
        rows.append(_row(name, cells, where == cutting.chunking.special_tokens))
    return [
        blocks.table(
            f"At chunk size {cutting.chunking.chunk_size}",
            ("special tokens", "chunks", "special tokens in all", "of all positions", f"chunks that mix {noun}s", ""),
            rows,
        )
    ]
