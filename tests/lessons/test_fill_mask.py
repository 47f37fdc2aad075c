"""Fill the mask: what is shown is the lab's own, questions have one right answer, and without a run nothing ends."""

import json
import math
import re

import pytest
import torch

from lab.errors import CorpusError, LabError, SettingError
from lab.fill_mask import Shift, contrast, fill, side_by_side, spell
from lab.home import write_json
from lab.linear_probe import Probed, Sample
from lab.model import load_model
from lessons import bench
from lessons.bench import Using
from lessons.components.words import percent
from lessons.fill_mask import code, exercises, kitchen, models, page, quiz, so_what, summary
from lessons.fill_mask.contrast import GIVEN, PAIRS, Pair
from lessons.fill_mask.contrast import picture as contrast_picture
from lessons.fill_mask.drawings import DRAWINGS
from lessons.fill_mask.models import Asked
from lessons.fill_mask.question import EXAMPLES, ORDERS, TEXT, Question, answers, orders, read_words
from tests.conftest import make_run
from tests.lessons.reading import of, printed, put, right, said, steps, told

pytestmark = pytest.mark.usefixtures("warm")

ALONE = Asked(("bundled",))


@pytest.fixture(scope="module")
def run(tokenizer):
    """A run that was trained from the bundled model: its weights, nudged."""
    torch.manual_seed(0)
    model = load_model("bundled")
    with torch.no_grad():
        for parameter in model.distilbert.transformer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05 * parameter.abs().mean())
    return make_run(model, tokenizer)


@pytest.fixture(scope="module")
def two(run) -> Asked:
    return models.asked(Using(runs=(run.id,)))


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """A small corpus of plainly good and plainly bad texts; texts without labels beside it."""
    monkeypatch.setattr(so_what, "TEST", 12)
    good, bad = "a wonderful, charming and funny film", "a terrible, boring and stupid mess"
    rows = [{"text": f"Number {i} was {bad if i % 2 else good}.", "label": 1 - i % 2} for i in range(80)]

    def keep(kept):
        path = tmp_path / "mine.jsonl"
        path.write_text("\n".join(json.dumps({name: row[name] for name in kept}) for row in rows))
        return Using(corpus=bench.keep_upload(path, "mine.jsonl"))

    return keep


def shown(bars):
    return {row["label"]: [value["text"] for value in row["values"]] for row in bars["rows"]}


# Which models are asked


def test_without_a_run_the_model_in_use_is_asked_alone_and_the_way_to_a_run_is_told():
    found = models.asked(Using())
    assert found == ALONE
    drawn = models.choice(Using(), found)
    assert "(?lesson=fine-tuning)" in said(drawn)
    assert "all of the rest works without" in said(drawn)


def test_the_newest_run_from_the_model_in_use_stands_beside_it(run, two):
    assert two.names == ("bundled", run.id)
    assert models.asked(Using(model=run.id)).names == ("bundled", run.id)


def test_a_run_from_another_model_is_not_set_beside_the_one_in_use_but_can_be_chosen(run, tmp_path):
    other = Using(model="distilbert/distilbert-base-uncased", runs=(run.id,))
    assert models.asked(other).names == ("distilbert/distilbert-base-uncased",)
    (choice,) = of(models.choice(other, models.asked(other)), "choices")
    assert [option["value"] for option in choice["options"]] == [run.id]


def test_a_run_whose_base_is_gone_is_asked_alone_and_says_why(tokenizer, home):
    orphan = make_run(load_model("bundled"), tokenizer)
    config = json.loads((orphan.folder / "config.json").read_text())
    config["settings"]["model"] = "20200101-000000-000-token-dead"
    write_json(orphan.folder / "config.json", config)
    using = Using(model=orphan.id)
    found = models.asked(using)
    assert found.names == (orphan.id,)
    assert "no longer on this computer" in said(models.choice(using, found))
    question, drawn = kitchen.ask(found)
    assert question["outcome"] is None
    assert "no run" not in said(drawn)


def test_several_runs_can_be_chosen_from(run, tokenizer):
    other = make_run(load_model("bundled"), tokenizer)
    using = Using(runs=(run.id, other.id))
    (choice,) = of(models.choice(using, models.asked(using)), "choices")
    assert [option["value"] for option in choice["options"]] == [other.id, run.id]


