"""What every test run needs, whichever files it is given: the blocks of the pages are tests."""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import pytest
import torch
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from attention import Translator

pytest_plugins = ["pytester", "tests.blocks.plugin", "tests.site_fixtures"]

# Before anything imports the package: every call in a test keeps the shapes that it promises.
# The corpora have no tensors, and checking their every word would take a minute.
ROOMS = [room.name for room in iter_modules([str(Path(__file__).parent / "src" / "attention")])]
install_import_hook(
    [f"attention.{room}" for room in ROOMS if room != "corpora"], "beartype.beartype"
)
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def trained_translator() -> Translator:
    """The translator of the Introduction: trained once, kept in build/ until the code changes.

    Tests that use it carry `@pytest.mark.xdist_group("trained")`, so that one worker trains it.
    """
    from images import introduction

    return introduction.trained_translator()
