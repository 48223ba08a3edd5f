"""The search in a real browser: the page that explains a term comes first, slip or no slip."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.prose import DOCS
from tests.site_fixtures import Build
from tools.search import ALSO, GLOSSARY, names, terms

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
TERMS = terms((DOCS / GLOSSARY).read_text("utf-8"))
# Other terms are made of these words, so the pages of those may come before the one wanted.
# "Attention" alone is in a quarter of all terms, and finds no page of its own.
IN_OTHER_TERMS = """
Batch · Decode · Decoder · Decoder-only · Dimension · Dot-product attention · Dot product ·
Embedding · Encoder · Encoder-only · Head · Hidden state · Key · Loss · Mask ·
Multi-head latent attention · Multi-query attention · Padding ·
Positional encoding · Prompt · Query · Self-attention · Soft attention · Softmax · Token · Value ·
Vector · Weight
"""
# What learners type, and the page that explains it.
PAGES = {
    "beam search": "before-attention/encoder-decoder/",
    "BLEU": "before-attention/word-by-word/",
    "perplexity": "models/gpt/",  # "by hand"; the glossary's page comes first
    "logits": "introduction/",
    "KV cache": "models/transformer/",
    "RoPE": "models/rotary-positions/",
    "softmax temperature": "models/gpt/",
    "cross attention": "attention/encoder-decoder-attention/",
    "why divide by sqrt": "attention/self-attention-math/",
    "GQA": "attention/coding-multi-head-attention/",
    "autoregressive": "introduction/",
    "sqrt": "attention/self-attention-math/",
    "padding mask": "before-attention/first-attention/",
    "layer norm": "models/transformer/",
    "masked_fill": "attention/masked-self-attention-math/",
    "SelfAttention": "attention/coding-self-attention/",
    "attention mask": "attention/masked-self-attention-math/",
    "encoder": "introduction/",
    "embedding": "attention/main-ideas/",
    "label smoothing": "models/transformer/",
    "sampling": "models/gpt/",
    "KV cache size": "models/llama/",
    "rotary": "models/rotary-positions/",
    "fine-tuning": "models/bert/",
    "tokenizer": "models/bert/",
    "gradient": "primer/",
    "causal": "attention/masked-self-attention-math/",
    "heads": "attention/multi-head-attention/",
    "Bahdanau": "before-attention/first-attention/",
    "Luong": "before-attention/first-attention/",
    "sliding window": "models/llama/",
}
SLIPS = {
    "embeding": "embedding",
    "atention": "attention",
    "trasformer": "transformer",
    "sofmax": "softmax",
    "perplexety": "perplexity",
    "Bahdanua": "Bahdanau",
    "layer normalization": "layer normalisation",
    "embedings": "embeddings",
}
# Counts what Material's page still waits for, so that no test reads the results too early.
COUNT = """
  window.waiting = null;
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (message) {
    if (waiting === null) this.addEventListener("message", () => waiting--);
    waiting++;
    postMessage.call(this, message);
  };
"""


class Search:
    """The search box of an open page, and what it finds."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.box = page.get_by_role("searchbox")
        self.results = page.locator(".search-results")

    def type(self, query: str) -> list[str]:
        """Press the keys of a query, and give the pages found, the best first."""
        self.box.fill("")
        self.box.press_sequentially(query)
        return self.found()

    def paste(self, query: str) -> list[str]:
        """Put in a whole query without a key, as the mouse does, and give the pages found."""
        self.box.select_text()
        self.page.keyboard.insert_text(query)
        return self.found()

    def found(self) -> list[str]:
        """The addresses of the pages found, within the site."""
        self.page.wait_for_function("waiting === 0")
        links = self.results.locator("li > a:first-child")
        found = links.evaluate_all("links => links.map((link) => link.href)")
        return [link.removeprefix(self.address).partition("#")[0] for link in found]


