"""From a corpus to what training and evaluation read: both splits tokenized, chunked and sampled, and their identity."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.chunking import Chunking, Chunks, SpecialTokens, chunk
from lab.corpus import Corpus, load_corpus
from lab.evaluation import Fingerprint, HeldOut, Scoring
from lab.masking import Vocabulary
from lab.model import load_tokenizer
from lab.tokenization import backend, tokenize

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
    test_text: str
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
    train, test = (chunk(tokenize(splits[name], tokenizer), chunking, special) for name in ("train", "test"))
    return Prepared(
        train=train.sample(max_train_chunks, corpus.split_seed),
        test=test.sample(max_test_chunks, corpus.split_seed),
        tokenizer=tokenizer,
        vocabulary=Vocabulary.of(tokenizer),
        chunking=chunking,
        train_text=_text_hash(splits["train"]),
        test_text=_text_hash(splits["test"]),
        tokenizer_hash=hashlib.sha256(backend(tokenizer).to_str().encode()).hexdigest()[:16],
    )


def _text_hash(dataset: "Dataset") -> str:
    digest = hashlib.sha256()
    for batch in dataset.select_columns(["text"]).with_format("arrow").iter(1000):
        for text in batch.column("text").to_pylist():
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]
