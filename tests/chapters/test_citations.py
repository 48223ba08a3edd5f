"""A paper is cited alike wherever it is cited: first author, year, title and arXiv number agree."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.prose import DOCS, book, prose
from tools import papers as bibliography
from tools.papers import NAME

pytestmark = pytest.mark.on_cpu(reason="text only")

# Bahdanau, Cho and Bengio 2014, *Neural … Translate* (arXiv 1409.0473; ICLR 2015)
ENTRY = re.compile(
    rf"(?P<first>{NAME}(?: Team)?)(?:, {NAME})*(?: and (?:{NAME}|colleagues|others))? "
    r"(?P<year>(?:19|20)\d\db?), \*(?P<title>[^*]+)\*(?: \(arXiv (?P<arxiv>\d{4}\.\d{4,5}))?"
)
# Bahdanau et al. (2014), Xu and colleagues, 2015: what is said in the text.
MENTION = re.compile(
    rf"(?<![\w’'])(?P<first>{NAME})(?:,? {NAME}(?=,| and))*,?"
    rf"(?: and {NAME}| and colleagues| et al\.)?"
    r"(?:, | \(|, in | in | )(?P<year>(?:19|20)\d\db?)\b"
)


class Paper(NamedTuple):
    """What is said of a paper in one place."""

    where: str
    first: str
    year: str
    title: str
    arxiv: str | None


def entries(where: str, text: str) -> Iterator[Paper]:
    """The papers that a page names with their titles."""
    text = " ".join(text.replace("\n", " ").split())
    for found in ENTRY.finditer(text):
        yield Paper(where, found["first"], found["year"], found["title"], found["arxiv"])


def disagreements(papers: list[Paper]) -> list[str]:
    """All that is said of a paper in one place and otherwise in another."""
    faults = []
    by_title: dict[str, set[tuple[str, str]]] = defaultdict(set)
    by_arxiv: dict[str, set[str]] = defaultdict(set)
    arxiv_of: dict[str, set[str]] = defaultdict(set)
    for paper in papers:
        by_title[paper.title].add((paper.first, paper.year))
        if paper.arxiv:
            by_arxiv[paper.arxiv].add(paper.title)
            arxiv_of[paper.title].add(paper.arxiv)
            submitted = 2000 + int(paper.arxiv[:2])
            if not submitted <= int(paper.year[:4]) <= submitted + 3:
                faults.append(f"{paper.where}: arXiv {paper.arxiv} is not of {paper.year}")
    for title, said in by_title.items():
        if len(said) > 1:
            faults.append(f"{title}: {' or '.join(map(' '.join, sorted(said)))}")
    for title, numbers in arxiv_of.items():
        if len(numbers) > 1:
            faults.append(f"{title}: arXiv {' or '.join(sorted(numbers))}")
    for number, titles in by_arxiv.items():
        if len({title.split(":")[0] for title in titles}) > 1:
            faults.append(f"arXiv {number}: {' or '.join(sorted(titles))}")
    return faults


def mentions(text: str) -> Iterator[tuple[int, str, str]]:
    """Each (line, first author, year) that a text speaks of."""
    for found in MENTION.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found["first"], found["year"]


@pytest.fixture(scope="module")
def papers() -> list[Paper]:
    return [paper for name in book() for paper in entries(f"docs/{name}", prose(DOCS / name))]


def test_a_paper_has_one_first_author_one_year_and_one_address(papers):
    faults = disagreements(papers)
    assert not faults, "\n".join(faults)
    assert len({paper.title for paper in papers}) > 50


def test_whoever_is_named_with_a_year_wrote_a_paper_of_that_year():
    known = bibliography.read((DOCS / bibliography.TABLE).read_text("utf-8"))
    authors = {first for first, _ in known}
    faults = [
        f"docs/{name}:{line}: {first} {year}"
        for name in [*book(), "reference/facts.md", "reference/glossary.md"]
        for line, first, year in mentions(prose(DOCS / name))
        if first in authors and (first, year) not in known
    ]
    assert not faults, "not in the bibliography:\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("Cho, Bengio and van Merrit 2014, *Phrases* (arXiv 1406.1078): section 2.", ""),
        ("Cho and colleagues 2015, *Phrases* (arXiv 1406.1078).", "Phrases: Cho 2014 or Cho 2015"),
        ("Bengio 2014, *Phrases*.", "Phrases: Bengio 2014 or Cho 2014"),
        ("Cho 2014, *Phrases* (arXiv 1406.1087).", "Phrases: arXiv 1406.1078 or 1406.1087"),
        ("Cho 2014, *Words* (arXiv 1406.1078).", "arXiv 1406.1078: Phrases or Words"),
        ("Su 2012, *RoPE* (arXiv 2104.09864).", "a.md: arXiv 2104.09864 is not of 2012"),
    ],
)
def test_papers_that_are_cited_in_two_ways_are_named(page, fault):
    first = "- Cho, Gulcehre and Bengio 2014, *Phrases* (arXiv 1406.1078; EMNLP 2014): x"
    assert disagreements([*entries("b.md", first), *entries("a.md", page)]) == [fault] * bool(fault)


def test_mentions_are_found():
    text = "Xu and colleagues (2015), Su et al. 2024; by 2020.\nKoehn and Knowles (2017)"
    assert list(mentions(text)) == [
        (1, "Xu", "2015"),
        (1, "Su", "2024"),
        (2, "Koehn", "2017"),
    ]
