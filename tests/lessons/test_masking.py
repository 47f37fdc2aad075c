"""Masking: what the page shows is what the lab draws and the model answers, and each question has one right answer."""

import json
import re
from types import SimpleNamespace

import pytest

from lab.clues import ask
from lab.errors import SettingError
from lab.masking import KEPT, MASKED, RANDOM
from lessons import bench
from lessons.bench import Using
from lessons.masking import code, exercises, lanes, own, page
from lessons.masking.lanes import Dials
from lessons.masking.passages import FOUND, LONGEST, passage_of
from tests.lessons.reading import ROOT, of, printed, steps

pytestmark = pytest.mark.usefixtures("warm")

USING = Using()
MODEL = "bundled"
DIALS = ("training", 1, 15, 80, 10)
HOSTILE = [
    "<script>alert(1)</script> a film",
    "${1+1} {{value}} {word} **bold** film",
    "a\x00b\x07c \u202edesrever film",
    "שלום עולם مرحبا",
    "Donaudampfschifffahrtsgesellschaft" * 40 + " film",
    "one [MASK] and another [SEP]",
    "''' \"\"\" \\ \n film",
]


@pytest.fixture(scope="module")
def passage():
    return passage_of(USING, 1, "")


def pick(passage, hidden):
    return SimpleNamespace(key=own.key_of(passage, MODEL), hidden=hidden)


# The passage and the predictions ----------------------------------------------------------------------------------------


def test_the_corpus_gives_passages_with_a_word_twice_and_words_of_several_pieces():
    for number in range(1, FOUND + 1):
        found = passage_of(USING, number, "")
        assert found.twice
        assert found.long_words
        assert found.text in "\n".join(bench.corpus(USING)["train"]["text"])


def test_the_learners_own_text_takes_the_passages_place():
    shown, *_ = page.show_passage(USING, 3, "My own small text about a mule.")
    assert of(shown, "quote")[0]["text"] == "My own small text about a mule."


def test_the_passages_are_of_the_column_that_was_chosen(home, tmp_path):
    review = "The unforgettable projectionist of hall {0} loved the unforgettable film and the popcorn that was served. "
    rows = [{"text": f"Nothing of note was written here, {i} times.", "review": review.format(i) * 3} for i in range(20)]
    file = tmp_path / "both.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    corpus = bench.keep_upload(file, file.name)
    assert "unforgettable" in passage_of(Using(corpus, text_column="review"), 1, "").text
    assert "unforgettable" not in passage_of(Using(corpus), 1, "").text


def test_pieces_words_and_contractions_are_counted_apart():
    shown, *_ = page.show_passage(USING, 1, "I don't rewatch unwatchable films.")
    (figures,) = of(shown, "figures")
    assert [figure["value"] for figure in figures["figures"]] == ["11", "8", "2", "1"]
    assert of(shown, "say")[0]["values"] == {"written": "don't", "words": "3"}


def test_the_predictions_are_answered_by_a_thousand_draws_at_the_usual_settings(passage):
    _, (hidden,), (scored,) = page.show_passage(USING, 1, "")
    assert hidden["outcome"] == pytest.approx(passage.ordinary * 0.15 * 0.8, abs=0.5)
    assert scored["outcome"] == pytest.approx(passage.ordinary * 0.15, abs=0.5)
    assert hidden["outcome"] < scored["outcome"]
    assert steps(page.predicted(USING, 1, "")) == ["predict"]


# The lanes --------------------------------------------------------------------------------------------------------------


def pieces_of(lane):
    return [piece for word in lane["words"] for piece in word["pieces"]]


