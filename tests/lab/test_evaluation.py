"""Evaluation: the number is the definition's, whatever the batch; and only what was scored alike is compared."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab.chunking import Chunking, SpecialTokens, chunk
from lab.corpus import Corpus
from lab.errors import SettingError
from lab.evaluation import (
    FEWEST_DOCUMENTS,
    Evaluation,
    Scoring,
    baselines,
    compare,
    evaluate,
    freeze,
    perplexity,
    score,
    spread,
)
from lab.kinds import KINDS, by_kind, kinds
from lab.masking import UNTOUCHED
from lab.model import load_model
from lab.preparation import prepare
from lab.tokenization import Tokens


@pytest.fixture(scope="module")
def model():
    return load_model("bundled")


@pytest.fixture(scope="module")
def prepared():
    chunking = Chunking(chunk_size=64, remainder="pad")
    return prepare("bundled", Corpus(max_train_documents=60, max_test_documents=12), chunking)


@pytest.fixture(scope="module")
def held_out(prepared):
    return prepared.held_out(Scoring())


@pytest.fixture(scope="module")
def evaluation(model, held_out):
    return evaluate(model, held_out)


def test_perplexity_is_what_a_plain_loop_computes(model, held_out, evaluation):
    total, scored, right = 0.0, 0, 0
    for row in range(len(held_out.chunks)):
        masked = freeze(held_out, np.array([row]), torch.device("cpu"), held_out.vocabulary)
        attention = torch.from_numpy(held_out.chunks.attention_mask[[row]]).long()
        with torch.no_grad():
            log_probabilities = model(masked.input_ids, attention_mask=attention).logits[0].double().log_softmax(-1)
        for position in range(masked.labels.shape[1]):
            if (label := int(masked.labels[0, position])) != -100:
                total -= float(log_probabilities[position, label])
                scored += 1
                right += int(log_probabilities[position].argmax()) == label
    assert len(evaluation) == scored
    assert evaluation.perplexity == pytest.approx(math.exp(total / scored), rel=1e-6)
    assert evaluation.accuracy == right / scored


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_nothing(model, held_out, evaluation, batch_size):
    other = evaluate(model, held_out, batch_size=batch_size)
    assert other.perplexity == pytest.approx(evaluation.perplexity, rel=1e-6)
    assert (other.labels == evaluation.labels).all()


def test_parts_scored_apart_make_the_whole(model, held_out, evaluation):
    rows = np.arange(len(held_out.chunks))
    whole = Evaluation.join([part for i in range(3) for part in score(model, held_out, rows[i::3])])
    assert whole.perplexity == pytest.approx(evaluation.perplexity, rel=1e-6)


def test_scoring_leaves_the_model_as_it_was(model, held_out):
    model.train()
    list(score(model, held_out, [0]))
    assert model.training
    model.eval()


def test_each_scored_position_says_where_it_stands(held_out, evaluation):
    assert (held_out.chunks.input_ids[evaluation.chunk, evaluation.position] == evaluation.labels).all()
    assert (held_out.chunks.documents[evaluation.chunk, evaluation.position] == evaluation.document).all()
    assert (evaluation.action != UNTOUCHED).all()
    assert not held_out.chunks.special_tokens_mask[evaluation.chunk, evaluation.position].any()


def test_a_better_model_scores_better_and_the_test_knows_it(model, held_out, evaluation):
    worse = load_model("bundled")
    with torch.no_grad():
        for parameter in worse.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    after = evaluate(worse, held_out)
    comparison = compare(evaluation, after)
    assert comparison.ratio == pytest.approx(after.perplexity / evaluation.perplexity)
    assert 1 < comparison.low < comparison.ratio < comparison.high
    assert comparison.real
    assert not compare(evaluation, evaluation).real


def test_the_interval_covers_the_truth_as_often_as_it_says(evaluation):
    """Two 'models' that differ by noise of the documents alone: 95 of 100 intervals must hold the ratio 1."""
    generator = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        size = 60
        document = np.repeat(np.arange(size), 20)
        noise = generator.normal(0, 0.3, size)[document]
        before = replace(evaluation, nll=np.full(len(document), 4.0), document=document)
        after = replace(before, nll=before.nll + noise)
        held += not compare(before, after, resamples=400, seed=trial).real
    assert 180 <= held <= 198


def test_a_difference_over_too_few_documents_is_never_called_real(evaluation):
    worse = replace(evaluation, nll=evaluation.nll + 1e-6)
    assert compare(evaluation, worse).real
    few = np.isin(evaluation.document, np.unique(evaluation.document)[: FEWEST_DOCUMENTS - 1])
    found = compare(evaluation[few], worse[few])
    assert (found.documents, found.enough, found.real) == (FEWEST_DOCUMENTS - 1, False, False)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_holds_a_chunk_at_least(model, held_out, batch_size):
    with pytest.raises(SettingError, match=f"batch_size is {batch_size}"):
        evaluate(model, held_out, batch_size=batch_size)


def test_different_scorings_refuse_to_be_compared_and_say_in_what_they_differ(model, held_out, evaluation):
    other = evaluate(model, held_out.scored(Scoring(score_seed=1, score_strategy="whole_word")))
    with pytest.raises(SettingError, match=r"\(score_strategy, score_seed\)"):
        compare(evaluation, other)


@pytest.mark.parametrize(
    ("settings", "differing"),
    [
        ({"corpus": Corpus(max_test_documents=11)}, {"held_out_text", "held_out_chunks"}),
        ({"chunking": Chunking(chunk_size=32)}, {"chunk_size", "held_out_chunks"}),
        ({"chunking": Chunking(special_tokens="chunk")}, {"special_tokens"}),
        ({"max_test_chunks": 5}, {"held_out_chunks"}),
        ({}, set()),
    ],
)
def test_the_fingerprint_knows_what_was_scored(settings, differing):
    base = {"corpus": Corpus(max_train_documents=30, max_test_documents=12), "chunking": Chunking()}
    one = prepare("bundled", **base).held_out(Scoring()).fingerprint
    two = prepare("bundled", **(base | settings)).held_out(Scoring()).fingerprint
    assert differing <= set(one.differences(two))
    assert (one.digest == two.digest) == (not differing)


def test_other_chunks_drawn_from_the_same_text_are_another_scoring():
    one, two = (
        prepare("bundled", Corpus(split_seed=seed), max_train_chunks=8, max_test_chunks=20).held_out(Scoring())
        for seed in (0, 1)
    )
    assert one.fingerprint.differences(two.fingerprint) == ["held_out_text"]


def test_the_training_half_of_the_corpus_does_not_change_the_scoring():
    digests = {
        prepare("bundled", Corpus(max_train_documents=size, max_test_documents=9)).held_out(Scoring()).fingerprint.digest
        for size in (30, 60)
    }
    assert len(digests) == 1


def test_baselines_are_the_vocabulary_and_the_frequencies_of_the_training_text(prepared, held_out, evaluation):
    found = baselines(prepared.train, held_out)
    ids = prepared.train.input_ids[~prepared.train.special_tokens_mask].tolist()
    nll = [-math.log((ids.count(label) + 1) / (len(ids) + 30_522)) for label in evaluation.labels.tolist()]
    assert found.uniform == 30_522
    assert found.unigram == pytest.approx(math.exp(sum(nll) / len(nll)))
    assert evaluation.perplexity < found.unigram < found.uniform


def test_other_seeds_score_other_positions_of_the_same_text(model, held_out, evaluation):
    draws = spread(model, held_out, [0, 1, 2])
    assert draws[0].perplexity == pytest.approx(evaluation.perplexity)
    assert len({round(draw.perplexity, 6) for draw in draws}) == 3
    assert [draw.fingerprint.score_seed for draw in draws] == [0, 1, 2]


def test_whole_word_scoring_is_harder_than_token_scoring(model, held_out):
    hidden = Scoring(score_mask_share=1, score_random_share=0)
    whole = evaluate(model, held_out.scored(replace(hidden, score_strategy="whole_word")))
    token = evaluate(model, held_out.scored(hidden))
    pieces = held_out.chunks.word_starts[token.chunk, token.position]
    siblings = held_out.chunks.word_starts[whole.chunk, whole.position]
    assert whole[~siblings].mean_nll > token[~pieces].mean_nll  # continuation pieces lose their sibling


def test_kinds_part_the_evaluation_without_rest(tokenizer, held_out, evaluation):
    parts = by_kind(evaluation, kinds(held_out.chunks, tokenizer))
    assert sum(map(len, parts.values())) == len(evaluation)
    assert set(parts) <= set(KINDS)
    assert parts["punctuation"].perplexity < parts["content words"].perplexity


def test_markup_is_found_piece_by_piece(tokenizer):
    encoding = tokenizer("Good.<br /><br />The actors / < break", add_special_tokens=False)
    words = encoding.word_ids()
    starts = np.array([i == 0 or words[i] != words[i - 1] for i in range(len(words))])
    tokens = Tokens(np.array(encoding["input_ids"], np.int32), starts, np.array([0, len(words)]))
    found = kinds(chunk(tokens, Chunking(chunk_size=len(words) + 2), SpecialTokens.of(tokenizer)), tokenizer)[0, 1:-1]
    pieces = tokenizer.convert_ids_to_tokens(encoding["input_ids"])
    assert [p for p, kind in zip(pieces, found, strict=True) if KINDS[kind] == "markup"] == ["<", "br", "/", ">"] * 2
    assert KINDS[found[pieces.index("the")]] == "function words"


def test_nothing_scored_is_said_and_not_divided_by(model, held_out):
    with pytest.raises(SettingError, match="No position of the held-out text"):
        evaluate(model, held_out.scored(Scoring(score_probability=1e-9)))


def test_perplexity_of_a_hopeless_model_is_a_number():
    assert math.isfinite(perplexity(1e6))
