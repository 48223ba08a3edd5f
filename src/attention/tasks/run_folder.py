"""The folder of a training run: one process owns it, and a checkpoint is whole or not there."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from attention.errors import BadInput
from attention.tasks.folder_lock import FolderLock

__all__ = ["RunFolder"]

# What a run writes, and what a model from the hub consists of: none of them is ever overwritten.
FILES = [
    *("run.json", "training.safetensors", "log.jsonl", "checkpoints", "translator.json"),
    *("config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer.json"),
]


class RunFolder:
    """The folder of a run. Its last checkpoint consists of the files that are directly in it.

    A new checkpoint is written beside the last one, becomes valid with the renaming of a folder,
    and is then moved file by file to where the last one was. Whenever that is interrupted, `settle`
    has either a whole new checkpoint to move or a whole last one to leave alone.

    Attributes:
        path: Of the folder.
        lock: None until `acquire`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock: FolderLock | None = None
        self._partial, self._whole = path / ".checkpoint.partial", path / ".checkpoint"

    def check_free(self) -> None:
        """Refuse a folder that can't be written, or that holds what a run would overwrite.

        Raises:
            BadInput: As it says.
        """
        if self.holds_run:
            raise BadInput(
                f"{self.path}: holds a run already; continue it with --resume, or give another "
                "--out"
            )
        for name in FILES:
            if os.path.lexists(self.path / name):
                raise BadInput(
                    f"{self.path}: holds a {name} already, which would be overwritten; give "
                    "another --out"
                )
        existing = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            raise BadInput(f"{self.path}: cannot be written, because of {existing}")

    @property
    def holds_run(self) -> bool:
        """Whether there is a checkpoint."""
        return any((folder / "run.json").exists() for folder in (self.path, self._whole))

    def create(self) -> None:
        """Make the folder and acquire it for a new run.

        Raises:
            BadInput: It can't be made, or holds files that would be overwritten by now.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be made ({error.strerror})") from error
        self.acquire()
        self.check_free()

    def acquire(self) -> None:
        """Lock the folder, and complete or remove what a killed process has left behind.

        Raises:
            BadInput: Another process holds the lock, or the folder can't be written.
        """
        self.lock = FolderLock.of(self.path)
        self._write(self._settle)

    def save(self, write: Callable[[Path], None], keep_as: str | None = None) -> None:
        """Replace the last checkpoint by a new one, as a whole.

        Args:
            write: Writes the files of the new checkpoint into the folder that it is given.
            keep_as: The last checkpoint is kept in the subfolder `checkpoints`, by this name.

        Raises:
            BadInput: A file can't be written; the last checkpoint is as it was.
        """

        def replace() -> None:
            self._settle()
            self._partial.mkdir()
            write(self._partial)
            if keep_as:
                self._keep(keep_as)
            os.rename(self._partial, self._whole)
            self._settle()

        self._write(replace)

    def _write(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be written ({error.strerror})") from error
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _settle(self) -> None:
        shutil.rmtree(self._partial, ignore_errors=True)
        if self._whole.is_dir():
            for file in sorted(self._whole.iterdir()):
                os.replace(file, self.path / file.name)
            self._whole.rmdir()

    def _keep(self, name: str) -> None:
        """Link the files of the last checkpoint into a subfolder."""
        kept = self.path / "checkpoints" / name
        unfinished = kept.with_name(".partial")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for file in self._partial.iterdir():
            if (last := self.path / file.name).exists():
                _link(last, unfinished / file.name)
        shutil.rmtree(kept, ignore_errors=True)
        os.rename(unfinished, kept)

    def prune(self, keep: int) -> None:
        """Delete all but the newest of the kept checkpoints, whose names end in their steps."""
        kept = [p for p in (self.path / "checkpoints").glob("step-*") if p.name[5:].isdecimal()]
        by_step = sorted(kept, key=lambda folder: int(folder.name[5:]))
        for folder in by_step[: max(0, len(by_step) - keep)]:
            shutil.rmtree(folder, ignore_errors=True)


def _link(file: Path, to: Path) -> None:
    try:
        os.link(file, to)
    except OSError:  # a file system without links
        shutil.copyfile(file, to)
