"""The book as somebody reads it: its pages in order, their sentences, and their symbols."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from tests.site_fixtures import ROOT
from tools import navigation
from tools.blocks import Fence, parts
from tools.katex import DisplayFormula, InlineFormula, without_colours

DOCS = ROOT / "docs"
CELL = re.compile(r"# %%(?P<markdown> \[markdown\])?.*")
INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
FORMULAS = (DisplayFormula.WHOLE, re.compile(InlineFormula.PATTERN))

GREEK = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|"
    "sigma|tau|upsilon|phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega"
)
ACCENT = r"\\(?:tilde|hat|bar|vec|overleftarrow|overrightarrow)"
WORDS = re.compile(r"\\(?:text\w*|mathrm|mathbb|operatorname\*?|begin|end)\s*\{([^{}]*)\}")
SYMBOL = re.compile(
    rf"""
    (?P<base> (?:{ACCENT}\s*)? \{{? (?: [A-Za-z] | \\(?:{GREEK})(?![A-Za-z]) ) \}}? ) '*
    (?: _ (?P<below> \w | \\[A-Za-z]+ | "[^"]*" | \{{[^{{}}]*\}} ) )?
    | \\[A-Za-z]+ | "[^"]*" | \\.
    """,
    re.VERBOSE,
)


def book() -> list[str]:
    """The pages in the order of the navigation, the reference left out."""
    leaves = _leaves(navigation.tree(_chapters()))
    return [name for name in leaves if not name.startswith("reference/")]


def optional_pages() -> set[str]:
    """The pages that the main path leaves out: those with `optional: true`, and all below them."""
    chapters = list(_chapters())
    tops = [chapter for chapter in chapters if chapter.optional]
    below = [one for one in chapters if any(one.is_child_of(top) for top in tops)]
    return {chapter.path for chapter in [*tops, *below]}


def _chapters() -> Iterator[navigation.Chapter]:
    paths = [path for path in sorted(DOCS.rglob("*")) if path.suffix in {".md", ".py"}]
    files = [File(path.relative_to(DOCS).as_posix(), str(DOCS), "", True) for path in paths]
    return navigation.chapters(files)


def _leaves(tree: list[dict[str, Any]]) -> Iterator[str]:
    for branch in tree:
        for page in branch.values():
            yield from _leaves(page) if isinstance(page, list) else [page]


def prose(path: Path) -> str:
    """The text of a page or a lab, each line in its place, with blanks where code stands."""
    lines = path.read_text("utf-8").splitlines()
    if path.suffix == ".py":
        markdown = False
        for number, line in enumerate(lines):
            if cell := CELL.fullmatch(line):
                markdown = bool(cell["markdown"])
            spoken = markdown and not cell
            lines[number] = line.removeprefix("#").removeprefix(" ") if spoken else ""
    for part in parts(path, "\n".join(lines)):
        if isinstance(part, Fence):
            lines[part.line - 1 : part.end] = [""] * (part.end - part.line + 1)
    return INLINE_CODE.sub(blank, "\n".join(lines))


def formulas(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, formula) for each formula of a text, display formulas first."""
    for pattern in FORMULAS:
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, found[found.re.groups]
        text = pattern.sub(blank, text)


def symbols(tex: str) -> Iterator[tuple[str, str]]:
    """Yield (letter, what stands below it) for each symbol of a formula.

    Colours, numbers, operators and names of functions are none. A letter below another one is
    yielded with it only.
    """
    tex = WORDS.sub(r'"\1"', without_colours(tex))
    for found in SYMBOL.finditer(tex):
        if found["base"]:
            yield bare(found["base"]), bare(found["below"] or "")


def bare(tex: str) -> str:
    """A piece of a formula without braces, quotes and spaces."""
    return re.sub(r'\\[,;:! ]|[{}"\s]', "", tex)


def sentences(text: str) -> str:
    """The text of a page without its header, headings, pictures, formulas and tags."""
    for what in (r"\A---\n.*?\n---\n", r"^#+ .*$", r"!\[[^\]]*\]\([^)]*\)", r"<[^<>]*>"):
        text = re.sub(what, blank, text, flags=re.DOTALL if "---" in what else re.MULTILINE)
    for pattern in FORMULAS:
        text = pattern.sub(blank, text)
    return text


def blank(found: re.Match[str]) -> str:
    """Put spaces in the place of a text, so that all else keeps its own."""
    return re.sub(r"\S", " ", found[0])
