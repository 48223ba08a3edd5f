"""Text in and out of the command: its streams, files of lines, and JSON."""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from attention.errors import BadInput

__all__ = [
    "check_text",
    "iterate_lines",
    "open_input",
    "open_output",
    "prepare_streams",
    "print_json",
    "read_prompt",
    "stdin_has_text",
]


def prepare_streams() -> None:
    """Make the standard streams take every character, and do without standard error.

    A character that the encoding of the terminal lacks is printed as an escape.

    Raises:
        BadInput: Standard output is closed.
    """
    if sys.stderr is None:  # closed: `print` would write to standard output instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        raise BadInput("standard output is closed; send it to a file, or to /dev/null")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def check_text(what: str, *texts: str) -> None:
    """Refuse arguments with bytes that are not UTF-8, which Python passes on as lone surrogates.

    Raises:
        BadInput: One of them has such bytes.
    """
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"the {what} is not UTF-8 text") from error


def print_json(values: Any, file: Any = None) -> None:
    """Print a line of JSON, on standard output unless given; in ASCII where that isn't UTF-8."""
    file = file or sys.stdout
    utf8 = (file.encoding or "utf-8").lower().replace("-", "").startswith("utf8")
    print(json.dumps(values, ensure_ascii=not utf8), file=file, flush=True)


def stdin_has_text() -> bool:
    """Whether standard input is a file or a pipe, not a terminal and not closed."""
    return sys.stdin is not None and not sys.stdin.closed and not sys.stdin.isatty()


def read_prompt() -> str:
    """All text of standard input, without the line end that `echo` adds.

    Raises:
        BadInput: It is a terminal, is closed, or is not UTF-8.
    """
    with open_input(None, "give a prompt: - stands for standard input, but there is none") as file:
        lines = list(iterate_lines(file, "standard input"))
    return "\n".join(lines)


@contextmanager
def open_input(path: Path | None, hint: str) -> Iterator[BinaryIO]:
    """A file, or standard input where `path` is None.

    Args:
        hint: What to type instead where standard input is a terminal.

    Raises:
        BadInput: The file can't be read, or standard input is a terminal or closed.
    """
    if path is None:
        if not stdin_has_text():
            raise BadInput(hint)
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    with file:
        yield file


def iterate_lines(file: Iterable[bytes], name: str) -> Iterator[str]:
    """The lines of a UTF-8 file, each as soon as it is there, without its end.

    Raises:
        BadInput: A line is not UTF-8.
    """
    for number, line in enumerate(file, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            if text:  # and not a byte order mark alone, which is no line
                yield text.rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise BadInput(f"{name}: line {number} is not UTF-8") from error


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file, which is written whole or not at all.

    The file is replaced when the block ends without an error; until then it stays as it was.

    Raises:
        BadInput: The file can't be written, or is something else than a file.
    """
    if path is None:
        yield sys.stdout
        return
    if path.exists() and not path.is_file():
        raise BadInput(f"{path}: not a file that can be replaced; use > for a device or a pipe")
    final = Path(os.path.realpath(path))
    partial = final.with_name(f".{final.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
        os.replace(partial, final)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            partial.unlink()
