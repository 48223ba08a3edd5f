"""What the exercises of a chapter ask for: the stub that readers get, and the folded solution."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attention.exercises import Hint
from tools.blocks import Block, find_blocks

DOCS = Path(__file__).parents[1] / "docs"


def stub_and_solution(page: str, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The function `name` as the page hands it out, and as its solution has it.

    Args:
        page: The chapter, from `docs/` on.
        name: The function that the reader writes.
    """
    blocks = [b for b in find_blocks(DOCS / page) if f"def {name}(" in b.code]
    stub, solution = [b for b in blocks if "import check_" in b.code]
    return _defined(stub, name), _defined(solution, name)


def _defined(block: Block, name: str) -> Callable[..., Any]:
    """Run a block as a reader does, whatever the check in it says, and take the function."""
    names: dict[str, Any] = {}
    with contextlib.suppress(Hint), contextlib.redirect_stdout(io.StringIO()):
        exec(block.code, names)
    return names[name]
