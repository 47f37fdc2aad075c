"""A model from the page onto the Hub: in the person's own name, with their own token, which stays nowhere."""

import json
import os

import pytest
from playwright.sync_api import expect

from lab.config import preset
from lab.runs import list_runs
from lab.training import fine_tune
from tests.app.conftest import PATIENCE, Server, visit
from tests.hub_stand_in import TOKEN, StandIn

expect.set_options(timeout=PATIENCE)
OWNER = "the token of whoever started the run"
KEY = "masked-language-lab"


@pytest.fixture(scope="module")
def stand_in():
    with StandIn() as running:
        yield running


@pytest.fixture(scope="module")
def hub_server(tmp_path_factory, stand_in):
    """A server that reaches the Hub and has a token of its own, with one short run."""
    home = tmp_path_factory.mktemp("push") / "home"
    before = os.environ["LAB_HOME"]
    os.environ["LAB_HOME"] = str(home)
    try:
        settings = {"max_train_chunks": 8, "max_test_chunks": 4, "max_steps": 1, "chunk_size": 32, "probes": ()}
        list(fine_tune(preset("quick", device="cpu", precision="fp32", **settings)))
    finally:
        os.environ["LAB_HOME"] = before
    hub = {"HF_ENDPOINT": stand_in.address, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
    running = Server(home, LAB_ADMIN_TOKEN=OWNER, **hub)
    yield running
    running.stop()


@pytest.fixture
def run(hub_server, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(hub_server.home))
    return list_runs()[0].id


@pytest.fixture
def someone(browser, hub_server, run, request):
    """A visitor whose browser remembers the run, with the token that it is asked to hold."""
    for visitor in visit(browser, hub_server):
        memory = json.dumps(json.dumps({"runs": {run: {"token": request.param, "at": 1}}}))
        visitor.context.add_init_script(f"if (!localStorage.getItem('{KEY}')) localStorage.setItem('{KEY}', {memory})")
        page = visitor.open("fill-mask")
        page.locator(".more", has_text="Put your model on the Hugging Face Hub").locator("button").first.click()
        expect(page.locator("#page-fill-mask")).to_contain_text("What goes up is run")
        yield page


def upload(page, name: str, token: str) -> None:
    page.locator("#fill-mask-repo input, #fill-mask-repo textarea").fill(name)
    page.locator("#fill-mask-token input").fill(token)
    page.locator("#fill-mask-push").click()


@pytest.mark.parametrize("someone", [OWNER], indirect=True)
def test_a_model_goes_up_with_its_card_and_the_token_stays_nowhere(someone, stand_in, hub_server):
    upload(someone, "ada/from-the-page", TOKEN)
    expect(someone.locator("#page-fill-mask .note.good")).to_contain_text("ada/from-the-page")
    assert {"README.md", "model.safetensors", "tokenizer.json"} <= set(stand_in.repos["ada/from-the-page"])
    assert stand_in.made["ada/from-the-page"]["visibility"] == "private"
    assert someone.locator("#fill-mask-token input").input_value() == ""
    assert TOKEN not in someone.evaluate("JSON.stringify({...localStorage}) + location.href")
    written = [path for path in hub_server.home.parent.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in written)


@pytest.mark.parametrize("someone", [OWNER], indirect=True)
def test_what_cannot_be_uploaded_is_told_and_never_goes_up_in_the_labs_own_name(someone, stand_in):
    bad = someone.locator("#page-fill-mask .note.bad")
    for name, token, told in (
        ("ada/never", "", "Give a token of yours"),
        ("ada/never", "hf_wrong", "it wants to know who you are"),
        ("never", TOKEN, "is not USER/NAME"),
    ):
        upload(someone, name, token)
        expect(bad).to_contain_text(told)
        expect(someone.locator("#fill-mask-token input")).to_have_value("")
    assert not any("never" in name for name in stand_in.repos)


@pytest.mark.parametrize("someone", ["a stranger's guess"], indirect=True)
def test_a_strangers_run_is_not_uploaded(someone, stand_in):
    upload(someone, "eve/stolen", TOKEN)
    expect(someone.locator("#page-fill-mask .note.bad")).to_contain_text("Only whoever started a run")
    assert "eve/stolen" not in stand_in.repos