# The kitchen


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ([0.5, 0.1, 0.1], [0.4, 0.3, 0.3], kitchen.SAME),
        ([0.5, 0.1, 0.1], [0.1, 0.4, 0.3], kitchen.OTHER),
        ([0.5, 0.1, 0.1], [0.1, 0.3, 0.4], kitchen.FILM),
        ([0.1, 0.2, 0.5], [0.1, 0.3, 0.4], kitchen.SAME),
    ],
)
def test_the_outcome_is_what_became_of_the_first_answer(before, after, outcome):
    shifts = tuple(map(Shift, ("matter", "dinner", "movie"), before, after))
    assert kitchen.outcome(shifts) == outcome


def test_without_a_run_the_outcome_is_not_yet_known_and_nothing_ends_there():
    question, drawn = kitchen.ask(ALONE)
    assert question["outcome"] is None
    assert "(?lesson=fine-tuning)" in said(drawn)
    assert of(drawn, "bars")


def test_with_a_run_the_outcome_and_the_shares_are_what_both_models_answer(two):
    question, drawn = kitchen.ask(two)
    firsts = [fill(each, kitchen.SENTENCE).blanks[0][0].word for each in two.loaded()]
    assert question["outcome"] == (
        kitchen.SAME if firsts[0] == firsts[1] else kitchen.FILM if firsts[1] in kitchen.WORDS else kitchen.OTHER
    )
    (figures,) = of(drawn, "figures")
    for figure, loaded in zip(figures["figures"], two.loaded(), strict=True):
        words = fill(loaded, kitchen.SENTENCE, targets=kitchen.WORDS).blanks[0]
        assert figure["value"] == percent(sum(each.probability for each in words))


def test_a_prediction_ticks_its_step_off_when_it_is_committed_and_not_before():
    assert steps(page.see_kitchen(Using())[1]) == []
    assert steps(page.committed(Using())[1]) == ["predict"]


