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
PROGRAM = """
import sys
from lab.errors import LabError
try:{}
except LabError as error:
    sys.exit(str(error))
"""
SAID = {"model": "66985530 [MASK]", "imdb": "[('test', 40), ('train', 80)]"}
LARGE = {"model": "model.safetensors", "imdb": hub.IMDB_FILES["train"]}


@pytest.fixture(scope="module")
def holds(tmp_path_factory, tokenizer):
    """What the Hub holds, the model as large as it really is."""
    return models_and_reviews(tmp_path_factory.mktemp("hub"), tokenizer, DistilBertConfig())


@dataclass
class Machine:
    """A computer with a cache of its own, with the Hub in reach or not."""

    folder: Path
    stand_in: StandIn
    home: Path | None = None

    def ask(self, kind: str, *, online: bool) -> subprocess.CompletedProcess:
        environment = os.environ | {
            "HF_HOME": str(self.folder / "hf"),
            "LAB_HOME": str(self.home or self.folder / "home"),
            "HF_ENDPOINT": self.stand_in.address,
            "HF_HUB_OFFLINE": "0" if online else "1",
            "HF_HUB_DISABLE_XET": "1",
        }
        program = PROGRAM.format(ASK[kind])
        return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)

    def copy(self, kind: str) -> Path:
        """The largest file of its copy, as the cache keeps it."""
        (found,) = (self.folder / "hf").rglob(f"snapshots/*/{LARGE[kind]}")
        return found


@pytest.fixture
def machine(tmp_path, holds):
    with StandIn() as stand_in:
        stand_in.holds = holds
        yield Machine(tmp_path, stand_in)


@pytest.fixture(scope="module")
def fetched(tmp_path_factory, holds):
    """The folder of a computer that has fetched everything once."""
    folder = tmp_path_factory.mktemp("fetched")
    with StandIn() as stand_in:
        stand_in.holds = holds
        for kind in ASK:
            assert Machine(folder, stand_in).ask(kind, online=True).stdout.strip() == SAID[kind]
    return folder


@pytest.fixture
def filled(machine, fetched):
    """A computer that has everything, to be damaged."""
    shutil.copytree(fetched, machine.folder, symlinks=True, dirs_exist_ok=True)
    return machine


@pytest.mark.parametrize("kind", ["model", "imdb"])
def test_the_first_use_fetches_with_progress_and_later_ones_need_no_network(machine, kind):
    first = machine.ask(kind, online=True)
    assert first.stdout.strip() == SAID[kind], first.stderr
    assert "100%" in first.stderr, "what is fetched shows how far it is"
    assert len(machine.stand_in.sent) == len({*machine.stand_in.sent}), "each file once"
    assert machine.ask(kind, online=False).stdout.strip() == SAID[kind]


@pytest.mark.parametrize("kind", ["model", "imdb"])
def test_a_copy_that_is_not_whole_says_so_without_a_network_and_is_completed_with_one(filled, kind):
    filled.copy(kind).resolve().unlink()
    refused = filled.ask(kind, online=False)
    assert "not whole, and the Hub can't be reached. Connect once" in refused.stderr
    assert filled.ask(kind, online=True).stdout.strip() == SAID[kind]
    assert filled.stand_in.sent == [LARGE[kind]]


@pytest.mark.parametrize("kind", ["model", "imdb"])
def test_a_damaged_copy_says_so_without_a_network_and_is_replaced_with_one(filled, kind):
    blob = filled.copy(kind).resolve()
    blob.write_bytes(blob.read_bytes()[:1000])
    refused = filled.ask(kind, online=False)
    assert "damaged, and the Hub can't be reached. Connect once" in refused.stderr
    assert filled.ask(kind, online=True).stdout.strip() == SAID[kind]


def test_a_whole_copy_is_not_fetched_again_for_a_fault_that_is_elsewhere(filled):
    filled.home = filled.folder / "a file"
    filled.home.touch()
    refused = filled.ask("imdb", online=True)
    assert "LAB_HOME" in refused.stderr
    assert filled.stand_in.sent == []


def test_what_was_never_fetched_says_so_and_what_works_without(machine):
    for kind, otherwise in (("model", 'model "bundled"'), ("imdb", "The bundled corpus works without")):
        refused = machine.ask(kind, online=False)
        assert "is not on this computer, and the Hub can't be reached. Connect once" in refused.stderr
        assert otherwise in refused.stderr


def test_a_hub_that_answers_and_has_it_not_is_told_in_a_sentence(machine):
    machine.stand_in.holds = {}
    for kind in ASK:
        refused = machine.ask(kind, online=True)
        assert "The Hub answered, but" in refused.stderr
        assert "Traceback" not in refused.stderr
