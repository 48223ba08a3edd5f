"""A model's tensors in its safetensors files: looked at by name and shape, read one by one.

They lie in one file, or in several, the shards, with an index that says which.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from attention.checkpoints import load_json
from attention.errors import BadInput
from attention.shapes import Tensor

__all__ = ["StoredTensor", "stored_tensors"]

_FLOATS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}


class StoredTensor(NamedTuple):
    """A tensor in a file, not read yet. As text it says which tensor, and where.

    Attributes:
        kind: The type of its numbers, in safetensors' words.
    """

    path: Path
    name: str
    shape: list[int]
    kind: str
    file: Any

    def __str__(self) -> str:
        return f"{self.path}: the tensor {self.name!r}"

    @property
    def dtype(self) -> torch.dtype:
        """The type of its numbers.

        Raises:
            BadInput: It is not one that models compute with.
        """
        if self.kind not in _FLOATS:
            raise BadInput(f"{self} is of type {self.kind}, not one of {', '.join(_FLOATS)}")
        return _FLOATS[self.kind]

    def must_give(self, shape: torch.Size, change: Callable[[Tensor], Tensor], name: str) -> None:
        """Make sure, without reading it, that `change` makes a tensor of this shape of it.

        Args:
            shape: What is needed.
            change: What will be done to it when it is read.
            name: What needs it, for the message.

        Raises:
            BadInput: Its shape is another.
        """
        try:
            found = change(torch.empty(self.shape, device="meta")).shape
        except (RuntimeError, IndexError, ValueError):
            found = None
        if found != shape:
            there, here = (" x ".join(map(str, one)) or "one number" for one in (self.shape, shape))
            raise BadInput(f"{self} is {there}, which does not give our {name!r} its {here}")

    def read(self) -> Tensor:
        """Its numbers, straight from the file.

        Raises:
            BadInput: They cannot be read.
        """
        try:
            return self.file.get_tensor(self.name)
        except (SafetensorError, OSError, RuntimeError) as error:
            raise BadInput(f"{self} cannot be read ({error})") from error


@contextmanager
def stored_tensors(folder: Path) -> Iterator[list[StoredTensor]]:
    """All tensors of the model in `folder`; they can be read until the block ends.

    Raises:
        BadInput: A file is missing or damaged.
    """
    with ExitStack() as stack:
        yield [one for path in _files(folder) for one in stack.enter_context(_opened(path))]


def _files(folder: Path) -> list[Path]:
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return [single]
    if not index.is_file():
        pickled = " (pickled weights are never read)" if list(folder.glob("*.bin")) else ""
        raise BadInput(f"{single}: no such file, nor {index.name}{pickled}")
    names = load_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise BadInput(f"{index}: damaged, it has no weight_map")
    for name in names.values():
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+\.safetensors", name):
            raise BadInput(f"{index}: {name!r} is not the name of a file beside it")
    return [folder / name for name in sorted(set(names.values()))]


@contextmanager
def _opened(path: Path) -> Iterator[list[StoredTensor]]:
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        file: Any = safe_open(path, framework="pt")
    except (SafetensorError, OSError, RuntimeError) as error:
        raise BadInput(f"{path}: damaged or not a safetensors file ({error})") from error
    with file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        yield [
            StoredTensor(path, name, one.get_shape(), one.get_dtype(), file)
            for name, one in slices.items()
        ]
