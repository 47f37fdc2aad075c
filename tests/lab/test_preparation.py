"""Preparation: a corpus that can't be learned from is refused before anything starts, by the split that is at fault."""

import pytest

from lab.chunking import Chunking
from lab.config import Scoring
from lab.corpus import Corpus
from lab.errors import CorpusError, SettingError
from lab.evaluation import freeze
from lab.preparation import prepare


def written(path, texts):
    path.write_text("\n\n".join(texts))
    return Corpus(corpus=str(path))


def test_a_text_in_a_script_that_the_tokenizer_does_not_know_is_refused(tmp_path):
    emoji = written(tmp_path / "emoji.txt", ["🎬 🍿 " * (20 + i) for i in range(40)])
    with pytest.raises(CorpusError, match=r"100% of its pieces are \[UNK\].*multilingual"):
        prepare("bundled", emoji)


def test_the_split_that_is_too_short_is_named(tmp_path):
    for name, size in (("train.txt", 400), ("test.txt", 3)):
        written(tmp_path / name, ["A film about a film. " * size])
    with pytest.raises(CorpusError, match="The held-out text makes 20 tokens"):
        prepare("bundled", Corpus(corpus=str(tmp_path)))


@pytest.mark.parametrize("name", ["max_train_chunks", "max_test_chunks"])
@pytest.mark.parametrize("size", [0, -3])
def test_no_chunks_at_all_are_refused_by_name(name, size):
    with pytest.raises(SettingError, match=f"{name} is {size}"):
        prepare("bundled", Corpus(max_train_documents=50), **{name: size})


def test_a_review_that_speaks_of_a_mask_is_neither_masked_by_that_nor_asked_about_it(tmp_path):
    """The literal text stays text: no blank that nobody made, no label that is a blank."""
    texts = [f"In chapter {i} the [MASK] falls, [SEP] and [CLS] and 🎬 all laugh." for i in range(200)]
    prepared = prepare("bundled", written(tmp_path / "odd.txt", texts), Chunking(chunk_size=32))
    specials = prepared.tokenizer.all_special_ids
    held_out = prepared.held_out(Scoring(score_probability=0.9))
    masked = freeze(held_out, list(range(len(prepared.test))), "cpu", prepared.vocabulary)
    assert not set(masked.labels[masked.selected].tolist()) & set(specials)
    assert prepared.tokenizer.mask_token_id not in prepared.test.input_ids
    assert prepared.tokenizer.mask_token_id not in prepared.train.input_ids
    words = prepared.tokenizer.convert_ids_to_tokens(prepared.train.input_ids[0].tolist())
    assert "mask" in words
