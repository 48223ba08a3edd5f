"""What was tested, and where: the figures that the tests leave in `build/`, for the site to show.

`pytest --tally build/tally-cpu.json` writes them when all tests have passed; a GPU's are in
`tally-cuda.json`. The site replaces `<!--tally-->` on a page by a table of those that were
written for exactly the files it is built from, and `<!--tally in short-->` by a list of the first
of them; `python -m tools.tally` prints the same table.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
MARK, SHORT = "<!--tally-->", "<!--tally in short-->"
TESTED = ["docs/**/*.md", "docs/**/*.py", "src/**/*.py", "tests/**/*.py", "README.md"]
HEAD = """\
| where | blocks | outputs compared | labs | tests | with |
| --- | ---: | ---: | ---: | ---: | --- |
"""


@cache
def state() -> str:
    """A name for the text of all that is tested: figures for another state say nothing here."""
    digest = hashlib.sha256()
    for pattern in TESTED:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def table() -> str:
    """The figures as a Markdown table, a row for the CPU and one for the GPU."""
    rows = [row(name, device) for name, device in (("CPU", "cpu"), ("GPU", "cuda"))]
    return HEAD + "".join(rows)


def row(name: str, device: str) -> str:
    """One row: the figures of the last run there, or that there was none."""
    figures = read(BUILD / f"tally-{device}.json")
    if not figures:
        return f"| {name}: not run | | | | | |\n"
    counts = [f"{figures[key]:,}" for key in ("blocks", "outputs", "labs", "tests_on_device")]
    versions = f"torch {figures['torch']}, Python {figures['python']}"
    return f"| {figures['hardware']} | {' | '.join(counts)} | {versions} |\n"


def in_short() -> str:
    """The figures of a run as a list in Markdown, on the CPU if there was one, or that none was."""
    figures = read(BUILD / "tally-cpu.json") or read(BUILD / "tally-cuda.json")
    if not figures:
        return "- Not yet run for the present state of the files.\n"
    counts = {
        "blocks": "blocks of code run",
        "outputs": "outputs compared",
        "labs": "labs executed",
        "tests_on_device": "tests passed",
    }
    return "".join(f"- **{figures[key]:,}** {what}\n" for key, what in counts.items())


def read(path: Path) -> dict[str, Any] | None:
    """The figures of a run, if they are there, and for the present state of the files."""
    try:
        figures: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return figures if figures.get("state") == state() else None


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put the figures where a page asks for them."""
    for mark, figures in ((MARK, table), (SHORT, in_short)):
        if mark in markdown:
            markdown = markdown.replace(mark, figures())
    return markdown


if __name__ == "__main__":
    print(table(), end="")
