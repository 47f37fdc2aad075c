"""Be the model: what the page shows is what the game says, each question has one right answer, and anything may be sent."""

import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lab.cloze import BLANKS, WORDS, Blank, Hidden, Score, belief, score
from lab.errors import SettingError
from lessons.be_the_model import exercises, page, picture
from lessons.be_the_model.picture import Answer
from lessons.bench import Using
from tests.lessons.reading import of, printed, right

pytestmark = pytest.mark.usefixtures("warm")

USING = Using()
ROUND = 3
GIVEN = [{"picked": [i % WORDS], "confidence": "sure"} for i in range(BLANKS - 1)] + [
    {"picked": [0, 4], "confidence": "hunch"}
]


def played(given, number=ROUND, using=USING):
    """(prediction, game, outcome, check, code) as drawn for these answers."""
    return page.play(using, number, SimpleNamespace(about=page._about(using, number), answers=given))


@pytest.fixture(scope="module")
def asked():
    return [page.blank(USING, ROUND, i) for i in range(BLANKS)]


@pytest.fixture(scope="module")
def found(asked):
    return score(asked, [belief(WORDS, each["picked"], each["confidence"]) for each in GIVEN])


def said(blocks):
    return " ".join(json.dumps(block, ensure_ascii=False) for block in blocks)


# The cards --------------------------------------------------------------------------------------------------------------


def test_a_round_begins_with_one_open_card_that_does_not_tell_the_author_s_word(asked):
    _, (game, *rest), *others = page.draw(USING, ROUND)
    assert game["cards"] == [{"before": asked[0].hidden.before, "after": asked[0].hidden.after, "words": [*asked[0].words]}]
    assert not rest
    assert others == [[], [], []]


def test_an_answer_is_told_at_once_beside_the_model_s_and_opens_the_next_card(asked, found):
    _, (game,), *others = played(GIVEN[:3])
    assert [("model" in card) for card in game["cards"]] == [True, True, True, False]
    for card, blank, given in zip(game["cards"], asked, GIVEN[:3], strict=False):
        yours = belief(WORDS, given["picked"], given["confidence"])
        assert [share for share, _ in card["yours"]] == list(yours)
        assert [share for share, _ in card["model"]] == list(blank.model)
        assert card["winner"] == ("you" if yours[blank.author] > blank.model[blank.author] else "model")
        told = card["said"][0]["values"]
        assert told["word"] == blank.hidden.word
        assert (told["you"], told["model"]) == picture.both(yours[blank.author], blank.model[blank.author])
    better = Score(found.yours[:3], found.models[:3]).better
    assert f"3 of 8 answered: you gave the author's word more on {better}, the model on {3 - better}" in game["tally"]
    assert others == [[], [], []]


def test_where_the_model_prefers_another_word_the_card_says_so(asked):
    _, (game, *_), *_ = played(GIVEN)
    for card, blank in zip(game["cards"], asked, strict=True):
        assert ("The model believes more in" in said(card["said"])) == (blank.favourite != blank.author)


def test_the_shares_shown_while_picking_are_those_that_will_be_scored():
    _, (game,), *_ = page.draw(USING, ROUND)
    for level, _ in picture.LEVELS:
        for number in range(1, WORDS + 1):
            shares = belief(WORDS, range(number), level)
            assert [share for share, _ in game["shares"][level][number]] == [shares[0], shares[-1]]


def test_shares_that_differ_look_different():
    assert picture.both(0.9, 0.90004) == ("90.000\u00a0%", "90.004\u00a0%")
    assert picture.both(0.5, 0.5) == ("50\u00a0%", "50\u00a0%")


# The end ----------------------------------------------------------------------------------------------------------------


def test_the_outcome_stands_beside_the_prediction_when_all_are_answered(found):
    assert played(GIVEN[:-1])[0][0]["outcome"] is None
    assert played(GIVEN)[0][0]["outcome"] == found.better


def test_steps_are_ticked_off_by_doing():
    assert [block["step"] for block in of(page.predicted(USING), "did")] == ["predict"]
    assert not of(played(GIVEN[:-1])[1], "did")
    assert [block["step"] for block in of(played(GIVEN)[1], "did")] == ["fill"]


def test_the_outcome_goes_from_one_probability_to_both_perplexities(asked, found):
    outcome = played(GIVEN)[2]
    shown = [figure["value"] for figure in of(outcome, "figures")[0]["figures"]]
    assert shown == [f"{found.better} of 8", f"{found.your_perplexity:.1f}", f"{found.models_perplexity:.1f}"]
    (step,) = [block["values"] for block in of(outcome, "say") if "**Perplexity**" in block["text"]]
    assert step["nats"] == f"{-math.log(found.yours[0]):.2f}"
    assert step["perplexity"] == f"{math.exp(sum(-math.log(p) for p in found.yours) / BLANKS):.1f}"
    rows = of(outcome, "bars")[0]["rows"]
    assert [[value["text"] for value in row["values"]] for row in rows] == [
        [f"{-math.log(yours):.2f}", f"{abs(-math.log(models)):.2f}"]
        for yours, models in zip(found.yours, found.models, strict=True)
    ]
    assert max(value["share"] for row in rows for value in row["values"]) == 1


