"""Labs: notebooks written as `docs/**/*.py`, in jupytext's percent format.

`tools.lab_runs` executes them, and `tools.lab_pages` makes the pages.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
FRONT_MATTER = re.compile(r"\A# ---\n(.*?)^# ---\n", re.MULTILINE | re.DOTALL)


def front_matter(lab: Path) -> dict[str, Any]:
    """Read a lab's header: the navigation's keys, between two lines `# ---` at the top."""
    found = FRONT_MATTER.match(lab.read_text("utf-8"))
    header = yaml.safe_load(re.sub(r"^# ?", "", found[1], flags=re.MULTILINE)) if found else None
    return {key: value for key, value in (header or {}).items() if key != "jupyter"}


def read(lab: Path) -> NotebookNode:
    """Read a lab as a notebook, its header left out."""
    text = FRONT_MATTER.sub("", lab.read_text("utf-8")).lstrip()
    notebook: NotebookNode = jupytext.reads(text, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same in every build
        if is_tagged(cell, "solution"):
            cell.metadata["jupyter"] = {"source_hidden": True}
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def is_tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell's first line gives it this tag: `# %% tags=["solution"]`."""
    return tag in cell.metadata.get("tags", [])


def named_cells(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """Yield the cells, each with the name by which a message calls it."""
    for number, cell in enumerate(notebook.cells, start=1):
        yield f"cell {number} of {len(notebook.cells)}", cell
