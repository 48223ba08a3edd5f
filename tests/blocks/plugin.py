"""The pytest plugin: every Python block of the pages and of the README is a test.

It builds on pytest-codeblocks, whose marks it understands and whose collector it replaces.
"""

import difflib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import pytest
import torch
from pytest_codeblocks.plugin import MarkdownFile, TestBlock

from tests.device.plugin import DEVICE
from tools.blocks import Block, PageError, read_blocks

from .comparing import as_on_cpu, first_difference, lines_of
from .labs import Lab
from .running import Session, snapshot
from .tally import Tally

FRESH = pytest.StashKey[list[Any]]()


def pytest_configure(config: pytest.Config) -> None:
    """Settle what all blocks have in common: plots need no screen, and the device is known."""
    config.addinivalue_line(
        "markers", "output_varies(reason): what the block prints is not compared; counts as a skip"
    )
    config.option.codeblocks = False  # our collector takes the place of pytest-codeblocks' own
    os.environ["MPLBACKEND"] = "Agg"
    config.stash[FRESH] = snapshot()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(config, gpu=DEVICE == "cuda"), "block-tally")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let `--dist loadgroup` see the groups: blocks of a chain run in one process, each once.

    pytest-xdist 3.8 writes a test's group where pytest 9.2 no longer reads a test's name, and
    so spreads all tests singly (its issue 1386). What it wrote is put where it belongs.
    """
    for item in items:
        if (name := vars(item).get("_nodeid")) and hasattr(item, "_id"):
            item._id = type(item._id).parse(name)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "Page | Lab | None":
    """Collect the pages of the site and the README, and the labs where they are no notebooks."""
    root = parent.config.rootpath
    on_site = root / "docs" in file_path.parents
    if (on_site and file_path.suffix == ".md") or file_path == root / "README.md":
        page: Page = Page.from_parent(parent, path=file_path)
        return page
    is_lab = on_site and file_path.suffix == ".py"
    if is_lab and DEVICE != "cpu" and not parent.session.isinitpath(file_path):
        lab: Lab = Lab.from_parent(parent, path=file_path)
        return lab
    return None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Lab | None:
    """Take a lab for a lab, where its name is typed and pytest takes it for a module of tests."""
    if parent.config.rootpath / "docs" not in module_path.parents:
        return None
    lab: Lab = Lab.from_parent(parent, path=module_path)
    return lab


class Page(MarkdownFile):  # type: ignore[misc,unused-ignore]
    """A page, with the session of the chain of blocks that is being run."""

    session_now: Session | None = None

    def collect(self) -> Iterator["BlockItem"]:
        """Make an item of every Python block, or none at all if anything is odd."""
        for block in read_blocks(self.path):
            yield BlockItem.from_parent(self, name=f"line {block.lineno}", block=block)

    def session_before(self, block: Block) -> Session:
        """The session in which a block runs, with all that it continues already done."""
        if self.session_now is None or self.session_now.done != block.needs or not block.needs:
            self.teardown()
            self.session_now = Session(self.path, self.config.stash[FRESH])
            for earlier in block.needs:
                self.session_now.run(earlier)
        return self.session_now

    def teardown(self) -> None:
        """Forget the last session; pytest calls this when it leaves the page."""
        if self.session_now:
            self.session_now.close()
        self.session_now = None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> Any:
        """Say what is wrong with the page, without a traceback of this plugin."""
        if isinstance(excinfo.value, PageError):
            return _short(str(excinfo.value), self.config)
        return super().repr_failure(excinfo)


class BlockItem(TestBlock):  # type: ignore[misc,unused-ignore]
    """One Python block as a test, known as `docs/introduction.md::line 42`."""

    def __init__(self, name: str, parent: Page, block: Block) -> None:
        super().__init__(name, parent, block)
        self.block = block
        self.printed: str | None = None
        self.user_properties.append(("block", "uses a GPU" if "cuda" in block.code else ""))
        first = block.needs[0] if block.needs else block
        self.add_marker(pytest.mark.xdist_group(f"{parent.name}:{first.lineno}"))
        for mark in block.marks:
            self._apply(mark)
        if block.importorskip and not importlib.util.find_spec(block.importorskip):
            block.skipped = f"{block.importorskip} is not installed"
        if block.skipped:
            self.add_marker(pytest.mark.skip(reason=block.skipped))

    def _apply(self, text: str) -> None:
        """Let a `pytest.mark` have its effect; those that excuse a block must say why."""
        names = {"pytest": pytest, "torch": torch, "sys": sys, "os": os}
        try:
            mark = eval(text, names)
            conditions = [eval(arg, names) if isinstance(arg, str) else arg for arg in mark.args]
        except Exception as error:
            self._refuse(f"`{text}` raises {error!r}")
        reason = mark.kwargs.get("reason", "")
        if mark.name in {"skip", "skipif", "xfail", "output_varies"} and not reason.strip():
            self._refuse(f'`{text}` does not say why: write reason="…"')
        if mark.name == "skip" or (mark.name == "skipif" and any(conditions)):
            self.block.skipped = reason
        elif mark.name == "output_varies":
            self.block.output_varies = reason
        elif mark.name == "xfail":
            if issubclass(PageError, mark.kwargs.get("raises", Exception)):
                self._refuse(f"`{text}` does not say which error it raises: write raises=…")
            self.block.may_raise = True
            strictly = {**mark.kwargs, "strict": True, "run": True}
            self.add_marker(pytest.mark.xfail(*conditions, **strictly))
        elif mark.name != "skipif":
            self.add_marker(mark)

    def _refuse(self, problem: str) -> NoReturn:
        raise PageError(self.path, self.block.lineno, problem)

    def runtest(self) -> None:
        """Run the block after those that it continues, and compare what it prints."""
        block = self.block
        for earlier in block.needs:
            if earlier.skipped:
                self._refuse(f"continues the block at line {earlier.lineno}, which is skipped")
        session = self.parent.session_before(block)
        if session.failed:
            earlier, error = session.failed
            self._refuse(f"continues the block at line {earlier.lineno}, which raises {error!r}")

        printed, error = session.run(block)
        sys.stdout.write(printed)  # pytest shows it if the block fails
        if error and not block.may_raise:
            raise error
        if error and block.output:
            printed += "".join(traceback.format_exception_only(error))
        self.printed = printed
        self._compare(printed)
        if error:
            raise error

    def _compare(self, printed: str) -> None:
        """Compare what the block printed with what the page shows."""
        shown = self.block.output
        if self.block.output_varies:
            self.user_properties.append(("output varies", self.block.output_varies))
            return
        if DEVICE != "cpu":
            printed = as_on_cpu(printed)
        if shown is None:
            if printed.strip():
                self._refuse(f"the page does not show what this block prints:\n\n{printed}")
            return
        self.user_properties.append(("compared", "yes"))
        ignore = self.block.output_ignores_whitespace
        line = first_difference(shown.code, printed, ignore)
        if line is not None:
            pages, blocks = lines_of(shown.code), lines_of(printed)
            diff = difflib.unified_diff(pages, blocks, "the page", "the block", lineterm="")
            problem = "the page shows another output than its block prints:\n\n" + "\n".join(diff)
            raise PageError(self.path, shown.line + 1 + line, problem)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any) -> str:
        """Show the traceback on the page, from the first line of the block on."""
        error = excinfo.value
        if isinstance(error, PageError):
            return _short(str(error), self.config)
        inner: TracebackType | None = excinfo.tb
        while inner and inner.tb_frame.f_code.co_filename != str(self.path):
            inner = inner.tb_next
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
        for frame in traceback.extract_tb(inner):
            line = frame.lineno if frame.filename == str(self.path) else line
        lines = traceback.format_exception(type(error), error, inner)
        head = f"{self.path}:{line or self.block.lineno}: {type(error).__name__}: {error}\n\n"
        return _short(head + "".join(lines), self.config)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the block stands: pytest counts lines from 0."""
        return self.path, self.block.lineno - 1, self.name


def _short(text: str, config: pytest.Config) -> str:
    """Name files from the root of the project on."""
    return text.replace(f"{config.rootpath}{os.sep}", "")
