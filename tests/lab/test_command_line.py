"""The command line: what a person types, what they see, and the code that a script gets."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser

from lab import __main__
from lab.__main__ import COMMANDS, main
from lab.config import preset
from lab.runs import get_run, list_runs
from tests import readme
from tests.readme import commands, needs_the_hub

ROOT = Path(__file__).resolve().parents[2]
TINY = [
    "--device",
    "cpu",
    "--precision",
    "fp32",
    "--max-train-chunks",
    "16",
    "--max-test-chunks",
    "4",
    "--chunk-size",
    "32",
]


@pytest.fixture
def told(capsys):
    """Run a command; returns (exit code, JSON that it printed)."""

    def run(*arguments):
        capsys.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def shown(capsys):
    """Run a command; returns (exit code, what a person reads, what stands on standard error)."""

    def run(*arguments):
        capsys.readouterr()
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_that_names_its_options(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert COMMANDS[command][:20].capitalize() in text
    assert "--json" in text


def test_every_setting_of_training_is_an_option_named_as_transformers_names_it(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = capsys.readouterr().out
    names = "max-steps num-train-epochs learning-rate gradient-accumulation-steps mlm-probability chunk-size strategy "
    names += "corpus model precision seed per-device-train-batch-size max-train-chunks warmup-steps weight-decay"
    for name in names.split():
        assert f"--{name} " in text
    assert "quick: " in text
    assert "tutorial: " in text


def test_doctor_looks_at_everything_and_is_content_with_a_computer_without_network(told, home):
    code, findings = told("doctor")
    found = {finding["name"]: finding for finding in findings}
    assert code == 0
    assert {"packages", "hardware", "bundled model", "bundled corpus", "home", "network", "stanfordnlp/imdb"} <= set(found)
    assert found["bundled model"]["ok"]
    assert not found["network"]["ok"]
    assert "CPU core" in found["hardware"]["said"]


def test_tokenize_shows_pieces_and_what_decoding_gives_back(told, shown):
    code, result = told("tokenize", "Unwatchable!")
    assert code == 0
    assert [piece["text"] for piece in result["pieces"]] == ["[CLS]", "un", "##watch", "##able", "!", "[SEP]"]
    assert result["decoded"] == "unwatchable!"
    code, text, _ = shown("tokenize", "[bold]An [/] odd ${text}")
    assert code == 0
    assert "Decoded again: [ bold ] an [ / ] odd $ { text }" in text


def test_chunk_reports_what_the_cuts_did(told, shown):
    code, result = told("chunk", "--chunk-size", "64")
    assert code == 0
    assert result["train"]["documents"] > result["test"]["documents"] > 0
    assert result["train"]["words cut in two"] > 0
    assert "words cut in two" in shown("chunk")[1]


def test_mask_shows_what_became_of_each_piece(told, shown):
    code, rows = told(
        "mask", "The unforgettable film was unwatchable.", "--mlm-probability", "0.9", "--strategy", "whole_word"
    )
    assert code == 0
    assert {row["action"] for row in rows} >= {"masked", "untouched"}
    assert not any(row["leaks"] for row in rows)
    code, text, _ = shown("mask", "The unforgettable film.")
    assert "are to be predicted (15% are expected)" in " ".join(text.split())


def test_train_then_runs_then_fill_then_evaluate(told, shown, home):
    code, text, _ = shown("train", *TINY, "--max-steps", "2", "--probes", "A great [MASK].")
    assert code == 0, text
    assert "held-out perplexity" in text
    assert "Finished after 2 steps" in text
    assert "A great [MASK]." in text
    (run,) = list_runs()
    code, runs = told("runs")
    assert [each["run"] for each in runs] == [run.id]
    assert runs[0]["state"] == "finished"
    code, filled = told("fill", "A great [MASK].", "--model", "latest", "--against", "bundled")
    assert code == 0
    assert len(filled["shifts"][0]) >= 5
    small = ["--max-test-chunks", "4", "--chunk-size", "32"]
    code, scored = told("evaluate", "--model", "latest", "--against", "bundled", "--by-kind", "--seeds", "2", *small)
    assert code == 0
    assert len(scored["models"]["latest"]["perplexity by seed"]) == 2
    assert scored["comparison"]["low"] <= scored["comparison"]["ratio"] <= scored["comparison"]["high"]
    assert "punctuation" in scored["models"]["bundled"]["by kind"]
    code, text, _ = shown("evaluate", "--model", "latest", "--against", "bundled", "--by-kind", *small)
    assert "95 % interval" in " ".join(text.split())


def test_runs_are_compared_setting_by_setting_and_deleted(told, shown, home):
    for strategy in ("token", "whole_word"):
        assert (
            told_events(shown("train", *TINY, "--max-steps", "1", "--strategy", strategy, "--json"))[-1]["event"]
            == "Finished"
        )
    one, two = (run.id for run in list_runs())
    code, found = told("runs", "compare", one, two)
    assert code == 0
    assert list(found["settings"]) == ["strategy"]
    assert "strategy" in shown("runs", "compare", one, two)[1]
    assert "learning_rate" in shown("runs", "show", one)[1]
    assert told("runs", "delete", one, two) == (0, {"delete": [one, two]})
    assert list_runs() == []


def told_events(result):
    return [json.loads(line) for line in result[1].splitlines()]


def test_json_of_a_training_run_is_its_log_line_by_line(shown, home):
    events = told_events(shown("train", *TINY, "--max-steps", "2", "--json"))
    run = get_run(events[0]["run"])
    assert [json.loads(line) for line in run.log.read_text().splitlines()] == events


def test_a_preset_can_be_overridden_and_its_limits_lifted(shown, home, tmp_path):
    text = tmp_path / "long.txt"
    text.write_text("\n\n".join(f"Review {i}. {'A film like many others, and long. ' * 15}" for i in range(30)))
    settings = [
        "--corpus",
        str(text),
        "--held-out",
        "0.5",
        "--max-train-chunks",
        "16",
        "--chunk-size",
        "8",
        "--max-steps",
        "1",
    ]
    train = ["train", "--preset", "quick", *settings, "--device", "cpu", "--precision", "fp32", "--json"]
    limited, lifted = told_events(shown(*train))[0], told_events(shown(*train, "--max-test-chunks", "none"))[0]
    assert limited["train_chunks"] == lifted["train_chunks"] == 16
    assert limited["test_chunks"] == preset("quick").max_test_chunks < lifted["test_chunks"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--corpus", "nowhere.txt"], "There is no corpus 'nowhere.txt'"),
        (["train", "--model", "gpt2"], "There is no model 'gpt2'"),
        (["train", "--learning-rate", "0"], "learning_rate is 0.0"),
        (["train", "--chunk-size", "600"], "this model reads 512"),
        (["train", "--model", "distilbert/distilbert-base-uncased"], "the Hub can't be reached"),
        (["train", "--resume", "nothing"], "There is no run 'nothing'"),
        (["mask", "--mlm-probability", "1", "a"], "mlm_probability is 1.0"),
        (["fill", "no blank"], "Write [MASK]"),
        (["tokenize", "  "], "There is no text"),
        (["evaluate", "--seeds", "0"], "seeds is 0"),
        (["runs", "delete"], "Name the run to delete"),
        (["runs", "show", "a" * 300], "There is no run"),
        (["tokenize", "caf\udce9"], "This text is not in UTF-8"),
        (["train", "--probes", "\udcff [MASK]"], "probes holds signs that are no text"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_1(arguments, words, shown, told, home):
    code, out, err = shown(*arguments)
    assert code == 1
    assert words in err
    assert "Traceback" not in err
    assert out == ""
    assert told(*arguments) == (1, {"error": err.strip()})


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["train", "--learning-rate", "fast"],
        ["train", "--strategy", "words"],
        ["train", "--learning-rat", "1"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_ctrl_c_stops_the_run_cleanly_and_keeps_it(home):
    command = [sys.executable, "-m", "lab", "train", *TINY, "--num-train-epochs", "10000", "--json"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if json.loads(line)["event"] == "Stepped":
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()
    err = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert json.loads(rest.splitlines()[-1])["event"] == "Stopped"
    assert "Stopping after this step" in err
    assert "Traceback" not in err
    (run,) = list_runs()
    assert run.state() == "stopped"
    assert run.model.is_dir()
    assert run.checkpoints()


def test_text_comes_from_standard_input_if_not_given(home):
    done = subprocess.run(
        [sys.executable, "-m", "lab", "tokenize", "--json"], cwd=ROOT, input="A film.", capture_output=True, text=True
    )
    assert [piece["text"] for piece in json.loads(done.stdout)["pieces"]][1:-1] == ["a", "film", "."]


def test_help_does_not_wait_for_torch():
    script = (
        "import sys; from lab.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_every_command_of_the_readme_is_one_that_the_program_knows():
    assert len(commands("python -m lab")) >= 25
    for given in commands("python -m lab"):
        __main__.parse(given)  # exits with 2 for an option or a value that there isn't


def test_every_launch_of_several_processes_in_the_readme_is_one_that_accelerate_and_the_program_know():
    assert len(commands("accelerate launch")) >= 2
    for given in commands("accelerate launch"):
        launched = launch_command_parser().parse_args(given)
        assert (launched.module, launched.training_script) == (True, "lab")
        __main__.parse(launched.training_script_args)


def test_every_measurement_that_the_readme_names_is_there():
    named = set(re.findall(r"`python -m (tests[\w.]+)", readme.TEXT))
    assert len(named) >= 9
    assert all(find_spec(name) for name in named)


def wait_until_nothing_is_written():
    """A run that was sent to the background can be taken away when it has ended."""
    end = time.monotonic() + 120
    while any(run.waits() or run.goes_on() for run in list_runs()) and time.monotonic() < end:
        time.sleep(0.2)


def test_the_readme_is_a_tour_that_can_be_walked(home, tmp_path, monkeypatch, capsys):
    """Each command that needs no Hub, in the README's order, with trainings and scores cut short."""
    monkeypatch.chdir(tmp_path)
    film = "The film number {} was wonderful, and its unforgettable ending made everybody cry."
    (tmp_path / "mine.csv").write_text("\n".join(["story", *(f'"{film.format(i)}"' for i in range(60))]))
    walked = 0
    for command in commands("python -m lab"):
        given = command
        if needs_the_hub(given):
            continue
        if given[:2] == ["runs", "export"]:
            wait_until_nothing_is_written()
        if "RUN" in given:
            ids = [run.id for run in list_runs()]
            given = [ids.pop(0) if word == "RUN" else word for word in given]
        if given[0] == "train" and "--resume" not in given:
            given += [*TINY, "--max-steps", "2"]
        if given[0] == "evaluate":
            given += ["--max-test-chunks", "4"]
        code = main(given)
        said = capsys.readouterr()
        nothing_to_do = given[:2] in (["runs", "stop"], ["runs", "resume"]) or "--resume" in given
        assert code == 0 or (nothing_to_do and code == 1), f"{command}: {said.err}"
        walked += 1
    assert walked > 15
