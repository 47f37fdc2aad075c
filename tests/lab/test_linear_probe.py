"""The probe: hidden states that know nothing of padding, a classifier that learns, and scipy's exact test."""

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lab.errors import CorpusError, SettingError
from lab.linear_probe import Difference, Probed, Reading, Sample, compare, pool, probe, sample
from lab.model import load


@pytest.fixture(scope="module")
def loaded():
    return load("bundled", device="cpu")


def corpus(labels, texts=None):
    texts = texts or [f"text number {i}" for i in range(len(labels))]
    split = Dataset.from_dict({"text": texts, "label": labels})
    return DatasetDict({"train": split, "test": split})


def test_a_text_stands_for_itself_whatever_texts_are_read_beside_it(loaded):
    texts = ["Bad.", "A long and winding sentence about a film that nobody saw.", "What a joy! " * 100]
    together = {row: states[i] for rows, states in pool(loaded, texts) for i, row in enumerate(rows)}
    for row, text in enumerate(texts):
        ids = loaded.tokenizer(text, truncation=True, max_length=128, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            alone = loaded.model(ids, output_hidden_states=True).hidden_states[-1][0].mean(dim=0)
        assert together[row] == pytest.approx(alone.numpy(), abs=1e-5)


def test_what_comes_after_the_first_tokens_is_not_read(loaded):
    head = "good " * 130
    (_, states), *rest = pool(loaded, [head, head + "bad " * 50])
    assert not rest
    assert (states[0] == states[1]).all()


def test_the_probe_finds_a_label_that_is_plain_to_see(loaded):
    good = [f"A wonderful, charming and funny film, number {i}." for i in range(30)]
    bad = [f"A terrible, boring and stupid mess, number {i}." for i in range(30)]
    drawn = sample(corpus([1] * 30 + [0] * 30, good + bad), train=40, test=20)
    *readings, probed = probe(loaded, drawn, batch_size=8)
    assert probed.accuracy == 1
    assert [reading.done for reading in readings] == [*range(8, 60, 8), 60]
    assert all(isinstance(reading, Reading) and reading.of == 60 for reading in readings)


def test_labels_that_have_nothing_to_do_with_the_text_are_told_no_better_than_by_chance(loaded):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 120).tolist()
    texts = [f"She came in {generator.choice(['slowly', 'late', 'again'])} and sat down by the door." for _ in labels]
    half = [Dataset.from_dict({"text": texts[i::2], "label": labels[i::2]}) for i in (0, 1)]
    *_, probed = probe(loaded, sample(DatasetDict({"train": half[0], "test": half[1]}), 60, 60))
    assert 0.3 < probed.accuracy < 0.7


def test_the_draw_is_the_seeds_and_keeps_text_and_label_together():
    labels = [i % 2 for i in range(50)]
    first, again, other = (sample(corpus(labels), 20, 10, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(set(first.train)) == 20
    for text, label in zip(first.train + first.test, first.train_labels + first.test_labels, strict=True):
        assert int(text.rpartition(" ")[2]) % 2 == int(label)


def test_documents_without_a_label_are_passed_over():
    drawn = sample(corpus([0, 1, -1, None, 0, 1, -1, None]), 8, 8)
    assert set(drawn.train_labels) == {"0", "1"}
    assert len(drawn.train) == 4


def test_labels_may_be_words_or_grades():
    assert set(sample(corpus(["good", "bad"] * 5), 10, 5).train_labels) == {"good", "bad"}
    assert set(sample(corpus([0.5, 1.0] * 5), 10, 5).train_labels) == {"0.5", "1.0"}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (list(range(30)), "has 30 values among 30 documents"),
        ([1] * 30, "the same 'label'"),
        ([-1] * 30, "is empty"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused_in_words(labels, said):
    with pytest.raises(CorpusError, match=said):
        sample(corpus(labels), 30, 30)


def test_a_corpus_without_labels_says_so():
    split = Dataset.from_dict({"text": ["a", "b"]})
    with pytest.raises(CorpusError, match="has no column 'label', so there is nothing to probe for"):
        sample(DatasetDict({"train": split, "test": split}), 1, 1)


def test_chance_is_what_always_giving_the_commonest_training_label_scores():
    drawn = Sample(("a",) * 5, ("1", "1", "1", "0", "0"), ("b",) * 4, ("1", "0", "0", "0"))
    assert drawn.chance == 0.25


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_paired_test_is_scipys_exact_one(gained, lost):
    found = Difference(gained, lost, 200)
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert found.real == (expected < 0.05)


def test_two_models_are_compared_document_by_document():
    drawn = Sample(("a",), ("1",), ("b",) * 5, ("1",) * 5)
    before = Probed("base", drawn, np.array([1, 1, 0, 0, 0], bool))
    after = Probed("tuned", drawn, np.array([1, 0, 1, 1, 0], bool))
    found = compare(before, after)
    assert (found.gained, found.lost, found.documents) == (2, 1, 5)
    assert found.change == pytest.approx(after.accuracy - before.accuracy)


def test_models_asked_about_other_documents_are_not_compared():
    one, other = (Probed("base", Sample(("a",), ("1",), (text,), ("1",)), np.ones(1, bool)) for text in "bc")
    with pytest.raises(SettingError, match="Probe both anew"):
        compare(one, other)
