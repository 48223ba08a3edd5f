"""What all tests stand on: shapes checked on every call, one thread, one trained translator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from attention import Translator

pytest_plugins = ["tests.blocks.plugin"]

# Before anything imports the package: every call in the tests keeps the shapes it promises.
install_import_hook("attention", "beartype.beartype")
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def trained_translator() -> Translator:
    """The translator of the Introduction: trained once, kept in build/ until the code changes.

    Tests that use it carry `@pytest.mark.xdist_group("trained")`, so that one worker trains it.
    """
    from images import introduction

    return introduction.trained_translator()
