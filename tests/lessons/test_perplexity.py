"""Perplexity: the numbers on the page are the lab's own, questions have one right answer, and nothing unfair is ranked."""

import math
import re
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from lab.config import preset
from lab.errors import CorpusError
from lab.evaluation import Comparison, Evaluation, compare, evaluate
from lab.masking import KEPT, MASKED, RANDOM
from lab.runs import list_runs
from lab.surprise import Passage, Scored
from lab.training import fine_tune
from lessons import bench, scoring
from lessons.bench import Using
from lessons.components.runs import runs_of
from lessons.perplexity import exercises, gain, held_out, page, passage, runs
from lessons.perplexity.text import CHUNKS, FEWEST, MOST, Text, amount, chance, passage_of, text_of, text_of_run
from lessons.scoring import Job, Subject
from tests.lessons.reading import of, printed, steps

pytestmark = pytest.mark.usefixtures("warm")

FEW = 8  # chunks


@pytest.fixture(scope="module")
def text() -> Text:
    return text_of(Using())


@pytest.fixture(scope="module")
def sample(text):
    return text.held_out(FEW)


@pytest.fixture(scope="module")
def scored(sample) -> Evaluation:
    *_, last = scoring.score_all([Job(Subject("bundled"), sample)])
    return last.found[0]


@pytest.fixture(scope="module")
def read(sample) -> Passage:
    return passage_of(Subject("bundled"), sample, 0)


def words(drawn) -> str:
    """All that is said in some blocks, values put in."""
    said = []
    for block in drawn:
        for text in (block.get("text"), block.get("prompt"), block.get("caption")):
            said.append((text or "").format_map(block.get("values") or {}) if text and block.get("values") else text or "")
        said += [f"{figure['value']} {figure['label']}" for figure in block.get("figures", ())]
        said += [str(cell) for row in block.get("rows", ()) if isinstance(row, list) for cell in row]
    return "\n".join(said)


# One passage


def test_the_perplexity_of_a_whole_passage_is_the_evaluation_of_its_chunk(read, scored):
    chunk = scored[scored.chunk == 0]
    drawn = passage.picture(read, len(read.scored))
    assert f"{amount(chunk.perplexity)} e to that power: the perplexity" in words(drawn)


def test_who_follows_the_sum_with_a_calculator_comes_to_the_number_shown(read):
    for added in range(1, len(read.scored) + 1):
        said = re.search(
            r"([\d.]+) ÷ (\d+) = ([\d.]+), and e to the power of ([\d.]+) is ([\d.,]+)\.",
            words(passage.picture(read, added)),
        )
        assert said
        nats, pieces, mean, power, number = (float(each.replace(",", "")) for each in said.groups())
        assert nats / pieces == pytest.approx(mean, abs=1e-4)
        assert mean == power
        assert math.exp(power) == pytest.approx(number, abs=0.1 if number < 1000 else 1)


def test_pieces_not_added_up_yet_are_shown_as_the_model_reads_them(read):
    (lane,) = passage.ribbon(read, 1)["lanes"]
    drawn = [piece for word in lane["words"] for piece in word["pieces"]]
    first, *others = (drawn[each.position] for each in read.scored)
    assert first["text"] == read.scored[0].piece
    assert "heat" in first
    for piece, each in zip(others, read.scored[1:], strict=True):
        assert piece["text"] == each.read
        assert piece["kind"] == {MASKED: "masked", RANDOM: "random", KEPT: "kept"}[each.action]
        assert each.piece not in {value for _, value in piece["tip"]} - {each.read}, "the answer is given away"


def test_every_piece_of_the_passage_is_drawn_in_its_place(read):
    (lane,) = passage.ribbon(read, len(read.scored))["lanes"]
    assert [piece["text"] for word in lane["words"] for piece in word["pieces"]] == list(read.pieces)


def test_a_chosen_piece_adds_up_as_far_as_itself(read):
    (lane,) = passage.ribbon(read, 1)["lanes"]
    picks = [piece["pick"]["pieces"] for word in lane["words"] for piece in word["pieces"] if "pick" in piece]
    assert picks == list(range(1, len(read.scored) + 1))
    drawn, slider = page.add_to(Using(), 1, event(pieces=3))
    assert slider.value == 3
    assert f"3 of {len(read_at(1).scored)} scored pieces" in words(drawn)
    assert steps(drawn) == ["add"]


@pytest.mark.parametrize("sent", ["3", None, math.nan, math.inf, -5, 10**9, True, [1], {"a": 1}])
def test_what_a_stranger_sends_for_a_number_is_kept_in_bounds(sent):
    drawn, slider = page.add_to(Using(), sent, event(pieces=sent))
    assert 1 <= slider.value <= slider.maximum
    assert of(drawn, "ribbon")
    assert FEWEST <= page._chunks(sent) <= MOST


