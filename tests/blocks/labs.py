"""Labs on a device: all cells of a lab, one after the other, in one session.

On the CPU, `tools.lab_runs` executes them as notebooks, whose outputs the site shows.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode

from tests.device.memory import NAME as STANDIN
from tests.device.plugin import DEVICE
from tools import labs
from tools.blocks import PageError

from .running import Session

TRAINS = re.compile(r"_trainer\(|bench_translation\(")


class Lab(pytest.File):
    """A lab, which is one test."""

    def collect(self) -> Iterator["LabItem"]:
        yield LabItem.from_parent(self, name="all cells")


class LabItem(pytest.Item):
    """All cells of a lab as a test, known as `docs/introduction-lab.py::all cells`."""

    def __init__(self, name: str, parent: Lab, **options: Any) -> None:
        super().__init__(name, parent, **options)
        self.user_properties.append(("lab", self.path.name))
        if DEVICE == STANDIN and TRAINS.search(self.path.read_text("utf-8")):
            self.add_marker(pytest.mark.skip(reason="it trains, for many minutes on the stand-in"))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the lab stands: pytest wants a line for a test that is skipped."""
        return self.path, 0, self.name

    def runtest(self) -> None:
        """Run the cells; one that is tagged `raises-exception` must raise, and no other may."""
        from .plugin import FRESH

        session = Session(self.path, self.config.stash[FRESH])
        try:
            for lineno, cell in cells(self.path):
                must_raise = labs.is_tagged(cell, "raises-exception")
                _, error = session.execute(cell.source, lineno)
                if error and not must_raise:
                    raise error
                if must_raise and not error:
                    raise PageError(self.path, lineno + 1, "this cell must raise, and does not")
        finally:
            session.close()


def cells(lab: Path) -> Iterator[tuple[int, NotebookNode]]:
    """The code cells of a lab, each with the number of lines above it."""
    text, start = lab.read_text("utf-8"), 0
    for cell in labs.read(lab).cells:
        if cell.cell_type == "code":
            start = max(text.find(cell.source, start), start)
            yield text.count("\n", 0, start), cell
