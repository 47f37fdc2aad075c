"""The app as a visitor meets it: a server of its own and a real browser, with whatever goes wrong on the page kept."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
LEFT = ("AbortError", "Connection errored out")  # what Gradio says then
PATIENCE = 120_000  # ms that a wait may take where other work shares the cores


class Server:
    """One running app, with a home of its own."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.environment = home, environment
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it serves its page."""
        environment = os.environ | {"HF_HUB_OFFLINE": "1"} | self.environment
        command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(self.port), "--home", str(self.home)]
        self.log = (self.home.parent / f"{self.home.name}.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        end = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(self.address, timeout=2):
                    return
            except OSError:
                assert self.process.poll() is None, Path(self.log.name).read_text()
                time.sleep(0.1)
        raise AssertionError("The app did not serve its page.")

    def stop(self) -> None:
        """Stop it as Ctrl-C would."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app that most tests share."""
    running = Server(tmp_path_factory.mktemp("app") / "home")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the system's, or the one that Playwright has installed."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("No Chromium here: `apt-get install chromium`, or `playwright install chromium`.")
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


class Visitor:
    """A browser of one's own: its tabs share what it remembers. Keeps what went wrong on its pages."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context, self.address = context, address
        self.wrong: list[str] = []
        context.set_default_timeout(PATIENCE)

    def open(self, lesson: str, **settings: object) -> Page:
        """A new tab with a lesson, as a link opens it."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"script error: {error}"))
        page.on("console", lambda said: said.type == "error" and self.wrong.append(f"console: {said.text}"))
        page.on("request", lambda request: self._check_host(request.url))
        page.goto(f"{self.address}/?{urlencode({'lesson': lesson, **settings})}")
        page.wait_for_selector(f"#page-{lesson}")
        self.settled(page)
        return page

    def settled(self, page: Page) -> None:
        """Wait until nothing in sight is still waiting to be drawn."""
        page.wait_for_function(
            "() => ![...document.querySelectorAll('.note.waiting')].some(note => note.checkVisibility())"
        )

    def commit(self, page: Page, id: str, value: object) -> None:
        """Make a prediction: a number, or one of the options."""
        form = page.locator(f"form.prediction[data-key^='open-{id}']").filter(visible=True)
        if form.locator("input[type=number]").count():
            form.locator("input[type=number]").fill(str(value))
        else:
            form.locator("label.option", has_text=str(value)).first.click()
        form.locator("button[type=submit]").click()

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.wrong.append(f"request to another host: {url}")


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    """A newcomer; the test fails if anything went wrong on a page, whatever else it looked at."""
    yield from visit(browser, server)


@pytest.fixture(scope="module")
def resident(browser: Browser, server: Server) -> Iterator[Visitor]:
    """One who stays through a file's tests, which saves loading the page: each test makes what it needs by itself."""
    yield from visit(browser, server)


@pytest.fixture
def open_lesson(visitor: Visitor) -> Callable[..., Page]:
    """open_lesson("masking", seed=3) → the page, drawn."""
    return visitor.open


def visit(browser: Browser, server: Server, **how: object) -> Iterator[Visitor]:
    """A visitor with a browser of their own, for fixtures."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **how})
    someone = Visitor(context, server.address)
    yield someone
    context.close()
    if any("AbortError" in wrong for wrong in someone.wrong):  # a page that was left or reloaded while an answer was due
        someone.wrong = [wrong for wrong in someone.wrong if not any(each in wrong for each in LEFT)]
    assert not someone.wrong, someone.wrong
