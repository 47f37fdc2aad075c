"""What all tests share: a home of their own, no network, and a model small enough to train in a second."""

import os
import tempfile
from typing import Any

# Before anything of Hugging Face's is imported: the tests neither need a network nor wait for one.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="lab-tests-hub-")
os.environ["LAB_HOME"] = tempfile.mkdtemp(prefix="lab-tests-")
# Two of pytest's workers, a browser and what is trained share two cores: one thread each, and none turns in place.
os.environ |= {"OMP_NUM_THREADS": "1", "LAB_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

import datasets
import pytest
import torch
import transformers
from transformers import DistilBertConfig, DistilBertForMaskedLM

from lab.config import RunConfig
from lab.model import load_tokenizer
from lab.runs import Run, create_run

datasets.disable_progress_bars()
transformers.logging.disable_progress_bar()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n 2`, one worker drives the browser throughout, and the other does the rest, file by file.

    Two browsers on two cores would only wait for each other.
    """
    from xdist.scheduler import LoadScopeScheduling

    class PageApart(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "the page" if nodeid.startswith("tests/app/") else nodeid.split("::")[0]

    config.option.loadscopereorder = False  # the page comes first: it takes longest
    return PageApart(config, log)


@pytest.fixture(scope="session")
def tokenizer():
    return load_tokenizer("bundled")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A LAB_HOME with nothing in it."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make_run(model, tokenizer) -> Run:
    """A model as a run, so that it can be named where a model is asked for."""
    run = create_run(RunConfig())
    model.save_pretrained(run.model)
    tokenizer.save_pretrained(run.model)
    run.log.touch()
    return run


@pytest.fixture
def tiny(home, tokenizer):
    """A DistilBERT with random weights and the bundled vocabulary, as a run."""
    torch.manual_seed(0)
    config = DistilBertConfig(
        dim=32, n_layers=2, n_heads=2, hidden_dim=64, vocab_size=len(tokenizer), dropout=0.1, attention_dropout=0.1
    )
    return make_run(DistilBertForMaskedLM(config), tokenizer)


@pytest.fixture
def films(tmp_path):
    """A corpus of forty short documents, as a file."""
    path = tmp_path / "films.txt"
    text = "The {0} of {1} was a wonderful film, but the unforgettable ending number {0} made {1} cry."
    path.write_text("\n\n".join(text.format(i, name) for i in range(8) for name in ("Ada", "Bo", "Cy", "Di", "Ed")))
    return path
