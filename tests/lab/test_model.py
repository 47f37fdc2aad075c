"""Model: the same predictions at less cost, from the bundle, from a run, and from the Hub as it caches."""

import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from huggingface_hub import constants
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
)

from lab import hub
from lab.errors import ModelError
from lab.model import check_fits, load, load_model, load_tokenizer, logits_at, positions

SMALL = {"vocab_size": 500, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
ARCHITECTURES = {
    "distilbert": lambda: DistilBertForMaskedLM(
        DistilBertConfig(vocab_size=500, dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    ),
    "roberta": lambda: RobertaForMaskedLM(RobertaConfig(**SMALL, max_position_embeddings=514)),
    "bert": lambda: BertForMaskedLM(BertConfig(**SMALL)),
}


@pytest.fixture(params=ARCHITECTURES)
def model(request):
    torch.manual_seed(0)
    return ARCHITECTURES[request.param]().eval()


def test_logits_at_some_positions_equal_the_models_own(model):
    ids = torch.randint(5, 500, (3, 20))
    where = torch.rand(3, 20) < 0.3
    attention = torch.ones_like(ids)
    attention[2, 15:] = 0
    assert torch.allclose(logits_at(model, ids, where, attention), model(ids, attention).logits[where], atol=1e-5)
    assert model(ids).logits.shape == (3, 20, 500)  # and afterwards the model is as it was


def test_gradients_at_some_positions_equal_the_models_own(model):
    ids, where = torch.randint(5, 500, (3, 20)), torch.rand(3, 20) < 0.3
    gradients = []
    for logits in (logits_at(model, ids, where), model(ids).logits[where]):
        model.zero_grad()
        torch.nn.functional.cross_entropy(logits, ids[where]).backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None])
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*gradients, strict=True))


def test_no_position_at_all_is_no_fault(model):
    ids = torch.randint(5, 500, (2, 8))
    assert logits_at(model, ids, torch.zeros_like(ids, dtype=torch.bool)).shape == (0, 500)


def test_every_architecture_says_how_long_a_chunk_it_reads(model):
    longest = positions(model)
    assert longest == 512
    with torch.no_grad():
        model(torch.full((1, longest), 7))
    check_fits(model, 512)
    with pytest.raises(ModelError, match="chunk_size is 513, but this model reads 512"):
        check_fits(model, 513)


def test_the_bundled_model_loads_with_plain_transformers_and_computes_in_float32():
    assert {parameter.dtype for parameter in load_model("bundled").parameters()} == {torch.float32}


def test_dropout_can_be_set():
    rates = {module.p for module in load_model("bundled", dropout=0.0).modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.0}


def test_a_run_is_a_model_by_its_id(tiny):
    assert load_model(tiny.id).config.dim == 32
    assert load_model(str(tiny.folder)).config.dim == 32
    assert load_tokenizer("latest").mask_token == "[MASK]"


@pytest.mark.parametrize("name", ["gpt2", "", "../../etc", "distilbert-base-uncased"])
def test_an_unknown_model_is_refused_with_those_that_are_known(home, name):
    with pytest.raises(ModelError, match=r"There is no model .* distilbert/distilbert-base-uncased"):
        load_model(name)


def test_a_run_without_a_model_yet_says_so(tiny):
    shutil.rmtree(tiny.model)
    with pytest.raises(ModelError, match="has no model yet"):
        load_model(tiny.id)


def test_a_checkpoint_without_a_tokenizer_is_refused_and_none_is_made_up(tiny):
    for file in tiny.model.glob("*tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match="it has no tokenizer"):
        load_tokenizer(tiny.id)


def test_damaged_weights_are_said_to_be(tiny):
    (tiny.model / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="may be damaged"):
        load_model(tiny.id)


def fill_cache(name, tokenizer, root):
    """A cache laid out as the Hub's own client lays it: blobs apart, snapshots by revision, a ref."""
    folder = root / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / hub.MODELS[name]
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir()
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(hub.MODELS[name])
    staging = root / "staging"
    ARCHITECTURES["distilbert"]().save_pretrained(staging)
    tokenizer.save_pretrained(staging)
    for i, file in enumerate(sorted(staging.iterdir())):
        blob = folder / "blobs" / f"{i:040x}"
        file.replace(blob)
        (snapshot / file.name).symlink_to(blob)


def test_a_model_in_the_hubs_cache_is_used_without_asking_the_network(tmp_path, monkeypatch, tokenizer):
    name = "distilbert/distilbert-base-cased"
    fill_cache(name, tokenizer, tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "reachable", lambda: pytest.fail("the network was asked"))
    assert load_model(name).config.dim == 32
    assert load_tokenizer(name).mask_token == "[MASK]"


def test_another_revision_in_the_cache_is_not_taken(tmp_path, monkeypatch, tokenizer):
    name = "distilbert/distilbert-base-cased"
    fill_cache(name, tokenizer, tmp_path)
    (snapshot,) = (tmp_path / "models--distilbert--distilbert-base-cased" / "snapshots").iterdir()
    snapshot.rename(snapshot.with_name("0" * 40))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="the Hub can't be reached"):
        load_model(name)


@pytest.mark.parametrize("load_it", [load_model, load_tokenizer])
def test_a_hub_model_without_a_network_names_the_way_out(load_it, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r'is not on this computer, and the Hub can\'t be reached.*model "bundled"'):
        load_it("distilbert/distilbert-base-uncased")


def test_an_unreachable_hub_is_known_within_two_seconds(monkeypatch):
    """A server that takes the connection and never answers: worse than one that refuses it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        hub.reachable.cache_clear()
        began = time.monotonic()
        try:
            assert not hub.reachable()
            assert time.monotonic() - began < 2.5
            assert constants.HF_HUB_OFFLINE
            assert hub.reachable.cache_info().currsize == 1  # it is asked only once
        finally:
            hub.reachable.cache_clear()


def test_those_who_ask_the_same_model_at_once_get_their_own_places():
    model = load_model("bundled")
    ids = torch.tensor([[101, 2023, 103, 2003, 103, 102]])
    asked = [ids == 103, ids == 2003, ids > 0]
    expected = [model(ids).logits[where] for where in asked]

    def ask(number: int) -> bool:
        with torch.inference_mode():
            found = logits_at(model, ids, asked[number % 3])
        return found.shape == expected[number % 3].shape and torch.allclose(found, expected[number % 3], atol=1e-4)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(60)))


def test_a_model_is_loaded_on_the_device_asked_for():
    loaded = load("bundled", device="cpu", precision="bf16")
    assert (loaded.device, loaded.precision) == ("cpu", "bf16")
    with loaded.computing():
        assert not torch.is_grad_enabled()
        assert torch.is_autocast_enabled("cpu")