def test_both_lanes_show_what_was_drawn_and_ring_the_leaks(passage):
    picture, _ = page.draw(USING, 1, "", "training", 5, 15, 80, 10)
    (ribbon,) = of(picture, "ribbon")
    tokenizer = bench.tokenizer(MODEL)
    for strategy, lane in zip(lanes.STRATEGIES, ribbon["lanes"], strict=True):
        drawn = lanes.drawn(passage, Dials(epoch=5), MODEL, strategy)
        pieces = pieces_of(lane)
        assert [piece["text"] for piece in pieces] == tokenizer.convert_ids_to_tokens(list(drawn.seen))
        kinds = {MASKED: "masked", RANDOM: "random", KEPT: "kept"}
        for at, piece in enumerate(pieces):
            special = passage.pieces[at].special
            assert piece["kind"] == kinds.get(drawn.action[at], "special" if special else "ordinary")
            if drawn.action[at] in (MASKED, RANDOM):
                assert piece["under"] == passage.pieces[at].text
        ringed = [any(word["leak"] for _ in word["pieces"]) for word in lane["words"]]
        assert sum(ringed) == len({passage.word_at[at] for at in drawn.leaking})
    assert not any(word["leak"] for word in ribbon["lanes"][1]["words"]), "whole words have no leaks"


def test_the_next_epoch_draws_anew_and_an_epoch_gone_back_to_is_the_same():
    first, again, other = (page.draw(USING, 1, "", "training", epoch, 15, 80, 10)[0] for epoch in (2, 2, 3))
    assert first == again
    assert of(first, "ribbon") != of(other, "ribbon")


def test_frozen_masks_are_those_of_evaluation_at_every_epoch(passage):
    first, other = (of(page.draw(USING, 1, "", "evaluation", epoch, 15, 80, 10)[0], "ribbon") for epoch in (1, 7))
    assert first == other
    drawn = lanes.drawn(passage, Dials(), MODEL, "token", seed=0, draw=0)
    assert [piece["text"] for piece in pieces_of(first[0]["lanes"][0])] == bench.tokenizer(MODEL).convert_ids_to_tokens(
        list(drawn.seen)
    )


def test_how_many_are_selected_again_is_counted(passage):
    picture, _ = page.draw(USING, 1, "", "training", 4, 15, 80, 10)
    now, before = (set(lanes.drawn(passage, Dials(epoch=epoch), MODEL, "token").selected) for epoch in (4, 3))
    told = of(picture, "say")[0]["values"]
    assert told["again"] == str(len(now & before))
    assert told["selected"] == f"{len(now)} pieces"


def test_drawing_again_ticks_off_redraw_or_freeze_and_looking_does_neither():
    assert steps(page.draw(USING, 1, "", *DIALS)[0]) == []
    assert steps(page.draw_again(USING, 1, "", *DIALS)[0]) == ["redraw"]
    assert steps(page.draw_again(USING, 1, "", "evaluation", 1, 15, 80, 10)[0]) == ["freeze"]


def test_the_leak_meter_counts_this_draw_and_a_thousand(passage):
    picture, _ = page.draw(USING, 1, "", *DIALS)
    (meter,) = of(picture, "bars")
    drawn = lanes.drawn(passage, Dials(), MODEL, "token")
    token, whole = meter["rows"]
    assert token["values"][0]["text"] == f"{len(drawn.leaking)} of {len(drawn.at_risk)}"
    assert token["values"][1]["share"] > 0.5
    assert whole["values"][1]["share"] == 0


def test_a_text_without_words_of_several_pieces_says_that_nothing_can_leak():
    picture, _ = page.draw(USING, 1, "the film was good", *DIALS)
    assert not of(picture, "bars")
    assert any("nothing can leak" in block["text"] for block in of(picture, "say"))


def test_shares_that_are_more_than_the_whole_are_refused_in_a_sentence():
    for draw in (
        lambda: page.draw(USING, 1, "", "training", 1, 15, 80, 30),
        lambda: page.redraw_often(USING, 1, "", 15, 80, 30),
    ):
        with pytest.raises(SettingError, match="Hidden 80 % and swapped 30 % of the selected are more than all"):
            draw()