# The question


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("",), "There is no text here yet"),
        (("word [MASK] " * 9_000,), "Shorten it"),
        (("[MASK]" * 9,), "9 blanks"),
        (("A [MASK].", 5, "sideways"), "no such order"),
        (("A [MASK].", 5, "together", "a b c d e f g h i j k l m n o p q r s t u"), "21 words"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(given, sentence):
    with pytest.raises(SettingError, match=sentence):
        Question.of(*given)


@pytest.mark.parametrize("sent", [math.nan, math.inf, -3, "many", None, 10**9])
def test_the_number_of_answers_is_kept_in_bounds_whatever_is_sent(sent):
    assert 1 <= Question.of("A [MASK].", sent).top_k <= 12


def test_words_are_parted_by_commas_or_spaces_and_count_once():
    assert read_words(" film, movie;film\nbook,, ") == ("film", "movie", "book")
    assert read_words(None) == read_words(" , ") == ()


@pytest.mark.parametrize("order", ORDERS.values())
def test_two_models_are_shown_blank_by_blank_as_the_lab_sets_them_side_by_side(two, order):
    question = Question(TEXT, 3, order)
    drawn = answers(two, question)
    expected = side_by_side(*two.loaded(), TEXT, top_k=3, order=order)
    for bars, row in zip(of(drawn, "bars"), expected, strict=True):
        assert shown(bars) == {each.word: [percent(each.before), percent(each.after)] for each in row}
        assert bars["series"] == two.labels
    completed = [fill(each, TEXT, order=order).completed for each in two.loaded()]
    assert [quote["text"] for quote in of(drawn, "quote")] == completed


def test_one_model_shows_its_own_answers_and_no_legend():
    drawn = answers(ALONE, Question("This is a great [MASK].", 4))
    (bars,) = of(drawn, "bars")
    assert bars["series"] is None
    (expected,) = fill(ALONE.loaded()[0], "This is a great [MASK].", top_k=4).blanks
    assert shown(bars) == {each.word: [percent(each.probability)] for each in expected}


def test_target_words_are_shown_alone_and_one_of_several_pieces_is_refused_by_name():
    (bars,) = of(answers(ALONE, Question("A [MASK].", targets=("film", "book"))), "bars")
    assert set(shown(bars)) == {"film", "book"}
    with pytest.raises(LabError, match="'unwatchable' is not one piece"):
        answers(ALONE, Question("A [MASK].", targets=("film", "unwatchable")))


def test_asking_ticks_off_what_was_changed_and_opening_ticks_nothing():
    assert steps(page.see_answers(Using(), TEXT, 4, "together", "")[0]) == []
    assert steps(page.ask(Using(), TEXT, 6, "together", "")[0]) == []
    assert steps(page.ask(Using(), "A [MASK].", 4, "together", "")[0]) == ["ask"]
    assert steps(page.ask(Using(), TEXT, 4, "right_to_left", "")[0]) == ["order"]


@pytest.mark.parametrize("text", EXAMPLES.values())
def test_every_example_can_be_asked(text):
    assert of(answers(ALONE, Question.of(text)), "bars")


@pytest.mark.parametrize("text", ["<script>x</script> ${y} {{z}} [MASK]", "{text} **bold** [MASK]", "שלום [MASK] مرحبا"])
def test_hostile_text_stands_in_fields_that_are_drawn_as_text(text):
    drawn = [*answers(ALONE, Question.of(text)), *exercises.card(Using(), ALONE, Question.of(text), 0)]
    authored = [block["text"] for block in of(drawn, "say")]
    for card in of(drawn, "questions"):
        authored += [question["prompt"] for question in card["questions"]]
        authored += [each for q in card["questions"] for choice in q["choices"] for each in (choice["text"], choice["why"])]
    assert not any(text.partition("[MASK]")[0].strip() in each for each in authored)


# The orders


def test_the_default_question_shows_that_the_orders_give_different_sentences():
    drawn = orders(ALONE, Question(TEXT))
    rows = of(drawn, "table")[0]["rows"]
    assert [row[1] for row in rows] == [fill(ALONE.loaded()[0], TEXT, order=order).completed for order in ORDERS.values()]
    assert len({row[1] for row in rows}) == 3
    assert "three different sentences" in said(drawn)


def test_the_product_of_a_filling_is_that_of_its_steps():
    steps_table = of(orders(ALONE, Question(TEXT)), "table")[1]
    for (name, _, product), order in zip(steps_table["rows"], ORDERS.values(), strict=True):
        chosen = [blank[0].probability for blank in fill(ALONE.loaded()[0], TEXT, order=order).blanks]
        assert product == ("–" if name == "together" else percent(math.prod(chosen)))


def test_one_blank_has_one_order_and_none_has_none_and_it_says_what_to_do():
    one, none = (said(orders(ALONE, Question(text))) for text in ("A [MASK].", "A film."))
    assert "Your text above has one blank, and one blank can be filled in one way only. Write [MASK] into it twice" in one
    assert "Your text above has no blank. Write [MASK] into it twice" in none


def test_where_both_ways_come_to_one_sentence_with_two_probabilities_that_is_told():
    text = "He [MASK] the door and [MASK] the room."
    left, back = (fill(ALONE.loaded()[0], text, order=order) for order in ("left_to_right", "right_to_left"))
    assert left.completed == back.completed, "another text is needed here"
    assert "with two probabilities" in said(orders(ALONE, Question(text)))
    assert "with two probabilities" not in said(orders(ALONE, Question(TEXT)))


# Two sentences


@pytest.mark.parametrize("name", PAIRS)
def test_every_ready_made_pair_can_be_asked_and_its_bars_divide_the_belief(two, name):
    drawn = contrast_picture(two, Pair.of(*PAIRS[name]))
    assert [bars["caption"] for bars in of(drawn, "bars")] == two.labels
    for bars in of(drawn, "bars"):
        assert all(sum(value["share"] for value in row["values"]) == pytest.approx(1) for row in bars["rows"])


def test_the_numbers_of_a_pair_are_what_the_model_answers_to_each_sentence():
    pair = Pair.of("___ was a [MASK].", "He / She", "king, queen")
    (bars,) = of(contrast_picture(ALONE, pair), "bars")
    expected = contrast(ALONE.loaded()[0], "He was a [MASK].", "She was a [MASK].", targets=["king", "queen"])
    assert shown(bars) == {each.word: [percent(each.before), percent(each.after)] for each in expected}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("He was a [MASK].", "He / She", ""), "0 gaps"),
        (("___ and ___ [MASK]", "He / She", ""), "2 gaps"),
        (("___ was a [MASK].", "He", ""), "a stroke between them"),
        (("___ was a [MASK].", "He / ", ""), "a stroke between them"),
        (("", "He / She", ""), "no text"),
    ],
)
def test_a_pair_that_is_none_is_refused_with_the_way_out(given, sentence):
    with pytest.raises(SettingError, match=sentence):
        Pair.of(*given)


