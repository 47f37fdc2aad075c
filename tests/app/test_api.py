"""The named endpoints, called as a program calls them."""

import time

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(server):
    return Client(server.address, verbose=False)


def test_tokenize_takes_a_text_apart(client):
    answer = client.predict("Unwatchable!", "bundled", api_name="/tokenize")
    assert [piece["text"] for piece in answer["pieces"]] == ["[CLS]", "un", "##watch", "##able", "!", "[SEP]"]
    assert answer["decoded"] == "unwatchable!"
    assert client.predict("A ☃", "bundled", api_name="/tokenize")["decoded"] == "a [UNK]"


def test_chunk_reports_what_the_cuts_did(client):
    answer = client.predict(chunk_size=64, api_name="/chunk")
    assert answer["chunk_size"] == 64
    assert 0 < answer["words_cut"]["count"] < answer["borders"] < answer["chunks"]
    assert answer["dropped"] < 64


def test_mask_keeps_words_whole_when_asked_to(client):
    answer = client.predict(
        "unforgettable unwatchable", strategy="whole_word", mlm_probability=0.5, seed=3, api_name="/mask"
    )
    by_word = {}
    for row in answer["pieces"][1:-1]:
        by_word.setdefault(row["word"], set()).add(row["action"] == "untouched")
    assert all(len(fates) == 1 for fates in by_word.values())
    assert answer["selected"] == sum(label != -100 for label in answer["labels"])


def test_fill_mask_answers_and_sets_two_models_side_by_side(client):
    answer = client.predict("This is a great [MASK].", against="bundled", top_k=3, api_name="/fill_mask")
    assert len(answer["blanks"][0]) == 3
    assert all(shift["change"] == 0 for shift in answer["shifts"][0])


def test_evaluate_gives_a_perplexity_with_its_scoring(client):
    answer = client.predict(chunks=2, api_name="/evaluate")
    assert 1 < answer["perplexity"] < answer["baselines"]["unigram"] < answer["baselines"]["uniform"]
    assert answer["scoring"]["score_seed"] == 0


def test_a_run_is_started_followed_and_stopped_by_its_owner_alone(client):
    settings = {
        "max_steps": 500,
        "max_train_chunks": 64,
        "max_test_chunks": 4,
        "per_device_train_batch_size": 2,
        "chunk_size": 32,
    }
    started = client.predict(settings=settings, api_name="/start_run")
    run, after, events = started["run"], 0, []
    deadline = time.monotonic() + 300  # a run yields to whatever else the machine does
    while not any(event["event"] == "Stepped" for event in events):
        assert time.monotonic() < deadline, "the run did not start"
        answer = client.predict(run, after, api_name="/run_events")
        events += answer["events"]
        after = answer["next"]
        time.sleep(0.2)
    assert [event["event"] for event in events[:2]] == ["RunStarted", "Evaluated"]
    with pytest.raises(AppError, match="Only whoever started the run"):
        client.predict(run, "a guess", api_name="/stop_run")
    client.predict(run, started["token"], api_name="/stop_run")
    while client.predict(run, after, api_name="/run_events")["standing"]["state"] != "stopped":
        assert time.monotonic() < deadline, "the run did not stop"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("/tokenize", {"text": "   "}, "There is no text here yet"),
        ("/tokenize", {"text": "a" * 30_000}, "takes up to 20,000"),
        ("/tokenize", {"text": "a", "model": "/etc"}, "There is no such model"),
        ("/tokenize", {"text": "a", "model": "20261124-000000-000-token-abcd"}, "no longer on this computer"),
        ("/chunk", {"corpus": "/etc/passwd"}, "There is no such corpus"),
        ("/chunk", {"corpus": "upload:../../etc"}, "There is no such corpus"),
        ("/chunk", {"chunk_size": 2}, "Set it to 8 or more"),
        ("/mask", {"text": "a", "mlm_probability": 1.5}, "between 0 and 1"),
        ("/mask", {"text": "a", "strategy": "both"}, "whole_word"),
        ("/fill_mask", {"text": "no blank"}, "There is no blank"),
        ("/fill_mask", {"text": "[MASK]", "top_k": 0}, "from 1 to 100"),
        ("/fill_mask", {"text": "A [MASK].", "targets": ["unwatchable"]}, "not one piece"),
        ("/evaluate", {"chunks": 100_000}, "from 1 to 500"),
        ("/start_run", {"settings": {"corpus": "/etc/passwd"}}, "can't be set here"),
        ("/start_run", {"settings": {"report_to": "wandb"}}, "can't be set here"),
        ("/start_run", {"settings": {"max_stepz": 1}}, "Did you mean max_steps"),
        ("/start_run", {"settings": {"max_steps": 10**9}}, "allowed"),
        ("/run_events", {"run": "../../etc"}, "no longer on this computer"),
        ("/stop_run", {"run": "20261124-000000-000-token-abcd", "token": ""}, "no longer on this computer"),
    ],
)
def test_what_cannot_be_is_answered_with_a_sentence(client, endpoint, arguments, sentence):
    with pytest.raises(AppError, match=sentence):
        client.predict(**arguments, api_name=endpoint)


def test_only_the_named_endpoints_are_offered(client):
    offered = set(client.view_api(return_format="dict")["named_endpoints"])
    runs = {"/start_run", "/run_events", "/stop_run"}
    assert offered == {"/tokenize", "/chunk", "/mask", "/fill_mask", "/evaluate"} | runs
