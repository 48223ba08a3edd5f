"""Checkpoint files: tensors as safetensors, settings as JSON, written atomically, never pickled."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from attention.errors import BadInput
from attention.shapes import Tensor

__all__ = ["load_json", "load_tensors", "save_json", "save_tensors"]


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write named tensors, each in its dtype, atomically: a crash leaves the old file as it was.

    Tensors that share memory (tied weights, views) are each written in full.

    Raises:
        BadInput: The file can't be written.
    """
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    _replace(path, save(copies))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file onto the CPU.

    Raises:
        BadInput: There is no such file, or it is damaged.
    """
    _check_exists(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: damaged or not a safetensors file ({error})") from error


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
        values = json.loads(path.read_bytes())
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
