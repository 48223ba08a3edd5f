"""What was tested, and where: the figures that the tests leave in `build/`, for the site to show.

`pytest --tally build/tally-cpu.json` writes them when all tests have passed; a GPU's are in
`tally-cuda.json`. The site replaces `<!--tally-->` on a page by a table of those that were
written for exactly the files it is built from; `python -m tools.tally` prints the same table.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
MARK = "<!--tally-->"
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


def read(path: Path) -> dict[str, Any] | None:
    """The figures of a run, if they are there, and for the present state of the files."""
    try:
        figures: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return figures if figures.get("state") == state() else None


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put the table where a page asks for it."""
    return markdown.replace(MARK, table()) if MARK in markdown else markdown


if __name__ == "__main__":
    print(table(), end="")
