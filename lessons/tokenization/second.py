"""The second tokenizer: a byte-level BPE, learned from the corpus in use as the page looks on, or one from the Hub."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab import corpus_plots, hub
from lab.decoding import decode
from lab.errors import SettingError, require
from lab.tokenization import explain
from lab.vocabulary import BYTES, Merge, byte_level_bpe, count_words, learn, pieces_per_word
from lessons import bench
from lessons.bench import Using
from lessons.components import blocks
from lessons.components.blocks import Block
from lessons.components.words import listed, many, percent
from lessons.materials.using import model_name
from lessons.shelf import Shelf
from lessons.tokenization import pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LEARNED = "learned"
KINDS = {LEARNED: "byte-level BPE, learned here"} | {
    name: f"{name.partition('/')[2]}, from the Hub"
    for name in hub.MODELS
    if name != "distilbert/distilbert-base-uncased"  # its vocabulary is the bundled model's
}
SMALLEST, SIZE, LARGEST = BYTES, 2_048, 8_192
READ = 2_000_000  # characters of the corpus that are learned from
_SAMPLE = 200_000  # characters of held-out text that the curve is measured on
_CURVE = (256, 320, 384, 512, 768, 1_024, 1_536, 2_048, 3_072, 4_096, 6_144, 8_192)
_TELLING = 0.25  # seconds between two words of progress
_ROOM = 8  # of each shelf


@dataclass(frozen=True)
class Learned:
    """What was learned from a corpus: joins for any size up to the largest."""

    merges: tuple[Merge, ...]
    documents: int  # that were read
    whole: bool  # the whole training text was read
    curve: tuple[tuple[int, float], ...]  # (size, pieces for a word of held-out text)
    sized: "Shelf[PreTrainedTokenizerFast]" = field(default_factory=lambda: Shelf(_ROOM), repr=False, compare=False)

    def tokenizer(self, size: int) -> "PreTrainedTokenizerFast":
        """The tokenizer of that size, kept once made."""
        return self.sized.take(size, lambda: byte_level_bpe(self.merges, size))


_learned = Shelf[Learned](_ROOM)
_fetched: "Shelf[PreTrainedTokenizerFast]" = Shelf(_ROOM)


def learned(using: Using) -> Learned | None:
    """What was learned from the corpus in use, if it was."""
    return _learned.look((using.corpus, using.text_column))


def ready(using: Using, kind: str, size: float) -> "PreTrainedTokenizerFast | None":
    """The second tokenizer, if it stands ready."""
    if kind != LEARNED:
        return _fetched.look(kind)
    found = learned(using)
    return found.tokenizer(_size(size)) if found else None


def make_ready(using: Using, kind: str) -> Iterator[list[Block]]:
    """Learn or fetch it, telling how far it is."""
    require(kind in KINDS, "There is no such tokenizer. Choose one of those above.", SettingError)
    if kind == LEARNED:
        yield from _learn(using)
        return
    yield [blocks.say("Fetching {name} …", tone="waiting", live=True, name=kind)]
    bench.wait_until_warm()
    from lab.model import load_tokenizer

    _fetched.put(kind, load_tokenizer(kind))


def _learn(using: Using) -> Iterator[list[Block]]:
    if learned(using) is not None:
        return
    yield blocks.waiting("Reading the corpus …")
    splits = bench.corpus(using)
    words, read, documents, told = count_words([]), 0, 0, time.monotonic()
    for batch in splits["train"].select_columns(["text"]).iter(50):
        texts = batch["text"]
        words.update(count_words(texts))
        read, documents = read + sum(map(len, texts)), documents + len(texts)
        if read >= READ:
            break
        if time.monotonic() - told > _TELLING:
            told = time.monotonic()
            yield blocks.waiting(f"Counting words: {many(len(words), 'different word')} in {many(documents, 'document')} …")
    merges: list[Merge] = []
    for merge in learn(words, LARGEST):
        merges.append(merge)
        if time.monotonic() - told > _TELLING:
            told = time.monotonic()
            yield _joining(merges)
    yield [blocks.say("Measuring …", tone="waiting")]
    sample = _sample(splits["test"])
    curve = [
        (size, pieces_per_word(byte_level_bpe(merges, size), sample)) for size in _CURVE if size <= BYTES + len(merges)
    ]
    made = Learned(tuple(merges), documents, documents == len(splits["train"]), tuple(curve))
    _learned.put((using.corpus, using.text_column), made)


@bench.remembered(_ROOM)
def _in_use(using: Using) -> float:
    """Pieces for a word of held-out text by the tokenizer in use."""
    return pieces_per_word(bench.tokenizer(using.model), _sample(bench.corpus(using)["test"]))


def _joining(merges: list[Merge]) -> list[Block]:
    last = merges[-1]
    return [
        blocks.say(
            "Join {number}: {left} and {right} met {count}, so {piece} is a piece from now on.",
            tone="waiting",
            number=f"{len(merges):,}",
            left=last.left,
            right=last.right,
            count=many(last.count, "time"),
            piece=last.piece,
        )
    ]


def _sample(documents: Any) -> list[str]:
    texts: list[str] = []
    for batch in documents.select_columns(["text"]).iter(20):
        texts += batch["text"]
        if sum(map(len, texts)) > _SAMPLE:
            break
    return texts


def _size(size: float) -> int:
    return int(min(max(size, SMALLEST), LARGEST))


# Pictures ---------------------------------------------------------------------------------------------------------------


def invitation(kind: str) -> list[Block]:
    """What stands there while it isn't ready."""
    if kind == LEARNED:
        return [blocks.say("Nothing is learned from this corpus yet. It takes a few seconds.", tone="quiet")]
    here = hub.cached(kind)
    where = "It is on this computer." if here else "It comes from the Hugging Face Hub, if that can be reached."
    return [blocks.say("{name} isn’t loaded yet. {where}", tone="quiet", name=kind, where=where)]


