"""The chapters show the package as it is: a fence titled with one of its names is its source."""

import difflib
from pathlib import Path

import pytest

from tests.blocks.excerpts import source_of
from tools.blocks import Block, read_blocks

pytestmark = pytest.mark.on_cpu(reason="text only")

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def stale(block: Block) -> str:
    """How an excerpt differs from the source that its title names; empty where it doesn't."""
    shown, source = block.code.rstrip().splitlines(), source_of(block.fence.title).splitlines()
    return "\n".join(difflib.unified_diff(shown, source, "the page", "the source", lineterm=""))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_excerpts_are_the_source(page):
    for block in read_blocks(page):
        if block.is_excerpt and (diff := stale(block)):
            pytest.fail(f"{page}:{block.lineno}: run `make sync`\n{diff}", pytrace=False)


def test_an_excerpt_that_differs_is_noticed(tmp_path):
    page, title = tmp_path / "page.md", "attention.functional.causal_mask"
    source = source_of(title)
    wrong = source.replace("tril", "triu")
    assert wrong != source
    page.write_text("".join(f'```python title="{title}"\n{code}```\n' for code in (source, wrong)))
    same, other = read_blocks(page)
    assert stale(same) == ""
    assert "triu" in stale(other)
    assert "tril" in stale(other)
