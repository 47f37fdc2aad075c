"""There and back: what decoding gives back, what of the text is lost, and what is worth noticing in it."""

import re
from typing import TYPE_CHECKING

from lab.decoding import Decoded, Word
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import listed, many

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_ROWS = 12  # of the table of losses
_NAMES = {
    "unknown": "not in the vocabulary",
    "capitals": "capitals",
    "accents": "accents and marks",
    "characters": "characters",
    "spaces": "spaces added",
}
_CONTRACTION = re.compile(r"[^\W\d_]+['’][^\W\d_]+")
_MARKUP = re.compile(r"<\s*/?\s*[A-Za-z][^<>]{0,80}>")


def picture(tokenizer: "PreTrainedTokenizerFast", decoded: Decoded) -> list[Block]:
    """What comes back, what is lost, and what there is to notice."""
    drawn = [blocks.quote(decoded.back, "What decoding gives back")]
    if decoded.lossless:
        drawn.append(blocks.say("Nothing is lost: it came back character for character.", tone="good"))
    else:
        drawn += _losses(decoded)
    return [*drawn, *noticed(tokenizer, decoded)]


def _losses(decoded: Decoded) -> list[Block]:
    drawn = []
    rows: dict[tuple[str, str, str], None] = {}
    for stretch in decoded.stretches:
        if stretch.losses:
            rows[(stretch.before, stretch.after or "nothing", ", ".join(_NAMES[loss] for loss in stretch.losses))] = None
    if rows:
        shown = list(rows)[:_ROWS]
        more = f"; {len(rows) - len(shown):,} more like these" if len(rows) > len(shown) else ""
        caption = f"What didn’t come back as it was{more}"
        drawn.append(blocks.table(caption, ("your text", "comes back", "what is lost"), [list(row) for row in shown]))
    if decoded.gaps_changed:
        drawn.append(
            blocks.say(
                "White space came back as another at {places}: the pieces don’t hold how wide a space was, or where a line "
                "ended.",
                places=many(decoded.gaps_changed, "place"),
            )
        )
    return drawn


def noticed(tokenizer: "PreTrainedTokenizerFast", decoded: Decoded) -> list[Block]:
    """What a reader may not expect of the tokenizer, wherever the text shows it."""
    found = [*_same(decoded), _too_long(tokenizer, decoded), _contraction(decoded), _markup(decoded), _spelled_out(decoded)]
    return [block for block in found if block is not None]


def _same(decoded: Decoded) -> list[Block]:
    """Different words that have become one."""
    unknown = {word.after for word in decoded.words if word.unknown}
    drawn = []
    for after, befores in decoded.confused:
        if after in unknown:
            drawn.append(
                blocks.say(
                    "{befores} "
                    + ("become" if len(befores) == 2 else "all become")
                    + " the same {after}. What they were is gone: nobody who reads the pieces can tell them apart.",
                    tone="warn",
                    befores=listed(befores),
                    after=after,
                )
            )
    others = [(after, befores) for after, befores in decoded.confused if after not in unknown]
    if others:
        after, befores = others[0]
        drawn.append(blocks.say("{befores} become the same {after}.", befores=listed(befores), after=after))
    return drawn


def _too_long(tokenizer: "PreTrainedTokenizerFast", decoded: Decoded) -> Block | None:
    limit = getattr(tokenizer.backend_tokenizer.model, "max_input_chars_per_word", None)
    for word in decoded.words:
        if limit and word.unknown and len(word.before) > limit:
            return blocks.say(
                "{word} has {letters} characters. Beyond {limit} this tokenizer doesn’t try: the whole is one {unknown}.",
                tone="warn",
                word=f"{word.before[:20]}…",
                letters=f"{len(word.before):,}",
                limit=limit,
                unknown=word.after,
            )
    return None


def _contraction(decoded: Decoded) -> Block | None:
    """A word with an apostrophe inside that the tokenizer counts as several words."""
    for match in _CONTRACTION.finditer(decoded.text):
        inside = _words_in(decoded, *match.span())
        if len(inside) < 2:
            continue
        whole = all(word.pieces == 1 for word in inside)
        return blocks.say(
            "{written} is {count} words to this tokenizer: {words}."
            + (" Each of them is one piece: it is several words, not one word in several pieces." if whole else ""),
            written=match[0],
            count=len(inside),
            words=listed([word.before for word in inside]),
        )
    return None


def _markup(decoded: Decoded) -> Block | None:
    match = _MARKUP.search(decoded.text)
    inside = _words_in(decoded, *match.span()) if match else []
    if not match or len(inside) < 2:
        return None
    return blocks.say(
        "{written} is no sign of its own: it is {count} words, {words}. A corpus full of such markup teaches a model to "
        "predict markup, which is easy; the lab takes `<br />` out of a corpus unless told otherwise.",
        written=match[0],
        count=len(inside),
        words=listed([word.before for word in inside], 8),
    )


def _spelled_out(decoded: Decoded) -> Block | None:
    """A word that is spelled nearly letter by letter."""
    for word in decoded.words:
        if not word.unknown and word.pieces >= 4 and word.pieces >= 0.8 * len(word.before):
            return blocks.say(
                "{word} has {letters} and takes {pieces}: the vocabulary holds little of it but single letters, or bytes.",
                word=word.before if len(word.before) <= 30 else f"{word.before[:30]}…",
                letters=many(len(word.before), "character"),
                pieces=many(word.pieces, "piece"),
            )
    return None


def _words_in(decoded: Decoded, start: int, end: int) -> list[Word]:
    return [word for word in decoded.words if word.start < end and word.end > start]
