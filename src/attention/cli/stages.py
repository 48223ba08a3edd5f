"""What the command does before its results, said on standard error where it takes a while."""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TypeVar

__all__ = ["announced", "say", "unannounced"]

T = TypeVar("T")

log = logging.getLogger(__name__)
MOMENT = 0.3  # seconds; what is done within them isn't worth a line


def say(what: str) -> None:
    """Announce the next stage of a command, as the package itself does by its loggers.

    Args:
        what: What is being done from now on; nothing if it is empty.
    """
    log.info(what)


def unannounced(results: Iterable[T]) -> Iterator[T]:
    """The same results, each handed over when no announcement stands on the line any more."""
    for result in results:
        say("")
        yield result


class _Announcer(logging.Handler):
    """Prints a message of the package's loggers if the next isn't there within a moment.

    In a file each message is a line. On a terminal the next message replaces it.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._timer: Timer | None = None
        self._shown = False

    def emit(self, record: logging.LogRecord) -> None:
        self.clear()
        if message := record.getMessage():
            self._timer = Timer(MOMENT, self._show, [message])
            self._timer.daemon = True  # an error ends the command without waiting for it
            self._timer.start()

    def clear(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        if self._shown:
            self._shown = False
            _write("\r\033[K")

    def _show(self, message: str) -> None:
        self._shown = sys.stderr.isatty()
        _write(f"attention: {message} ..." + "\n" * (not self._shown))


def _write(text: str) -> None:
    with suppress(OSError, ValueError):  # standard error is full, or closed
        sys.stderr.write(text)
        sys.stderr.flush()


@contextmanager
def announced() -> Iterator[None]:
    """Within this block, announce each stage that takes longer than a moment."""
    package, announcer = logging.getLogger("attention"), _Announcer()
    level = package.level
    package.addHandler(announcer)
    package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.removeHandler(announcer)
        package.setLevel(level)
        announcer.clear()