def test_a_thousand_redraws_stand_beside_what_is_expected(passage):
    table, chart, _ = page.redraw_often(USING, 1, "", 30, 50, 50)
    for row, share in zip(table["rows"], (1, 0.5, 0.5, 0), strict=True):
        expected = passage.ordinary * 0.3 * share
        assert float(row[1]) == pytest.approx(expected, abs=0.06)
        assert [float(value) for value in row[2:]] == pytest.approx([expected] * 2, rel=0.06, abs=0.01)
    assert [sum(trace["y"]) for trace in chart["figure"]["data"]] == [1000, 1000]


# The learner's own masks ------------------------------------------------------------------------------------------------


def test_the_model_answers_at_once_where_a_word_is_hidden(passage):
    one, other = passage.twice[0]
    picture, packed, source = page.hide(USING, 1, "", pick(passage, [one]))
    (answer,) = ask(bench.loaded(MODEL), passage, [one], about=[one])
    rows = of(picture, "bars")[0]["rows"]
    assert [row["label"] for row in rows[:5]] == [piece for piece, _ in answer.blanks[0].best]
    assert packed == own.pack(own.key_of(passage, MODEL), [one])
    assert of(picture, "own_masks")[0]["hidden"] == [one]
    assert steps(picture) == ["hide"]
    assert source
    assert other not in of(picture, "own_masks")[0]["hidden"]


def test_hiding_the_other_mention_too_shows_what_it_was_worth(passage):
    one, other = passage.twice[0]
    picture, *_ = page.hide(USING, 1, "", pick(passage, [one, other]))
    (answer,) = ask(bench.loaded(MODEL), passage, [one, other], about=[other], compared=[other])
    worth = of(picture, "bars")[0]["rows"]
    assert [row["label"] for row in worth] == ["other mention in sight", "other mention hidden too"]
    assert answer.mention_in_sight > answer.probability, "so it is in this passage"
    assert worth[0]["values"][0]["share"] == 1
    assert any("fell from" in block["text"] for block in of(picture, "say"))
    assert set(steps(picture)) == {"hide", "mention"}


def test_a_probability_that_rises_is_not_said_to_fall(passage):
    _, other = passage.twice[0]
    answer = SimpleNamespace(word=other, probability=0.5, mention_in_sight=0.2)
    told = own._compared(passage, answer)
    assert "rose from" in told[1]["text"]


def test_a_word_of_several_pieces_is_told_piece_by_piece(passage):
    word = passage.long_words[0]
    picture, *_ = page.hide(USING, 1, "", pick(passage, [word]))
    assert len(of(picture, "bars")) == len(passage.words[word])
    assert any("from left to right" in block["text"] for block in of(picture, "say"))


def test_showing_all_again_leaves_nothing_to_answer(passage):
    picture, packed, source = page.hide(USING, 1, "", pick(passage, []))
    assert (packed, source, steps(picture)) == ("", [], [])
    assert not of(picture, "bars")


@pytest.mark.parametrize("sent", [None, "3", [-1, 10_000, "2", 1.5, True, None], {"a": 1}, [[3]]])
def test_what_a_browser_sends_is_checked(passage, sent):
    picture, packed, _ = page.hide(USING, 1, "", pick(passage, sent))
    assert of(picture, "own_masks")[0]["hidden"] == []
    assert packed == ""


def test_hidden_words_of_another_passage_are_not_taken_over(passage):
    picture, *_ = page.hide(USING, 2, "", pick(passage, [3]))
    assert of(picture, "own_masks")[0]["hidden"] == []
    link = own.pack(own.key_of(passage, MODEL), [3, 5])
    assert of(page.show_own(USING, 1, "", link)[0], "own_masks")[0]["hidden"] == [3, 5]
    assert of(page.show_own(USING, 2, "", link)[0], "own_masks")[0]["hidden"] == []
    assert page.show_own(USING, 1, "", link.replace("3,5", "٣,x,,99999999,5"))[1].endswith(":5")


