"""Formulas become HTML while the site is built, and nothing else on a page is touched."""

import json
import re
import shutil
from html import unescape

import pytest
from markdown import Markdown
from mkdocs.exceptions import PluginError

from tests.site_fixtures import ROOT, build
from tools.katex import render, without_colours

EXTENSIONS = ["tools.kramdown", "tools.katex", "admonition", "tables", "pymdownx.superfences"]


def convert(text: str) -> str:
    return Markdown(extensions=EXTENSIONS).convert(text)


def formulas(text: str) -> int:
    return convert(text).count('class="katex"')


def test_a_formula_in_a_sentence():
    html = convert(r"The width $d_k$, and its root $\sqrt{d_k}$.")
    assert html.count('class="katex"') == 2
    assert "<math" in html, "MathML, for those who listen"
    assert "$" not in html
    assert "annotation" not in html


@pytest.mark.parametrize("tex", [r"\{a\}", "a_i * b_i * c_i", "a < b", "x^2"])
def test_markdown_leaves_a_formula_alone(tex):
    assert convert(f"So ${tex}$.") == f"<p>So {render(tex)}.</p>"


@pytest.mark.parametrize(
    "text",
    [
        "`$x$`",
        "```\n$x$\n\n$$\ny\n$$\n```",
        "    $$ x $$",
        "<pre>$x$</pre>",
        r"It costs \$5 or \$6.",
        "It costs $5 and then $6.",
        "It costs $5-$6.",
        "A $ and a $.",
    ],
)
def test_what_is_no_formula_stays(text):
    assert formulas(text) == 0
    assert convert(text).count("$") == text.count("$")
    assert "\\$" not in convert(text)


def test_a_formula_on_lines_of_its_own():
    html = convert(
        "Before\n$$\n\\begin{aligned}\na &= b \\\\\n- c\n+ d\n\n= e\n\\end{aligned}\n$$\nafter"
    )
    before, _, after = html.partition('<div class="formula"')
    assert before == "<p>Before</p>\n"
    assert "katex-display" in after
    assert 'tabindex="0"' in after, "wide formulas scroll, by keyboard too"
    assert html.endswith("<p>after</p>")
    assert "<li>" not in html


@pytest.mark.parametrize(
    "text",
    [
        "- an item\n\n    $$ x $$\n\n- another",
        "1. an item\n\n    $$\n    x\n    $$",
        "!!! note\n    Look:\n\n    $$ x $$",
        "> $$ x $$",
        "| a |\n| --- |\n| $x$ |",
        "*$x$*",
        "[$x$](index.md)",
        "# The factor $x$",
        "in a sentence, as Just the Docs writes it: $$x$$",
    ],
)
def test_formulas_stand_anywhere(text):
    assert formulas(text) == 1
    assert "$" not in convert(text)


@pytest.mark.parametrize("role", ["query", "key", "value", "weights", "source", "target"])
def test_the_colours_of_the_book(role):
    html = render(rf"\{role}{{X}}")
    assert re.search(rf'<span class="[\w ]*\b{role}">', html)
    assert f"--{role}" in (ROOT / "docs/assets/attention.css").read_text()


def test_macros_reach_into_fractions_and_back():
    assert render(r"\frac{\query{Q}\key{K}}{\query{q}}").count(" query") == 2


def test_a_heading_is_read_once_in_the_contents():
    md = Markdown(extensions=["tools.katex", "toc"])
    md.convert("# One\n\n## Why [*the* root](x.md) $d_k$ & more\n\n## Two *words*\n")
    why, plain = [token["name"] for token in md.toc_tokens[0]["children"]]
    assert why == f"Why <em>the</em> root {render('d_k')} &amp; more"
    assert plain == "Two words"


def test_a_formula_without_colours_is_plain_tex():
    assert without_colours(r"\cdot\query{Q}\,\key {k_j}") == r"\cdot{Q}\,{k_j}"
    assert without_colours(r"\querying \value") == r"\querying "


@pytest.mark.parametrize("display", [False, True])
def test_a_formula_carries_its_tex_to_be_copied(display):
    html = render(r" \query{Q} < \text{a \& ''} ", display)
    (tex,) = re.findall(r'<span class="katex" data-tex="([^"]*)">', html)
    assert unescape(tex) == r"{Q} < \text{a \& ''}"


def test_no_formula_can_load_or_link():
    assert "<img" not in render(r"\includegraphics{https://example.org/a.png}")
    assert "<a " not in render(r"\href{https://example.org}{x}")


@pytest.mark.parametrize("tex", [r"\frac{1}", r"\nonsense x", "x_", "{"])
def test_an_invalid_formula_is_an_error(tex):
    with pytest.raises(PluginError, match=re.escape(f"cannot read the formula `{tex}`")):
        convert(f"Wrong: ${tex}$")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    docs = tmp_path_factory.mktemp("formulas")
    shutil.copytree(ROOT / "docs" / "assets", docs / "assets")
    (docs / "index.md").write_text("---\ntitle: Home\n---\n# Home\n")
    (docs / "formula.md").write_text("---\ntitle: Formula\n---\n# Formula\n\n$x$\n")
    return docs


def test_only_a_page_with_a_formula_pays_for_it(pages, tmp_path):
    site = build(pages, tmp_path / "site")
    assert site.sound, site.warnings
    assert "assets/katex" not in site.page("")
    assert 'href="../assets/katex/katex.min.css"' in site.page("formula")

    folder = site.site / "assets" / "katex"
    css = (folder / "katex.min.css").read_text()
    named = {folder / name for name in re.findall(r"url\(([^)]*)\)", css)}
    fonts = set(folder.glob("fonts/*"))
    assert named == fonts
    assert {font.suffix for font in fonts} == {".woff2"}


def test_search_reads_a_formula_once(pages, tmp_path):
    docs = shutil.copytree(pages, tmp_path / "docs")
    (docs / "more.md").write_text(
        "---\ntitle: More\n---\n# More\n\nWith $uvw$ in it.\n\n$$\n\\query{xyz}\n$$\n\nAnd so on.\n"
    )
    site = build(docs, tmp_path / "site")
    entries = json.loads((site.site / "search" / "search_index.json").read_text())["docs"]
    (text,) = (entry["text"] for entry in entries if entry["location"] == "more/")
    assert " ".join(re.sub("<[^>]+>", "", text).split()) == "With uvw in it. xyz And so on."


def test_an_invalid_formula_fails_the_build_with_the_page(pages, tmp_path):
    docs = shutil.copytree(pages, tmp_path / "docs")
    (docs / "deep").mkdir()
    (docs / "deep" / "wrong.md").write_text(
        "---\ntitle: Wrong\n---\n# Wrong\n\n$$\n\\frac{1}\n$$\n"
    )
    site = build(docs, tmp_path / "site")
    assert not site.sound
    assert "deep/wrong.md" in site.warnings[0]
    assert site.warnings[1].startswith(r"cannot read the formula `\frac{1}`")
