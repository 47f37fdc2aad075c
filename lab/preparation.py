"""From a corpus to what training and evaluation read: both splits tokenized, chunked and sampled, and their identity."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lab.chunking import Chunking, Chunks, SpecialTokens, chunk
from lab.corpus import Corpus, load_corpus
from lab.errors import CorpusError, require
from lab.evaluation import Fingerprint, HeldOut, Scoring
from lab.masking import Vocabulary
from lab.model import load_tokenizer
from lab.tokenization import Tokens, backend, tokenize

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Prepared:
    """A corpus, ready: chunks of both splits, the tokenizer that made them, and fingerprints of what they came from."""

    train: Chunks
    test: Chunks
    tokenizer: "PreTrainedTokenizerFast"
    vocabulary: Vocabulary
    chunking: Chunking
    train_text: str  # sha256 of the documents, shortened
    test_text: str  # and of which chunks were drawn from them, where not all were
    tokenizer_hash: str

    def held_out(self, scoring: Scoring) -> HeldOut:
        """The held-out split under a scoring."""
        fingerprint = Fingerprint(
            tokenizer=self.tokenizer_hash,
            held_out_text=self.test_text,
            held_out_chunks=len(self.test),
            chunk_size=self.chunking.chunk_size,
            special_tokens=self.chunking.special_tokens,
            remainder=self.chunking.remainder,
            score_strategy=scoring.score_strategy,
            score_probability=scoring.score_probability,
            score_mask_share=scoring.score_mask_share,
            score_random_share=scoring.score_random_share,
            score_seed=scoring.score_seed,
        )
        return HeldOut(self.test, self.vocabulary, scoring, fingerprint)


def prepare(
    model: str,
    corpus: Corpus,
    chunking: Chunking | None = None,
    *,
    max_train_chunks: int | None = None,
    max_test_chunks: int | None = None,
) -> Prepared:
    """Load a corpus, tokenize it with the model's tokenizer, chunk it, and sample so many chunks of each split.

    >>> prepared = prepare("bundled", Corpus(max_train_documents=50), max_train_chunks=10)
    >>> prepared.train.input_ids.shape
    (10, 128)
    """
    chunking = chunking or Chunking()
    tokenizer = load_tokenizer(model)
    splits = load_corpus(corpus)
    special = SpecialTokens.of(tokenizer)
    for name, limit in (("max_train_chunks", max_train_chunks), ("max_test_chunks", max_test_chunks)):
        require(limit is None or limit >= 1, f"{name} is {limit}. Set it to 1 or more, or leave it out.")
    chunks = {}
    for name, what in (("train", "The training text"), ("test", "The held-out text")):
        tokens = tokenize(splits[name], tokenizer)
        _check_known(tokens, tokenizer)
        chunks[name] = chunk(tokens, chunking, special, what=what)
    train = chunks["train"].sample(max_train_chunks, corpus.split_seed)
    test = chunks["test"].sample(max_test_chunks, corpus.split_seed)
    return Prepared(
        train=train,
        test=test,
        tokenizer=tokenizer,
        vocabulary=Vocabulary.of(tokenizer),
        chunking=chunking,
        train_text=_text_hash(splits["train"]),
        test_text=_text_hash(splits["test"], test.rows if len(test) < len(chunks["test"]) else None),
        tokenizer_hash=hashlib.sha256(backend(tokenizer).to_str().encode()).hexdigest()[:16],
    )


def _check_known(tokens: Tokens, tokenizer: "PreTrainedTokenizerFast") -> None:
    """Raise CorpusError if the tokenizer can't read the corpus: there would be hardly anything to learn."""
    share = float((tokens.input_ids == (-1 if tokenizer.unk_token_id is None else tokenizer.unk_token_id)).mean())
    require(
        share < 0.5,
        f"The tokenizer doesn't know the script of this corpus: {share:.0%} of its pieces are {tokenizer.unk_token}. "
        "Choose another text, or a model that reads it, such as distilbert/distilbert-base-multilingual-cased.",
        CorpusError,
    )


def _text_hash(dataset: "Dataset", drawn: np.ndarray | None = None) -> str:
    digest = hashlib.sha256()
    for batch in dataset.select_columns(["text"]).with_format("arrow").iter(1000):
        for text in batch.column("text").to_pylist():
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    if drawn is not None:
        digest.update(drawn.astype("<i8").tobytes())
    return digest.hexdigest()[:16]
