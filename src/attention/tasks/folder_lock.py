"""A lock on a folder, which only a living process can hold."""

import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from attention.errors import BadInput

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FolderLock"]


class FolderLock:
    """A lock on a folder against other processes, which the death of its process releases.

    It is shared within a process, and released when its last user is gone.

    Attributes:
        exclusive: False where the system has no such locks, so that nobody is kept out.

    Raises:
        BadInput: Another process holds it, or the folder can't be written.
    """

    _held: ClassVar[weakref.WeakValueDictionary[Path, "FolderLock"]] = weakref.WeakValueDictionary()

    def __init__(self, folder: Path) -> None:
        file = folder / ".lock"
        while True:
            try:
                descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise BadInput(f"{folder}: cannot be written ({error.strerror})") from error
            self.exclusive = _lock(descriptor, folder)
            if file.exists() and os.path.samestat(os.fstat(descriptor), file.stat()):
                break
            os.close(descriptor)  # of a file that its owner has deleted in the meantime
        weakref.finalize(self, _release, descriptor, file, os.getpid())

    @classmethod
    def of(cls, folder: Path) -> "FolderLock":
        """The lock on a folder: a new one, or that which this process holds already."""
        path = folder.resolve()
        lock = cls._held.get(path)
        if lock is None:
            lock = cls._held[path] = cls(folder)
        return lock


def _lock(descriptor: int, folder: Path) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BadInput(
            f"{folder}: another process is training there; wait for it, or give another --out"
        ) from error
    except OSError:  # a file system without locks
        return False
    return True


def _release(descriptor: int, file: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not a process that it has forked
        with suppress(OSError):
            file.unlink()
    os.close(descriptor)
