"""Papers are linked to the places where they can be read, from one table: the bibliography.

On each page the first citation of a paper by author and year becomes a link, and so does every
paper of the list at its end. The bibliography names the chapters that cite each paper.
"""

import re
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

TABLE = "reference/papers.md"
READING = 'id="where-to-read-more"'
NAME = r"(?:van (?:den )?|Della )?[A-Z][\w'’-]+"
ENTRY = re.compile(
    r"^- (?P<who>.+?) (?P<year>\d{4}b?), \[\*(?P<title>.+)\*\]\((?P<address>\S+)\)\.$", re.MULTILINE
)
# What can't hold a link, or is one, is passed over, as is the inside of every tag.
UNLINKED = r"<(?P<tag>a|button|code|h\d|pre|script|style|summary|svg)\b.*?</(?P=tag)>|<[^>]*>"


class Paper(NamedTuple):
    """A line of the bibliography."""

    who: str
    year: str
    title: str
    address: str

    @property
    def first(self) -> str:
        """The first author."""
        return re.split(r",| and ", self.who)[0]

    def is_by(self, who: str) -> bool:
        """Whether the authors that a citation names can be those of this paper."""
        return "colleagues" in self.who or all(name in self.who for name in re.findall(NAME, who))


Papers = dict[tuple[str, str], Paper]  # by first author and year


def read(table: str) -> Papers:
    """The papers of a bibliography in Markdown."""
    papers = (Paper(**entry.groupdict()) for entry in ENTRY.finditer(table))
    return {(paper.first, paper.year): paper for paper in papers}


def citation(papers: Papers) -> re.Pattern[str]:
    """What looks in HTML like a citation of one of these papers, or can't hold a link.

    `Xu and colleagues (2015)`, `Cho et al. 2014b`, `Post 2018, <em>A Call for …</em>`.
    """
    firsts = sorted({re.escape(paper.first) for paper in papers.values()}, key=len, reverse=True)
    return re.compile(
        rf"{UNLINKED}|(?<![\w'’-])(?P<who>(?P<first>{'|'.join(firsts)})(?:,\s{NAME})*"
        rf"(?:\sand\s(?:{NAME}|colleagues)|\set\sal\.)?)"
        r"(?P<when>,?\s(?:in\s)?(?P<open>\()?(?P<year>(?:19|20)\d\db?)(?!\w)(?(open)\)?))"
        r"(?:(?P<comma>,\s)(?P<title><em>[^<]*</em>))?",
        re.DOTALL,
    )


def link(content: str, papers: Papers) -> tuple[str, set[str]]:
    """Link the papers that a page cites: the first time in its text, and again in its list.

    Args:
        content: The page as HTML.
        papers: The bibliography.

    Returns:
        The page with links, and the addresses to which they lead.
    """
    parts = [link_once(part, papers) for part in re.split(f"(?={READING})", content)]
    return "".join(text for text, _ in parts), set().union(*(linked for _, linked in parts))


def link_once(content: str, papers: Papers) -> tuple[str, set[str]]:
    """Link the first citation of each paper, and say which addresses were linked."""
    linked: set[str] = set()

    def link_one(found: re.Match[str]) -> str:
        paper = papers.get((found["first"], found["year"]))
        if paper is None or paper.address in linked or not paper.is_by(found["who"]):
            return found[0]
        linked.add(paper.address)
        return anchored(found, paper)

    return citation(papers).sub(link_one, content), linked


def anchored(found: re.Match[str], paper: Paper) -> str:
    """A citation with a link around its title, else around its authors and its year."""
    who, when, anchor = found["who"], found["when"], f'<a href="{escape(paper.address)}">'
    if found["title"]:
        return f"{who}{when}{found['comma']}{anchor}{found['title']}</a>"
    if when.count("(") > when.count(")"):  # (2015, section 4)
        return f"{anchor}{who}</a>{when}"
    return f"{anchor}{who}{when}</a>"


# MkDocs.

papers: Papers = {}
order: list[Page] = []
cited: dict[str, set[str]] = defaultdict(set)  # addresses, by the page that cites them


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Read the bibliography, and the order of the pages."""
    table = Path(config.docs_dir, TABLE)
    papers.clear()
    papers.update(read(table.read_text("utf-8")) if table.exists() else {})
    order[:] = nav.pages
    cited.clear()


def on_page_content(content: str, page: Page, **_: object) -> str:
    """Link the papers that a page cites."""
    if not papers or page.file.src_uri == TABLE:
        return content
    content, cited[page.file.src_uri] = link(content, papers)
    return content


def on_env(env: Any, config: MkDocsConfig, files: Files) -> Any:
    """Name in the bibliography the chapters that cite each paper, now that all were seen."""
    table = files.get_file_from_path(TABLE)
    if table and (page := table.page):
        page.content = re.sub(
            r'(<li>.*?href="([^"]*)".*?)(?=</li>)',
            lambda entry: entry[1] + citing(entry[2], page),
            page.content or "",
        )
    return env


def citing(address: str, table: Page) -> str:
    """Links to the chapters that cite a paper, as the end of its line."""
    chapters = [
        f'<a href="{get_relative_url(page.url, table.url)}">{page.title}</a>'
        for page in order
        if address in cited[page.file.src_uri] and not page.file.src_uri.startswith("reference/")
    ]
    names = f"Cited in {', '.join(chapters)}."
    return f" <span data-search-exclude>{names}</span>" if chapters else ""
