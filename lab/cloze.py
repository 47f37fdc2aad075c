"""Cloze: real sentences with one word hidden, a short list of words for each, and what a player's belief in them costs.

Held-out texts in; eight blanks out, each with the author's word and plausible others, mixed, and the model's probabilities
over that list. A person can't spread belief over a whole vocabulary, so person and model answer the same list, and both
are scored by it: surprise is −ln of what was given to the author's word, perplexity is e to the mean surprise.

Sources: Taylor 1953 (the cloze procedure); Good 1952 (the logarithmic score).
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from lab.errors import CorpusError, require
from lab.evaluation import perplexity
from lab.lexicon import FEWEST_WORDS, MOST_WORDS, WORD, Lexicon, sentences
from lab.model import Loaded, logits_at
from lab.tokenization import explain

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BLANKS = 8
WORDS = 6  # in a list, the author's among them
CONFIDENCE = {"hunch": 3, "fairly_sure": 8, "sure": 45}  # a picked word counts so many times one that isn't
COMMONEST = 600  # of the lexicon's words may be hidden
# Two words of a list are drawn from the hundred that the model likes best, the others from the hundred nearest to the
# author's in frequency. Were the model's favourite always there, the list would be set against the model: whenever the
# author wrote something else, it would lose. (Bundled model and reviews, perplexity over 40 rounds: 4.5 this way, 12.9
# with two of its ten best; 6 is believing in all words alike.)
LIKED = NEAREST = 100
FROM_MODEL = 2
FUNCTION_BLANKS = 2  # of a round hide a function word: an easy one now and then


@dataclass(frozen=True, slots=True)
class Hidden:
    """A sentence with one word hidden, as both players read it."""

    before: str  # the sentence up to the hidden word
    word: str  # what the author wrote there
    after: str
    masked: tuple[int, ...]  # its ids with special tokens, the mask token in the word's place
    index: int  # of the word in the lexicon
    seed: int  # of its list


@dataclass(frozen=True, slots=True)
class Blank:
    """A hidden word, the list to choose from, and what the model believes."""

    hidden: Hidden
    words: tuple[str, ...]  # the list, in a drawn order
    author: int  # which of it the author wrote
    model: tuple[float, ...]  # the model's probabilities of the list's words, renormalised to sum to 1
    probability: float  # what the model gives the author's word among all pieces of its vocabulary
    rank: int  # the place of the author's word there; 1 is the model's first choice
    first: tuple[str, ...]  # the model's first five there, as a reader would write them

    @property
    def favourite(self) -> int:
        """Which word of the list the model believes in most."""
        return int(np.argmax(self.model))


@dataclass(frozen=True, slots=True)
class Score:
    """Two players on the same blanks: the probability each gave to the author's words."""

    yours: tuple[float, ...]
    models: tuple[float, ...]

    @property
    def better(self) -> int:
        """On how many blanks you gave the author's word more than the model did."""
        return sum(yours > models for yours, models in zip(self.yours, self.models, strict=True))

    @property
    def your_perplexity(self) -> float:
        return perplexity(mean_surprise(self.yours))

    @property
    def models_perplexity(self) -> float:
        return perplexity(mean_surprise(self.models))


def surprise(probability: float) -> float:
    """−ln of a probability, in nats: 0 for certainty; halving the probability adds 0.69.

    >>> surprise(1.0), round(surprise(0.5), 2), round(surprise(0.25), 2)
    (0.0, 0.69, 1.39)
    """
    return abs(math.log(probability))


def mean_surprise(probabilities: Sequence[float]) -> float:
    """The mean of the surprises, in nats.

    >>> round(mean_surprise([0.5, 0.25]), 2)
    1.04
    """
    return sum(map(surprise, probabilities)) / len(probabilities)


