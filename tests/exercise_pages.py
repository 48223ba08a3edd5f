"""What the exercises of a chapter ask for: the stub that readers get, and the folded solution."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

from attention.exercises import Hint
from tools import labs
from tools.blocks import find_blocks

DOCS = Path(__file__).parents[1] / "docs"


def stub_and_solution(page: str, name: str) -> tuple[Any, Any]:
    """What the reader writes under `name`: as the page hands it out, and as its solution has it.

    Args:
        page: The chapter or lab, from `docs/` on.
        name: The function, the class or the value that the reader writes.
    """
    definition = re.compile(rf"^(def {name}|class {name}|{name} =)(?!\w)", re.MULTILINE)
    stub, solution = [
        code for code in _codes(DOCS / page) if "import check_" in code and definition.search(code)
    ]
    return _defined(stub, name), _defined(solution, name)


def _codes(page: Path) -> list[str]:
    """The pieces of code that a page shows, each of which can be copied alone."""
    if page.suffix == ".py":
        return [cell.source for cell in labs.read(page).cells if cell.cell_type == "code"]
    return [block.code for block in find_blocks(page)]


def _defined(code: str, name: str) -> Any:
    """Run a piece of code as a reader does, whatever the check in it says, and take the name."""
    names: dict[str, Any] = {}
    with contextlib.suppress(Hint), contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)
    return names[name]
