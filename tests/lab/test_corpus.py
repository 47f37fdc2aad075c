"""Corpus: any file a learner brings, held out by document, and a sentence for each that can't be used."""

import json
import os

import pandas
import pytest
from datasets import Dataset

from lab.corpus import Corpus, guess_text_column, load_corpus
from lab.errors import CorpusError, SettingError

REVIEWS = [f"Review number {i}: a film about the colour {i}." for i in range(50)]


def write(path, texts=REVIEWS):
    """The same documents in the format that the file's name asks for."""
    table = pandas.DataFrame({"id": [f"tt{i}" for i in range(len(texts))], "review": texts, "stars": range(len(texts))})
    if path.suffix == ".txt":
        path.write_text("\n\n".join(texts))
    elif path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_dict("records")))
    else:
        table.to_parquet(path)
    return path


def everything(splits):
    """The documents of both splits."""
    return [*splits["train"]["text"], *splits["test"]["text"]]


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_documents(tmp_path, suffix):
    splits = load_corpus(Corpus(corpus=str(write(tmp_path / f"mine{suffix}"))))
    assert sorted(everything(splits)) == sorted(REVIEWS)
    assert len(splits["test"]) == 5


def test_documents_of_a_text_file_are_parted_by_blank_lines_and_may_have_several_lines(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"One\nstill one.\r\n\r\n\r\nTwo.\n\n   \n\nThree.\n")
    splits = load_corpus(Corpus(corpus=str(path)))
    texts = sorted(text.strip() for text in everything(splits))
    assert [text.split() for text in texts] == [["One", "still", "one."], ["Three."], ["Two."]]


def test_a_folder_with_train_and_test_keeps_its_own_split(tmp_path):
    write(tmp_path / "train.csv", REVIEWS[:30])
    write(tmp_path / "test.parquet", REVIEWS[30:])
    splits = load_corpus(Corpus(corpus=str(tmp_path)))
    assert splits["train"]["text"][:] == REVIEWS[:30]
    assert splits["test"]["text"][:] == REVIEWS[30:]


def test_a_document_is_held_out_whole_and_only_once_even_if_it_comes_twice(tmp_path):
    splits = load_corpus(Corpus(corpus=str(write(tmp_path / "mine.txt", REVIEWS * 3)), held_out=0.4))
    train, test = set(splits["train"]["text"]), set(splits["test"]["text"])
    assert not train & test
    assert train | test == set(REVIEWS)
    assert len(test) == 20


def test_the_split_is_the_same_each_time_and_another_under_another_seed(tmp_path):
    path = str(write(tmp_path / "mine.csv"))
    held_out = [set(load_corpus(Corpus(corpus=path, split_seed=seed))["test"]["text"]) for seed in (1, 1, 2)]
    assert held_out[0] == held_out[1] != held_out[2]


def test_sampling_draws_so_many_documents_and_can_be_switched_off():
    everything = load_corpus(Corpus())
    some = load_corpus(Corpus(max_train_documents=20, max_test_documents=7))
    assert (len(some["train"]), len(some["test"])) == (20, 7)
    assert set(some["train"]["text"]) < set(everything["train"]["text"])
    assert len(everything["train"]) == 894


def test_markup_is_cleaned_unless_asked_not_to(tmp_path):
    path = str(write(tmp_path / "mine.csv", ["Good.<br /><br />Bad.<BR>", "So <br/>so."]))
    raw, clean = (load_corpus(Corpus(corpus=path, clean_markup=clean)) for clean in (False, True))
    assert sorted(everything(raw)) == ["Good.<br /><br />Bad.<BR>", "So <br/>so."]
    assert sorted(everything(clean)) == ["Good. Bad. ", "So so."]


def test_other_columns_come_along():
    reviews = load_corpus(Corpus())["train"]
    assert set(reviews["label"]) == {0, 1}
    assert {"rating", "film", "year", "genre"} <= set(reviews.column_names)


