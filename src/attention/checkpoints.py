"""Tensors and settings on disk: safetensors and JSON, whole or not at all, never pickled."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from attention.errors import BadInput
from attention.shapes import Tensor

__all__ = ["load_json", "load_tensors", "save_json", "save_tensors"]


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors by name. A crash leaves the file as it was before."""
    _replace(
        path,
        save(
            {
                name: t.detach().cpu().clone(memory_format=torch.contiguous_format)
                for name, t in tensors.items()
            }
        ),
    )


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read what `save_tensors` wrote.

    Raises:
        BadInput: There is no such file, or it is damaged.
    """
    _must_be_file(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: damaged or not a safetensors file ({error})") from error


def save_json(path: Path, values: dict[str, Any]) -> None:
    """Write settings. A crash leaves the file as it was before."""
    _replace(path, json.dumps(values, ensure_ascii=False, indent=2).encode())


def load_json(path: Path) -> dict[str, Any]:
    """Read what `save_json` wrote.

    Raises:
        BadInput: There is no such file, or it is not a JSON object.
    """
    _must_be_file(path)
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
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from error


def _must_be_file(path: Path) -> None:
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