def test_a_pair_of_ones_own_ticks_the_step_off():
    assert steps(page.set_contrast(Using(), *GIVEN)) == []
    assert steps(page.set_contrast(Using(), "The ___ was [MASK].", "cat / dog", "")) == ["contrast"]


# So what?


def test_the_probe_tells_how_far_it_is_and_then_what_the_lab_finds(labelled, two, run):
    using = Using(corpus=labelled(("text", "label")).corpus, runs=(run.id,))
    *progress, last = page.probe(using, 50)
    assert any("has read" in said(each[0]) for each in progress)
    reading, drawn, (question,) = last
    assert reading == []
    assert steps(drawn) == ["probe"]
    bars = shown(of(drawn, "bars")[0])
    outcomes = so_what.known(using, two, 50)
    assert [bars[label] for label in two.labels] == [[percent(each.accuracy)] for each in outcomes]
    assert question["outcome"] in (so_what.BETTER, so_what.SAME, so_what.WORSE)
    # Known from then on, without reading anew.
    assert page.see_probe(using, 50)[1] == of(drawn, "bars") + [each for each in drawn[1:] if each["type"] != "did"]


def test_one_model_alone_is_probed_too_and_the_outcome_stays_open(labelled):
    using = labelled(("text", "label"))
    *_, (_, drawn, (question,)) = page.probe(using, 50)
    assert question["outcome"] is None
    assert shown(of(drawn, "bars")[0])[ALONE.labels[0]] == ["100\u00a0%"]
    assert "(?lesson=fine-tuning)" in said(drawn)


def test_a_corpus_without_labels_says_so_and_cannot_be_probed(labelled):
    using = labelled(("text",))
    _, drawn, lines, button = page.see_probe(using, 300)
    assert "has no column 'label'" in said(drawn)
    assert not lines
    assert not button.interactive
    with pytest.raises(CorpusError, match="nothing to probe for"):
        list(page.probe(using, 300))


@pytest.mark.parametrize(
    ("gained", "lost", "outcome"),
    [(9, 0, so_what.BETTER), (0, 9, so_what.WORSE), (5, 3, so_what.SAME), (0, 0, so_what.SAME)],
)
def test_a_difference_counts_only_where_the_paired_test_tells_it_from_luck(gained, lost, outcome):
    import numpy as np

    drawn = Sample(("a", "b"), ("1", "0"), ("t",) * 20, ("1",) * 20)
    before, after = np.ones(20, bool), np.ones(20, bool)
    before[:gained] = False
    after[gained : gained + lost] = False
    found = Probed("base", drawn, before), Probed("tuned", drawn, after)
    assert so_what.card(found)["outcome"] == outcome
    told = said(so_what.picture(Using(), Asked(("bundled", "bundled")), found))
    assert ("can’t be told from luck" in told) == (outcome == so_what.SAME and gained > 0)


# Check


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("text", [TEXT, "This is a great [MASK].", "[MASK] [MASK] [MASK]"])
def test_each_question_has_one_right_answer_and_none_comes_twice(two, text, turn):
    for found in (ALONE, two):
        for card in of(exercises.card(Using(), found, Question(text), turn), "questions"):
            assert len(card["questions"]) >= 2
            for question in card["questions"]:
                told(right(question))
                choices = [put(choice["text"], choice["values"]) for choice in question["choices"]]
                assert len(set(choices)) == len(choices) >= 2
                assert all(choice["why"] for choice in question["choices"])