@pytest.mark.parametrize(
    ("columns", "guessed"),
    [
        ({"text": ["a"], "title": ["a much longer title"]}, "text"),
        ({"Title": ["short"], "Review": ["x"]}, "Review"),
        ({"id": ["a"], "remark": ["a long remark"]}, "remark"),
    ],
)
def test_the_text_column_is_guessed(columns, guessed):
    assert guess_text_column(Dataset.from_dict(columns)) == guessed


def test_the_guess_can_be_overridden(tmp_path):
    splits = load_corpus(Corpus(corpus=str(write(tmp_path / "mine.csv")), text_column="id"))
    assert splits["train"]["text"][0].startswith("tt")


def refused(**settings):
    with pytest.raises(CorpusError) as caught:
        load_corpus(Corpus(**settings))
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_a_wrong_column_is_answered_with_the_right_ones(tmp_path):
    message = refused(corpus=str(write(tmp_path / "mine.csv")), text_column="text")
    assert "no column 'text'" in message
    assert "id, review, stars" in message


def test_a_column_of_numbers_is_no_text(tmp_path):
    assert "'stars' holds no text" in refused(corpus=str(write(tmp_path / "mine.csv")), text_column="stars")


def test_a_table_without_text_is_refused(tmp_path):
    pandas.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "mine.parquet")
    assert "No column of this corpus holds text" in refused(corpus=str(tmp_path / "mine.parquet"))


def test_a_path_to_nothing_is_refused():
    assert "no corpus 'nowhere.txt'" in refused(corpus="nowhere.txt")


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "mine.docx").write_text("hello")
    assert "mine.docx" in refused(corpus=str(tmp_path / "mine.docx"))


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".parquet"])
def test_an_empty_file_is_refused(tmp_path, suffix):
    (tmp_path / f"mine{suffix}").touch()
    assert "is empty" in refused(corpus=str(tmp_path / f"mine{suffix}"))


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".parquet"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, suffix):
    (tmp_path / f"mine{suffix}").write_bytes(os.urandom(3000) + b"\0")
    assert f"mine{suffix}" in refused(corpus=str(tmp_path / f"mine{suffix}"))


def test_text_in_another_encoding_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "mine.txt").write_bytes("Ein schöner Film.\n\nZwei schöne Filme.".encode("latin-1"))
    message = refused(corpus=str(tmp_path / "mine.txt"))
    assert "UTF-8" in message


def test_jsonl_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"text": "a"}\n{"text": \n')
    assert "one JSON object a line" in refused(corpus=str(tmp_path / "mine.jsonl"))


def test_a_single_document_can_not_be_held_out(tmp_path):
    (tmp_path / "mine.txt").write_text("Only one.")
    assert "single document" in refused(corpus=str(tmp_path / "mine.txt"))


def test_only_blanks_are_an_empty_corpus(tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"text": "  "}\n{"text": ""}\n{"text": null}\n')
    assert "The corpus is empty" in refused(corpus=str(tmp_path / "mine.jsonl"))


def test_a_folder_without_a_train_file_is_refused(tmp_path):
    assert "no train file" in refused(corpus=str(tmp_path))


def test_a_home_that_can_not_be_written_to_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(Exception, match="LAB_HOME"):
        load_corpus(Corpus(corpus=str(write(tmp_path / "mine.csv", [*REVIEWS, "a<br />b"]))))


def test_imdb_without_a_network_and_a_cache_says_so():
    assert "the Hub can't be reached" in refused(corpus="imdb")


@pytest.mark.parametrize(
    "bad", [{"held_out": 0}, {"held_out": 1.5}, {"max_train_documents": 0}, {"max_test_documents": -3}]
)
def test_settings_out_of_range_are_refused_by_name(bad):
    with pytest.raises(SettingError, match=next(iter(bad))):
        Corpus(**bad)
