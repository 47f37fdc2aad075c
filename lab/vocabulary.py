"""Vocabulary: byte-level BPE, learned from a text on the spot.

It begins with the 256 bytes, so it can spell anything, and joins, again and again, the two neighbours that meet most often.
A smaller vocabulary is the same list of joins, broken off earlier: one learning serves all sizes.

Sources: Sennrich, Haddow & Birch 2016 (BPE for words); Radford et al. 2019 (bytes instead of characters).
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from lab.errors import CorpusError, require
from lab.tokenization import backend

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BYTES = 256  # the smallest vocabulary: every byte by itself
_WORDS = pre_tokenizers.ByteLevel(add_prefix_space=False)  # GPT-2's: a word takes the space before it along


@dataclass(frozen=True, slots=True)
class Merge:
    """One join: two neighbours become one piece."""

    left: str
    right: str
    count: int  # how often the two met when they were joined

    @property
    def piece(self) -> str:
        return self.left + self.right


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word comes, spelled in the 256 letters that stand for bytes: a space is Ġ, é is Ã©.

    >>> count_words(["a café", "a"])
    Counter({'a': 2, 'ĠcafÃ©': 1})
    """
    return Counter(word for text in texts for word, _ in _WORDS.pre_tokenize_str(text))


def learn(words: Counter[str], size: int) -> Iterator[Merge]:
    """Join the two neighbours that meet most often, until there are `size` pieces or no two meet twice.

    Of equally frequent pairs the one that has been in the vocabulary for longer goes first, as in the `tokenizers` library,
    whose joins these equal. Raises CorpusError if there are no words.

    >>> [merge.piece for merge in learn(Counter({"hug": 10, "pug": 5, "hugs": 5}), 258)]
    ['ug', 'hug']
    """
    require(bool(words), "There are no words to learn a vocabulary from. Choose another corpus.", CorpusError)
    spelling = _alphabet()
    ids = {piece: id for id, piece in enumerate(spelling)}
    spelled = [[ids[letter] for letter in word] for word in words]
    counts = list(words.values())
    pairs: Counter[tuple[int, int]] = Counter()
    where: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for i, word in enumerate(spelled):
        for pair in pairwise(word):
            pairs[pair] += counts[i]
            where[pair].add(i)
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    while queue and len(ids) < size:
        count, pair = heapq.heappop(queue)
        if -count != pairs[pair]:  # it has become rarer since it was queued
            if pairs[pair] > 1:
                heapq.heappush(queue, (-pairs[pair], pair))
            continue
        if -count < 2:
            return
        merge = Merge(spelling[pair[0]], spelling[pair[1]], -count)
        new = ids.setdefault(merge.piece, len(ids))
        if new == len(spelling):
            spelling.append(merge.piece)
        grown = set()
        for i in where.pop(pair):
            for old in pairwise(spelled[i]):
                pairs[old] -= counts[i]
            spelled[i] = _joined(spelled[i], pair, new)
            for fresh in pairwise(spelled[i]):
                pairs[fresh] += counts[i]
                if new in fresh:
                    where[fresh].add(i)
                    grown.add(fresh)
        for fresh in grown:
            heapq.heappush(queue, (-pairs[fresh], fresh))
        yield merge


def byte_level_bpe(merges: Sequence[Merge], size: int) -> "PreTrainedTokenizerFast":
    """The tokenizer with a vocabulary of `size` pieces, or of all if the merges give fewer. It adds no special tokens.

    >>> merges = list(learn(Counter({"hug": 10, "pug": 5, "hugs": 5}), 258))
    >>> byte_level_bpe(merges, 257).tokenize("hugs"), byte_level_bpe(merges, 258).tokenize("hugs")
    (['h', 'ug', 's'], ['hug', 's'])
    """
    from transformers import PreTrainedTokenizerFast

    ids = {piece: id for id, piece in enumerate(_alphabet())}
    joins = []
    for merge in merges:
        if len(ids) >= size:
            break
        ids.setdefault(merge.piece, len(ids))
        joins.append((merge.left, merge.right))
    inner = Tokenizer(models.BPE(vocab=ids, merges=joins))
    inner.pre_tokenizer, inner.decoder = _WORDS, decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=inner, clean_up_tokenization_spaces=False)


def is_byte_level(tokenizer: "PreTrainedTokenizerFast") -> bool:
    """Whether a tokenizer's pieces are spelled in letters that stand for bytes.

    >>> from lab.model import load_tokenizer
    >>> is_byte_level(load_tokenizer("bundled"))
    False
    """
    return isinstance(tokenizer.backend_tokenizer.decoder, decoders.ByteLevel)


def bytes_of(piece: str) -> bytes:
    """The bytes that a piece of a byte-level vocabulary stands for.

    >>> bytes_of("ĠÃ©")
    b' \\xc3\\xa9'
    """
    return bytes(_BYTE[letter] for letter in piece)


def pieces_per_word(tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> float:
    """How many pieces a text makes for each stretch between two spaces, which all tokenizers see alike.

    >>> from lab.model import load_tokenizer
    >>> pieces_per_word(load_tokenizer("bundled"), ["Unwatchable, they say"])
    2.0
    """
    pieces = sum(map(len, backend(tokenizer).encode_batch_fast(list(texts), add_special_tokens=False)))
    words = sum(len(text.split()) for text in texts)
    require(words > 0, "There are no words in this text. Choose another.", CorpusError)
    return pieces / words


def _joined(word: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """The word with each mention of the pair replaced, from left to right: [1 1 1], (1 1), 9 → [9 1]."""
    out, i = [], 0
    while i < len(word):
        if word[i] == pair[0] and i + 1 < len(word) and word[i + 1] == pair[1]:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def _alphabet() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _byte_letters() -> dict[str, int]:
    """Letter → byte. Bytes that print stand for themselves; the others follow each other from U+0100 on, as in GPT-2."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(BYTES) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(BYTES + i): byte for i, byte in enumerate(hidden)}


_BYTE = _byte_letters()
