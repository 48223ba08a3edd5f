"""Read the Python blocks of a page, strictly: what looks odd is an error, never left out."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import markdown
from mkdocs.utils.yaml import yaml_load

PYTHON = {"python", "python3", "py", "py3"}
EXCERPT = re.compile(r"attention(\.\w+)+")
OUTPUT = {"expected-output", "expected-output-ignore-whitespace"}

OPENING = re.compile(r"(?P<prefix>[ \t>]*)(?P<fence>`{3,}|~{3,}) *(?P<info>[^`]*)")
LANGUAGE = re.compile(r"\{[^.}]*\.(?P<braced>[\w+-]+)|(?P<plain>[\w+-]+)")
HEADING = re.compile(r"(?P<level>#{1,6}) +(?P<text>.*?)(?: +#+)?(?: *\{[:#].*\})?")
TITLE = re.compile(r"""title=(["'])(.*?)\1""")
SHOWN = re.compile(r'<div class="language-(\S+) highlight"[^>]*>.*?<code>(.*?)</code>', re.DOTALL)
MARK = re.compile(r"<!--[-\s]*(?:pytest-codeblocks:\s*(.*?)|(pytest\.mark\..*?))[-\s]*-->")


class PageError(Exception):
    """Something on a page that is wrong, with the file and the line."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")


class Mark(NamedTuple):
    """A comment that tells how to test the fence below it: `cont`, `pytest.mark.skip(…)`…"""

    line: int
    text: str


class Heading(NamedTuple):
    """A heading: 1 is the level of the page's title."""

    line: int
    level: int
    text: str


class Fence(NamedTuple):
    """A fence of any language: the lines of its two ends, and what stands between them."""

    line: int
    end: int
    prefix: str
    language: str
    title: str
    code: str


@dataclass
class Block:
    """A Python fence of a page, with its marks, its shown output and the blocks it continues."""

    fence: Fence
    needs: list["Block"] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    importorskip: str = ""
    output: Fence | None = None
    output_ignores_whitespace: bool = False
    skipped: str = ""  # the reasons that the marks give
    output_varies: str = ""
    may_raise: bool = False

    @property
    def code(self) -> str:
        """What a reader copies."""
        return self.fence.code

    @property
    def lineno(self) -> int:
        """The line of the page on which its fence opens."""
        return self.fence.line

    @property
    def shows_error(self) -> bool:
        """Whether it is there to fail, as its marks say."""
        return any(mark.startswith("pytest.mark.xfail") for mark in self.marks)

    @property
    def is_excerpt(self) -> bool:
        """Whether it shows code of the package, as its title says."""
        return EXCERPT.fullmatch(self.fence.title) is not None


def read_blocks(path: Path) -> list[Block]:
    """Find the Python blocks of a page, and make sure that the site shows exactly these.

    Raises:
        PageError: A mark that means nothing where it stands, or a fence that the site reads
            in another way than we do.
    """
    blocks = find_blocks(path)
    text = path.read_text("utf-8")
    page = markdown.markdown(text, extensions=list(_site()), extension_configs=_site())
    codes = [code_shown(block) for block in SHOWN.finditer(page)]
    found = [block.code.split() for block in blocks]
    shown = [code.split() for code in codes if code is not None]
    if found != shown:
        where = ", ".join(str(block.lineno) for block in blocks) or "none"
        same = sum(ours == theirs for ours, theirs in zip(found, shown, strict=False))
        problem = (
            f"the site shows {len(shown)} Python blocks, the tests found {len(found)} "
            f"(at lines: {where}), and only {same} agree. "
            "Is a fence indented too much or too little, or an option of it misspelt?"
        )
        raise PageError(path, blocks[same].lineno if same < len(blocks) else 1, problem)
    return blocks


def find_blocks(path: Path) -> list[Block]:
    """Find the Python blocks of a page in its Markdown.

    Raises:
        PageError: A mark that means nothing where it stands, or a fence that is odd.
    """
    text = path.read_text("utf-8")
    blocks: list[Block] = []
    marks: list[Mark] = []
    for part in parts(path, text):
        if isinstance(part, Mark):
            marks.append(part)
        elif isinstance(part, Fence):
            _place(path, part, marks, blocks)
            marks = []
        elif marks:
            raise PageError(path, marks[0].line, "this mark is not right above a fence")
    return blocks


def find_headings(path: Path) -> list[Heading]:
    """Find the headings of a page in its Markdown."""
    return [part for part in parts(path, path.read_text("utf-8")) if isinstance(part, Heading)]


def parts(path: Path, text: str) -> Iterator[Mark | Fence | Heading | None]:
    """Yield marks, fences and headings in order, and None for each other line that isn't empty."""
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if opening := OPENING.fullmatch(line.rstrip()):
            yield _fence(path, number, opening, lines)
        elif mark := MARK.fullmatch(line.lstrip(" \t>").rstrip()):
            yield Mark(number, mark[1] or mark[2])
        elif re.search(r"<!--[-\s]*pytest", re.sub(r"`[^`]+`", "", line)):
            raise PageError(path, number, "a mark stands alone on its line, in one piece")
        elif heading := HEADING.fullmatch(line.rstrip()):
            yield Heading(number, len(heading["level"]), heading["text"])
        elif line.strip():
            yield None
    yield None


def _fence(
    path: Path, start: int, opening: re.Match[str], lines: Iterator[tuple[int, str]]
) -> Fence:
    """Read on to the end of the fence that opens here."""
    prefix, info = opening["prefix"], opening["info"]
    named = LANGUAGE.match(info)
    if named is None:
        raise PageError(path, start, "this fence names no language; write `text` for plain text")
    language = (named["braced"] or named["plain"]).lower()
    if re.match("i?py", language) and language not in PYTHON and not language.endswith("tb"):
        raise PageError(path, start, f"`{language}` would not be tested; write `python`")

    title = TITLE.search(info)
    code: list[str] = []
    for number, line in lines:
        if line.strip(" \t>") == opening["fence"]:
            body = "".join(f"{line}\n" for line in code)
            return Fence(start, number, prefix, language, title[2] if title else "", body)
        code.append(line.removeprefix(prefix) if line.startswith(prefix) else line.lstrip(" \t>"))
    raise PageError(path, start, "this fence is never closed")


def _place(path: Path, fence: Fence, marks: list[Mark], blocks: list[Block]) -> None:
    """Make a block of a Python fence, or give a shown output to the block that prints it."""
    if fence.language in PYTHON:
        block = Block(fence)
        for mark in marks:
            _apply(path, mark, block, blocks)
        blocks.append(block)
    elif marks:
        mark = marks[0]
        if len(marks) > 1 or mark.text not in OUTPUT:
            raise PageError(path, mark.line, f"`{mark.text}` means nothing above this fence")
        if not blocks or blocks[-1].output:
            raise PageError(path, mark.line, "no block prints this output")
        blocks[-1].output = fence
        blocks[-1].output_ignores_whitespace = mark.text.endswith("whitespace")


def _apply(path: Path, mark: Mark, block: Block, blocks: list[Block]) -> None:
    """Let a mark above a Python fence have its effect."""
    if mark.text == "cont":
        before = [earlier for earlier in blocks if not earlier.is_excerpt]
        if block.is_excerpt or not before:
            raise PageError(path, mark.line, "`cont` has no block to continue")
        # Who copies the blocks must not meet an error halfway: one that is shown is looked past.
        block.needs = [b for b in [*before[-1].needs, before[-1]] if not b.shows_error]
        if not block.needs:
            raise PageError(path, mark.line, "`cont` has only a block that fails to continue")
    elif module := re.fullmatch(r"importorskip\(([\w.]+)\)", mark.text):
        block.importorskip = module[1]
    elif mark.text.startswith("pytest.mark."):
        block.marks.append(mark.text)
    else:
        raise PageError(path, mark.line, f"`{mark.text}` is no mark of a Python block")


def code_shown(block: re.Match[str]) -> str | None:
    """Take the code out of a block that the site shows (a match of `SHOWN`), if it is Python."""
    language, code = block.groups()
    return html.unescape(re.sub(r"<[^>]+>", "", code)) if language.lower() in PYTHON else None


@cache
def _site() -> dict[str, dict[str, Any]]:
    """The site's Markdown extensions and their options, without the formulas: they are slow."""
    settings = Path(__file__).parents[1] / "mkdocs.yml"
    extensions: dict[str, dict[str, Any]] = {}
    for extension in yaml_load(settings.read_text("utf-8"))["markdown_extensions"]:
        extensions |= extension if isinstance(extension, dict) else {extension: {}}
    extensions.pop("tools.katex", None)
    return extensions
