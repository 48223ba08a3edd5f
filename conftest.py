"""What every test run needs, whichever files it is given: the blocks of the pages are tests."""

from __future__ import annotations

import os
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import pytest
import torch
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from attention import Translator

pytest_plugins = ["pytester", "tests.device.plugin", "tests.blocks.plugin"]
if os.environ.get("ATTENTION_DEVICE", "cpu") == "cpu":  # a GPU runner has no browser and no site
    pytest_plugins += ["tests.site_fixtures"]

# Before anything imports the package: every call in a test keeps the shapes that it promises.
# The toy corpus has no tensors, and checking its every word would take a minute.
PACKAGE = Path(__file__).parent / "src" / "attention"
ROOMS = [room.name for room in iter_modules([str(PACKAGE)]) if room.name != "data"]
ROOMS += [f"data.{one.name}" for one in iter_modules([str(PACKAGE / "data")]) if not one.ispkg]
install_import_hook([f"attention.{room}" for room in ROOMS], "beartype.beartype")
torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the tests well over the processes of `pytest -n`.

    Tests that share what is slow to make run in one process, which makes it once. The labs come
    first, so that no process still has minutes to go when the others are done.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: not item.nodeid.startswith("tests/chapters/test_labs.py"))
    for item in items:
        fixtures = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        scopes = {fixture.scope for found in fixtures.values() for fixture in found}
        if item.get_closest_marker("xdist_group"):
            continue
        if "built" in fixtures:
            item.add_marker(pytest.mark.xdist_group("built"))
        elif "module" in scopes:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def trained_translator() -> Translator:
    """The translator of the Introduction, which its lab trains and saves.

    Tests that use it carry the lab's group, `@pytest.mark.xdist_group("introduction-lab.py")`:
    the worker that executes the lab has the translator, so it is trained once.
    """
    from images import introduction

    return introduction.trained_translator()
