"""What a stranger sends reads no file, fills no disk, and is told so in a sentence."""

import urllib.error
import urllib.request
import uuid

import pytest

from lab.errors import CorpusError, LabError
from lessons import bench
from lessons.bench import Using, keep_upload
from tests.app.conftest import Server


def status(address: str, data: bytes | None = None, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    "path", ["app.py", "assets/NOTICE", "/etc/passwd", "../../etc/passwd", "requirements.txt", ".git/config"]
)
def test_no_file_of_the_server_is_served(server, path):
    assert status(f"{server.address}/gradio_api/file={path}") in (403, 404)


def test_nothing_in_the_home_is_served(server):
    secret = server.home / "runs" / "secret.txt"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("a token")
    assert status(f"{server.address}/gradio_api/file={secret}") in (403, 404)


def test_plotly_comes_from_here(server):
    from lessons.shell import PLOTLY

    assert status(f"{server.address}/gradio_api/file={PLOTLY}/plotly.min.js") == 200


@pytest.mark.parametrize(
    "payload",
    [
        {"corpus": "/etc/passwd"},
        {"corpus": "upload:../../../etc/passwd"},
        {"corpus": ["reviews"]},
        {"model": "/root"},
        {"model": "20261124-1/../../x"},
        {"model": "someone/else"},
        {"model": {"a": 1}},
    ],
)
def test_a_name_that_could_be_a_path_is_no_name(payload):
    with pytest.raises(LabError, match="There is no such"):
        Using.of(payload)


def test_what_is_not_even_a_payload_means_the_bundled_things():
    assert Using.of(None) == Using.of("x") == Using.of({"runs": "../x"}) == Using()


def test_a_run_that_is_not_here_is_no_model(home):
    with pytest.raises(LabError, match="no longer on this computer"):
        bench.run_of("20260101-000000-000-token-abcd")


def test_uploads_together_stay_below_their_limit(home, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "UPLOADS_KEPT", 250)
    for i in range(5):
        file = tmp_path / f"{i}.txt"
        file.write_bytes(b"x" * 100)
        last = keep_upload(file, file.name)
    kept = [path for path in bench.uploads().rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert bench.corpus_path(last) in map(str, kept)


@pytest.mark.parametrize(("name", "sentence"), [("a.exe", "ends in"), ("a.txt/../../b", "ends in"), ("a", "ends in")])
def test_a_file_of_another_kind_is_refused(home, tmp_path, name, sentence):
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(CorpusError, match=sentence):
        keep_upload(file, name)


def test_an_upload_keeps_its_name_but_no_folder_of_its_sender(home, tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    kept = bench.corpus_path(keep_upload(file, "../../my <b>film</b> notes.txt"))
    assert kept.startswith(str(bench.uploads()))
    assert kept.endswith("/b_ notes.txt")


def test_an_upload_that_was_cleared_away_says_so(home):
    with pytest.raises(CorpusError, match="Upload it again"):
        bench.corpus_path(f"upload:{uuid.uuid4().hex}")


def test_uploads_are_refused_while_too_much_waits(tmp_path):
    waiting = tmp_path / "home" / "incoming" / "big"
    waiting.parent.mkdir(parents=True)
    with waiting.open("wb") as file:
        file.truncate(600 * 2**20)
    server = Server(tmp_path / "home")
    try:
        boundary = "x"
        head = 'Content-Disposition: form-data; name="files"; filename="a.txt"'
        body = f"--{boundary}\r\n{head}\r\n\r\nhello\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        assert status(f"{server.address}/gradio_api/upload", body, **kind) == 507
        waiting.unlink()
        assert status(f"{server.address}/gradio_api/upload", body, **kind) == 200
    finally:
        server.stop()
