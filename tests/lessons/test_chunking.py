"""Chunking: the picture is what is trained on, every number is the corpus's own, and each question has one answer."""

import re
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from lab.chunking import Chunking, SpecialTokens, borders, chunk
from lab.errors import CorpusError, SettingError
from lab.tokenization import Tokens, tokenize
from lessons import bench
from lessons.bench import Using
from lessons.chunking import cutting, exercises, page, sizes, stream
from lessons.chunking.cutting import Cutting, cut
from lessons.components.words import percent
from tests.lessons.reading import of, printed, right, said, told

pytestmark = pytest.mark.usefixtures("warm")

USING = Using()
WAYS = [(special, remainder) for special in ("document", "chunk") for remainder in ("drop", "pad")]
named = pytest.mark.parametrize(("special", "remainder"), WAYS)


def made(tokens: Tokens, settings: Chunking) -> Cutting:
    """A corpus of one's own, cut."""
    return cutting._cut(tokens, bench.tokenizer("bundled"), settings, "document")


def figures(block) -> dict[str, str]:
    return {figure["label"]: figure["value"] for figure in block["figures"]}


def words(drawn):
    (ribbon,) = of(drawn, "ribbon")
    return ribbon["lanes"][0]["words"]


def whole_cut(special="document", remainder="drop", size=128):
    tokens, tokenizer = bench.tokens(USING), bench.tokenizer("bundled")
    return chunk(
        tokens,
        Chunking(chunk_size=size, special_tokens=special, remainder=remainder),
        SpecialTokens.of(tokenizer),
    )


# The prediction


def test_the_prediction_is_about_the_usual_size_whatever_the_slider_says():
    (card,) = of(page.predicted(USING), "prediction")
    chunks = whole_cut()
    assert card["outcome"] == round(100 * chunks.mixes_documents.mean())
    assert f"{chunks.mixes_documents.sum():,} of the {len(chunks):,} chunks" in card["verdict"]
    page.resize(USING, 16, "chunk", "pad", 0)
    assert of(page.predicted(USING), "prediction") == [card]
    assert page._asked() == {**card, "outcome": None, "verdict": "", "why": ""}


def test_only_what_the_learner_does_ticks_a_step_off():
    assert not of(page.predicted(USING), "did")
    assert of(page.committed(USING), "did")[0]["step"] == "predict"
    assert not of(page.draw(USING, 128, "document", "drop", 0)[0], "did")
    assert of(page.resize(USING, 64, "document", "drop", 0)[0], "did")[0]["step"] == "resize"
    assert of(page.jump(USING, 64, "document", "drop", 0, where="cut")[0], "did")[0]["step"] == "find"
    assert not of(page.jump(USING, 64, "document", "drop", 0, where="on")[0], "did")


# The stream


@named
@pytest.mark.parametrize("at", [0, 500, 100_000, 10**9])
def test_the_window_shows_the_pieces_that_are_trained_on(special, remainder, at):
    drawn, *_ = page.draw(USING, 64, special, remainder, at)
    chunks, tokenizer = whole_cut(special, "pad", 64), bench.tokenizer("bundled")
    shown = [piece for word in words(drawn) for piece in word.get("pieces", [])]
    row, position = re.fullmatch(r"([\d,]+), position (\d+) of 64", dict(shown[0]["tip"])["chunk"]).groups()
    start = (int(row.replace(",", "")) - 1) * 64 + int(position) - 1
    there = slice(start, start + stream.SHOWN)
    ids, documents = (each.reshape(-1)[there].tolist() for each in (chunks.input_ids, chunks.documents))
    kept = len(whole_cut(special, remainder, 64)) * 64
    # Of a tail that is dropped only the stream itself is there to be seen.
    every = [id for i, (id, document) in enumerate(zip(ids, documents, strict=True)) if start + i < kept or document >= 0]
    assert [piece["text"] for piece in shown] == tokenizer.convert_ids_to_tokens(every)
    assert len(shown) == stream.SHOWN or at == 10**9


