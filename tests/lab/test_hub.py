"""DistilBERT and IMDB from the Hub: fetched once, then used without a network; a broken copy heals, or says how."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from transformers import DistilBertConfig

from lab import hub
from tests.hub_stand_in import MODEL, StandIn, models_and_reviews

ASK = {
    "model": f"""
    from lab.model import load_model, load_tokenizer
    print(load_model({MODEL!r}).num_parameters(), load_tokenizer({MODEL!r}).mask_token)""",
    "imdb": """
    from lab.corpus import Corpus, load_corpus
    print(sorted(load_corpus(Corpus(corpus="imdb", unsupervised=True)).num_rows.items()))""",
}
KINDS = tuple(ASK)
# Several are asked for by one process, which takes seconds to import all that it needs.
PROGRAM = """
import sys
from lab.errors import LabError
{}
"""
ONE = """
try:{}
except LabError as error:
    print(error, file=sys.stderr)
print("----")
print("----", file=sys.stderr)
"""
SAID = {"model": "66985530 [MASK]", "imdb": "[('test', 40), ('train', 80)]"}
LARGE = {"model": "model.safetensors", "imdb": hub.IMDB_FILES["train"]}


@pytest.fixture(scope="module")
def holds(tmp_path_factory, tokenizer):
    """What the Hub holds, the model as large as it really is."""
    return models_and_reviews(tmp_path_factory.mktemp("hub"), tokenizer, DistilBertConfig())


@dataclass(frozen=True)
class Answer:
    """What came of one of the things asked for, and what was said meanwhile."""

    out: str
    err: str


@dataclass
class Machine:
    """A computer with a cache of its own, with the Hub in reach or not."""

    folder: Path
    stand_in: StandIn
    home: Path | None = None

    def ask(self, *kinds: str, online: bool) -> list[Answer]:
        """Ask for these, one after the other; the whole must not break down."""
        environment = os.environ | {
            "HF_HOME": str(self.folder / "hf"),
            "LAB_HOME": str(self.home or self.folder / "home"),
            "HF_ENDPOINT": self.stand_in.address,
            "HF_HUB_OFFLINE": "0" if online else "1",
            "HF_HUB_DISABLE_XET": "1",
        }
        program = PROGRAM.format("".join(ONE.format(ASK[kind]) for kind in kinds))
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        outs, errs = (text.split("----\n")[:-1] for text in (done.stdout, done.stderr))
        return [Answer(out.strip(), err) for out, err in zip(outs, errs, strict=True)]

    def copy(self, kind: str) -> Path:
        """The largest file of its copy, as the cache keeps it."""
        (found,) = (self.folder / "hf").rglob(f"snapshots/*/{LARGE[kind]}")
        return found


@pytest.fixture
def machine(tmp_path, holds):
    with StandIn() as stand_in:
        stand_in.holds = holds
        yield Machine(tmp_path, stand_in)


def whole(answers: list[Answer]) -> bool:
    return [answer.out for answer in answers] == [SAID[kind] for kind in KINDS]


@pytest.fixture(scope="module")
def fetched(tmp_path_factory, holds):
    """The folder of a computer that has fetched everything once."""
    folder = tmp_path_factory.mktemp("fetched")
    with StandIn() as stand_in:
        stand_in.holds = holds
        assert whole(Machine(folder, stand_in).ask(*KINDS, online=True))
    return folder


@pytest.fixture
def filled(machine, fetched):
    """A computer that has everything, to be damaged."""
    shutil.copytree(fetched, machine.folder, symlinks=True, dirs_exist_ok=True)
    return machine


def test_the_first_use_fetches_with_progress_and_later_ones_need_no_network(machine):
    first = machine.ask(*KINDS, online=True)
    assert whole(first), first
    for answer in first:
        assert "100%" in answer.err, "what is fetched shows how far it is"
    assert len(machine.stand_in.sent) == len({*machine.stand_in.sent}), "each file once"
    assert whole(machine.ask(*KINDS, online=False))


def test_a_copy_that_is_not_whole_says_so_without_a_network_and_is_completed_with_one(filled):
    for kind in KINDS:
        filled.copy(kind).resolve().unlink()
    for refused in filled.ask(*KINDS, online=False):
        assert "not whole, and the Hub can't be reached. Connect once" in refused.err
    assert whole(filled.ask(*KINDS, online=True))
    assert filled.stand_in.sent == [LARGE[kind] for kind in KINDS]


def test_a_damaged_copy_says_so_without_a_network_and_is_replaced_with_one(filled):
    for kind in KINDS:
        blob = filled.copy(kind).resolve()
        blob.write_bytes(blob.read_bytes()[:1000])
    for refused in filled.ask(*KINDS, online=False):
        assert "damaged, and the Hub can't be reached. Connect once" in refused.err
    assert whole(filled.ask(*KINDS, online=True))


def test_a_whole_copy_is_not_fetched_again_for_a_fault_that_is_elsewhere(filled):
    filled.home = filled.folder / "a file"
    filled.home.touch()
    (refused,) = filled.ask("imdb", online=True)
    assert "LAB_HOME" in refused.err
    assert filled.stand_in.sent == []


def test_what_was_never_fetched_says_so_and_what_works_without(machine):
    for refused, otherwise in zip(
        machine.ask(*KINDS, online=False), ('model "bundled"', "The bundled corpus works without"), strict=True
    ):
        assert "is not on this computer, and the Hub can't be reached. Connect once" in refused.err
        assert otherwise in refused.err


def test_a_hub_that_answers_and_has_it_not_is_told_in_a_sentence(machine):
    machine.stand_in.holds = {}
    for refused in machine.ask(*KINDS, online=True):
        assert "The Hub answered, but" in refused.err
        assert "Traceback" not in refused.err