def test_many_hidden_words_are_told_the_latest_first(passage):
    hidden = list(range(10))
    picture, *_ = page.hide(USING, 1, "", pick(passage, hidden))
    (table,) = of(picture, "table")
    assert [row[0] for row in table["rows"]] == [passage.written(word) for word in hidden[: -own.TOLD - 1 : -1]]
    assert "of 10" in table["caption"]


def test_a_text_longer_than_the_model_reads_is_shown_and_refused_in_a_sentence_when_asked_about():
    text = "a " * 600
    found = passage_of(USING, 1, text)
    assert page.show_own(USING, 1, text, "")[0]
    with pytest.raises(SettingError, match="the model reads 512 at once"):
        page.hide(USING, 1, text, pick(found, [0]))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text):
    shown, hidden, scored = page.show_passage(USING, 1, text)
    assert of(shown, "quote")[0]["text"] == text
    assert text not in hidden[0]["prompt"] + scored[0]["prompt"]
    picture, _ = page.draw(USING, 1, text, *DIALS)
    assert of(picture, "ribbon")
    page.hide(USING, 1, text, pick(passage_of(USING, 1, text), [0]))
    page.check(USING, 1, text, 15, 80, 10, 0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("[MASK] [MASK]", "nothing in this text"), ("🎬", "nothing in this text"), ("x" * (LONGEST + 1), "Shorten it")],
)
def test_a_text_with_nothing_to_mask_or_too_much_of_it_is_refused(text, sentence):
    with pytest.raises(SettingError, match=sentence):
        page.show_passage(USING, 1, text)


# Measured ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["siblings", "mentions"])
def test_a_measurement_tells_how_far_it_is_and_the_averages_of_what_it_read(kind, monkeypatch):
    monkeypatch.setattr(own, "MEASURED", 30)
    *_, (done, among, clues) = own.measure(USING, kind)
    assert done == among == 30
    told = own.measured(kind, clues)
    (bars,) = of(told, "bars")
    averages = [sum(clue.in_sight for clue in clues) / len(clues), sum(clue.hidden for clue in clues) / len(clues)]
    shares = [row["values"][0]["share"] for row in bars["rows"]]
    assert shares == pytest.approx([each / max(averages) for each in averages])
    assert f"over {len(clues)} " in bars["caption"]
    lower = sum(clue.hidden < clue.in_sight for clue in clues)
    assert of(told, "say")[0]["values"] == {"lower": str(lower), "count": str(len(clues))}


def test_measuring_siblings_is_ticked_off_at_its_end(monkeypatch):
    monkeypatch.setattr(own, "MEASURED", 3)
    *before, (_, last) = page.measure_siblings(USING)
    assert steps(last) == ["measure"]
    assert not any(steps(result) for _, result in before)


def test_a_corpus_that_gives_no_clue_says_so():
    assert "Choose a corpus" in own.measured("mentions", [])[0]["text"]


# Questions --------------------------------------------------------------------------------------------------------------


def cards(passage, **dials):
    for turn in range(12):
        yield turn, exercises.telling(passage, Dials(**dials), MODEL, turn)


def the_right(question):
    (right,) = [choice for choice in question.choices if choice.right]
    return right


def test_expected_masks_are_selected_and_hidden(passage):
    question = exercises.expected(passage, Dials(), "x")
    assert the_right(question).text == f"{passage.ordinary * 0.12:.1f}"
    assert f"{passage.ordinary * 0.15:.1f}" in {choice.text for choice in question.choices if not choice.right}


def test_all_that_was_selected_enters_the_loss(passage):
    for _, lane in cards(passage):
        question = exercises.scored(passage, lane, "x")
        assert the_right(question).text.startswith(f"{len(lane.selected)}:")
        traps = [int(choice.text.split(":")[0]) for choice in question.choices if not choice.right]
        assert len(lane.selected) not in traps
        assert lane.count(MASKED) in traps, "the draw is one that tells them apart"


