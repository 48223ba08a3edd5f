"""A link whose text is the title of a page leads to that page."""

import re
from posixpath import dirname, join, normpath

import pytest

from tests.prose import DOCS, book, prose
from tools import labs
from tools.blocks import find_headings

pytestmark = pytest.mark.on_cpu(reason="text only")

LINK = re.compile(r"\[([^\[\]]+)\]\(([^)\s#:]+)(?:#[^)\s]*)?\)")

# What the primer explains, in the code of a page.
OF_THE_PRIMER = re.compile(r"\(nn\.Module\)|\.backward\(\)|Trainer\(|Float\[Tensor")
EVERYDAY = {"attention", "models", "home"}  # titles of parts, which are words as well


def titles() -> dict[str, set[str]]:
    """The pages by their titles in the navigation, and by their headings."""
    found: dict[str, set[str]] = {}
    for name in book():
        text = (DOCS / name).read_text("utf-8")
        front = re.search(r"^(?:# )?title: \"?(.+?)\"?$", text, re.MULTILINE)
        if name.endswith(".md"):
            headings = [h.text for h in find_headings(DOCS / name) if h.level == 1]
        else:
            headings = [str(labs.front_matter(DOCS / name)["title"])]
        for title in {*headings, *([front[1]] if front else [])}:
            found.setdefault(plain(title), set()).add(name)
    return found


def plain(text: str) -> str:
    """A title as it may stand in a sentence."""
    return re.sub(r"^(the|lab:) ", "", " ".join(re.sub(r"[*`]", "", text).lower().split()))


def strays(name: str, text: str, known: dict[str, set[str]]) -> list[str]:
    """The links of a page that name one page and lead to another."""
    return [
        f"docs/{name}:{text.count(chr(10), 0, link.start()) + 1}: {link[0]}"
        for link in LINK.finditer(text)
        if plain(link[1]) not in EVERYDAY
        and (pages := known.get(plain(link[1])))
        and normpath(join(dirname(name), link[2])) not in pages
        and link[2].endswith((".md", ".py"))
    ]


def test_a_link_leads_to_the_page_that_it_names():
    known = titles()
    found = [fault for name in book() for fault in strays(name, prose(DOCS / name), known)]
    assert not found, "these name another page:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "stray"),
    [
        ("[The main ideas](main-ideas.md#a), [main *ideas*](../attention/main-ideas.md)", False),
        ("See\n[the main ideas](positions.md).", True),
        ("[its idea](positions.md), [Main ideas](https://example.org)", False),
    ],
)
def test_a_stray_link_is_named(text, stray):
    known = {"main ideas": {"attention/main-ideas.md"}}
    assert bool(strays("attention/other.md", text, known)) is stray


@pytest.mark.parametrize("name", [name for name in book() if name != "primer.md"])
def test_a_page_that_uses_what_the_primer_explains_links_to_it(name):
    text = (DOCS / name).read_text("utf-8")
    assert "primer.md" in text or not OF_THE_PRIMER.search(text)