def test_who_does_worse_than_even_belief_is_told_so(asked):
    sure, none = (0.9,) * BLANKS, (0.004,) * BLANKS
    assert " You are above that" in said(picture.outcome(asked, Score(none, sure), 10))
    assert " The model is above that" in said(picture.outcome(asked, Score(sure, none), 10))
    assert " Both of you are above that" in said(picture.outcome(asked, Score(none, none), 10))
    assert "above that" not in said(picture.outcome(asked, Score(sure, sure), 10))


def test_words_that_beat_the_author_s_are_named(asked):
    told = said(played(GIVEN)[2])
    others = [blank for blank in asked if blank.favourite != blank.author]
    assert f"On {len(others)} of 8 blanks the model believed more in another word" in told
    assert all(f"{blank.hidden.word} → {blank.words[blank.favourite]}" in told for blank in others)
    agreeing = [replace(blank, author=blank.favourite) for blank in asked]
    assert "every one of these blanks" in said([picture._favoured(agreeing)])


# The questions ----------------------------------------------------------------------------------------------------------


def ask(asked, found):
    return {each["id"]: each for each in exercises.questions(asked, found, "about")["questions"]}


def made(ranks, favourites_right, probability=0.05):
    """Blanks with these ranks, made up."""
    return [
        Blank(
            Hidden("A ", f"word{i}", " here.", (1, 2), i, 0),
            words=("a", "b", "c", "d", "e", f"word{i}"),
            author=5,
            model=(0.1, 0.1, 0.1, 0.1, 0.1, 0.5) if i < favourites_right else (0.5, 0.1, 0.1, 0.1, 0.1, 0.1),
            probability=probability,
            rank=rank,
            first=("a", "b", "c", "d", "e"),
        )
        for i, rank in enumerate(ranks)
    ]


@pytest.mark.parametrize("number", range(1, 6))
def test_every_question_of_a_round_has_one_right_answer_and_a_reason_for_each(number):
    for question in played(GIVEN, number)[3][0]["questions"]:
        right(question)
        assert 2 <= len(question["choices"]) <= 4
        assert len({choice["text"] + str(choice["values"]) for choice in question["choices"]}) == len(question["choices"])
        assert all(len(choice["why"]) > 20 for choice in question["choices"])
        for choice in question["choices"]:
            assert set(re.findall(r"{(\w+)}", choice["text"] + choice["why"])) <= set(choice["values"])


@pytest.mark.parametrize(
    ("ranks", "within", "first"),
    [
        ([1, 1, 5, 6, 9, 400, 2, 7], 4, 2),
        ([1] * 8, 8, 8),
        ([6] * 8, 0, 0),
        ([1, 2, 6, 6, 6, 6, 6, 6], 2, 1),
    ],
)
def test_top_five_counts_ranks_up_to_five_and_the_top_one_count_is_the_trap(ranks, within, first):
    blanks = made(ranks, 2)
    question = ask(blanks, Score((0.9,) * 8, (0.5,) * 8))["top-five"]
    assert right(question)["text"] == str(within)
    assert len(question["choices"]) >= 3
    trap = [choice for choice in question["choices"] if "came first" in choice["why"]]
    assert [choice["text"] for choice in trap] == ([str(first)] if first != within else [])


@pytest.mark.parametrize("probability", [0.9999, 0.6, 0.05, 0.00012])
def test_the_surprise_is_of_the_probability_as_shown(probability):
    question = ask(made([1] * 8, 2, probability), Score((0.9,) * 8, (0.5,) * 8))["surprise"]
    shown = float(question["values"]["share"].removesuffix("\u00a0%")) / 100
    assert right(question)["text"] == f"{abs(math.log(shown)):.2f} nats"
    traps = [choice["text"] for choice in question["choices"] if "1 − p" in choice["why"]]
    assert traps == [f"{1 - shown:.2f} nats"] or right(question)["text"] == f"{1 - shown:.2f} nats"


def test_the_dearest_is_the_learner_s_own_and_the_model_s_worst_is_the_trap():
    blanks = made([1] * 8, 8)
    found = Score((0.9, 0.9, 0.02, 0.3, 0.9, 0.4, 0.9, 0.9), (0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.001, 0.5))
    question = ask(blanks, found)["dearest"]
    assert right(question)["values"]["word"] == "word2"
    (trap,) = [choice for choice in question["choices"] if "the *model* most" in choice["why"]]
    assert trap["values"]["word"] == "word6"


