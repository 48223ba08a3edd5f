"""The built site, as a reader's browser receives it."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from textwrap import dedent

import pytest
from PIL import Image

from images import cards
from tests.site_fixtures import ROOT, Build, build
from tools.links import faults

DROPPED_IN = """
---
layout: default
title: A chapter from elsewhere
nav_order: 7
description: "Written for Just the Docs."
has_children: false
parent: A part from elsewhere
---

# A chapter from elsewhere
{: .no_toc }

## Table of contents
{: .no_toc .text-delta }

1. TOC
{:toc}

---

Here is how the course is laid out.
* We'll start with pictures.
* And go on with code:

```text
a row
- another row
```

<img src="./images/intro-fig1.svg"/>
![As GitHub shows it](../images/intro-fig2.svg)

{: .note }
A paragraph to note.

{: .warning-title }
> Take care
>
> A quote with a title.

> A plain quote.

Wide words
{: .label .label-green }

## The last section
"""
PART = "---\ntitle: A part from elsewhere\nnav_order: 6\nhas_children: true\n---\n# A part\n"


class Outline(HTMLParser):
    """Every tag of a page, in order, with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of every such tag."""
        found = [attributes for name, attributes in self.tags if name == tag]
        return [one for one in found if wanted.items() <= one.items()]


def pages(site: Build) -> dict[str, str]:
    return {
        path.parent.relative_to(site.site).as_posix(): path.read_text("utf-8")
        for path in sorted(site.site.rglob("index.html"))
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """Docs of one page, into which a test drops another."""
    docs = tmp_path_factory.mktemp("small")
    shutil.copytree(ROOT / "docs" / "assets", docs / "assets")
    (docs / "index.md").write_text("---\ntitle: Home\n---\n# Home\n")
    return docs


@pytest.fixture
def build_with(small, tmp_path):
    """Build the small docs with more pages."""

    def build_it(pages: dict[str, str], **environment: str) -> Build:
        docs = tmp_path / "docs"
        shutil.copytree(small, docs)
        for name, text in pages.items():
            (docs / name).parent.mkdir(exist_ok=True, parents=True)
            (docs / name).write_text(dedent(text).lstrip())
        return build(docs, tmp_path / "site", **environment)

    return build_it


def test_every_page_is_whole(built):
    for name, html in pages(built).items():
        outline = Outline(html)
        assert len(outline.all("h1")) == 1, name
        assert len(outline.all("main")) == len(outline.all("header")) == 1, name
        assert outline.all("html")[0]["lang"] == "en", name
        assert outline.all("form", role="search")[0]["aria-label"], name
        labels = [nav.get("aria-label", nav.get("aria-labelledby")) for nav in outline.all("nav")]
        assert all(labels), name
        assert len(set(labels)) == len(labels), f"{name}: {labels}"


def test_every_picture_has_its_words_and_its_size(built):
    for name, html in pages(built).items():
        for picture in Outline(html).all("img"):
            assert picture["alt"].strip(), f"{name}: {picture['src']}"
            assert int(picture["width"]) > 0, f"{name}: {picture['src']}"
            assert int(picture["height"]) > 0, f"{name}: {picture['src']}"


def test_no_markup_is_left_over(built):
    for name, html in pages(built).items():
        text = re.sub(r"<(script|style|pre|code)\b.*?</\1>", "", html, flags=re.DOTALL)
        text = re.sub(r"<[^>]*>", "", text)
        assert not re.search(r"```|\{:\s*[.#]|^!!! |\]\(\S+\)", text, re.MULTILINE), name


def test_no_link_is_dead_and_nothing_comes_from_elsewhere(built):
    assert list(faults(built.site)) == []


def test_links_that_need_an_address_vanish_without_one(built):
    for name, html in pages(built).items():
        assert 'rel="canonical"' not in html, name
        assert "/edit/main/" not in html, name
        assert "<!--repository" not in html, name
        assert not re.search(r'(?:href|src)="/', html), name
    assert "/assets/" not in (built.site / "404.html").read_text()


def test_a_known_address_brings_them_back(build_with):
    site = build_with(
        {"a/b.md": "---\ntitle: B\n---\n# B\n\nIt is <!--repository-->here<!--/repository-->.\n"},
        SITE_URL="https://someone.example/course/",
        GITHUB_REPOSITORY="someone/course",
    )
    assert site.sound, site.warnings
    assert 'href="https://github.com/someone/course/edit/main/docs/a/b.md"' in site.page("a/b")
    assert 'href="https://someone.example/course/a/b/"' in site.page("a/b")
    assert 'It is <a href="https://github.com/someone/course">here</a>.' in site.page("a/b")
    assert 'href="/course/assets/attention.css"' in (site.site / "404.html").read_text()


def test_every_page_says_what_it_is(built):
    book = "Attention in Transformers with PyTorch"
    assert f"<title>{book}</title>" in built.page(".")
    assert f"<title>Introduction - {book}</title>" in built.page("introduction")
    assert f"<title>This page is not here - {book}</title>" in (built.site / "404.html").read_text()
    for name, html in pages(built).items():
        outline = Outline(html)
        assert len(outline.all("title")) == 1, name
        for kind in ("title", "description", "type", "site_name"):
            (said,) = outline.all("meta", property=f"og:{kind}")
            assert said["content"], name
        assert not outline.all("meta", property="og:image"), name


def test_a_site_with_an_address_has_a_card_for_each_part(build_with):
    chapter = "---\ntitle: C\n---\n# C\n"
    site = build_with({"models/c.md": chapter, "c.md": chapter}, SITE_URL="https://some.one/book/")
    assert site.sound, site.warnings
    for page, part in (("models/c", "models"), ("c", "start"), (".", "start")):
        (card,) = Outline(site.page(page)).all("meta", property="og:image")
        assert card["content"] == f"https://some.one/book/assets/cards/{part}.png"
        with Image.open(site.site / "assets" / "cards" / f"{part}.png") as picture:
            assert picture.size == (1200, 630)
            assert len(picture.convert("RGB").getcolors(10**6)) > 100, "an empty card"


def test_the_card_of_a_part_shows_its_chapters():
    for part, (title, about, stops) in cards.PARTS.items():
        said = cards.words(part)
        assert all(words in said for words in (title, about, *(name for name, _, _ in stops)))


def test_a_just_the_docs_chapter_drops_in(build_with):
    site = build_with({"part.md": PART, "chapter.md": DROPPED_IN})
    assert site.sound, site.warnings
    page = site.page("chapter")
    outline = Outline(page)

    # In its place: under its part, which lists it, and named in the breadcrumbs.
    part = site.page("part")
    assert re.search(r'<summary aria-label="Chapters of A part from elsewhere">', page)
    assert outline.all("a", **{"class": "nav-list-link", "aria-current": "page"})
    assert '<li aria-current="page">A chapter from elsewhere</li>' in page
    children = part.partition('id="table-of-contents"')[2]
    assert (
        '<a href="../chapter/">A chapter from elsewhere</a> (5 minutes): Written for Just'
        in children
    )

    # Its pictures, its lists, its callouts and labels.
    pictures = outline.all("img")
    assert [p["src"] for p in pictures] == ["../images/intro-fig1.svg", "../images/intro-fig2.svg"]
    assert all((site.site / "chapter" / picture["src"]).is_file() for picture in pictures)
    assert re.search(r"<li>We'll start with pictures\.</li>", page)
    assert "a row\n- another row" in re.sub(r"<[^>]+>", "", page)
    assert re.search(
        r'<div class="admonition note">\s*<p class="admonition-title">Note</p>\s*'
        r"<p>A paragraph to note\.</p>\s*</div>",
        page,
    )
    assert re.search(
        r'<div class="admonition warning">\s*<p class="admonition-title">Take care</p>', page
    )
    assert re.search(r"<blockquote>\s*<p>A plain quote", page)
    assert '<p class="label label-green">Wide words</p>' in page
    assert "TOC" not in page
    assert '<a href="#the-last-section">The last section</a>' in page


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<img src="./images/missing.png"/>', "there is no picture ./images/missing.png"),
        ("![Missing](../../images/missing.svg)", "/images/missing.svg"),
        ('<img src="https://example.org/a.png" alt="a">', "lies on another host"),
        ("[dead](nowhere.md)", "nowhere.md"),
        ("[dead](../index.md#nowhere)", "#nowhere"),
        ('<a href="../nowhere/">dead</a>', "its link ../nowhere/ leads nowhere"),
        ('<a href="#nowhere">dead</a>', "its link #nowhere names an anchor that is not there"),
        ('<script src="https://example.org/a.js"></script>', "from another host"),
    ],
)
def test_a_fault_in_a_page_fails_the_build(build_with, text, fault):
    site = build_with({"deep/page.md": f"---\ntitle: Page\n---\n# Page\n\n{text}\n"})
    assert not site.sound
    assert any("deep/page.md" in line and fault in line for line in site.warnings), site.warnings


@pytest.mark.parametrize(
    ("front", "fault"),
    [
        ("title: Page\nparent: Nobody", "its parent 'Nobody' is no page's title"),
        ("title: Page\nparent: Page", "is its own parent"),
        ("nav_order: 3", "has no title"),
    ],
)
def test_a_page_that_stands_nowhere_fails_the_build(build_with, front, fault):
    site = build_with({"deep/page.md": f"---\n{front}\n---\n# Page\n"})
    assert not site.sound
    assert any("deep/page.md" in line and fault in line for line in site.warnings), site.warnings


def test_pages_stand_in_the_order_of_their_front_matter(build_with):
    site = build_with(
        {
            "z.md": "---\ntitle: Z\nnav_order: 2\n---\n# Z\n",
            "a.md": "---\ntitle: A\nnav_order: 10\n---\n# A\n",
            "b.md": "---\ntitle: B\n---\n# B\n",
            "c.md": "---\ntitle: C\nparent: Z\n---\n# C\n",
            "d.md": "---\ntitle: C.D\nparent: C\ngrand_parent: Z\n---\n# D\n",
            "hidden.md": "---\ntitle: Hidden\nnav_exclude: true\n---\n# Hidden\n",
        }
    )
    assert site.sound, site.warnings
    links = re.findall(r'class="nav-list-link" href="[^"]*"[^>]*>([^<]*)<', site.page("d"))
    assert links == ["Z", "C", "D", "A", "B", "Home"], "C.D stands in C, so D is enough"
    crumbs = site.page("d").partition('class="breadcrumb-nav"')[2].partition("</nav>")[0]
    assert re.findall(r">([\w.]+)<", crumbs) == ["Z", "C", "C.D"]


def colours() -> dict[str, tuple[str, str]]:
    css = (ROOT / "docs" / "assets" / "attention.css").read_text()
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", css)
    return {name: (light, dark) for name, light, dark in found}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, as WCAG 2 counts it."""

    def luminance(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_counted_right():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_colour_can_be_read(scheme):
    named = {name: pair[scheme] for name, pair in colours().items()}
    grounds = {name: named[name] for name in ("ground", "side-ground", "code-ground")}
    texts = named.keys() - grounds.keys() - {"border", "control", "mark"}
    assert {"text", "link", "query", "target", "code-comment", "red"} <= texts
    for text in texts:
        for ground in grounds:
            if ground == "side-ground" and text not in {"text", "heading", "muted", "link"}:
                continue
            ratio = contrast(named[text], named[ground])
            assert ratio >= 4.5, f"--{text} on --{ground}: {ratio:.2f}"
