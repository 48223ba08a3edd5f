"""One run of the command inside this process, and what must be true of every one."""

import io
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from attention.cli.app import main

SECONDS = 20
LEAKS = ("Traceback", "object at 0x", "<class ", "Error(", "Internal")


class Fault(AssertionError):
    """A run that broke the promise.

    Attributes:
        kind: `traceback`, `hang` or `wrong`; a process that aborts can't raise it.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Outcome(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def refused(self) -> bool:
        return self.code != 0

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.removesuffix("\n").split("\n") if self.out else []


def wrong(condition: object, message: str) -> None:
    """Stop with a fault where something is silently wrong."""
    if condition:
        raise Fault("wrong", message)


def run(arguments: Sequence[str], stdin: bytes = b"") -> Outcome:
    """Run the command as `main` does, with streams of its own, for 20 seconds at most.

    Raises:
        Fault: It ends with another exception than `SystemExit`, with other codes than 0, 1 and 2,
            or without the one clear line that a refusal is.
    """

    def late(*_: object) -> None:
        raise Fault("hang", f"more than {SECONDS} s")

    out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", newline="\n")
    code = 0
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with (
            redirect_stdout(out),
            redirect_stderr(err),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        ):
            try:
                main(list(arguments))
            except SystemExit as stopped:
                code = stopped.code
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            out.flush(), err.flush()
    except Fault:
        raise
    except BaseException as error:
        raise Fault("traceback", f"{type(error).__name__}: {error}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    outcome = Outcome(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
    _check(outcome)
    return outcome


def _check(outcome: Outcome) -> None:
    """A refusal is one line that names something; warnings and progress may precede it."""
    wrong(outcome.code not in (0, 1, 2), f"exit code {outcome.code}")
    if not outcome.refused:
        return
    *before, message = outcome.err.removesuffix("\n").split("\n")
    wrong(not message.startswith("attention: "), f"no clear line, but {message!r}")
    wrong(len(message) < 25, f"the line says nothing: {message!r}")
    wrong(any(leak in message for leak in LEAKS), f"not a clear line: {message!r}")
    trained = any("steps, " in line for line in before)
    extra = [line for line in before if not line.startswith("attention: ")]
    wrong(extra and not trained, f"more than one line: {outcome.err!r}")


def changes(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """The files that are new, gone or different."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, to be compared; not the lock, which this process may still hold."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
