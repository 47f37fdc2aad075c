"""What kind of token stands where: content words, function words, continuation pieces, punctuation, markup.

A perplexity is a mean over all of them, and they differ a hundredfold: one kind's tells what a model has learned.
"""

from typing import TYPE_CHECKING

import numpy as np

from lab.chunking import Chunks

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from lab.evaluation import Evaluation

KINDS = ("content words", "function words", "continuation pieces", "punctuation", "markup")
CONTENT, FUNCTION, CONTINUATION, PUNCTUATION, MARKUP = range(5)


def kinds(chunks: Chunks, tokenizer: "PreTrainedTokenizerFast") -> np.ndarray:
    """(chunks, chunk_size) uint8: what kind of token stands at each position, an index into KINDS.

    Markup is `<br />`; function words are English ones; a continuation piece carries on a word, whatever the word.

    >>> from lab.chunking import Chunking, SpecialTokens, chunk
    >>> from lab.model import load_tokenizer
    >>> from lab.tokenization import Tokens
    >>> tokenizer = load_tokenizer("bundled")
    >>> ids = tokenizer("The unwatchable film.", add_special_tokens=False)["input_ids"]
    >>> tokens = Tokens(np.array(ids, np.int32), np.array([1, 1, 0, 0, 1, 1], bool), np.array([0, 6]))
    >>> found = kinds(chunk(tokens, Chunking(chunk_size=8), SpecialTokens.of(tokenizer)), tokenizer)
    >>> [KINDS[kind] for kind in found[0, 1:-1]]
    ['function words', 'content words', 'continuation pieces', 'continuation pieces', 'content words', 'punctuation']
    """
    size = max(len(tokenizer), int(chunks.input_ids.max()) + 1)
    table = np.full(size, CONTENT, np.uint8)
    for id in np.unique(chunks.input_ids).tolist():
        word = str(tokenizer.decode([id])).strip().lower()
        if word in FUNCTION_WORDS:
            table[id] = FUNCTION
        elif word and not any(character.isalnum() for character in word):
            table[id] = PUNCTUATION
    found = table[chunks.input_ids]
    continues = ~chunks.word_starts
    continues[:, 0] = chunks.cuts_word
    found[continues] = CONTINUATION
    for pattern in _markup_patterns(tokenizer):
        windows = np.lib.stride_tricks.sliding_window_view(chunks.input_ids, len(pattern), axis=1)
        for row, start in np.argwhere((windows == pattern).all(axis=2)):
            found[row, start : start + len(pattern)] = MARKUP
    return found


def by_kind(evaluation: "Evaluation", kinds: np.ndarray) -> "dict[str, Evaluation]":
    """The evaluation parted by kind of token; kinds that were not scored at all are left out."""
    found = kinds[evaluation.chunk, evaluation.position]
    return {name: evaluation[found == kind] for kind, name in enumerate(KINDS) if (found == kind).any()}


def _markup_patterns(tokenizer: "PreTrainedTokenizerFast") -> list[list[int]]:
    """How a tokenizer spells a line break of markup, at the start of a text and after a letter."""
    after = tokenizer("a<br />", add_special_tokens=False)["input_ids"][1:]
    alone = tokenizer("<br />", add_special_tokens=False)["input_ids"]
    return [list(pattern) for pattern in {tuple(after), tuple(alone)} if len(pattern) > 1]


# Of English; what an apostrophe leaves ("ll", "ve", "t") among them.
_WORDS = """
a about above across after again against all almost along already also although always am among an and another any
anybody anyone anything are around as at away be because been before behind being below beneath beside between beyond
both but by can cannot could d did do does doing done down during each either else enough even ever every everybody
everyone everything except few for from had has have having he her here hers herself him himself his how however i if
in indeed inside instead into is it its itself just ll m may me might mine more most much must my myself near neither
never no nobody none nor not nothing now o of off often on once one only onto or other others ought our ours ourselves
out outside over own per perhaps quite rather re s same several shall she should since so some somebody someone
something sometimes still such t than that the their theirs them themselves then there therefore these they this those
though through throughout thus till to together too toward towards under unless until up upon us ve very was we were
what whatever when whenever where wherever whether which whichever while who whoever whom whose why will with within
without would yes yet you your yours yourself yourselves
"""
FUNCTION_WORDS = frozenset(_WORDS.split())