def test_what_moved_most_is_not_always_what_comes_first(two):
    picture, question = exercises.moved(two, list(exercises._SPARE), "seed")
    shifts = next(
        shifts
        for text in exercises._SPARE
        for caption, shifts in [exercises._by_training(two.names, text)]
        if caption == picture[0]["caption"]
    )
    most = max(shifts, key=lambda each: abs(each.after - each.before)).word
    (found,) = [choice.values["word"] for choice in question.choices if choice.right]
    assert found == most


def test_where_the_trap_would_be_right_it_is_left_out(two, monkeypatch):
    shifts = (Shift("film", 0.1, 0.5), Shift("book", 0.2, 0.15), Shift("ship", 0.3, 0.28))
    monkeypatch.setattr(exercises, "_by_training", lambda *_: ("a picture", shifts))
    _, question = exercises.moved(two, ["any"], "seed")
    words = [choice.values["word"] for choice in question.choices]
    assert sorted(words) == ["book", "film", "ship"]
    assert not any("comes first now" in choice.why for choice in question.choices)


def test_the_pairs_probability_is_that_of_the_first_times_that_of_the_second_given_the_first():
    question = exercises.pair("bundled", [TEXT], "seed")
    first, second = fill(ALONE.loaded()[0], TEXT, order="left_to_right").blanks
    (found,) = [choice.text for choice in question.choices if choice.right]
    assert found == percent(first[0].probability * second[0].probability)
    single = next(e for e in fill(ALONE.loaded()[0], TEXT, top_k=300).blanks[1] if e.id == second[0].id)
    assert percent(first[0].probability * single.probability) in [c.text for c in question.choices if not c.right]


def test_the_word_that_can_be_a_target_is_one_piece_and_the_others_are_not():
    for seed in range(5):
        question = exercises.one_piece(Using(), "bundled", str(seed))
        for choice in question.choices:
            assert (len(spell(ALONE.loaded()[0], TEXT, choice.values["word"])) == 1) == choice.right


def test_other_questions_are_other_ones():
    first, second = (page.check_again(Using(), TEXT, 4, "together", "") for _ in range(2))
    abouts = [card["questions"][0]["about"] for drawn, _ in (first, second) for card in of(drawn, "questions")]
    assert abouts[0] != abouts[1]


# The quiz


@pytest.mark.parametrize("lesson", DRAWINGS)
def test_each_lesson_has_a_question_with_one_right_answer_whatever_is_drawn(lesson):
    prompts = set()
    for seed in range(1, 6):
        question = quiz.draw(lesson, seed)
        assert quiz.draw(lesson, seed) == question, "the same seed draws the same"
        choices = [put(choice.text, choice.values) for choice in question.choices]
        assert len(set(choices)) == len(choices) >= 3
        assert sum(choice.right for choice in question.choices) == 1
        assert all(choice.why for choice in question.choices)
        assert question.about == str(seed)
        prompts.add(put(question.prompt, question.values))
        assert not re.search(r"\{\w+\}", put(question.prompt, question.values))
    assert len(prompts) > 3, "drawn afresh each time"


def answer(lesson, seed):
    question = quiz.draw(lesson, seed)
    (choice,) = [choice for choice in question.choices if choice.right]
    return question, put(choice.text, choice.values)


@pytest.mark.parametrize("seed", range(3))
def test_the_answers_of_the_quiz_can_be_computed_from_what_it_says(seed, tokenizer):
    question, found = answer("be-the-model", seed)
    share = float(question.values["p"].removesuffix("\u00a0%")) / 100
    assert found == f"{-math.log(share):.2f}"
    question, found = answer("tokenization", seed)
    assert found == tokenizer.decode(tokenizer(question.values["text"])["input_ids"], skip_special_tokens=True)
    question, found = answer("chunking", seed)
    chunks, rest = divmod(sum(map(int, question.values["lengths"].split(", "))), question.values["size"])
    assert re.findall(r"\d+", found) == [str(chunks), str(rest)]
    question, found = answer("masking", seed)
    assert int(found) == sum(question.values[name] for name in ("hidden", "swapped", "kept"))
    question, found = answer("fine-tuning", seed)
    v = question.values
    assert int(found) == math.ceil(math.ceil(v["chunks"] / v["batch"]) / v["waits"]) * v["epochs"]
    question, found = answer("fill-mask", seed)
    assert question.values["right"] != question.values["left"]
    assert found == "What is filled first is in place when the other is asked for"


