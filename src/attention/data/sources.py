"""Where training data comes from, and a fingerprint that tells whether it's still the same."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attention.errors import BadInput

__all__ = ["DataSource", "locate"]


@dataclass(frozen=True)
class DataSource:
    """A file of training data, or a built-in corpus.

    Attributes:
        name: As `--data` names it.
        path: The absolute path of the file, symbolic links resolved; None for a built-in corpus.
        sha256: The fingerprint: the hash of the file's content; None for a built-in corpus until
            `with_fingerprint` has seen its texts.
    """

    name: str
    path: str | None
    sha256: str | None

    def with_fingerprint(self, corpus: Sequence[Any]) -> "DataSource":
        """The same source; where it is a built-in corpus, with the hash of these texts."""
        if self.path:
            return self
        hashed = hashlib.sha256()
        for item in corpus:
            text = "\t".join(item[:2]) if isinstance(item, tuple) else str(item)
            hashed.update(text.encode() + b"\n")
        return DataSource(self.name, None, hashed.hexdigest())


def locate(names: Sequence[str], built_in: Collection[str]) -> list[DataSource]:
    """The sources that `--data` names, with the fingerprints of their files.

    Args:
        names: The files, or a built-in corpus.
        built_in: Names that are corpora rather than files.

    Raises:
        BadInput: A file can't be read, or could be read only once.
    """
    return [
        DataSource(name, None, None) if name in built_in else _located_file(name) for name in names
    ]


def _located_file(name: str) -> DataSource:
    path = Path(name)
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise BadInput(
                f"{name}: a pipe or device can be read only once, but --resume reads the data "
                "again; write it to a file first"
            )
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return DataSource(name, str(path.resolve()), sha256)
    except OSError as error:
        raise BadInput(f"cannot read {name}: {error.strerror}") from error
    except ValueError as error:  # a null character in the name, for example
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"cannot read {name!r}: {error}") from error