def test_opening_the_lesson_ticks_nothing_off():
    drawn, _ = page.read(Using(), 1, 1)
    assert steps(drawn) == []


def read_at(number: int) -> Passage:
    return page._passage(Using(), number)[-1]


def event(**sent):
    return gr.EventData(None, sent)


# The held-out text


def test_the_score_on_the_page_is_the_labs_own(sample, scored):
    assert scored.perplexity == pytest.approx(evaluate(bench.loaded("bundled").model, sample).perplexity, rel=1e-6)


def test_scoring_tells_how_far_it_is_and_is_kept(sample):
    job = Job(Subject("bundled", 4), sample)
    told = list(scoring.score_all([job]))
    assert [each.done for each in told] == [4, 8, 8]
    assert told[-1].of == 8
    assert len(list(scoring.score_all([job]))) == 1, "it was scored again"
    assert scoring.kept([job]) == told[-1].found


def test_the_outcome_says_how_it_was_scored_beside_baselines_and_accuracy(text, sample, scored):
    said = words(held_out.outcome(text, sample, scored))
    assert sample.fingerprint.digest in said
    assert f"{FEW} of {len(text.prepared.test)} held-out chunks" in said
    assert "30,522 perplexity of blind guessing" in said
    assert amount(scored.perplexity) in said
    assert f"{scored.accuracy:.0%}".removesuffix("%") in said


