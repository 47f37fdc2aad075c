"""A run's model on the Hub, and the lab as a Space: huggingface_hub itself talks to a stand-in on this machine."""

import json
import os
import subprocess
import sys

import pytest
from huggingface_hub import ModelCard
from transformers import DistilBertConfig

from lab.config import preset
from lab.errors import LabError
from lab.space import front_matter, plan
from lab.training import fine_tune
from tests.hub_stand_in import TOKEN, StandIn, models_and_reviews
from tests.readme import commands, needs_the_hub

PROGRAM = """
import json, sys
from lab.__main__ import main
for command in json.loads(sys.argv[1]):
    code = main(command)
    if code:
        sys.exit(code)
"""
# Beside an option of the README's: a model that is fetched takes two steps on little text.
SHORT = [
    "--device",
    "cpu",
    "--max-train-documents",
    "6",
    "--max-test-documents",
    "2",
    "--chunk-size",
    "32",
    "--max-steps",
    "2",
]


@pytest.fixture(scope="module")
def run_home(tmp_path_factory):
    """A home with one short run in it."""
    home = tmp_path_factory.mktemp("published")
    before = os.environ["LAB_HOME"]
    os.environ["LAB_HOME"] = str(home)
    config = preset(
        "quick",
        max_train_chunks=16,
        max_test_chunks=6,
        max_steps=1,
        probes=(),
        precision="fp32",
        device="cpu",
        chunk_size=32,
    )
    list(fine_tune(config))
    os.environ["LAB_HOME"] = before
    return home


@pytest.fixture
def stand_in():
    with StandIn() as running:
        yield running


def lab(home, stand_in, *words, token=TOKEN):
    """A command as a person gives it, with the stand-in as the Hub."""
    return commands_in_turn(home, stand_in, [list(words)], token)


def commands_in_turn(home, stand_in, given, token=TOKEN):
    """Several commands, up to the first that fails."""
    environment = os.environ | {
        "LAB_HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": stand_in.address,
        "HF_TOKEN": token,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    program = [sys.executable, "-c", PROGRAM, json.dumps(given)]
    return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=240)


def test_a_push_brings_a_model_that_loads_with_a_card_that_the_hub_reads(run_home, stand_in, tmp_path):
    done = lab(run_home, stand_in, "push", "latest", "ada/film-bert", "--private")
    assert done.returncode == 0, done.stderr
    assert "ada/film-bert" in done.stdout
    files = stand_in.repos["ada/film-bert"]
    assert stand_in.made["ada/film-bert"]["visibility"] == "private"
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    from transformers import AutoModelForMaskedLM

    assert AutoModelForMaskedLM.from_pretrained(tmp_path).config.model_type == "distilbert"
    card = ModelCard(files["README.md"].decode())
    assert card.data.pipeline_tag == "fill-mask"
    assert {result.metric_type for result in card.data.eval_results} == {"perplexity", "accuracy"}
    for words in ("95 % interval", "held-out chunks", "How to use it", "Limits", "`learning_rate`"):
        assert words in card.content
    assert str(run_home) not in card.content


def test_a_dry_run_prints_the_card_and_asks_nobody(run_home, stand_in):
    done = lab(run_home, stand_in, "push", "latest", "ada/film-bert", "--dry-run", "--json")
    assert "pipeline_tag: fill-mask" in json.loads(done.stdout)["card"]
    assert not stand_in.repos


@pytest.mark.parametrize(
    ("repo", "token", "sentence"),
    [
        ("film-bert", TOKEN, "is not USER/NAME"),
        ("ada/film-bert", "hf_of_nobody", "wants to know who you are"),
        ("somebody-else/film-bert", TOKEN, "may not write there"),
        ("ada/a b", TOKEN, "refused"),
    ],
)
def test_what_the_hub_refuses_is_told_in_a_sentence(run_home, stand_in, repo, token, sentence):
    done = lab(run_home, stand_in, "push", "latest", repo, token=token)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_readme_says_to_spaces_what_they_need():
    said = front_matter()
    assert said["sdk"] == "gradio"
    assert said["license"] == "apache-2.0"
    assert said["sdk_version"]
    assert len(said["short_description"]) <= 60
    assert said["preload_from_hub"][0].startswith("distilbert/distilbert-base-uncased ")


def test_the_plan_holds_what_runs_and_nothing_else():
    prepared = plan()
    names = [name for name, _ in prepared.files]
    assert prepared.wrong == ()
    assert {"app.py", "README.md", "requirements.txt", "assets/model/model.safetensors", "lab/masking.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", ".")) or "__pycache__" in name]


def test_a_plan_that_lacks_something_is_refused(monkeypatch):
    monkeypatch.setattr("lab.space.UPLOADED", ("app.py", "README.md", "nowhere"))
    from lab.space import deploy

    with pytest.raises(LabError, match=r"nowhere is missing"):
        deploy("ada/lab")


def test_deploy_makes_a_space_of_what_the_plan_lists(run_home, stand_in):
    done = lab(run_home, stand_in, "deploy", "ada/lab", "--hardware", "cpu-basic")
    assert done.returncode == 0, done.stderr
    assert set(stand_in.repos["ada/lab"]) == {name for name, _ in plan().files}
    made = stand_in.made["ada/lab"]
    assert (made["type"], made["sdk"], made["hardware"]) == ("space", "gradio", "cpu-basic")


def test_every_command_of_the_readme_that_needs_the_hub_does_what_it_says(run_home, stand_in, tmp_path, tokenizer):
    config = DistilBertConfig(dim=32, hidden_dim=64, n_heads=2, n_layers=1)
    stand_in.holds = models_and_reviews(tmp_path, tokenizer, config)
    given = [command for command in commands("python -m lab") if needs_the_hub(command)]
    given = [[word.replace("USER", "ada") for word in command] for command in given]
    given = [[*command, *(SHORT if command[0] == "train" else [])] for command in given]
    assert {command[0] for command in given} == {"train", "deploy", "push"}
    done = commands_in_turn(run_home, stand_in, given)
    assert done.returncode == 0, done.stderr
    assert {"ada/lab", "ada/film-bert"} == set(stand_in.repos)
