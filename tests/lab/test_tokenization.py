"""Tokenization: the same pieces and words as the tokenizer's own, for every family, from a cache that heals."""

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from lab import tokenization
from lab.chunking import Chunking, SpecialTokens, chunk
from lab.corpus import Corpus, load_corpus
from lab.errors import CorpusError, ModelError
from lab.model import load_tokenizer
from lab.tokenization import _encode, _encoder, explain, tokenize

ODD = [
    "Unwatchable!<br /><br />I can't, really.",
    "",
    "   two  spaces   and a tab\tand\na line ",
    "ÀÉÎ naïve café ﬁne 日本語の映画 👩‍👩‍👧 🎬\u200b\u00ad\u0301",
    "[MASK] in the text, and [SEP] too <mask>",
    "x" * 300,
    "\x00\x1c\x85\u2028 control",
]


def trained(model, trainer, pre_tokenizer, decoder, mask_token):
    """A small tokenizer of some family, trained on the bundled reviews, as transformers wraps it."""
    inner = Tokenizer(model)
    inner.pre_tokenizer, inner.decoder = pre_tokenizer, decoder
    inner.train_from_iterator(load_corpus(Corpus(max_train_documents=150))["train"]["text"], trainer)
    first, last = inner.token_to_id("<s>"), inner.token_to_id("</s>")
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", first), ("</s>", last)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        mask_token=mask_token,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )


@pytest.fixture(scope="session", params=["wordpiece", "byte-level BPE", "unigram"])
def family(request):
    special = ["<s>", "</s>", "<pad>", "<unk>", "<mask>"]
    if request.param == "wordpiece":
        return load_tokenizer("bundled")
    if request.param == "byte-level BPE":
        trainer = trainers.BpeTrainer(
            vocab_size=2000, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        )
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
        return trained(models.BPE(), trainer, byte_level, decoders.ByteLevel(), "<mask>")
    trainer = trainers.UnigramTrainer(vocab_size=2000, special_tokens=special, unk_token="<unk>")
    return trained(models.Unigram(), trainer, pre_tokenizers.Metaspace(), decoders.Metaspace(), "<mask>")


def expected(tokenizer, texts):
    """What the tokenizer says of each text by itself: ids, and where `word_ids` changes."""
    ids, starts = [], []
    for text in texts:
        encoding = tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        words = encoding.word_ids()
        ids.append(encoding["input_ids"])
        starts.append([i == 0 or words[i] != words[i - 1] for i in range(len(words))])
    return ids, starts


def check(tokenizer, texts):
    tokens = tokenize(Dataset.from_dict({"text": texts}), tokenizer)
    ids, starts = expected(tokenizer, texts)
    assert tokens.input_ids.tolist() == sum(ids, [])
    assert tokens.word_starts.tolist() == sum(starts, [])
    assert np.diff(tokens.document_starts).tolist() == [len(each) for each in ids]


def test_a_corpus_has_the_ids_and_words_that_the_tokenizer_gives_each_text(family):
    check(family, [*ODD, *load_corpus(Corpus(max_test_documents=30))["test"]["text"]])


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=5))
@example(texts=["a  b", " ", "a "])
def test_any_text_at_all_is_tokenized_as_the_tokenizer_does_it(texts, tokenizer):
    check(tokenizer, ["a", *texts])


def test_a_sentence_is_explained_piece_by_piece(family):
    text = "An unforgettable, incomprehensible film!"
    pieces = explain(family, text)
    encoding = family(text)
    assert [piece.id for piece in pieces] == encoding["input_ids"]
    assert [piece.word for piece in pieces] == encoding.word_ids()
    for piece in pieces:
        if not piece.special:
            assert (
                text[piece.start : piece.end].strip().lower() == family.decode([piece.id]).replace("##", "").strip().lower()
            )
    words = [piece.word for piece in pieces if not piece.special]
    assert [piece.continues for piece in pieces if not piece.special] == [
        False,
        *(a == b for a, b in zip(words, words[1:], strict=False)),
    ]
    assert pieces[0].special
    assert pieces[-1].special


def test_a_document_that_speaks_of_a_special_token_means_its_letters(family):
    texts = [f"The [MASK] and the {family.mask_token} of [SEP], {family.unk_token} and {family.eos_token}."]
    tokens = tokenize(Dataset.from_dict({"text": texts}), family)
    if not isinstance(family.backend_tokenizer.model, models.Unigram):  # its model holds its special tokens as pieces
        assert not {family.mask_token_id, family.sep_token_id, family.eos_token_id} & set(tokens.input_ids.tolist())
    chunks = chunk(tokens, Chunking(chunk_size=8), SpecialTokens.of(family))
    assert not np.isin(chunks.input_ids[~chunks.special_tokens_mask], family.all_special_ids).any()
    asked = f"The {family.mask_token}."
    assert family.mask_token_id in family(asked)["input_ids"]  # whoever else has the tokenizer still asks with it
    (blank,) = [piece for piece in explain(family, asked) if piece.id == family.mask_token_id]
    assert blank.special
    assert asked[blank.start : blank.end].strip() == family.mask_token


def test_a_column_of_long_strings_is_read_like_any_other(tokenizer):
    texts = pa.chunked_array([pa.array(["An unwatchable film."] * 3, pa.large_string())])
    table = _encode(lambda: _encoder(tokenizer.backend_tokenizer.to_str()), "text", pa.table({"text": texts}))
    assert table.column("input_ids").to_pylist() == 3 * [tokenizer("An unwatchable film.")["input_ids"][1:-1]]


def test_a_second_time_the_arrays_come_from_the_cache(home, tokenizer, monkeypatch):
    dataset = load_corpus(Corpus(max_test_documents=5))["test"]
    first = tokenize(dataset, tokenizer)
    monkeypatch.setattr(tokenization, "_encode", lambda *_: pytest.fail("tokenized again"))
    assert tokenize(dataset, tokenizer).input_ids.tolist() == first.input_ids.tolist()


def test_a_broken_cache_file_is_made_anew(home, tokenizer):
    dataset = load_corpus(Corpus(max_test_documents=5))["test"]
    first = tokenize(dataset, tokenizer)
    (broken,) = (home / "cache").glob("tokens-*.arrow")
    broken.write_bytes(b"not arrow at all")
    assert tokenize(dataset, tokenizer).input_ids.tolist() == first.input_ids.tolist()


def test_a_memory_that_overflows_changes_nothing(monkeypatch, tokenizer, home):
    monkeypatch.setattr(tokenization, "_CUTS_REMEMBERED", 50)
    monkeypatch.setattr(tokenization, "_DOCUMENTS_A_BATCH", 3)
    check(tokenizer, load_corpus(Corpus(max_test_documents=12))["test"]["text"])


def test_a_missing_column_is_named_with_those_that_there_are(tokenizer):
    with pytest.raises(CorpusError, match="no column 'review'. Its columns are: text"):
        tokenize(Dataset.from_dict({"text": ["a"]}), tokenizer, "review")


def test_a_corpus_of_nothing_is_refused(tokenizer):
    with pytest.raises(CorpusError, match="makes no tokens"):
        tokenize(Dataset.from_dict({"text": ["", " "]}), tokenizer)


def test_a_slow_tokenizer_is_refused():
    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match="slow"):
        explain(Slow(), "a")
