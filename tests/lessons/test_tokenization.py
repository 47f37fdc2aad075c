"""Tokenization: what is drawn is what the tokenizer does, every loss is told, and no tempting answer is the right one."""

import time
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from lab.decoding import decode
from lab.errors import ModelError, SettingError
from lab.tokenization import explain
from lab.vocabulary import byte_level_bpe, count_words, learn
from lessons import bench
from lessons.bench import Using
from lessons.shelf import Shelf
from lessons.tokenization import back, exercises, page, pieces, second
from lessons.tokenization.second import LEARNED
from tests.lessons.reading import of, printed, right, said, told

pytestmark = pytest.mark.usefixtures("warm")

USING = Using()


@pytest.fixture(scope="module")
def ready():
    """The vocabulary of the bundled reviews, learned: what was told meanwhile, and what is drawn then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(second, "_TELLING", 0)
        *told, last = page.make_ready(USING, page.GIVEN, LEARNED, 1_024)
    return [said(blocks) for blocks, *_ in told], last


def drawn_pieces(block, lane=0):
    return [piece for word in block["lanes"][lane]["words"] for piece in word["pieces"]]


# The prediction


def test_the_prediction_is_about_the_given_sentence_and_comes_to_its_pieces(tokenizer):
    (card,) = of(page.given(USING), "prediction")
    assert card["outcome"] == len(tokenizer(page.GIVEN, add_special_tokens=False)["input_ids"])
    assert of(page.given(USING), "quote")[0]["text"] == page.GIVEN
    (asked,) = of(page.prediction(None), "prediction")
    assert asked["outcome"] is None
    assert (asked["id"], asked["prompt"]) == (card["id"], card["prompt"])


def test_only_a_commitment_ticks_the_prediction_off_and_only_another_text_the_trying():
    assert not of(page.given(USING), "did")
    assert of(page.committed(USING), "did")[0]["step"] == "predict"
    assert not of(page.draw(USING, "Another text")[0], "did")
    assert not of(page.redraw(USING, page.GIVEN)[0], "did")
    assert of(page.redraw(USING, "Another text")[0], "did")[0]["step"] == "try"


# The ribbon


@pytest.mark.parametrize("text", [page.GIVEN, *page.EXAMPLES.values()])
def test_the_ribbon_shows_the_tokenizers_pieces_with_words_joined(tokenizer, text):
    (ribbon,) = of(page.draw(USING, text)[0], "ribbon")
    encoding = tokenizer(text, return_offsets_mapping=True)
    assert [piece["text"] for piece in drawn_pieces(ribbon)] == encoding.tokens()
    words = [id for i, id in enumerate(encoding.word_ids()) if id is None or i == 0 or id != encoding.word_ids()[i - 1]]
    assert len(ribbon["lanes"][0]["words"]) == len(words)
    for piece, id, word, (start, end) in zip(
        drawn_pieces(ribbon), encoding["input_ids"], encoding.word_ids(), encoding["offset_mapping"], strict=True
    ):
        tip = dict(piece["tip"])
        assert tip["id"] == str(id)
        assert ("word" in tip) == (word is not None) == (piece["kind"] != "special")
        if word is not None:
            assert tip["word"] == str(word)
            assert tip["characters"].startswith(f"{start} to {end}: ")


def test_a_lost_word_stands_small_beside_its_unknown_piece():
    (ribbon,) = of(page.draw(USING, "so 🎬 good")[0], "ribbon")
    unknown = drawn_pieces(ribbon)[2]
    assert (unknown["text"], unknown["under"], unknown["kind"]) == ("[UNK]", "🎬", "ordinary")
    assert "no piece of the vocabulary" in dict(unknown["tip"])["what it is"]


def test_the_numbers_count_pieces_words_and_words_between_spaces():
    (figures,) = of(page.draw(USING, "I don't rewatch.")[0], "figures")
    assert [figure["value"] for figure in figures["figures"]] == ["7", "6", "3"]
    (bars,) = of(page.draw(USING, "I don't rewatch.")[0], "bars")
    assert [(row["label"], row["values"][0]["text"]) for row in bars["rows"]] == [
        ("1 piece", "5 words"),
        ("2 pieces", "1 word"),
    ]


# What comes back


def test_what_decoding_gives_back_and_what_is_lost_is_told():
    drawn = page.draw(USING, page.GIVEN)[1]
    assert of(drawn, "quote")[0]["text"] == "unwatchable? i ' d rewatch amelie ' s cafe scene [UNK] any day!"
    rows = of(drawn, "table")[0]["rows"]
    assert ["café", "cafe", "accents and marks"] in rows
    assert ["🎬", "[UNK]", "not in the vocabulary"] in rows
    assert ["any", "any", ""] not in rows


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Loved it 🎬! Hated it 🍿!", "🎬 and 🍿 become the same [UNK]"),
        ("A résumé to resume", "résumé and resume become the same resume."),
        ("They don't know", "don't is 3 words to this tokenizer: don, ' and t. Each of them is one piece"),
        ("A film<br />", "<br /> is no sign of its own: it is 4 words, <, br, / and >."),
        ("x" * 101, "has 101 characters. Beyond 100 this tokenizer doesn’t try"),
        ("Привет", "Привет has 6 characters and takes 6 pieces"),
        ("two  spaces", "White space came back as another at 1 place"),
    ],
)
def test_what_the_text_shows_is_pointed_out(text, sentence):
    assert sentence in said(page.draw(USING, text)[1])


def test_what_the_text_does_not_show_is_not_said():
    assert said(page.draw(USING, "a plain text")[1]) == "Nothing is lost: it came back character for character."


def test_a_contraction_in_several_pieces_is_not_called_whole(tokenizer):
    (sentence,) = [block for block in back.noticed(tokenizer, decode(tokenizer, "Rewatch's")) if block["type"] == "say"]
    assert "Each of them is one piece" not in sentence["text"]


@pytest.mark.parametrize(
    "text",
    ["<script>1</script> ${a} {{b}} {name} **c**", "a\x00b\x07c\u202e", "שלום עולם مرحبا", "[MASK] [MASK]", "日" * 3_000],
)
def test_hostile_text_is_drawn_as_text(text):
    ribbon, returned = page.draw(USING, text)
    (shown,) = of(ribbon, "ribbon")
    assert drawn_pieces(shown)
    assert not any("script" in block["text"] for block in [*ribbon, *returned] if block["type"] == "say")
    second.picture(USING, text, LEARNED, 1_024)


@pytest.mark.parametrize("text", ["", "  \u00a0 ", "word " * 2_000])
def test_no_text_and_too_much_of_it_are_refused(text):
    with pytest.raises(SettingError):
        page.draw(USING, text)


def test_a_text_that_the_tokenizer_throws_away_is_said_to_be():
    ribbon, returned = page.draw(USING, "\u200b\u00ad")
    assert "finds no piece" in said(ribbon)
    assert returned == []


# The second tokenizer


def test_learning_tells_how_far_it_is_join_by_join(ready):
    told, _ = ready
    joins = [sentence for sentence in told if sentence.startswith("Join ")]
    assert len(joins) > 1_000
    assert joins[0].startswith("Join 1: Ġ and t met ")
    assert "Counting words" in told[1]
    assert second.learned(USING) is not None


def test_what_is_learned_equals_the_librarys_and_shows_the_same_ribbon(ready):
    _, (progress, drawn, *_) = ready
    assert progress == []
    expected = Tokenizer(models.BPE())
    expected.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1_024, min_frequency=2, initial_alphabet=alphabet, show_progress=False)
    expected.train_from_iterator(bench.corpus(USING)["train"]["text"], trainer)
    tokens = expected.encode(page.GIVEN).tokens
    (ribbon,) = of(drawn, "ribbon")
    assert [piece["text"] for piece in drawn_pieces(ribbon, 1)] == tokens
    assert [piece["text"] for piece in drawn_pieces(ribbon, 0)] == [
        piece.text for piece in explain(bench.tokenizer("bundled"), page.GIVEN)
    ]
    rows = {row[0]: row[1:] for row in of(drawn, "table")[0]["rows"]}
    assert rows["comes back whole"] == ["no", "yes"]
    assert rows["pieces, without those put round the text"] == ["18", str(len(tokens))]
    assert rows["pieces that stand for “unknown”"] == ["1", "0"]
    assert of(drawn, "did")[0]["step"] == "compare"


def test_bytes_of_a_piece_are_told(ready):
    (ribbon,) = of(second.picture(USING, "🎬", LEARNED, 256), "ribbon")
    assert [dict(piece["tip"])["bytes"] for piece in drawn_pieces(ribbon, 1)] == ["F0", "9F", "8E", "AC"]


def test_another_size_needs_no_learning(ready):
    few, many = (
        sum(1 for _ in drawn_pieces(of(second.picture(USING, page.GIVEN, LEARNED, size), "ribbon")[0], 1))
        for size in (256, 8_192)
    )
    assert few == len(page.GIVEN.encode())
    assert many < few


def test_the_curve_falls_and_comes_once_there_is_one(ready, monkeypatch):
    chart, costs = second.curve(USING, 1_024)
    sizes, pieces_of = zip(*second.learned(USING).curve, strict=True)
    assert list(pieces_of) == sorted(pieces_of, reverse=True)
    assert chart["figure"]["data"][0]["x"] == list(sizes)
    model = bench.loaded("bundled").model
    assert f"{model.num_parameters() / 1e6:.1f}" in said([costs])
    monkeypatch.setattr(second, "_learned", Shelf(1))
    assert "its curve comes here" in said(second.curve(USING, 1_024))


def test_a_tokenizer_of_the_hub_that_is_not_here_says_why():
    name = next(kind for kind in second.KINDS if kind != LEARNED)
    assert "isn’t loaded yet" in said(second.picture(USING, page.GIVEN, name, 0))
    with pytest.raises(ModelError, match="the Hub can't be reached"):
        list(page.make_ready(USING, page.GIVEN, name, 0))


def test_names_of_no_tokenizer_are_refused():
    with pytest.raises(SettingError, match="no such tokenizer"):
        list(second.make_ready(USING, "../etc/passwd"))


# The questions


@pytest.mark.parametrize("seed", range(6))
def test_the_answers_are_computed_from_the_sentence_on_the_screen(tokenizer, seed):
    quote, ribbon, card = exercises.card(USING, seed)
    text = quote["text"]
    ids = tokenizer(text, return_special_tokens_mask=True)
    by_id = {question["id"]: question for question in card["questions"]}
    assert list(by_id) == ["pieces", "splits", "back"]
    assert told(right(by_id["pieces"])) == str(ids["special_tokens_mask"].count(0))
    assert str(len(ids["input_ids"])) in [told(choice) for choice in by_id["pieces"]["choices"]]
    counts = {}
    for word in ids.word_ids():
        counts[word] = counts.get(word, 0) + 1
    most = max((word for word in counts if word is not None), key=counts.get)
    start, end = ids.word_to_chars(most)
    assert told(right(by_id["splits"])) == text[start:end]
    plain = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert told(right(by_id["back"])) == tokenizer.decode(plain)
    assert text in [told(choice) for choice in by_id["back"]["choices"]]
    assert [piece["text"] for piece in drawn_pieces(ribbon)] == ids.tokens()


@pytest.mark.parametrize("seed", range(6))
def test_each_answer_is_explained_and_only_one_is_right(seed):
    *_, card = exercises.card(USING, seed)
    for question in card["questions"]:
        texts = [told(choice) for choice in question["choices"]]
        assert len(set(texts)) == len(texts) >= 3
        assert all(choice["why"] for choice in question["choices"])
        right(question)


def test_the_longest_word_is_not_the_answer_where_the_corpus_lets_one_choose():
    for seed in range(6):
        quote, _, card = exercises.card(USING, seed)
        decoded = decode(bench.tokenizer("bundled"), quote["text"])
        longest = max(decoded.words, key=lambda word: len(word.before))
        assert told(right(card["questions"][1])) != longest.before


def test_where_nothing_is_lost_the_original_is_the_right_answer():
    tokenizer = byte_level_bpe(list(learn(count_words(["the film the film"]), 262)), 262)
    text = "The film, again."
    decoded = decode(tokenizer, text)
    question = exercises.comes_back(explain(tokenizer, text), decoded, "about")
    found = [choice for choice in question.choices if choice.right]
    assert [choice.values for choice in found] == [{"text": text}]
    assert [choice.values["text"] for choice in question.choices].count(text) == 1


def test_a_tokenizer_that_adds_nothing_leaves_no_trap_that_is_right():
    tokenizer = byte_level_bpe([], 256)
    text = "ab"
    question = exercises.how_many(explain(tokenizer, text), decode(tokenizer, text), "about")
    assert sorted(choice.text for choice in question.choices) == ["1", "2"]
    assert exercises.most_pieces(decode(tokenizer, "a"), "about") is None


def test_another_sentence_comes_when_it_is_asked_for(monkeypatch):
    times = iter([1, 2])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    assert page.check_again(USING)[0]["text"] != page.check_again(USING)[0]["text"]
    assert page.check(USING) == page.check(USING)


# The code


def test_the_code_runs_and_prints_what_is_on_the_screen(ready, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    text = "Unwatchable? I'd rewatch 'Amélie's' café \"scene\" 🎬 {any} day\\n!" + bench.corpus(USING)["test"]["text"][0]
    *_, drawers, _, _ = page.compare(USING, text, LEARNED, 1_024)
    apart, learned = drawers
    ribbon, returned = page.draw(USING, text)
    for _, source in apart["tabs"]:
        lines = printed(source).splitlines()
        assert lines[-1] == of(returned, "quote")[0]["text"]
        names = [line.split()[0] for line in lines[:-1]]
        assert names == [piece["text"] for piece in drawn_pieces(of(ribbon, "ribbon")[0])]
    (both,) = of(second.picture(USING, text, LEARNED, 1_024), "ribbon")
    for _, source in learned["tabs"]:
        assert printed(source) == f"{[piece['text'] for piece in drawn_pieces(both, 1)]}\n"


def test_the_light_handlers_are_light(ready):
    spent = []
    for _ in range(20):
        for work in (
            lambda: page.draw(USING, page.GIVEN),
            lambda: page.compare(USING, page.GIVEN, LEARNED, 1_024),
            lambda: page.given(USING),
        ):
            begun = time.thread_time()
            work()
            spent.append(time.thread_time() - begun)
    assert sorted(spent)[int(0.95 * len(spent))] < 0.1


def test_a_button_says_what_it_will_do(ready):
    *_, button, slider = page.compare(USING, page.GIVEN, LEARNED, 1_024)
    assert (button.value, button.interactive, slider.interactive) == ("Learn it", False, True)
    name = next(kind for kind in second.KINDS if kind != LEARNED)
    *_, button, slider = page.compare(USING, page.GIVEN, name, 1_024)
    assert (button.value, button.interactive, slider.interactive) == ("Fetch it", True, False)


def test_a_special_token_that_is_written_out_is_drawn_as_one(tokenizer):
    assert pieces.words(tokenizer, explain(tokenizer, "[MASK] it"), "[MASK] it")[1]["pieces"][0]["kind"] == "special"