def belief(size: int, picked: Collection[int], confidence: str) -> tuple[float, ...]:
    """A person's belief over a list of `size` words: each picked word counts CONFIDENCE times one that isn't.

    Never certainty: with six words, one picked and "sure", nine in ten.

    >>> [round(share, 2) for share in belief(6, {1}, "sure")]
    [0.02, 0.9, 0.02, 0.02, 0.02, 0.02]
    >>> [round(share, 2) for share in belief(6, {1, 2}, "hunch")]
    [0.1, 0.3, 0.3, 0.1, 0.1, 0.1]
    """
    require(confidence in CONFIDENCE, f"confidence is {confidence!r}. It can be {', '.join(CONFIDENCE)}.")
    require(bool(picked), "No word is picked. Pick at least one.")
    require(
        all(0 <= i < size for i in picked), f"A picked word is not on the list. Its words are numbered 0 to {size - 1}."
    )
    weights = [CONFIDENCE[confidence] if i in picked else 1 for i in range(size)]
    return tuple(weight / sum(weights) for weight in weights)


def score(blanks: Sequence[Blank], beliefs: Sequence[Sequence[float]]) -> Score:
    """What both players gave to the authors' words, on the blanks that have been answered so far."""
    pairs = list(zip(blanks, beliefs, strict=False))
    return Score(tuple(b[blank.author] for blank, b in pairs), tuple(blank.model[blank.author] for blank, _ in pairs))


def deal(tokenizer: "PreTrainedTokenizerFast", lexicon: Lexicon, documents: Sequence[str], seed: int) -> tuple[Hidden, ...]:
    """Draw eight words to hide, of as many held-out documents as there are, without asking any model.

    They are common lower-case words that stand once in their sentence: six content and two function words, in English.
    Raises CorpusError if the corpus doesn't hold that many.

    >>> from lab.corpus import Corpus, load_corpus
    >>> from lab.lexicon import lexicon
    >>> from lab.model import load_tokenizer
    >>> corpus, tokenizer = load_corpus(Corpus()), load_tokenizer("bundled")
    >>> hidden = deal(tokenizer, lexicon(corpus["train"]["text"], tokenizer), corpus["test"]["text"], seed=1)
    >>> len(hidden), all(len(each.masked) > 8 for each in hidden)
    (8, True)
    """
    generator = np.random.default_rng(seed)
    functions, contents = int(lexicon.function.sum()), int((~lexicon.function).sum())
    wanted = generator.permutation(BLANKS) < (FUNCTION_BLANKS if functions >= 2 * WORDS else 0)
    hidden = list(_hide(tokenizer, lexicon, documents, wanted.tolist(), generator)) if contents >= 10 * WORDS else []
    require(
        len(hidden) == BLANKS,
        f"The game needs {BLANKS} held-out sentences of {FEWEST_WORDS} to {MOST_WORDS} words, and common words to choose "
        "from; this corpus holds too few. Choose a larger one.",
        CorpusError,
    )
    return tuple(hidden)


def ask(loaded: Loaded, lexicon: Lexicon, hidden: Hidden) -> Blank:
    """Make the list for a hidden word, and have the model answer it.

    >>> from lab.corpus import Corpus, load_corpus
    >>> from lab.lexicon import lexicon
    >>> from lab.model import load
    >>> loaded, corpus = load("bundled", device="cpu"), load_corpus(Corpus())
    >>> words = lexicon(corpus["train"]["text"], loaded.tokenizer)
    >>> blank = ask(loaded, words, deal(loaded.tokenizer, words, corpus["test"]["text"], seed=1)[0])
    >>> len(set(blank.words)), round(sum(blank.model), 6), blank.words[blank.author] == blank.hidden.word
    (6, 1.0, True)
    """
    ids = torch.tensor([hidden.masked], device=loaded.device)
    with loaded.computing():
        logits = logits_at(loaded.model, ids, ids == loaded.tokenizer.mask_token_id)[0]
    row = logits.double().softmax(dim=-1).cpu()
    probabilities = row.numpy()
    listed = _list(lexicon, hidden, probabilities)
    given = probabilities[lexicon.ids[listed]]
    authors = float(probabilities[lexicon.ids[hidden.index]])
    return Blank(
        hidden,
        words=tuple(lexicon.words[i] for i in listed),
        author=listed.index(hidden.index),
        model=tuple((given / given.sum()).tolist()),
        probability=authors,
        rank=int((probabilities > authors).sum()) + 1,
        first=tuple(str(loaded.tokenizer.decode([id])).strip() for id in row.topk(5).indices.tolist()),
    )


