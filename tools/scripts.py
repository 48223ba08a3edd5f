"""Each chapter's code as one Python file that runs by itself, offered on the chapter's page.

It holds the blocks of the page, or the cells of the lab, in order, in one module, under the page's
headings. `# %%` begins a cell, for the editors that know cells. Excerpts are left out: the script
imports the package. What is there to fail, fails as it does on the page, and the script goes on.
"""

import ast
import os
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from tools import labs
from tools.blocks import HEADING, Block, Heading, PageError, find_blocks, find_headings
from tools.katex import without_colours

DOWNLOADS = '<p class="downloads" data-search-exclude>'
FAILS = """\
try:
{code}
except {error} as raised:
    print(*traceback.format_exception_only(raised), sep="", end="")
"""


def script(page: Path, head: Iterable[str] = ()) -> str:
    """Write the code of a chapter as one module; empty where the page has no code.

    Args:
        page: A page in Markdown, or a lab.
        head: What the reader must know, line by line.

    Raises:
        PageError: A block that is odd.
    """
    title, *parts = _lab(page) if page.suffix == ".py" else _chapter(page)
    cells = list(_cells(parts))
    if any("traceback." in cell for cell in cells):
        cells.insert(0, "# %%\nimport traceback  # to show the errors that are there to be seen\n")
    lines = [plain(title.text if isinstance(title, Heading) else page.stem), *head]
    return "\n\n".join(["".join(f"# {line}\n" for line in lines), *cells]) if cells else ""


def _cells(parts: Iterable[Heading | str]) -> Iterator[str]:
    """Put above each piece of code the headings that no piece before it stood under."""
    new: list[Heading] = []
    for part in parts:
        if isinstance(part, Heading):
            new = [*(heading for heading in new if heading.level < part.level), part]
        else:
            title = " · ".join(plain(heading.text) for heading in new)
            yield f"{f'# %% {title}'.rstrip()}\n{part.rstrip()}\n"
            new = []


def plain(heading: str) -> str:
    """A heading without its markup."""
    heading = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", without_colours(heading))
    return re.sub(r"[*`$]", "", heading)


# A chapter.


def _chapter(page: Path) -> Iterator[Heading | str]:
    """The headings of a page in Markdown, and the code that goes into the script."""
    blocks = {block.lineno: block for block in find_blocks(page) if not block.is_excerpt}
    headings = {heading.line: heading for heading in find_headings(page)}
    for line in sorted(blocks | headings):
        yield headings[line] if line in headings else code_of(blocks[line])


def code_of(block: Block) -> str:
    """The code of a block as it stands in the script."""
    if block.importorskip:
        return f"# Left out: it needs {block.importorskip}."
    for mark in block.marks:
        if mark.startswith("pytest.mark.skip"):
            return f"# Left out: {ast.literal_eval(_options(mark)['reason'])}."
        if mark.startswith("pytest.mark.xfail"):
            return failing(block.code, _options(mark)["raises"])
    return block.code


def _options(mark: str) -> dict[str | None, str]:
    """What a mark says by name, each as Python. The tests see to it that it is all there."""
    call = ast.parse(mark, mode="eval").body
    options = {word.arg: ast.unparse(word.value) for word in getattr(call, "keywords", [])}
    return {"reason": "''", "raises": "Exception"} | options


def failing(code: str, error: str) -> str:
    """Let code fail and show how, as the page does."""
    inside: set[int] = set()  # lines that begin inside a text, where spaces would be part of it
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            inside |= set(range(node.lineno + 1, (node.end_lineno or 0) + 1))
    lines = [
        line if number in inside else textwrap.indent(line, "    ")
        for number, line in enumerate(code.rstrip().splitlines(), start=1)
    ]
    return FAILS.format(code="\n".join(lines), error=error)


# A lab.


def _lab(page: Path) -> Iterator[Heading | str]:
    """The headings of a lab, and the code of its cells."""
    for cell in labs.read(page).cells:
        if cell.cell_type == "code":
            fails = labs.is_tagged(cell, "raises-exception")
            yield failing(cell.source, "Exception") if fails else cell.source
        else:
            for line in cell.source.splitlines():
                if heading := HEADING.fullmatch(line):
                    yield Heading(0, len(heading["level"]), heading["text"])


# MkDocs.


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write the script beside the page, and offer it under the page's title."""
    source = Path(config.docs_dir, page.file.src_uri)
    if page.file.src_uri.startswith("reference/"):
        return content
    about = [f"The code of a chapter of {config.site_name}."]
    if page.canonical_url:
        about.append(page.canonical_url)
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        about.append(f"It needs the package: pip install git+https://github.com/{repository}")
    try:
        text = script(source, about)
    except PageError as error:
        raise PluginError(str(error)) from None
    if not text:
        return content
    target = Path(page.file.abs_dest_path).with_name(f"{source.stem}.py")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
    return offer(content, f'<a href="{target.name}" download>Download the code (.py)</a>')


def offer(content: str, link: str) -> str:
    """Put a link into the line of downloads, which a lab has already."""
    if DOWNLOADS in content:
        return content.replace(DOWNLOADS, f"{DOWNLOADS}{link} · ", 1)
    return content.replace("</h1>", f"</h1>\n{DOWNLOADS}{link}</p>", 1)