def test_where_yours_and_the_model_s_worst_are_one_the_right_answer_keeps_its_reason():
    found = Score((0.9, 0.02, *(0.9,) * 6), (0.5, 0.001, *(0.5,) * 6))
    question = ask(made([1] * 8, 8), found)["dearest"]
    assert right(question)["why"].endswith("nothing cost you more.")
    assert not [choice for choice in question["choices"] if "the *model* most" in choice["why"]]


def test_of_blanks_that_cost_alike_only_one_is_offered():
    found = Score((0.02, 0.02, 0.02, 0.9, 0.9, 0.9, 0.4, 0.9), (0.5, 0.5, 0.001, 0.5, 0.5, 0.5, 0.5, 0.5))
    question = ask(made([1] * 8, 8), found)["dearest"]
    assert len([choice for choice in question["choices"] if choice["values"]["share"] == picture.percent(0.02)]) == 1


def test_if_all_cost_the_same_that_is_the_answer():
    question = ask(made([1] * 8, 8), Score((0.9,) * 8, (0.5,) * 7 + (0.1,)))["dearest"]
    assert right(question)["text"].startswith("None")
    assert len(question["choices"]) == 4


def test_the_same_round_asks_the_same_and_other_answers_make_the_old_ones_lapse():
    first, again, other = (played(given)[3][0]["questions"][0] for given in (GIVEN, GIVEN, GIVEN[::-1]))
    assert first == again
    assert first["about"] != other["about"]


# What may be sent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "sure",
        {"0": 1},
        [None],
        [{"picked": [0]}],
        [{"picked": [], "confidence": "sure"}],
        [{"picked": [6], "confidence": "sure"}],
        [{"picked": [-1], "confidence": "sure"}],
        [{"picked": [True], "confidence": "sure"}],
        [{"picked": ["<script>"], "confidence": "sure"}],
        [{"picked": [0], "confidence": "certain"}],
        [{"picked": [0], "confidence": ["sure"]}],
        [{"picked": [0] * 1000, "confidence": "sure"}],
    ],
)
def test_what_can_not_be_an_answer_is_none(sent):
    assert page.answers_of(sent) == []


def test_answers_count_up_to_the_first_that_is_none():
    assert page.answers_of([GIVEN[0], {"picked": [9], "confidence": "sure"}, GIVEN[1]]) == [Answer((0,), "sure")]
    assert len(page.answers_of(GIVEN * 50)) == BLANKS


def test_answers_to_another_round_are_not_taken_for_this_one():
    _, (game,), *_ = page.play(USING, ROUND, SimpleNamespace(about="another", answers=GIVEN))
    assert len(game["cards"]) == 1
    _, (game,), *_ = page.play(USING, ROUND, SimpleNamespace())
    assert len(game["cards"]) == 1


def test_another_round_and_another_run_of_it_are_told_apart(tiny):
    abouts = {page._about(USING, 1), page._about(USING, 2), page._about(Using(model=tiny.id), 1)}
    assert len(abouts) == 3
    assert page._about(replace(USING, runs=("20260101-1",)), 1) == page._about(USING, 1), "own runs don't matter"


@pytest.mark.parametrize("number", [None, 0, -3, 10_000, 2.5, float("nan"), float("inf"), "7"])
def test_a_round_that_is_none_is_refused_in_a_sentence(number):
    with pytest.raises(SettingError, match="whole number from 1 to 9999"):
        page.draw(USING, number)


@pytest.mark.parametrize("percent", [0, 100, None, float("nan"), "50"])
def test_a_probability_that_is_none_is_refused(percent):
    with pytest.raises(SettingError, match="from 1 to 99"):
        page.one(USING, percent)


def test_one_probability_costs_its_logarithm():
    figures = of(page.one(USING, 25), "figures")[0]["figures"]
    assert [figure["value"] for figure in figures] == ["25\u00a0%", "1.39", "4.0"]


def test_a_learner_s_text_never_becomes_part_of_a_sentence_s_template(asked):
    hostile = "{word} **b** <i>"
    blank = replace(asked[0], words=(hostile,) * WORDS, hidden=replace(asked[0].hidden, word=hostile), first=(hostile,) * 5)
    drawn = [*picture._said(blank, belief(WORDS, {0}, "sure")), *picture.outcome([blank], Score((0.5,), (0.5,)), 9)]
    assert all(hostile not in block.get("text", "") for block in drawn)
    assert all(hostile not in each["prompt"] for each in ask([blank], Score((0.5,), (0.5,))).values())


# The code ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def code():
    return dict(played(GIVEN)[4][0]["tabs"])


def test_the_code_with_lab_prints_what_is_on_the_screen(code, found):
    assert printed(code["lab"]).split() == [
        str(found.better),
        f"{found.your_perplexity:.1f}",
        f"{found.models_perplexity:.1f}",
    ]


def test_the_code_with_plain_transformers_prints_the_model_s_perplexity(code, found):
    assert printed(code["plain transformers"]).split() == [f"{found.models_perplexity:.1f}"]