def test_the_worst_tenth_is_weighed_as_sorting_weighs_it(scored):
    carried = held_out.carried_by_worst(scored)
    shares = np.cumsum(np.sort(scored.nll)[::-1]) / scored.nll.sum()
    assert shares[len(scored) // 10 - 1] <= carried <= shares[len(scored) // 10]
    assert held_out.prediction(scored)["outcome"] == round(100 * carried)
    assert held_out.prediction(None)["outcome"] is None


def test_a_commit_scores_and_ticks_off_predict_and_score():
    *_, last = page.score(Using(), FEW)
    news, prediction, outcome = last
    assert news == []
    assert prediction[0]["outcome"] is not None
    assert steps(outcome) == ["predict", "score"]
    again, drawn = page.scored_before(Using(), FEW)
    assert again == prediction, "what is known is shown at once"
    assert steps(drawn) == []


def test_kinds_share_all_pieces_and_all_surprise(text, sample, scored):
    bars, _, _ = held_out.by_kind(text, sample, scored)
    for series in (0, 1):
        assert sum(row["values"][series]["share"] for row in bars["rows"]) == pytest.approx(1)


# Is this gain real?


def test_without_a_run_rounding_is_put_to_the_test():
    change = gain.chosen(Using(), "")
    assert (change.before, change.after) == (Subject("bundled"), Subject("bundled", 8))
    assert "?lesson=fine-tuning" in words(gain.choice(Using(), change))


def test_the_verdict_is_that_of_the_paired_test(text):
    sample = text.held_out(CHUNKS)
    for name, real in (("8-bits", False), ("4-bits", True)):
        change = gain.chosen(Using(), name)
        *_, last = page.test(Using(), name, CHUNKS)
        before, after = scoring.kept(gain.paired_jobs(change, sample))
        comparison = compare(before, after)
        assert comparison.real is real, "the measurement that this lesson leans on"
        said = words(last[1])
        assert gain.signed(comparison.ratio - 1) in said
        assert ("A real loss" in said) is real
        assert ("Not shown to be real" in said) is not real
        assert steps(last[1]) == ["test"]


def test_too_few_documents_give_no_verdict():
    assert "only 3 documents" in words([gain._said(Comparison(0.5, 0.4, 0.6, 3, 2000))])


def test_the_noise_meter_redraws_both_models_alike(text, sample):
    change = gain.chosen(Using(), "8-bits")
    jobs = gain.redrawn_jobs(change, sample)
    seeds = [job.held_out.scoring.score_seed for job in jobs]
    assert seeds == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [job.subject for job in jobs] == [change.before, change.after] * gain.DRAWS


def test_the_noise_meter_grows_and_ends_with_what_fools_people(text, sample, scored):
    change = gain.chosen(Using(), "8-bits")
    other = [replace(scored, nll=scored.nll * scale) for scale in (1, 1.01, 1.1, 1.11, 0.9, 0.91, 1, 1.01, 1.05, 1.06)]
    assert [block["type"] for block in gain.noise(change, text, sample, other[:3])] == ["chart"]
    drawn = gain.noise(change, text, sample, other)
    ppl = [each.perplexity for each in other]
    assert gain.signed(min(ppl[1::2]) / max(ppl[::2]) - 1) in words(drawn)
    assert "rise and fall together" in words(drawn)
    assert steps(drawn) == ["redraw"]


def test_unknown_changes_fall_back_to_the_first():
    assert gain.chosen(Using(), "../../etc/passwd").name == gain.chosen(Using(), "").name


# Exercises


def test_questions_wait_for_a_test_and_then_have_one_right_answer_each():
    assert not of(page.check(Using(), 2, "6-bits", FEW), "questions")
    list(page.test(Using(), "8-bits", FEW))
    for number in (1, 2, 3, 4):
        (card,) = page.check(Using(), number, "8-bits", FEW)
        assert [question["id"] for question in card["questions"]] == ["of-these", "of-batches", "is-it-real"]
        for question in card["questions"]:
            assert sum(choice["right"] for choice in question["choices"]) == 1
            assert all(choice["why"] for choice in question["choices"])
            assert len({choice["text"] for choice in question["choices"]}) == len(question["choices"])


def made(*probabilities: float) -> list[Scored]:
    return [Scored(i, f"w{i}", "[MASK]", MASKED, -math.log(p), ()) for i, p in enumerate(probabilities)]


def right_of(question) -> str:
    return next(choice.text for choice in question.choices if choice.right)


def test_of_these_is_computed_from_the_probabilities_that_are_shown():
    question = exercises.of_these(made(0.5, 0.02, 0.3, 0.004, 0.11), "abc")
    shown = [float(question.values[f"p{i}"].removesuffix("\u00a0%")) / 100 for i in range(3)]
    assert right_of(question) == amount(math.exp(-sum(map(math.log, shown)) / 3))
    wrong = {choice.text for choice in question.choices if not choice.right}
    assert wrong == {amount(sum(1 / p for p in shown) / 3), amount(3 / sum(shown))}


def test_no_question_is_asked_where_right_and_wrong_come_out_alike():
    assert exercises.of_these(made(0.2, 0.2, 0.2, 0.2), "abc") is None
    assert exercises.of_these(made(0.2, 0.9), "abc") is None
    assert exercises.of_batches(made(*[0.2] * 12), "abc") is None
    assert exercises.of_batches(made(0.2, 0.1), "abc") is None


def test_of_batches_is_pooled_and_not_a_mean_of_means():
    question = exercises.of_batches(made(*[0.9] * 10, *[0.01] * 4), "abc")
    n, m = ([float(question.values[f"{name}{i}"]) for i in range(2)] for name in "nm")
    assert sum(n) == 14
    assert n[0] != n[1]
    assert right_of(question) == amount(math.exp((n[0] * m[0] + n[1] * m[1]) / 14))
    assert amount(math.exp(sum(m) / 2)) in {choice.text for choice in question.choices}


def test_is_it_real_is_answered_by_the_interval_that_is_shown(scored):
    generator = np.random.default_rng(0)
    seen = set()
    for scale, shift in ((0.3, 0.0), (0.1, -0.4), (0.1, 0.4)):
        after = replace(scored, nll=scored.nll + generator.normal(shift, scale, len(scored)))
        question = exercises.is_it_real(scored, after, "0123456789ab")
        if question is None:
            continue
        low, high = (float(re.sub(r"[^\d.+-]", "", question.values[end].replace("−", "-"))) for end in ("low", "high"))
        real = low > 0 or high < 0
        assert right_of(question) == ("Yes: the 95 % interval leaves 0 out" if real else "No: the 95 % interval holds 0")
        seen.add(real)
    assert seen == {True, False}


def test_the_same_question_comes_in_the_same_order(read, scored):
    change = gain.chosen(Using(), "8-bits")
    after = replace(scored, nll=scored.nll * 1.01)
    assert exercises.questions(read, change, scored, after) == exercises.questions(read, change, scored, after)


# Show me the code


def test_the_code_prints_the_number_on_the_screen():
    number = 5
    (drawer,) = page.show_code(Using(), number, FEW)
    found = read_at(number)
    shown = amount(math.exp(sum(each.nats for each in found.scored) / len(found.scored)))
    for _, source in drawer["tabs"]:
        lines = printed(source).split()
        assert amount(float(lines[0])) == shown
        if len(lines) > 1:
            *_, last = scoring.score_all(page._jobs(Using(), FEW)[1])
            assert amount(float(lines[1])) == amount(last.found[0].perplexity)


# Runs


SMALL = {"max_train_chunks": 8, "max_test_chunks": 4, "max_steps": 2, "num_train_epochs": 2.0, "probes": ()}


@pytest.fixture
def trained(films, tiny):
    def train(**settings):
        small = SMALL | {"model": tiny.id, "corpus": str(films), "chunk_size": 32, "device": "cpu", "precision": "fp32"}
        started, *_ = fine_tune(preset("quick", **small | settings))
        return next(run for run in list_runs() if run.id == started.run)

    return train


def using(*found) -> Using:
    return Using(runs=tuple(run.id for run in found))


def test_without_a_run_every_part_says_what_one_would_add():
    for drawn in (runs.epochs(Using(), ""), runs.side_by_side(Using()), runs.twins(Using(), "")):
        assert "?lesson=fine-tuning" in words(drawn)


def test_a_strangers_run_is_not_listed(trained):
    trained()
    assert runs_of(Using()) == []


def test_a_run_is_shown_epoch_by_epoch_with_its_baselines(trained):
    run = trained()
    drawn = runs.epochs(using(run), "")
    (table,) = of(drawn, "table")
    assert [row[0] for row in table["rows"]] == ["blind guessing", "guessing by frequency", "epoch 0", "epoch 1", "epoch 2"]
    assert len(of(drawn, "chart")) == 2
    assert run.summary()["fingerprint"] in words(drawn)


def test_a_run_that_waits_says_so(tiny):
    assert "hasn’t scored anything yet" in words(runs.epochs(using(tiny), ""))


def test_a_run_is_tested_against_its_base_on_what_it_held_out(trained, films):
    run = trained()
    change = gain.chosen(using(run), "")
    assert (change.before.model, change.after.model) == (run.config().model, run.id)
    text = gain.text_for(using(run), change)
    assert text.corpus.corpus == str(films)
    assert text.held_out(4).fingerprint.digest == run.summary()["fingerprint"]
    *_, last = page.test(using(run), run.id, FEW)
    assert "95 % interval" in words(last[1])


def test_a_run_whose_text_is_gone_says_so(trained, films):
    run = trained()
    films.unlink()
    with pytest.raises(CorpusError, match="no longer on this computer"):
        text_of_run(run.id)


def test_a_run_in_use_is_read_as_it_was_split(trained, films, monkeypatch):
    run = trained(held_out=0.5, chunk_size=16)
    own = Using(model=run.id)
    assert text_of(own).prepared.chunking.chunk_size == 128, "another corpus is in use: the lab's own settings"
    monkeypatch.setattr(bench, "corpus_path", lambda _name: str(films))
    assert text_of(own).prepared.chunking.chunk_size == 16


def test_runs_scored_alike_are_overlaid_and_the_others_are_not_ranked_with_them(trained):
    one, two, other = trained(), trained(learning_rate=1e-3), trained(score_seed=3)
    drawn = runs.side_by_side(using(one, two))
    assert len(of(drawn, "chart")) == 1
    assert "No ranking" not in words(drawn)
    assert "learning_rate" in words(drawn)
    drawn = runs.side_by_side(using(one, two, other))
    assert len(of(drawn, "chart")) == 2
    assert "No ranking across all of them" in words(drawn)
    assert "score_seed (3 against 0)" in words(drawn)


def test_a_damaged_run_is_left_out(trained):
    one, two = trained(), trained()
    (two.folder / "config.json").write_text("{")
    assert runs_of(using(one, two)) == [one]


def test_twins_are_scored_both_ways_and_no_strategy_is_crowned(trained):
    pair = trained(), trained(strategy="whole_word")
    *_, last = page.score_twins(using(*pair), "", FEW)
    said = words(last[1])
    (table,) = of(last[1], "table")
    assert [len(row) for row in table["rows"]] == [3, 3]
    assert "needs several training seeds" in said
    assert "training seed 42" in said
    jobs = runs.twin_jobs(runs.pairs(using(*pair))[0], FEW)
    assert [job.held_out.scoring.score_strategy for job in jobs] == ["token", "token", "whole_word", "whole_word"]
    assert len({job.held_out.fingerprint for job in jobs}) == 2


def test_a_resumed_run_is_scored_anew(trained):
    run = trained()
    text = text_of_run(run.id)
    job = Job(Subject(run.id), text.held_out(4))
    list(scoring.score_all([job]))
    assert scoring.kept([job])
    weights = run.model / "model.safetensors"
    weights.write_bytes(weights.read_bytes())
    assert scoring.kept([job]) is None


def test_numbers_are_written_so_that_they_can_be_read():
    assert [chance(p).replace("\u00a0", " ") for p in (1.0, 0.372, 0.031, 0.0000031)] == [
        "100.0 %",
        "37 %",
        "3.1 %",
        "0.00031 %",
    ]
    assert [amount(p) for p in (74.69, 30522.0)] == ["74.7", "30,522"]
    assert bench.whole(math.nan, 1, 5, 2) == 2
