"""How long a page takes, counted in its own text, for its title and for the index of its part.

In a minute, people read 200 words of prose, or 20 lines of code or output. An exercise takes them
ten minutes, hints and solution included. Lists of papers and folds named *Going deeper* count
nothing, because a reader can pass them by.

`<!--time PATH-->` on a page becomes the time of that page and all pages below it, and `<!--time-->`
that of the main path: all chapters but those below a page with `optional: true` in its front
matter.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from tools import labs
from tools.blocks import Fence, Heading, parts
from tools.navigation import Chapter, chapters

WORDS, LINES, EXERCISE = 200, 20, 10  # words a minute, lines of code a minute, minutes for one
HEADER = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
FOLD = re.compile(r"<details[^>]*>\s*<summary>Going deeper.*?</details>", re.DOTALL)
MARKUP = re.compile(r"<[^<>]*>|!\[[^\]]*\]\([^)]*\)|(?<=\])\([^)\s]*\)")
WORD = re.compile(r"[^\W_](?:[\w'’-]*\w)?")
STUB = re.compile(r"^(?:### |\*\*\d+\. )", re.MULTILINE)  # how an exercise begins
MARK = re.compile(r"<!--time ?(\S*)-->")


class Amount(NamedTuple):
    """What pages ask of their reader.

    Attributes:
        words: Words of prose.
        lines: Lines of code and of output.
        exercises: How many there are.
    """

    words: int = 0
    lines: int = 0
    exercises: int = 0

    @property
    def minutes(self) -> float:
        """The time for all of it."""
        return self.words / WORDS + self.lines / LINES + self.exercises * EXERCISE


def amount(path: Path) -> Amount:
    """Count the words, the lines of code and the exercises of a page or a lab."""
    words = lines = exercises = 0
    for title, prose, code in sections(path):
        if title == "Exercises":
            exercises += len(STUB.findall(prose))
        elif title != "Where to read more":
            words += len(WORD.findall(MARKUP.sub("", prose)))
            lines += code
    return Amount(words, lines, exercises)


def sections(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield each section of a page: its title, its prose, and how many lines its fences have."""
    text = lab_text(path) if path.suffix == ".py" else path.read_text("utf-8")
    text = FOLD.sub("", HEADER.sub("", text))
    prose, title, start, code = text.splitlines(), "", 0, 0
    for part in parts(path, text):
        if isinstance(part, Fence):
            prose[part.line - 1 : part.end] = [""] * (part.end - part.line + 1)
            code += sum(bool(line.strip()) for line in part.code.splitlines())
        elif isinstance(part, Heading) and part.level <= 2:
            yield title, "\n".join(prose[start : part.line - 1]), code
            title, start, code = part.text, part.line, 0
    yield title, "\n".join(prose[start:]), code


def lab_text(lab: Path) -> str:
    """A lab as a page in Markdown."""
    return "\n\n".join(
        cell.source if cell.cell_type == "markdown" else f"~~~~python\n{cell.source}\n~~~~"
        for cell in labs.read(lab).cells
    )


def spoken(minutes: float) -> str:
    """A time as people say it: to five minutes, from an hour and a half on to half an hour."""
    if minutes < 90:
        return f"{max(5, 5 * round(minutes / 5))} minutes"
    halves = round(minutes / 30)
    return f"{halves // 2}{'½' if halves % 2 else ''} hours"


# MkDocs.

course: dict[str, Chapter] = {}
own: dict[str, Amount] = {}  # of each page, those below it left out


def total(path: str) -> float:
    """The minutes of a page and of all pages below it."""
    below = [chapter for chapter in course.values() if chapter.is_child_of(course[path])]
    return own[path].minutes + sum(total(chapter.path) for chapter in below)


def main_path() -> float:
    """The minutes of all chapters but the optional ones."""
    tops = [one for one in course.values() if one.parent is None and not one.optional]
    return sum(total(chapter.path) for chapter in tops)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Count every page of the book; the home page and the reference aren't read through."""
    course.clear()
    for chapter in chapters(files.documentation_pages()):
        if chapter.path != "index.md" and not chapter.path.startswith("reference/"):
            course[chapter.path] = chapter
            own[chapter.path] = amount(Path(config.docs_dir, chapter.path))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put the times where a page asks for them."""

    def time(mark: re.Match[str]) -> str:
        if mark[1] and mark[1] not in course:
            raise PluginError(f"{page.file.src_uri}: no chapter {mark[1]} has a time")
        return spoken(total(mark[1]) if mark[1] else main_path())

    return MARK.sub(time, markdown)


def on_page_content(content: str, page: Page, **_: object) -> str:
    """Say under the title of a chapter, or of a part, how long it takes."""
    path = page.file.src_uri
    if path not in course:
        return content
    tree = [course[path], *(one for one in course.values() if course[path].is_child_of(one))]
    optional = "Optional. " if any(chapter.optional for chapter in tree) else ""
    if path.endswith("/index.md"):
        time = f"About {spoken(total(path))}, all chapters together"
    else:
        time = f"About {spoken(own[path].minutes)}{with_exercises(own[path].exercises)}"
    line = f'<p class="reading-time" data-search-exclude>{optional}{time}.</p>'
    return content.replace("</h1>", f"</h1>\n{line}", 1)


def with_exercises(number: int) -> str:
    """How many exercises are included, as the end of a phrase."""
    return f", with {number} exercise{'s' * (number > 1)}" if number else ""


def on_page_context(context: dict[str, Any], **_: object) -> dict[str, Any]:
    """Let the index of a part name the time of each of its pages."""
    return {**context, "times": {path: spoken(own[path].minutes) for path in course}}
