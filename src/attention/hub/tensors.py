"""The tensors in a model's safetensors files: listed by name and shape, read one by one.

They are in one file, or in several (shards) with an index that says which tensor is in which file.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from attention.checkpoints import CHECKSUM, load_json, load_tensors
from attention.errors import BadInput
from attention.shapes import Tensor

__all__ = ["StoredTensor", "stored_tensors"]

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}


class StoredTensor(NamedTuple):
    """A tensor in an open file, not read yet. Its `str` names the file and the tensor.

    Attributes:
        stored_dtype: Its dtype, as safetensors names it.
        file: The open file.
    """

    path: Path
    name: str
    shape: list[int]
    stored_dtype: str
    file: Any

    def __str__(self) -> str:
        return f"{self.path}: the tensor {self.name!r}"

    @property
    def dtype(self) -> torch.dtype:
        """Its dtype, as torch names it.

        Raises:
            BadInput: It isn't one that models compute with.
        """
        if self.stored_dtype not in _DTYPES:
            expected = ", ".join(_DTYPES)
            raise BadInput(f"{self} has the dtype {self.stored_dtype}, not one of {expected}")
        return _DTYPES[self.stored_dtype]

    def check_shape(
        self, shape: torch.Size, transform: Callable[[Tensor], Tensor], name: str
    ) -> None:
        """Check, without reading it, that `transform` gives a tensor of the shape `shape`.

        Args:
            shape: The shape of our parameter.
            transform: Applied to the tensor when it is read.
            name: Of our parameter, for the message.

        Raises:
            BadInput: It gives another shape, or none.
        """
        try:
            found = transform(torch.empty(self.shape, device="meta")).shape
        except (RuntimeError, IndexError, ValueError):
            found = None
        if found != shape:
            problem = f"{self} has the shape {self.shape}"
            raise BadInput(f"{problem}, which can't fill our {name!r} of shape {list(shape)}")

    def read(self) -> Tensor:
        """The tensor, read from the file.

        Raises:
            BadInput: It can't be read, or has values that are not finite.
        """
        try:
            tensor = self.file.get_tensor(self.name)
        except (SafetensorError, OSError, RuntimeError) as error:
            raise BadInput(f"{self} can't be read ({error})") from error
        if not tensor.isfinite().all():
            raise BadInput(f"{self} has values that are not finite")
        return tensor


@contextmanager
def stored_tensors(folder: Path) -> Iterator[list[StoredTensor]]:
    """All tensors of the model in `folder`; they can be read until the block ends.

    Raises:
        BadInput: A file is missing or damaged.
    """
    with ExitStack() as stack:
        yield [tensor for path in _files(folder) for tensor in stack.enter_context(_opened(path))]


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
            raise BadInput(f"{index}: {name!r} isn't the name of a safetensors file in this folder")
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
        if CHECKSUM in (file.metadata() or {}):
            load_tensors(path)  # verifies it
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        yield [
            StoredTensor(path, name, part.get_shape(), part.get_dtype(), file)
            for name, part in slices.items()
        ]
