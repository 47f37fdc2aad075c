"""The stream as it is drawn: documents told apart by their lines, cuts between chunks, and what the cuts did."""

from typing import Any

from lab.stream import Spot, window
from lessons.chunking.cutting import Cutting, spelled
from lessons.components import blocks
from lessons.components.blocks import Block, Piece
from lessons.components.words import many, percent

SHOWN = 400  # positions in sight
BEFORE = 120  # pieces before the one in question
_LINES = 4  # kinds of line


def start_of(cutting: Cutting, piece: int) -> int:
    """The spot where the window begins: at the word that holds this piece of the text, or at its review's [CLS]."""
    piece = min(max(piece, 0), len(cutting.tokens) - 1)
    while piece > 0 and not cutting.tokens.word_starts[piece]:
        piece -= 1
    spot = cutting.stream.spot(piece)
    begins = piece in cutting.tokens.document_starts
    before = len(cutting.special.prefix) if begins and cutting.chunking.special_tokens == "document" else 0
    return min(spot - before, cutting.shown.input_ids.size - 1)


def picture(cutting: Cutting, piece: int, noun: str, target: int | None = None) -> list[Block]:
    """The stretch of the stream round a piece; `target` is the spot that was jumped to."""
    start = start_of(cutting, piece - BEFORE)
    spots = [spot for spot in window(cutting.shown, cutting.stream, cutting.special, start, SHOWN) if _is(cutting, spot)]
    return [
        blocks.ribbon(
            f"A stretch of the stream, {many(len(spots), 'position')}",
            blocks.lane(_words(cutting, spots, noun, target)),
            legend=_legend(cutting, spots, noun),
            hint="Point at a piece to see in which chunk it is, or walk with the arrow keys.",
        ),
        _in_sight(cutting, spots, noun),
    ]


def _is(cutting: Cutting, spot: Spot) -> bool:
    """Whether a spot is there to be seen: of a tail that is dropped, only the stream itself."""
    return spot.chunk < len(cutting.chunks) or spot.document >= 0


def _words(cutting: Cutting, spots: list[Spot], noun: str, target: int | None) -> list[dict[str, Any]]:
    spell = spelled(cutting.tokenizer)
    drawn: list[dict[str, Any]] = []
    group: list[tuple[Spot, Piece]] = []

    def close() -> None:
        if group:
            first = group[0][0]
            line = first.document % _LINES + 1 if first.document >= 0 else None
            drawn.append(blocks.word(*(piece for _, piece in group), torn=any(spot.torn for spot, _ in group), doc=line))
            group.clear()

    for spot in spots:
        new_chunk = spot.position == 0 and spot.chunk > 0
        if new_chunk or not _joined(group[-1][0] if group else None, spot):
            close()
        if new_chunk:
            drawn.append(blocks.cut(_name(cutting, spot.chunk)))
        group.append((spot, _piece(cutting, spot, spell(spot.id), noun, target)))
    close()
    return drawn


def _joined(before: Spot | None, spot: Spot) -> bool:
    """Whether a position belongs to the same box: a word's pieces, or the special tokens where two documents meet."""
    if before is None or before.kind != spot.kind:
        return False
    return spot.continues if spot.kind == "piece" else spot.kind == "special"


def _piece(cutting: Cutting, spot: Spot, text: str, noun: str, target: int | None) -> Piece:
    dropped = spot.chunk >= len(cutting.chunks)
    here = spot.chunk * cutting.stream.size + spot.position
    tip = [("piece", text)]
    if spot.document >= 0:
        tip.append((noun, f"{spot.document + 1:,} of {cutting.documents:,}"))
    place = f"{spot.chunk + 1:,}, position {spot.position + 1} of {cutting.stream.size}"
    tip.append(("chunk", "none: this is the tail" if dropped else place))
    if spot.torn:
        tip.append(("cut", "a border goes through its word"))
    if spot.kind == "padding":
        tip.append(("padding", "fills up the row, and is never predicted"))
    return Piece(
        text=text,
        kind="dropped" if dropped and spot.kind != "padding" else "ordinary" if spot.kind == "piece" else "special",
        tip=tuple(tip),
        mark=here == target,
        note="dropped" if dropped else "cut" if spot.torn else None,
    )


def _name(cutting: Cutting, chunk: int) -> str:
    if chunk >= len(cutting.chunks):
        return "the tail"
    return f"chunk {chunk + 1:,}"


def _legend(cutting: Cutting, spots: list[Spot], noun: str) -> list[tuple[str, str]]:
    found = [("doc-1", f"one {noun}"), ("doc-2", f"the next {noun}")]
    if any(spot.torn for spot in spots):
        found.append(("torn", "a word cut in two"))
    if cutting.special.prefix or cutting.special.suffix:
        round_what = noun if cutting.chunking.special_tokens == "document" else "chunk"
        found.append(("special", f"put round each {round_what}"))
    if any(spot.chunk >= len(cutting.chunks) for spot in spots):
        found.append(("dropped", "the tail: in no chunk"))
    return found


def _in_sight(cutting: Cutting, spots: list[Spot], noun: str) -> Block:
    borders = sum(spot.position == 0 for spot in spots[1:])
    first = cutting.stream.first_position
    torn = sum(spot.torn and spot.continues and spot.position == first and spot.chunk > 0 for spot in spots[1:])
    documents = len({spot.document for spot in spots if spot.document >= 0})
    found = f"{many(borders, 'cut')}, {many(torn, 'word')} cut in two, parts of {many(documents, noun)}"
    return blocks.say(f"In sight: {found}.", tone="quiet")


def totals(cutting: Cutting, noun: str) -> Block:
    """What the cuts did to the whole corpus."""
    chunks, found = cutting.chunks, cutting.borders
    mixed = int(chunks.mixes_documents.sum())
    tail = found.dropped[1] - found.dropped[0]
    rest = (
        (f"{chunks.padding:,}", "positions of padding, in the last chunk")
        if cutting.chunking.remainder == "pad"
        else (f"{tail:,}", "positions in the tail, dropped")
    )
    joins = (
        (f"{len(found.joins):,}", "joins inside a chunk: [SEP][CLS]")
        if cutting.chunking.special_tokens == "document"
        else (percent(mixed / len(chunks)), f"of them mix {noun}s, and nothing says where")
    )
    mixes = (percent(mixed / len(chunks)), f"of them mix {noun}s")
    return blocks.figures(
        (f"{len(chunks):,}", f"chunks, from {cutting.documents:,} {noun}s"),
        *([mixes, joins] if cutting.chunking.special_tokens == "document" else [joins]),
        (f"{len(found.words_cut):,}", f"words cut in two, by {found.borders:,} borders"),
        (f"{len(found.documents_cut):,}", f"of the borders lie within a {noun}"),
        rest,
    )
