"""What the exercises of a chapter ask for: the stub that readers get, and the folded solution."""

import re
from pathlib import Path
from typing import Any

from tools import labs
from tools.blocks import find_blocks

DOCS = Path(__file__).parents[1] / "docs"
ASKS = re.compile(r"^from attention\.exercises import .*?\b(check_\w+)", re.MULTILINE)


def asked() -> dict[str, tuple[str, list[str]]]:
    """For each check that a page calls, the page, and the pieces of code there that call it."""
    found: dict[str, tuple[str, list[str]]] = {}
    for page in sorted([*DOCS.rglob("*.md"), *DOCS.rglob("*.py")]):
        for code in _codes(page):
            if check := ASKS.search(code):
                name = str(page.relative_to(DOCS))
                found.setdefault(check[1], (name, []))[1].append(code)
    return found


def solution(check: str, name: str) -> Any:
    """What the reader is to write under `name`, as the folded solution has it."""
    names: dict[str, Any] = {}
    exec(asked()[check][1][1], names)
    return names[name]


def _codes(page: Path) -> list[str]:
    """The pieces of code that a page shows, each of which can be copied alone."""
    if page.suffix == ".py":
        return [cell.source for cell in labs.read(page).cells if cell.cell_type == "code"]
    return [block.code for block in find_blocks(page)]