def test_cuts_stand_between_chunks_and_tear_words():
    drawn, _, at, _ = page.draw(USING, 32, "document", "drop", 0)
    chunks = whole_cut(size=32)
    shown = words(drawn)
    seen, cuts = 0, []
    for word in shown:
        if "cut" in word:
            cuts.append((seen, word["label"]))
        else:
            seen += len(word["pieces"])
    assert at == 0
    assert cuts == [(32 * i, f"chunk {i + 1}") for i in range(1, 13) if 32 * i < seen]
    places = {place // 32 for place, _ in cuts}
    torn = {i + 1 for i in borders(chunks).words_cut.tolist() if i + 1 in places}
    around = {
        round(sum(len(word.get("pieces", ())) for word in shown[:i]) / 32)
        for i, word in enumerate(shown)
        if word.get("torn") and "cut" in shown[i - 1]
    }
    assert around == torn


def test_documents_have_lines_of_their_own_and_neighbours_never_the_same():
    drawn, *_ = page.jump(USING, 128, "document", "drop", 0, where="join")
    lines = [word["doc"] for word in words(drawn) if "pieces" in word]
    changes = [(one, other) for one, other in zip(lines, lines[1:], strict=False) if one != other]
    assert changes
    assert set(lines) <= {1, 2, 3, 4}


def test_the_text_in_sight_stays_where_it_is_when_the_size_changes():
    first = {}
    for size in (64, 128, 200):
        drawn, _, at, _ = page.resize(USING, size, "document", "drop", 5_000)
        first[size] = next(word["pieces"][0]["text"] for word in words(drawn) if "pieces" in word)
        assert at == 5_000
    assert len(set(first.values())) == 1


@pytest.mark.parametrize("special", ["document", "chunk"])
def test_the_next_cut_word_is_reached_and_marked_one_after_another(special):
    chunks, at, found = whole_cut(special, size=64), 0, []
    for _ in range(4):
        drawn, at, _ = page.jump(USING, 64, special, "drop", at, where="cut")
        shown = words(drawn)
        marked = [i for i, word in enumerate(shown) if any(piece.get("mark") for piece in word.get("pieces", ()))]
        (place,) = marked
        assert shown[place]["torn"]
        tip = dict(shown[place]["pieces"][0]["tip"])
        found.append(int(tip["chunk"].split(",")[0]) - 1)
    assert found == np.flatnonzero(chunks.cuts_word)[:4].tolist()


def test_the_next_join_is_reached_one_after_another():
    chunks, at, found = whole_cut(), 0, []
    for _ in range(4):
        drawn, at, _ = page.jump(USING, 128, "document", "drop", at, where="join")
        marked = [piece for word in words(drawn) for piece in word.get("pieces", ()) if piece.get("mark")]
        assert [piece["text"] for piece in marked] == ["[CLS]"]
        found.append(int(dict(marked[0]["tip"])["chunk"].split(",")[0]) - 1)
    assert found == chunks.joins[:4, 0].tolist()


def test_back_and_on_move_and_stop_at_the_ends():
    move = partial(page.jump, USING, 128, "document", "drop")
    _, there, _ = move(1_000, where="on")
    assert there == 1_300
    assert move(there, where="back")[1] == 1_000
    assert move(10, where="back")[1] == 0
    last = len(bench.tokens(USING)) - 1
    assert move(last, where="on")[1] == last


def test_the_tail_is_shown_struck_out_where_it_is_dropped_and_padded_where_it_is_padded():
    chunks = whole_cut()
    drawn, *_ = page.jump(USING, 128, "document", "drop", 0, where="tail")
    dropped = [piece for word in words(drawn) for piece in word.get("pieces", ()) if piece.get("kind") == "dropped"]
    assert len(dropped) == chunks.dropped[1] - chunks.dropped[0]
    assert not [piece for word in words(drawn) for piece in word.get("pieces", ()) if piece["text"] == "[PAD]"]
    padded, *_ = page.jump(USING, 128, "document", "pad", 0, where="tail")
    pads = [piece for word in words(padded) for piece in word.get("pieces", ()) if piece["text"] == "[PAD]"]
    assert len(pads) == whole_cut(remainder="pad").padding
    assert "positions of padding" in said(padded)


def test_a_stream_without_a_tail_says_so():
    tokens = Tokens(np.full(62, 2023, np.int32), np.ones(62, bool), np.array([0, 62]))
    found = made(tokens, Chunking(chunk_size=16))
    assert page._no_tail(found)["text"].startswith("The last chunk is full")


def test_where_no_word_is_cut_the_search_says_so(monkeypatch):
    tokens = Tokens(np.full(100, 2023, np.int32), np.ones(100, bool), np.array([0, 100]))
    monkeypatch.setattr(page, "cut", lambda _using, settings: made(tokens, settings))
    for where, sentence in (("cut", "no word is cut in two"), ("join", "no chunk holds parts of two reviews")):
        drawn, at, _ = page.jump(USING, 16, "document", "drop", 40, where=where)
        assert sentence in said(drawn)
        assert at == 40
        assert not of(drawn, "did")


@named
def test_the_totals_are_the_reports(special, remainder):
    chunks = whole_cut(special, remainder, 100)
    found = borders(chunks)
    _, (block,), *_ = page.draw(USING, 100, special, remainder, 0)
    shown = {label.split(",")[0]: value for label, value in figures(block).items()}
    assert shown["chunks"] == f"{len(chunks):,}"
    assert shown["words cut in two"] == f"{len(found.words_cut):,}"
    assert shown["of the borders lie within a review"] == f"{len(found.documents_cut):,}"
    if special == "document":
        assert shown["joins inside a chunk: [SEP][CLS]"] == f"{len(found.joins):,}"
    if remainder == "drop":
        assert shown["positions in the tail"] == f"{found.dropped[1] - found.dropped[0]:,}"
    else:
        assert shown["positions of padding"] == f"{chunks.padding:,}"


@pytest.mark.parametrize("size", [0, 1, 1e9, -5, float("nan"), None, "128"])
def test_odd_sizes_are_brought_into_range(size):
    assert 16 <= cutting.chunking(size, "document", "drop").chunk_size <= 512


def test_settings_of_no_known_name_are_refused():
    with pytest.raises(SettingError):
        cutting.chunking(128, "<script>", "drop")


def test_odd_places_are_brought_into_range():
    for at in (float("nan"), None, -1, "x", 10**12):
        drawn, *_ = page.draw(USING, 128, "document", "drop", at)
        assert words(drawn)


# Over sizes


def test_the_table_is_what_cutting_at_each_size_comes_to():
    table, _ = sizes.table(cut(USING, Chunking(chunk_size=100)), "review")
    rows = {row[0]: row[1:] for row in table["rows"]}
    assert list(rows) == ["16", "32", "64", "100", "128", "256", "512"]
    for size, (number, cuts, _, use) in rows.items():
        chunks = whole_cut(size=int(size))
        assert [number, cuts] == (
            [f"{len(chunks):,}", f"{len(borders(chunks).words_cut):,}"]
            if size != "100"
            else [
                {"value": f"{len(chunks):,}", "tone": "good"},
                {"value": f"{borders(chunks).words_cut.size:,}", "tone": "good"},
            ]
        )
        assert use == ("in use" if size == "100" else "")


def test_doubling_says_what_it_does_here_and_why_only_where_it_is_so():
    _, sentence = sizes.table(cut(USING, Chunking(chunk_size=128)), "review")
    once, twice = whole_cut(size=128), whole_cut(size=256)
    assert f"{len(borders(twice).words_cut)} words cut instead of {len(borders(once).words_cut)}" in sentence["text"]
    assert "fewer cuts" in sentence["text"]
    assert "more reviews" in sentence["text"]
    tokens = Tokens(np.full(2_000, 2023, np.int32), np.ones(2_000, bool), np.array([0, 2_000]))
    _, sentence = sizes.table(made(tokens, Chunking(chunk_size=128)), "document")
    assert "0 words cut instead of 0" in sentence["text"]
    assert "fewer cuts" not in sentence["text"]
    tokens = Tokens(np.full(150, 2023, np.int32), np.ones(150, bool), np.array([0, 150]))
    _, sentence = sizes.table(made(tokens, Chunking(chunk_size=128)), "document")
    assert "wouldn’t fill a single chunk" in sentence["text"]


def test_concatenating_and_truncating_lose_what_the_lab_counts():
    shown, losses, lengths = sizes.losses(cut(USING, Chunking(chunk_size=128)), "review")
    chunks, tokens = whole_cut(), bench.tokens(USING)
    kept = (~chunks.special_tokens_mask).sum() + (tokens.input_ids == 100).sum()
    concatenated, truncated = list(figures(shown).values())[:2]
    assert concatenated == percent((len(tokens) - kept) / len(tokens))
    assert truncated == percent(chunks.truncated / len(tokens))
    by_name = {trace["name"]: trace for trace in losses["figure"]["data"]}
    at = by_name["truncating each document"]["x"].index(128)
    assert by_name["truncating each document"]["customdata"][at] == chunks.truncated
    assert by_name["concatenating them all"]["customdata"][at] == len(tokens) - kept
    assert sum(lengths["figure"]["data"][0]["y"]) == len(tokens.document_starts) - 1


def test_both_ways_to_place_special_tokens_are_set_side_by_side():
    (table,) = sizes.specials(cut(USING, Chunking(chunk_size=128, special_tokens="chunk")), "review")
    document, each_chunk = table["rows"]
    assert (document[-1], each_chunk[-1]) == ("", "in use")
    chunks = whole_cut("chunk")
    assert each_chunk[2]["value"] == f"{2 * len(chunks):,}"


# The questions


@pytest.fixture(scope="module", params=range(5))
def asked(request):
    """The questions, by name, and the size that they are about."""
    card = page.check(USING, request.param)[0]
    by_id = {question["id"]: question for question in card["questions"]}
    size = int(by_id["borders"]["prompt"].split("size ")[1].split(",")[0])
    return by_id, size


def test_how_many_chunks_is_a_division(asked):
    by_id, size = asked
    chunks = whole_cut(size=size)
    dropped = chunks.dropped[1] - chunks.dropped[0]
    assert told(right(by_id["tail"])) == f"{len(chunks):,} chunks, {dropped:,} positions dropped"
    assert f"{len(chunks) + 1:,} chunks, 0 positions dropped" in [told(choice) for choice in by_id["tail"]["choices"]]
    assert dropped > 0


def test_the_border_that_cuts_a_word_is_one_and_the_others_only_look_like_it(asked):
    by_id, size = asked
    chunks, tokenizer = whole_cut(size=size), bench.tokenizer("bundled")
    rows = [tokenizer.convert_ids_to_tokens(row) for row in chunks.input_ids.tolist()]
    cutting_borders = set(borders(chunks).words_cut.tolist())
    texts = {
        f"{' '.join(one[-4:])} ✂ {' '.join(other[:4])}": i in cutting_borders
        for i, (one, other) in enumerate(zip(rows, rows[1:], strict=False))
    }
    choices = by_id["borders"]["choices"]
    assert {told(choice): choice["right"] for choice in choices} == {
        told(choice): texts[told(choice)] for choice in choices
    }
    assert any("[SEP]" in told(choice) and not choice["right"] for choice in choices)


def test_twice_the_size_is_counted_and_half_is_a_trap(asked):
    by_id, size = asked
    once, twice = (len(borders(whole_cut(size=each)).words_cut) for each in (size, 2 * size))
    assert told(right(by_id["twice"])) == f"{twice:,}"
    wrong = [told(choice) for choice in by_id["twice"]["choices"] if not choice["right"]]
    assert f"{round(once / 2):,}" in wrong
    assert f"{once:,}" in wrong


def test_each_answer_is_explained_and_only_one_is_right(asked):
    by_id, _ = asked
    assert list(by_id) == ["tail", "borders", "twice"]
    for question in by_id.values():
        texts = [told(choice) for choice in question["choices"]]
        assert len(set(texts)) == len(texts) >= 3
        assert all(choice["why"] for choice in question["choices"])
        right(question)


def test_where_half_is_right_another_size_is_asked_about():
    found = made(
        Tokens(np.full(4_000, 2023, np.int32), np.arange(4_000) % 8 == 0, np.array([0, 4_000])), Chunking(chunk_size=24)
    ).at_size(24)
    clear = replace(found, words_cut=100)
    half, other = replace(found, words_cut=50), replace(found, words_cut=61)
    assert exercises._blunt(clear, half) > exercises._blunt(clear, other)


def test_a_corpus_without_words_in_several_pieces_has_no_question_about_cut_words(monkeypatch):
    tokens = Tokens(np.full(5_000, 2023, np.int32), np.ones(5_000, bool), np.array([0, 2_000, 5_000]))
    monkeypatch.setattr(bench, "tokens", lambda _using: tokens)
    monkeypatch.setattr(exercises, "cut", lambda _using, settings: made(tokens, settings))
    assert [question["id"] for question in exercises.card(USING, 0)["questions"]] == ["tail"]


# The code, and the corpus in use


@named
def test_the_code_runs_and_prints_what_is_on_the_screen(special, remainder):
    *_, (drawer,) = page.over_sizes(USING, 96, special, remainder)
    chunks = whole_cut(special, remainder, 96)
    expected = [len(chunks), len(borders(chunks).words_cut), int(chunks.mixes_documents.sum())]
    for _, source in drawer["tabs"]:
        assert [int(line.split()[0]) for line in printed(source).splitlines()] == expected


@pytest.fixture
def own(tmp_path):
    """A corpus of one's own, uploaded."""

    def upload(text: str) -> Using:
        path = tmp_path / "mine.txt"
        path.write_text(text, encoding="utf-8")
        return Using.of({"corpus": bench.keep_upload(path, path.name)})

    return upload


def test_an_own_corpus_is_made_of_documents_and_may_be_hostile(own):
    using = own("\n\n".join(f"<script>alert({i})</script> ${{x}} {{{{y}}}} unwatchable [MASK] {i}" for i in range(60)))
    drawn, (totals,), *_ = page.draw(using, 64, "document", "drop", 0)
    assert "documents" in " ".join(figures(totals))
    assert "[MASK]" not in [piece["text"] for word in words(drawn) for piece in word.get("pieces", ())]
    assert of(page.predicted(using), "prediction")[0]["outcome"] is not None
    page.over_sizes(using, 64, "document", "drop")
    page.check(using)


def test_a_corpus_that_fills_no_chunk_keeps_the_lesson_open_and_says_the_way_out(own):
    using = own("\n\n".join(f"Short {i}." for i in range(6)))
    (card,) = of(page.predicted(using), "prediction")
    assert card["outcome"] is None
    with pytest.raises(CorpusError, match=r"The text of all documents together makes \d+ tokens, .* set chunk_size to"):
        page.draw(using, 128, "document", "drop", 0)
    assert words(page.draw(using, 16, "document", "drop", 0)[0])


def test_the_corpus_is_cut_once_while_its_settings_stay():
    settings = Chunking(chunk_size=72)
    assert cut(USING, settings) is cut(USING, settings)
    assert len(cutting._cuttings) <= cutting._cuttings.room


def test_the_light_handlers_are_light():
    spent = []
    for size in range(40, 200, 8):
        for work in (partial(page.resize, USING, size), partial(page.jump, USING, size, where="cut")):
            begun = time.thread_time()
            work("document", "drop", 3_000)
            spent.append(time.thread_time() - begun)
        begun = time.thread_time()
        page.over_sizes(USING, size, "document", "drop")
        spent.append(time.thread_time() - begun)
    assert sorted(spent)[int(0.95 * len(spent))] < 0.1


def test_the_corpus_in_use_is_the_one_that_training_tokenizes():
    found = cut(USING, Chunking())
    assert found.tokens.input_ids.tolist() == tokenize(bench.corpus(USING)["train"], found.tokenizer).input_ids.tolist()


def test_another_size_is_another():
    turn, asked = 0, [page.check(USING)[0]["questions"][0]["prompt"]]
    for _ in range(12):
        [card], turn = page.check_again(USING, turn)
        asked.append(card["questions"][0]["prompt"])
    assert all(before != after for before, after in pairwise(asked))
