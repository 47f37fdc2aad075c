"""Corpus: any file a learner brings, held out by document, and a sentence for each that can't be used."""

import errno
import json
import os

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
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
    assert len(everything["train"]) == 1_356


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
    assert "No column of this corpus holds only text. Its columns are: a (int64)" in refused(
        corpus=str(tmp_path / "mine.parquet")
    )


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


TABLE = "review,stars\n" + "".join(f'"{text}",{i}\n' for i, text in enumerate(REVIEWS))
LINES = "".join(json.dumps({"text": text}) + "\n" for text in REVIEWS)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("latin.txt", "\n\n".join([*REVIEWS, "Ein schöner Film."]).encode("latin-1"), "latin.txt is not text in UTF-8"),
        ("latin.csv", f"{TABLE}café,3\n".encode("latin-1"), "latin.csv is not text in UTF-8: line 52"),
        ("latin.jsonl", f'{LINES}{{"text": "café"}}\n'.encode("latin-1"), "latin.jsonl is not text in UTF-8: line 51"),
        ("cut.txt", "Ein schö".encode()[:-1], "cut.txt is not text in UTF-8"),
        ("utf16.txt", "\n\n".join(REVIEWS).encode("utf-16"), "utf16.txt is in UTF-16. Save it as plain text in UTF-8."),
        ("zero.txt", "\n\n".join([*REVIEWS, "a\0b"]).encode(), "zero.txt is not text: line 101 has a zero byte"),
        ("quote.csv", f'{TABLE}"Stop, he said,1\n"A film, she said.",2\n'.encode(), "quotation mark is missing"),
        ("end.csv", f'{TABLE}"never closed,5'.encode(), "a quotation mark is opened and never closed"),
        ("ragged.csv", f"{TABLE}a,b,c,d\n".encode(), "line 52 makes 4 columns where 2 are expected"),
        ("head.csv", b"review,stars\n", "head.csv is empty"),
        ("line.jsonl", f'{LINES}{{"text": "oops\n{LINES}'.encode(), "line 51 is not a JSON object. Write one"),
        ("list.jsonl", b'["a"]\n["b"]\n', "line 1 is not a JSON object"),
        ("null.jsonl", b"null\n", "line 1 is not a JSON object"),
        ("deep.jsonl", b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "line 1 has lists or objects within each"),
        ("mixed.jsonl", f'{LINES}{{"text": 5}}\n'.encode(), "No column of this corpus holds only text. Its columns are"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_told_by_name_and_line(tmp_path, name, content, words, caplog):
    (tmp_path / name).write_bytes(content)
    assert words in refused(corpus=str(tmp_path / name))
    assert not caplog.records  # no second voice beside the sentence


@pytest.mark.parametrize("part", ["half", "ends"])
def test_a_parquet_file_cut_in_two_is_refused(tmp_path, part):
    whole = write(tmp_path / "mine.parquet").read_bytes()
    damaged = whole[: len(whole) // 2] if part == "half" else whole[:100] + whole[-8:]
    (tmp_path / "mine.parquet").write_bytes(damaged)
    message = refused(corpus=str(tmp_path / "mine.parquet"))
    assert message.startswith("Can't read mine.parquet as parquet")
    assert "LAB_HOME" not in message


def test_a_parquet_column_whose_text_is_not_utf8_is_refused(tmp_path):
    bytes_ = pa.array(["café".encode("latin-1")] * 20)
    pq.write_table(pa.table({"text": pa.Array.from_buffers(pa.string(), 20, bytes_.buffers())}), tmp_path / "mine.parquet")
    assert "holds bytes that are not UTF-8" in refused(corpus=str(tmp_path / "mine.parquet"))


def test_brackets_in_a_text_are_no_depth(tmp_path):
    rows = [{"text": f"{i} " + "[" * 200 + ' "quoted" \\ ' + "]" * 200} for i in range(9)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert len(everything(load_corpus(Corpus(corpus=str(tmp_path / "mine.jsonl"))))) == 9


def test_a_review_may_say_none_or_null(tmp_path):
    words = ["NA", "null", "None", "nan", "N/A", "a film"]
    (tmp_path / "mine.csv").write_text("\n".join(["text", *words]))
    assert sorted(everything(load_corpus(Corpus(corpus=str(tmp_path / "mine.csv"))))) == sorted(words)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    for name, content in (("mine.txt", "\n\n".join(REVIEWS)), ("mine.csv", TABLE), ("mine.jsonl", LINES)):
        (tmp_path / name).write_text(content, encoding="utf-8-sig")
        assert sorted(everything(load_corpus(Corpus(corpus=str(tmp_path / name))))) == sorted(REVIEWS)


def test_a_letter_that_lies_across_two_blocks_of_reading_is_one_letter(tmp_path):
    text = "é" * 2**20  # two bytes each
    (tmp_path / "mine.txt").write_text(f"a{text}\n\nTwo.")
    assert sorted(map(len, everything(load_corpus(Corpus(corpus=str(tmp_path / "mine.txt")))))) == [4, 2**20 + 1]


@pytest.mark.parametrize("name", ["mine [1].csv", "mine (1).csv", "*.csv", "what?.csv", "a {b,c}#%20.csv", ".mine.csv"])
def test_a_file_is_found_whatever_its_name(tmp_path, name):
    (tmp_path / "mine 1.csv").write_text("review\nanother file\n")
    write(tmp_path / "x.csv").rename(tmp_path / name)
    assert sorted(everything(load_corpus(Corpus(corpus=str(tmp_path / name))))) == sorted(REVIEWS)


def test_a_device_or_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "mine.txt")
    assert "mine.txt is not a file" in refused(corpus=str(tmp_path / "mine.txt"))


@pytest.mark.parametrize("call", ["open", "stat", "iterdir"])
def test_a_file_or_a_folder_without_permission_is_refused(tmp_path, monkeypatch, call):
    path = tmp_path if call == "iterdir" else write(tmp_path / "mine.txt")

    def locked(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:  # root may open everything, so a locked file can't be had for real everywhere
        patched.setattr(type(path), call, locked)
        message = refused(corpus=str(path))
    assert message == f"Can't open {path.name}: Permission denied. Check the path and its permissions."


def test_a_text_given_in_place_of_a_path_is_no_path():
    assert "File name too long" in refused(corpus="A film about a film. " * 100)


@pytest.mark.parametrize("damage", [b"not arrow at all", b""])
def test_a_damaged_cache_is_made_anew_and_not_taken_for_a_damaged_file(home, tmp_path, damage):
    path = str(write(tmp_path / "mine.csv"))
    first = everything(load_corpus(Corpus(corpus=path)))
    kept = list((home / "cache").rglob("*.arrow"))
    assert kept
    for file in kept:
        file.write_bytes(damage)
    assert everything(load_corpus(Corpus(corpus=path))) == first
    for file in (home / "cache").rglob("dataset_info.json"):
        file.write_bytes(damage)
    assert everything(load_corpus(Corpus(corpus=path))) == first


def test_a_full_disk_is_not_the_file_s_fault(home, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("datasets.arrow_writer.ArrowWriter.write_table", full)
    message = refused(corpus=str(write(tmp_path / "mine.csv")))
    assert message.startswith("Can't prepare mine.csv: No space left on device. Free some space")


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
