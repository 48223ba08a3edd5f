"""Write into the pages what the code says: `make sync`, then read the diff.

`python -m tools.sync PAGE...` does it for some pages only, and leaves the API pages alone.

Excerpts of the package are filled in from its source. Every block is run, and an output that
differs from what its page shows is replaced; an output that the page does not show yet is added.
A block that fails is left as it is, and named.
"""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.blocks.comparing import first_difference
from tests.blocks.excerpts import source_of
from tests.blocks.plugin import BlockItem
from tools import api_pages
from tools.blocks import Block, Fence, PageError, read_blocks

MARK = "<!--pytest-codeblocks:expected-output-->"


class Collector:
    """A pytest plugin that keeps the blocks of a run, to ask them what they printed."""

    def __init__(self) -> None:
        self.items: list[BlockItem] = []

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take the blocks from pytest."""
        self.items = [item for item in session.items if isinstance(item, BlockItem)]


def fill_excerpts(page: Path) -> None:
    """Replace every excerpt of a page by the source that its title names."""
    lines = page.read_text("utf-8").splitlines()
    for block in reversed(read_blocks(page)):
        if block.is_excerpt:
            _replace(lines, block.fence, source_of(block.fence.title))
    _write(page, lines)


def write_output(page: Path, block: Block, printed: str) -> None:
    """Put what a block printed where the page shows it, unless it is there already."""
    lines = page.read_text("utf-8").splitlines()
    if block.output is None:
        if printed.strip():
            fence = ["", MARK, "```text", *printed.rstrip().splitlines(), "```"]
            lines[block.fence.end : block.fence.end] = _indent(fence, block.fence.prefix)
    else:
        ignore = block.output_ignores_whitespace
        if first_difference(block.output.code, printed, ignore) is not None:
            _replace(lines, block.output, printed)
    _write(page, lines)


def _replace(lines: list[str], fence: Fence, text: str) -> None:
    lines[fence.line : fence.end - 1] = _indent(text.rstrip().splitlines(), fence.prefix)


def _indent(lines: list[str], prefix: str) -> list[str]:
    return [f"{prefix}{line}".rstrip() for line in lines]


def _write(page: Path, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    if text != page.read_text("utf-8"):  # a page that is untouched keeps its date
        page.write_text(text, "utf-8")


def sync(root: Path, pages: Sequence[Path] = ()) -> int:
    """Bring pages up to date, or else the README and all pages, and show what changed.

    Returns:
        0 when everything is in step now, something else when a block needs its author.
    """
    pages = pages or [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    before = {page: page.read_text("utf-8") for page in pages}
    try:
        for page in pages:
            fill_excerpts(page)
    except (PageError, LookupError) as error:
        print(error)
        return 2

    print("Running the blocks (F: to be written, or broken) …", flush=True)
    run = Collector()
    options = ["-q", "--tb=no", "--no-summary", "-p", "no:cacheprovider"]
    status = pytest.main([*options, *map(str, pages)], plugins=[run])
    if status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        return int(status)
    for item in reversed(run.items):  # from the last line up, so that line numbers stay right
        if item.printed is not None and not item.block.output_varies:
            write_output(item.path, item.block, item.printed)

    for page, text in before.items():
        old, new = text.splitlines(True), page.read_text("utf-8").splitlines(True)
        name = str(page.relative_to(root))
        sys.stdout.writelines(difflib.unified_diff(old, new, name, f"{name}, synced"))
    broken = [item.nodeid for item in run.items if item.printed is None and not item.block.skipped]
    print("\n".join(["These blocks do not run:", *broken]) if broken else "All blocks are in step.")
    return 1 if broken else 0


if __name__ == "__main__":
    if not sys.argv[1:]:
        api_pages.write()
    raise SystemExit(sync(Path.cwd(), [Path(name).resolve() for name in sys.argv[1:]]))
