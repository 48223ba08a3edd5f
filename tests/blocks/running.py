"""Run blocks as a reader would: in a fresh session, which `cont` blocks continue."""

import contextlib
import io
import linecache
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np
import torch
from torch._tensor_str import PRINT_OPTS

from tools.blocks import Block

from .excerpts import module_of


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _set_path(folders: list[str]) -> None:
    sys.path[:] = folders


def _set_deterministic(on: bool) -> None:
    if on != torch.are_deterministic_algorithms_enabled():  # setting it is slow
        torch.use_deterministic_algorithms(on)


def _set_main(module: ModuleType) -> None:
    sys.modules["__main__"] = module


# All that a block may change and the next must not feel: how to read it, how to put it back.
STATE: list[tuple[Callable[[], Any], Callable[[Any], object]]] = [
    (os.getcwd, os.chdir),
    (lambda: dict(os.environ), _set_environment),
    (lambda: sys.modules["__main__"], _set_main),
    (lambda: sys.argv, lambda argv: setattr(sys, "argv", argv)),
    (sys.path.copy, _set_path),
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (np.get_printoptions, lambda options: np.set_printoptions(**options)),
    (matplotlib.rcParams.copy, matplotlib.rcParams.update),
    (torch.get_rng_state, torch.set_rng_state),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, _set_device),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.are_deterministic_algorithms_enabled, _set_deterministic),
    (lambda: vars(PRINT_OPTS).copy(), lambda options: torch.set_printoptions(**options)),
]


def snapshot() -> list[Any]:
    """Take down everything in `STATE`."""
    return [get() for get, _ in STATE]


def restore(values: list[Any]) -> None:
    """Put everything in `STATE` back."""
    for (_, put), value in zip(STATE, values, strict=True):
        put(value)


class Session:
    """A reader's Python session: the names and the state that a chain of blocks shares.

    Between two blocks of the chain the process gets its own state back, so other tests may run.

    Args:
        path: The page, under whose name and lines the code is known to tracebacks and `inspect`.
        fresh: The state to start from.
    """

    def __init__(self, path: Path, fresh: list[Any]) -> None:
        self.path = str(path)
        self.module = ModuleType("__main__")
        self.module.__file__ = self.path
        self.done: list[Block] = []
        self.failed: tuple[Block, BaseException] | None = None
        self.folder = tempfile.TemporaryDirectory()
        self.state = fresh
        with self._inside():
            self._start()

    def _start(self) -> None:
        os.chdir(self.folder.name)
        _set_main(self.module)
        sys.argv = [""]
        # One thread adds up in one order: the same digits on every machine.
        torch.set_num_threads(1)
        # Numbers that no block has seeded must not look stable by luck.
        torch.seed()
        random.seed()
        np.random.seed()

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        outside = snapshot()
        restore(self.state)
        try:
            yield
        finally:
            self.state = snapshot()
            restore(outside)

    def run(self, block: Block) -> tuple[str, BaseException | None]:
        """Run one block, on the lines where it stands.

        Returns:
            What it printed, and what it raised, if it did.
        """
        names = dict(vars(module_of(block.fence.title))) if block.is_excerpt else None
        self.done.append(block)
        self._show_source()
        printed, error = self.execute(block.code, block.lineno, names)
        if error and not block.may_raise:
            self.failed = block, error
        return printed, error

    def execute(
        self, code: str, lineno: int = 0, names: dict[str, Any] | None = None
    ) -> tuple[str, BaseException | None]:
        """Run code that stands below the line `lineno`, among the names of the session or others.

        Returns:
            What it printed, and what it raised, if it did.
        """
        printed, error = io.StringIO(), None
        with self._inside(), contextlib.redirect_stdout(printed):
            try:
                # The empty lines give the code the line numbers that it has on the page.
                compiled = compile("\n" * lineno + code, self.path, "exec", dont_inherit=True)
                exec(compiled, vars(self.module) if names is None else names)
            except KeyboardInterrupt:
                raise
            except BaseException as raised:  # SystemExit too: a block must not end the tests
                error = raised
        return printed.getvalue(), error

    def _show_source(self) -> None:
        """Give tracebacks and `inspect` the code of this chain, on the lines where it stands."""
        lines = ["\n"] * (self.done[-1].fence.end)
        for block in self.done:
            code = block.code.splitlines(keepends=True)
            lines[block.lineno : block.lineno + len(code)] = code
        linecache.cache[self.path] = (sum(map(len, lines)), None, lines, self.path)

    def close(self) -> None:
        """Forget the names, the figures and the files."""
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")
        vars(self.module).clear()
        self.folder.cleanup()