def test_what_leaks_has_an_unselected_sibling_and_a_neighbour_is_no_leak(passage):
    for _, lane in cards(passage):
        question = exercises.leaking(passage, lane, "x")
        assert lane.leaking, "the draw is one with a leak"
        named = the_right(question).values["pieces"]
        for at in sorted(lane.leaking)[:2]:
            assert f"{passage.pieces[at].text} in {passage.written(passage.word_at[at])}" in named
        wrong = [
            choice.values["pieces"]
            for choice in question.choices
            if not choice.right and choice.values and "pieces" in choice.values
        ]
        assert wrong
        assert named not in wrong


@pytest.mark.parametrize(
    "dials", [{}, {"mask_share": 100, "random_share": 0}, {"mask_share": 0, "random_share": 0}, {"rate": 60}]
)
@pytest.mark.parametrize("text", ["", "the film was good", "film"])
def test_every_question_has_one_right_answer_and_no_two_alike(dials, text):
    found = passage_of(USING, 1, text)
    for turn in range(4):
        lane = exercises.telling(found, Dials(**dials), MODEL, turn)
        for question in (
            exercises.expected(found, Dials(**dials), str(turn)),
            exercises.scored(found, lane, str(turn)),
            exercises.leaking(found, lane, str(turn)),
        ):
            assert sum(choice.right for choice in question.choices) == 1
            texts = [
                (choice.values or {}).get("pieces", choice.text) if "{" in choice.text else choice.text
                for choice in question.choices
            ]
            assert len(set(texts)) == len(texts)
            assert all(choice.why for choice in question.choices)


def test_the_questions_tell_no_answer_beforehand(passage):
    _, ribbon, card = page.check(USING, 1, "", 15, 80, 10, 0)
    assert not any(word["leak"] for word in ribbon["lanes"][0]["words"])
    assert not any("tip" in piece for piece in pieces_of(ribbon["lanes"][0]))
    assert [question["id"] for question in card["questions"]] == ["expected", "scored", "leaking"]


def test_another_draw_brings_other_questions_and_the_same_turn_the_same():
    one, again, other = (page.check(USING, 1, "", 15, 80, 10, turn) for turn in (1, 1, 2))
    assert one == again
    assert one[1] != other[1]
    assert one[2]["questions"][0]["about"] != other[2]["questions"][0]["about"]
    card, turn = page.check_again(USING, 1, "", 15, 80, 10)
    assert card == page.check(USING, 1, "", 15, 80, 10, turn)


# Show me the code -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dials", [Dials(), Dials(epoch=5, rate=40, mask_share=50, random_share=40), Dials(frozen=True)])
@pytest.mark.parametrize("text", ["", "It's {odd} \\ 'quoted' \"text\" <b>film</b>\nunwatchable"])
def test_the_code_of_the_lanes_prints_the_lanes(dials, text, monkeypatch):
    found = passage_of(USING, 1, text)
    expected = ""
    for strategy in lanes.STRATEGIES:
        drawn = lanes.drawn(found, dials, MODEL, strategy)
        expected += " ".join(bench.tokenizer(MODEL).convert_ids_to_tokens(list(drawn.seen)))
        expected += f"\n{len(drawn.selected)} scored, {len(drawn.leaking)} leak\n"
    for _, source in code.lanes(found, dials, MODEL)["tabs"]:
        assert printed(source) == expected


def test_the_code_of_the_own_masks_prints_the_answers(passage, monkeypatch):
    hidden = [*passage.twice[0], passage.long_words[0]]
    (answer,) = ask(bench.loaded(MODEL), passage, hidden, about=hidden[-1:])
    expected = [f"{blank.piece} {blank.probability:.4f} {blank.best[0][0]}" for blank in answer.blanks]
    for _, source in code.own(passage, hidden, MODEL)["tabs"]:
        assert printed(source).splitlines() == expected


def test_no_figure_of_a_measurement_stands_in_the_prose():
    prose = (ROOT / "lessons/masking/lesson.md").read_text().split("---", 2)[2]
    assert not re.findall(r"\d+(?:\.\d+)?\s?%", prose)
