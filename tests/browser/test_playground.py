"""<translator-playground> in a browser: the trained Transformer gives the same there as in PyTorch."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, Route, expect

from attention import Translator
from attention.data import toy
from attention.tasks.decoding import Search
from tests.site_fixtures import ROOT, OpenElement
from tools import lab_runs, playground

LAB = playground.LAB
FOLDER = f"{playground.PLACE}/"
SENTENCE = "The agreement on the European Economic Area was signed in August 1992 ."
TRANSLATION = "L'accord sur la zone économique européenne a été signé en août 1992 ."
TRANSLATE = """async ([folder, sentences]) => {
    const { Translator } = await import("./assets/model/translator.js");
    const translator = await Translator.load(new URL(folder, location.href));
    return sentences.map((sentence) => {
        const translation = translator.translate(sentence);
        const weights = translator.model.layers.map(({ name, heads }) =>
            Array.from({ length: heads }, (_, head) => translation.weights(name, head)));
        return { text: translation.text, weights, logits: translation.steps.map((s) => s.logits) };
    });
}"""
# The worker that runs this lab has its weights, so the Transformer is trained once for all.
pytestmark = [
    pytest.mark.xdist_group(LAB.name),
    pytest.mark.on_cpu(reason="a browser, and the weights of a lab"),
]


@pytest.fixture(scope="module")
def trained() -> Path:
    """The folder of the translator that the chapter trains, 32 bits a weight."""
    return lab_runs.execute(LAB).with_suffix("") / playground.SAVED


@pytest.fixture(scope="module")
def half(trained: Path) -> Path:
    """The folder with the weights that the site publishes."""
    return playground.half_precision(trained)


@pytest.fixture(scope="module")
def translator(trained: Path) -> Translator:
    return Translator.load(trained)


@pytest.fixture
def open_playground(open_element: OpenElement, half: Path) -> Callable[..., Page]:
    """Open a page with the element, and answer its requests for weights; `content` replaces a file."""

    def open_page(hash_: str = "", content: dict[str, bytes | None] | None = None, **settings) -> Page:
        html = f"<h1>Test</h1><translator-playground {playground.identity(half)}>A picture.</translator-playground>"
        page = open_element("translator-playground", html, **settings)
        files = {
            **{name: (half / name).read_bytes() for name in playground.NAMES},
            "sentences.json": json.dumps([SENTENCE, "They arrived late ."]).encode(),
        }
        files |= content or {}

        def answer(route: Route) -> None:
            body = files[route.request.url.partition("?")[0].rpartition("/")[2]]
            if body is None:
                route.fulfill(status=404)
            else:
                route.fulfill(body=body)

        page.route(f"**/{FOLDER}*", answer)
        if hash_:
            page.goto("about:blank")
            page.goto(f"http://localhost/#{hash_}")
        return page

    return open_page


def load(page: Page) -> Page:
    page.get_by_role("button", name="Load the model").click()
    expect(page.locator(".playground-output")).to_be_visible()
    return page
