"""Whoever reads of a paper is one click from it, and the bibliography is complete."""

import re

import pytest

from tests.chapters.test_citations import entries
from tests.prose import DOCS, book, prose
from tools import papers
from tools.blocks import find_headings

TABLE = (DOCS / papers.TABLE).read_text("utf-8")
BIBLIOGRAPHY = papers.read(TABLE)
SHORT = papers.read(
    "- Xu and colleagues 2015, [*Show: Attend*](https://example.org/xu).\n"
    "- Cho, Bengio and Su 2014, [*Phrases*](https://example.org/a?b&c).\n"
    "- Cho and Su 2014b, [*Properties*](https://example.org/b).\n"
    "- van den Oord, Li and Vinyals 2018, [*Coding*](https://example.org/oord).\n"
)
XU, CHO = '<a href="https://example.org/xu">', '<a href="https://example.org/a?b&amp;c">'


def reading_list(name: str) -> str:
    """What stands below *Where to read more* on a page."""
    lines = prose(DOCS / name).splitlines()
    below = [h.line for h in find_headings(DOCS / name) if h.text == "Where to read more"]
    if name.endswith(".py"):
        below = [i for i, line in enumerate(lines, 1) if line == "## Where to read more"]
    return "\n".join(lines[below[0] :]) if below else ""


def test_every_line_of_the_bibliography_is_a_paper_in_its_place():
    assert len(BIBLIOGRAPHY) == len(re.findall("^- ", TABLE, re.MULTILINE)) > 90
    assert list(BIBLIOGRAPHY) == sorted(BIBLIOGRAPHY, key=lambda key: (key[0].casefold(), key[1]))


def test_no_address_stands_for_two_papers():
    addresses = [paper.address for paper in BIBLIOGRAPHY.values()]
    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith("https://") for address in addresses)


def test_every_paper_of_a_reading_list_is_in_the_bibliography_with_its_title_and_address():
    faults, count = [], 0
    for name in book():
        for cited in entries(f"docs/{name}", reading_list(name)):
            count += 1
            paper = BIBLIOGRAPHY.get((cited.first, cited.year))
            known = paper and paper.title.startswith(cited.title)
            if not known or (cited.arxiv and not paper.address.endswith(f"/{cited.arxiv}")):
                faults.append(f"{cited.where}: {cited.first} {cited.year}, {cited.title}")
    assert not faults, "not in docs/reference/papers.md as it is here:\n" + "\n".join(faults)
    assert count > 120


def test_the_links_are_in_the_built_pages(built):
    faults = []
    for name in book():
        html = built.page(re.sub(r"(/?index)?\.\w+$", "", name))
        below = html.partition(papers.READING)[2]
        for cited in entries(name, reading_list(name)):
            paper = BIBLIOGRAPHY[cited.first, cited.year]
            if f'<a href="{paper.address}"><em>' not in below:
                faults.append(f"{name}: {cited.title}")
    assert not faults, "not linked:\n" + "\n".join(faults)


def test_the_bibliography_names_the_chapters_that_cite_a_paper(built):
    page = built.page("reference/papers")
    line = next(line for line in page.splitlines() if line.startswith("<li>Dong"))
    assert re.findall(r'href="(\.[^"]*)"', line) == ["../../attention/main-ideas/"]
    uncited = re.findall(r"<li>((?:(?!Cited in|</li>).)*)</li>", page[page.index("<li>Ainslie") :])
    assert not [line for line in uncited if "<em>" in line]


@pytest.mark.parametrize(
    ("cited", "linked"),
    [
        ("Xu and colleagues (2015) say", f"{XU}Xu and colleagues (2015)</a> say"),
        ("(Xu et al. 2015)", f"({XU}Xu et al. 2015</a>)"),
        ("Xu et al. (2015, section 4)", f"{XU}Xu et al.</a> (2015, section 4)"),
        ("So, Cho and colleagues, 2014,", f"So, {CHO}Cho and colleagues, 2014</a>,"),
        ("Cho, Bengio\nand Su 2014:", f"{CHO}Cho, Bengio\nand Su 2014</a>:"),
        ("Xu 2015, <em>Show</em>.", f"Xu 2015, {XU}<em>Show</em></a>."),
        ("Xu 2015, <em>first</em>; Xu 2015", f"Xu 2015, {XU}<em>first</em></a>; Xu 2015"),
        ("Cho 2014b", '<a href="https://example.org/b">Cho 2014b</a>'),
        (
            "van den Oord and colleagues 2018",
            '<a href="https://example.org/oord">van den Oord and colleagues 2018</a>',
        ),
        ("Cho, Gulcehre et al. 2014, Cho 2015, Lacho 2014, Xu 20156", None),
        ("<code>Xu 2015</code>, <h2 id='a'>Xu 2015</h2>, <a href='b'>by Xu 2015</a>", None),
        ("<img alt='Xu 2015'>, <summary>Xu 2015</summary>, <!-- Xu 2015 -->", None),
    ],
)
def test_a_citation_becomes_a_link(cited, linked):
    assert papers.link(cited, SHORT)[0] == (linked or cited)


def test_a_list_of_what_to_read_links_again():
    content = f"Xu 2015, Xu 2015 <h2 {papers.READING}>Where</h2> Xu 2015, Xu 2015"
    content, addresses = papers.link(content, SHORT)
    once = f"{XU}Xu 2015</a>, Xu 2015"
    assert content == f"{once} <h2 {papers.READING}>Where</h2> {once}"
    assert addresses == {"https://example.org/xu"}