@pytest.fixture(scope="module")
def search(browser: Browser, built: Build, serve: Callable[[Path], str]) -> Iterator[Search]:
    """The search of a page whose box a reader has gone to."""
    address = f"{serve(built.site)}/"
    page = browser.new_page()
    page.add_init_script(COUNT)
    page.goto(f"{address}introduction/", wait_until="load")
    search = Search(page, address)
    search.box.click()
    yield search
    page.close()


def test_what_learners_type_finds_the_page_that_explains_it(search):
    faults = []
    for query, wanted in PAGES.items():
        found = search.type(query)
        if wanted not in found[:2] or found[0].startswith("reference/"):
            faults.append(f"{query}: {found[:3]}, not {wanted}")
    assert not faults, "\n".join(faults)


def test_a_term_finds_the_page_that_explains_it_first(search):
    shared, faults = " ".join(IN_OTHER_TERMS.split()).split(" · "), []
    for term, page in TERMS.items():
        for name in names(term):
            wanted = re.sub(r"\.\w+$", "/", page)
            enough = 4 if names(term)[0] in shared else 2 if name.lower() in ALSO else 1
            found = search.paste(name)[:enough]
            if term != "Attention" and wanted not in found:
                faults.append(f"{name}: {found} before {wanted}")
    assert not faults, "\n".join(faults)


def test_a_word_with_one_letter_wrong_is_found(search):
    for typed, meant in SLIPS.items():
        wanted = search.type(meant)
        # Where a title of a paper has the other spelling, the second hit may be another.
        assert search.type(typed)[0] == wanted[0], typed
    search.type("embeding")
    expect(search.results.locator("mark").first).to_have_text(re.compile("embedding"))
    expect(search.results.locator("del").first).to_have_text("embeding")


def test_a_plural_finds_the_singular(search):
    for word in ("head", "mask", "embedding"):
        assert search.type(f"{word}s") == search.type(word)


def test_the_signs_of_lunr_keep_their_meaning(search):
    elsewhere = search.results.locator("[role=list] > li:not(:has(:is(h1, h2) mark))")
    search.type("mask")
    assert elsewhere.count() > 0
    assert search.type("title:mask")
    assert elsewhere.count() == 0
    assert search.type("mask -attention"), "some page has no attention"
    assert "attention/multi-head-attention/" not in search.found()
    assert search.type('"causal mask"')[0] == search.type("causal mask")[0]


def test_a_word_that_nothing_is_like_finds_nothing(search):
    assert search.type("zeugma") == []


def test_common_words_are_left_out_unless_there_are_no_others(search):
    assert search.type("what is the perplexity") == search.type("perplexity")
    assert search.type("in"), "it begins other words"


def test_what_the_mouse_pastes_is_found_at_once(search):
    search.type("nothing yet")
    assert search.paste("Luong")[0] == "before-attention/first-attention/"
    search.box.fill("")
    assert search.found() == []


def luminance(colour: str) -> float:
    """The relative luminance of a colour of CSS, as WCAG defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: Locator) -> float:
    """How far the text of an element stands out from its own ground."""
    style = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    dark, light = sorted(map(luminance, text.evaluate(style)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_marked_can_be_read(search, scheme):
    search.page.emulate_media(color_scheme=scheme)
    search.type("embedding")
    assert contrast(search.results.locator("h1 mark").first) >= 4.5
    assert contrast(search.results.locator("p mark").first) >= 4.5


def test_the_box_says_which_key_leads_to_it(browser, built, serve):
    page = browser.new_page(viewport=DESKTOP)
    page.goto(serve(built.site), wait_until="load")
    hint = page.locator(".search-hint")
    expect(hint).to_be_visible()
    page.keyboard.press(hint.text_content())
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(hint).to_be_hidden()
    page.get_by_role("searchbox").blur()
    at = hint.bounding_box()
    page.mouse.click(at["x"] + 1, at["y"] + 1)
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("searchbox").blur()
    page.set_viewport_size(PHONE)
    expect(hint).to_be_hidden()
    page.close()


def test_the_worker_is_of_this_site(search):
    workers = [urlsplit(worker.url).path for worker in search.page.workers]
    assert workers == ["/assets/search-worker.js"]