def picture(using: Using, text: str, kind: str, size: float) -> list[Block]:
    """Both tokenizers on the same text, or the invitation to make the second one ready."""
    bench.check_text(text, pieces.LONGEST)
    other = ready(using, kind, size)
    if other is None:
        return invitation(kind)
    mine = bench.tokenizer(using.model)
    names = (f"in use: {model_name(using.model)}", KINDS[kind])
    drawn = [
        blocks.ribbon(
            "Two tokenizers",
            *(
                blocks.lane(
                    pieces.words(each, explain(each, text), text), name, many(len(each), "piece") + " to choose from"
                )
                for each, name in zip((mine, other), names, strict=True)
            ),
        ),
        _compared(text, mine, other, names),
    ]
    found = learned(using)
    if kind == LEARNED and found is not None:
        drawn += _how_it_learned(found, other, _size(size))
    return drawn


def _compared(
    text: str, mine: "PreTrainedTokenizerFast", other: "PreTrainedTokenizerFast", names: tuple[str, str]
) -> Block:
    both = [decode(each, text) for each in (mine, other)]

    def row(name: str, *values: str) -> list[str]:
        return [name, *values]

    stretches = max(1, len(both[0].stretches))
    counts = [sum(word.pieces for word in each.words) for each in both]
    return blocks.table(
        "The same text, twice",
        ("", *names),
        [
            row("pieces, without those put round the text", *(f"{count:,}" for count in counts)),
            row("words, as the tokenizer counts them", *(f"{len(each.words):,}" for each in both)),
            row("pieces for each stretch between spaces", *(f"{count / stretches:.2f}" for count in counts)),
            row("pieces that stand for “unknown”", *(f"{sum(word.unknown for word in each.words):,}" for each in both)),
            row("comes back whole", *("yes" if each.lossless else "no" for each in both)),
        ],
    )


def _how_it_learned(found: Learned, tokenizer: "PreTrainedTokenizerFast", size: int) -> list[Block]:
    joins = found.merges[: len(tokenizer) - BYTES]
    read = "all" if found.whole else "the first"
    drawn = [
        blocks.say(
            "In these pieces Ġ is a space, and a letter such as é is spelled by its bytes, Ã©. So there is no text that it "
            "can’t spell, and no [UNK]: what it hasn’t learned simply takes more pieces.",
            tone="quiet",
        )
    ]
    if joins:
        drawn.append(
            blocks.say(
                f"Learned from {read} {{documents}} of the corpus. Its first joins were {{first}}; the last one at this "
                "size made {last}, which was met {count}. A smaller vocabulary is the same list, broken off earlier.",
                tone="quiet",
                documents=many(found.documents, "training document"),
                first=listed([f"{merge.left} + {merge.right}" for merge in joins[:5]]),
                last=joins[-1].piece,
                count=many(joins[-1].count, "time"),
            )
        )
    else:
        drawn.append(blocks.say("With 256 pieces there is no join yet: every byte is a piece.", tone="quiet"))
    if len(tokenizer) < size:
        drawn.append(
            blocks.say(
                "The corpus gives {pieces} and no more: no two neighbours are left that meet twice.",
                pieces=many(len(tokenizer), "piece"),
            )
        )
    return drawn


def curve(using: Using, size: float) -> list[Block]:
    """How many pieces a word takes, as the vocabulary grows, and what a vocabulary costs."""
    found = learned(using)
    if found is None:
        return [blocks.say("Learn a vocabulary above, and its curve comes here.", tone="quiet")]
    loaded = bench.loaded(using.model)
    mine = _in_use(using)
    embeddings = sum(each.numel() for each in loaded.model.get_input_embeddings().parameters())
    first, last = found.curve[0], found.curve[-1]
    return [
        blocks.chart(
            corpus_plots.vocabulary_sizes(found.curve, _size(size), (len(loaded.tokenizer), mine)),
            f"On held-out text of the corpus a vocabulary of {first[0]:,} makes {first[1]:.2f} pieces for a word, and one "
            f"of {last[0]:,} makes {last[1]:.2f}. The tokenizer in use makes {mine:.2f}. (Words as parted by spaces.)",
            key="vocabulary",
        ),
        blocks.say(
            "A larger vocabulary makes texts shorter, but each of its pieces has a row of numbers of its own in the model. "
            "In the model in use these rows are {embeddings} of {all} million parameters, {share}.",
            embeddings=f"{embeddings / 1e6:.1f}",
            all=f"{loaded.model.num_parameters() / 1e6:.1f}",
            share=percent(embeddings / loaded.model.num_parameters()),
        ),
    ]
