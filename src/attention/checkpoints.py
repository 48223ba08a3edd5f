"""Checkpoint files: tensors as safetensors, settings as JSON, written atomically, never pickled."""

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from attention.errors import BadInput
from attention.shapes import Tensor

__all__ = [
    "CHECKSUM",
    "assign_tensors",
    "check_tensors",
    "load_json",
    "load_tensors",
    "save_json",
    "save_tensors",
]

CHECKSUM = "crc32"  # its key in the metadata of a safetensors file


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write named tensors, each in its dtype, atomically: a crash leaves the old file as it was.

    Tensors that share memory (tied weights, views) are each written in full. The file's metadata
    has a checksum of them all, because safetensors itself doesn't notice a byte that has changed.

    Raises:
        BadInput: The file can't be written.
    """
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    metadata = {CHECKSUM: _checksum(copies), "format": "pt"}
    content = save(copies, metadata)
    # Safetensors writes the two entries in an order that differs between processes.
    either, other = (
        json.dumps(dict(entries), separators=(",", ":")).encode()
        for entries in (metadata.items(), reversed(metadata.items()))
    )
    _replace(path, content.replace(other, either, 1))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file onto the CPU.

    Raises:
        BadInput: There is no such file, or it is damaged: also where it has the checksum that
            `save_tensors` writes, and its tensors don't.
    """
    _check_exists(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            saved = (file.metadata() or {}).get(CHECKSUM)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise BadInput(f"{path}: damaged or not a safetensors file ({error})") from error
    if saved is not None and saved != _checksum(tensors):
        raise BadInput(f"{path}: damaged, its tensors are not those that were saved (checksum)")
    return tensors


def check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse tensors other than those expected, by name, shape and dtype, or not finite.

    Raises:
        BadInput: As it says; the message names the first such tensor.
    """
    for name in expected:
        if name not in tensors:
            raise BadInput(f"the tensor {name!r} is missing")
    for name, tensor in tensors.items():
        if name not in expected:
            raise BadInput(f"the tensor {name!r} is unexpected")
        found, right = (f"{t.dtype} {list(t.shape)}" for t in (tensor, expected[name]))
        if found != right:
            raise BadInput(f"the tensor {name!r} is {found}, not {right}".replace("torch.", ""))
        if not tensor.isfinite().all():
            raise BadInput(f"the tensor {name!r} has values that are not finite")


def assign_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model its state dict from a file, in the dtype that it was saved in.

    Raises:
        BadInput: It isn't this model's: see `check_tensors`.
    """
    dtypes = [tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()]
    if dtypes:
        model.to(dtypes[0])
    check_tensors(tensors, model.state_dict())
    model.load_state_dict(tensors, assign=True)


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    """Tells accidental damage, to names, dtypes and shapes too; it is no signature."""
    checksum = 0
    for name, tensor in sorted(tensors.items()):
        checksum = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), checksum)
        checksum = zlib.crc32(tensor.flatten().view(torch.uint8).numpy().data, checksum)
    return f"{checksum:08x}"


def save_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON object, atomically: a crash leaves the old file as it was.

    Raises:
        BadInput: The file can't be written.
    """
    _replace(path, json.dumps(values, ensure_ascii=False, indent=2).encode())


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadInput: There is no such file, or it is not a JSON object.
    """
    _check_exists(path)
    try:
        values = json.loads(content := path.read_bytes())
        if b"\\u" in content:  # perhaps half a character, which nothing could print or save
            json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, OSError, RecursionError) as error:
        raise BadInput(f"{path}: damaged, not JSON ({error})") from error
    if not isinstance(values, dict):
        raise BadInput(f"{path}: damaged, not a JSON object")
    return values


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from error


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