def _list(lexicon: Lexicon, hidden: Hidden, probabilities: np.ndarray) -> list[int]:
    """The list as indices into the lexicon: the author's word, some that the model likes, some as frequent."""
    generator = np.random.default_rng(hidden.seed)
    alike = np.flatnonzero(lexicon.function == lexicon.function[hidden.index])
    alike = alike[alike != hidden.index]
    liked = alike[np.argsort(-probabilities[lexicon.ids[alike]], kind="stable")][:LIKED]
    listed = [hidden.index, *generator.choice(liked, FROM_MODEL, replace=False).tolist()]
    others = generator.permutation(np.setdiff1d(alike, listed))  # so that of equally frequent ones any may come
    distance = np.abs(np.log(lexicon.counts[others] / lexicon.counts[hidden.index]))
    nearest = others[np.argsort(distance, kind="stable")][:NEAREST]
    listed += generator.choice(nearest, WORDS - len(listed), replace=False).tolist()
    return [listed[i] for i in generator.permutation(WORDS)]


# Choosing what to hide -------------------------------------------------------------------------------------------------


def _hide(
    tokenizer: "PreTrainedTokenizerFast",
    lexicon: Lexicon,
    documents: Sequence[str],
    wanted: list[bool],
    generator: np.random.Generator,
) -> Iterator[Hidden]:
    """One word a sentence and one sentence a document, a function word where `wanted` says so; if the documents are few,
    they are gone through again."""
    index = {word: i for i, word in enumerate(lexicon.words[:COMMONEST])}
    order = generator.permutation(len(documents))
    used: set[str] = set()
    found = True
    while found:
        found = False
        for document in order:
            fit = [each for each in sentences(documents[int(document)]) if each not in used]
            if not fit:
                continue
            sentence = fit[generator.integers(len(fit))]
            choices = _words(tokenizer, lexicon, index, sentence, wanted[0])
            if not choices:
                continue
            word, start, end, masked = choices[generator.integers(len(choices))]
            seed = int(generator.integers(2**32))
            yield Hidden(sentence[:start], sentence[start:end], sentence[end:], masked, word, seed)
            used.add(sentence)
            found, wanted = True, wanted[1:]
            if not wanted:
                return


def _words(
    tokenizer: "PreTrainedTokenizerFast", lexicon: Lexicon, index: dict[str, int], sentence: str, function: bool
) -> list[tuple[int, int, int, tuple[int, ...]]]:
    """The words of a sentence that can be hidden: (index in the lexicon, first character, last + 1, masked ids)."""
    pieces = explain(tokenizer, sentence)
    ids = [piece.id for piece in pieces]
    at = {}  # (first character, last + 1) → place; some tokenizers count the space before a word as its own
    for i, piece in enumerate(pieces):
        text = sentence[piece.start : piece.end]
        at[piece.start + len(text) - len(text.lstrip()), piece.end] = i
    spoken = Counter(word.lower() for word in WORD.findall(sentence))
    found = []
    for match in WORD.finditer(sentence):
        word, position = index.get(match[0]), at.get(match.span())
        if word is None or position is None or not match.start() or spoken[match[0]] > 1:
            continue
        if ids[position] == lexicon.ids[word] and lexicon.function[word] == function:
            found.append((word, *match.span(), (*ids[:position], tokenizer.mask_token_id, *ids[position + 1 :])))
    return found
