"""The search in a real browser: the page that explains a term is found first."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.prose import DOCS
from tests.site_fixtures import Build
from tools.search import GLOSSARY, names, tag_terms, terms

TERMS = terms((DOCS / GLOSSARY).read_text("utf-8"))
# Other terms are made of these words, so the pages of those may come before the one wanted.
# "Attention" alone is in a quarter of all terms, and finds no page of its own.
IN_OTHER_TERMS = """
Batch · Decode · Decoder · Decoder-only · Dimension · Dot-product attention · Dot product ·
Embedding · Encoder · Encoder-only · Head · Hidden state · Key · Loss · Mask ·
Multi-head latent attention · Multi-query attention ·
Positional encoding · Prompt · Query · Self-attention · Soft attention · Softmax · Token · Value ·
Vector · Weight
"""
# What Material's own page does with what is typed, without the typing.
ASK = """async (queries) => {
  const config = JSON.parse(document.querySelector("#__config").textContent);
  const base = new URL(config.base, location);
  const index = await (await fetch(new URL("search/search_index.json", base))).json();
  const worker = new Worker(new URL(config.search, base));
  const answer = (message) => new Promise((done) => {
    worker.onmessage = ({ data }) => done(data.data);
    worker.postMessage(message);
  });
  await answer({ type: 0, data: { ...index, options: { suggest: false } } });
  const found = [];
  for (const data of queries) {
    const { items } = await answer({ type: 2, data });
    found.push(items.map(([page]) => page.location.split("#")[0]));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def ask(browser: Browser, built: Build, serve: Callable[[Path], str]):
    """The pages that queries find, the best first, by their addresses within the site."""
    page = browser.new_page()
    page.goto(f"{serve(built.site)}/introduction/", wait_until="load")
    yield lambda queries: page.evaluate(ASK, queries)
    page.close()


def test_a_term_finds_the_page_that_explains_it_first(ask):
    typed = [(name, term) for term in TERMS for name in names(term) if term != "Attention"]
    shared, faults = " ".join(IN_OTHER_TERMS.split()).split(" · "), []
    for (name, term), found in zip(typed, ask([name for name, _ in typed]), strict=True):
        wanted = re.sub(r"\.\w+$", "/", TERMS[term])
        enough = 4 if names(term)[0] in shared else 1
        if wanted not in found[:enough]:
            faults.append(f"{name}: {found[:2]} before {wanted}")
    assert not faults, "\n".join(faults)


def test_a_chapter_comes_before_the_api(ask):
    queries = ["sampling", "heads", "Luong", "causal", "beam search", "padding", "layer norm"]
    for query, found in zip(queries, ask(queries), strict=True):
        assert not found[0].startswith("reference/"), query
    [[first, *_]] = ask(["SelfAttention"])
    assert first.startswith(("reference/api/", "attention/")), first


def test_the_section_that_names_a_term_gets_it_as_a_tag():
    index = [
        {"location": "a/", "title": "A", "text": "About gates."},
        {"location": "a/#recall", "title": "Do you remember?", "text": "An LSTM?"},
        {"location": "a/#lstm", "title": "A cell", "text": "The LSTM has gates."},
        {"location": "a/#gates", "title": "Gates", "text": "They open."},
        {"location": "b/", "title": "Gates", "text": "An LSTM."},
    ]
    explained = {"Long short-term memory (LSTM)": "a.md", "Gate": "a.md", "Else": "a.md"}
    tag_terms(index, explained)
    assert [entry.get("tags") for entry in index] == [
        ["Else"],
        None,
        ["Long short-term memory", "LSTM"],
        ["Gate"],
        None,
    ]