def test_the_quiz_goes_through_the_lessons_in_their_order_and_knows_what_was_predicted_in_each():
    card, score = quiz.card(7)
    from lessons.catalog import lessons

    course = [lesson.id for lesson in lessons() if lesson.order]
    assert [part["lesson"] for part in card["parts"]] == course
    assert score["parts"] == card["parts"]
    assert [question["id"] for question in card["questions"]] == course


def test_seeds_of_the_quiz_are_new_ones():
    assert len({quiz.new_seed() for _ in range(20)}) == 20


def test_quizzes_are_drawn_ahead_each_given_once_and_never_too_many():
    for _ in range(2 * quiz._STOCKED):
        quiz.draw_ahead()
    quiz._behind.submit(lambda: None).result(timeout=60)  # after all that was asked for
    assert quiz._stock.qsize() == quiz._STOCKED
    given = [page.draw_quiz(Using()) for _ in range(quiz._STOCKED + 2)]  # more than there are: then at once
    abouts = [card["questions"][0]["about"] for drawn in given for card in of(drawn, "quiz")]
    assert len(set(abouts)) == len(given)


# What stays


def test_the_learners_runs_are_listed_and_without_one_the_way_to_it_is_told(run):
    (table,) = of(summary.runs(Using(runs=(run.id,))), "table")
    assert table["rows"][0][0] == f"run {run.id[-4:]}"
    assert "(?lesson=fine-tuning)" in said(summary.runs(Using()))


# The code


@pytest.mark.parametrize(
    "question",
    [
        Question(TEXT, 3, "left_to_right"),
        Question('He said "${it}" and <b>\\n</b> was [MASK].', 2),
        Question("The [MASK] was [mask].", 5, "right_to_left", ("film", "bad", "good")),
    ],
)
def test_the_lines_print_the_answers_on_the_screen(two, question, monkeypatch):
    for found in (ALONE, two):
        (_, with_lab), (_, plain) = code.answers(found, question)["tabs"]
        expected = {}
        for loaded in found.loaded():
            blanks = fill(
                loaded, question.text, top_k=question.top_k, targets=question.targets, order=question.order
            ).blanks
            expected[loaded.name] = [f"{e.word:15} {e.probability:8.2%}" for blank in blanks for e in blank]
        assert printed(plain).splitlines() == [line for lines in expected.values() for line in lines]
        lines = printed(with_lab).splitlines()
        if found.tuned:
            rows = side_by_side(
                *found.loaded(), question.text, top_k=question.top_k, targets=question.targets, order=question.order
            )
            assert lines[:-2] == [f"{e.word:15} {e.before:8.2%} {e.after:8.2%}" for row in rows for e in row]
            assert lines[-2:] == [quote["text"] for quote in of(answers(found, question), "quote")]
        else:
            assert lines[:-1] == expected["bundled"]


def test_the_lines_of_the_probe_print_what_is_on_the_screen(labelled, two, run, monkeypatch):
    using = Using(corpus=labelled(("text", "label")).corpus, runs=(run.id,))
    *_, last = page.probe(using, 50)
    outcomes = so_what.known(using, two, 50)
    (_, with_lab), (_, plain) = code.probe(using, two, 50)["tabs"]
    accuracies = [f"{each.accuracy:.1%}" for each in outcomes]
    lines = printed(with_lab).splitlines()
    assert [line.split()[-1] for line in lines[:2]] == accuracies
    same = printed(plain).splitlines()
    assert same[:2] == accuracies
    assert float(same[2]) == pytest.approx(float(lines[2]))
    assert of(last[1], "bars")


def test_the_model_can_be_taken_along(run, monkeypatch):
    (drawer,) = summary.take_along(Using(runs=(run.id,)))
    (_, with_lab), (_, plain) = drawer["tabs"]
    (best,) = fill(bench.loaded(run.id), "This is a great [MASK].", top_k=1).blanks[0]
    assert printed(with_lab).splitlines() == [f"This is a great {best.word}."]
    assert printed(plain).splitlines()[0].split()[0] == best.word
