"""The built site and a browser to see it in, for the tests that need them."""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import pytest
from mkdocs.commands.build import build as mkdocs_build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from playwright.sync_api import Browser, Page, Route, sync_playwright

ROOT = Path(__file__).parents[1]
# The first is Chromium without a window: it draws the same, for a third of the work.
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Build:
    """A finished build: where the site lies, whether it is sound, and what MkDocs warned of."""

    site: Path
    sound: bool
    warnings: list[str]

    def page(self, name: str) -> str:
        """The HTML of a page, named by its address."""
        return (self.site / name / "index.html").read_text("utf-8")


class Warnings(logging.Handler):
    """Keeps what MkDocs warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


def build(docs: Path, site: Path, **environment: str) -> Build:
    """Build docs with the project's own configuration, labs not executed."""
    warnings, sound = Warnings(), True
    logging.getLogger("mkdocs").addHandler(warnings)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name in ("SITE_URL", "GITHUB_REPOSITORY"):
            patch.delenv(name, raising=False)
        for name, value in {"LABS": "skip", **environment}.items():
            patch.setenv(name, value)
        config = load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(site))
        try:
            mkdocs_build(config)
        except Abort:
            sound = False
    logging.getLogger("mkdocs").removeHandler(warnings)
    return Build(site, sound, warnings.heard)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """This site, without an address of its own."""
    done = build(ROOT / "docs", tmp_path_factory.mktemp("built") / "some" / "where")
    assert done.sound, done.warnings
    return done


class Quiet(SimpleHTTPRequestHandler):
    """A file server that keeps its log to itself."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file, unless the browser has gone on to another page meanwhile."""
        with suppress(ConnectionError):
            super().copyfile(source, outputfile)


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder on this machine, and give its address."""
    servers = []

    def start(folder: Path) -> str:
        handler = partial(Quiet, directory=folder)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium of this machine; under CI=true it must be there."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            if os.environ.get("CI") == "true":
                pytest.fail("CI must install Chromium")
            pytest.skip("no Chromium on this machine")
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(
    browser: Browser, built: Build, serve: Callable[[Path], str]
) -> Iterator[Callable[..., Page]]:
    """Open a page of the site, which is served from a folder that it was not told of.

    Settings are those of a browser's context; `before` is a script that runs before the page's own.
    """
    contexts = []
    address = serve(built.site.parents[1])

    def open_page(name: str = "", before: str = "", **settings: object) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **settings})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        if before:
            page.add_init_script(before)
        page.goto(f"{address}/some/where/{name}", wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()


class OpenElement(Protocol):
    """Opens a piece of a page in a fresh window; settings are those of a browser's context."""

    def __call__(self, name: str, html: str, **settings: object) -> Page:
        """Open `html` with the book's look, and the script and style of the element `name`."""


@pytest.fixture
def open_element(browser: Browser) -> Iterator[OpenElement]:
    """Open a piece of a page around a custom element, with nothing but this repository's files."""
    address, contexts = "http://localhost/", []  # localhost, so that the clipboard is allowed

    def open_element(name: str, html: str, **settings: object) -> Page:
        head = "".join(
            f'<link rel="stylesheet" href="assets/{style}.css">' for style in ("attention", name)
        )
        whole = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title>'
            f'<meta name="viewport" content="width=device-width">{head}'
            f'<script type="module" src="assets/{name}.js"></script>'
            f'<body data-md-color-scheme="default"><main class="main-content">{html}</main>'
        )

        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(address)
            folder = ROOT if path.startswith("images/") else ROOT / "docs"
            if path:
                route.fulfill(path=folder / path)
            else:
                route.fulfill(body=whole, content_type="text/html")

        context = browser.new_context(**settings)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", answer)
        page.goto(address)
        return page

    yield open_element
    for context in contexts:
        context.close()
