"""Reading a folder in Hugging Face's layout: checked settings, and tensors into parameters.

A model is loaded in three steps: its Config is read from `config.json`; it is built on torch's meta
device, where tensors have shapes but no storage; and every tensor is read and assigned.
"""

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeVar

import torch
from tokenizers import Tokenizer
from torch import nn

from attention.checkpoints import load_json
from attention.errors import BadInput, first_line
from attention.hub.download import find
from attention.hub.tensors import StoredTensor, stored_tensors
from attention.shapes import Tensor

__all__ = ["KeySource", "PretrainedFiles"]

# Where a parameter of ours comes from: Hugging Face's key, and the transformation, if there is one.
KeySource = str | tuple[str, Callable[[Tensor], Tensor]]

Model = TypeVar("Model", bound=nn.Module)


class PretrainedFiles:
    """The files of a pretrained model: config, tokenizer and weights.

    Args:
        path_or_name: The folder, or a model's name on the hub, which is downloaded once.
        model_type: The architecture that `config.json` must name.
        revision: A branch, tag or commit on the hub.

    Attributes:
        folder: Where the files are.
        config: The contents of `config.json`.

    Raises:
        BadInput: There is no such folder or name, or it holds another architecture.
    """

    def __init__(
        self, path_or_name: str | os.PathLike[str], model_type: str, revision: str | None = None
    ) -> None:
        self.folder = find(path_or_name, revision)
        self.config = load_json(self.folder / "config.json")
        found = self.config.get("model_type")
        if found != model_type:
            raise self.error(f"model_type is {found!r}, but this class loads {model_type!r}")

    def require(self, key: str, *allowed: object) -> None:
        """Check that a setting has a value that our model can represent.

        Args:
            key: Its name in `config.json`.
            allowed: The possible values; the first is the default of a file without this key.

        Raises:
            BadInput: It has another value.
        """
        value = self.config.get(key, allowed[0])
        if not any(type(value) is type(this) and value == this for this in allowed):
            choice = " or ".join(map(repr, allowed))
            raise self.error(f"{key} is {value!r}, but only {choice} is supported")

    def get_int(self, key: str, default: int | None = None, maximum: int = 2**31) -> int:
        """A size or a count, from 1 to `maximum`; `default` if the key is absent or null.

        Raises:
            BadInput: There is neither a value nor a default, or the value is anything else.
        """
        value = self._value(key, default)
        if type(value) is not int or not 1 <= value <= maximum:
            raise self.error(f"{key} is {value!r}, not an integer from 1 to {maximum}")
        return value

    def get_float(self, key: str, default: float | None = None, maximum: float = math.inf) -> float:
        """A finite value, from 0 to `maximum`; `default` if the key is absent or null.

        Raises:
            BadInput: There is neither a value nor a default, or the value is anything else.
        """
        value = self._value(key, default)
        if type(value) not in (int, float) or not 0 <= value <= maximum or value == math.inf:
            bound = "up" if maximum == math.inf else f"to {maximum:g}"
            raise self.error(f"{key} is {value!r}, not a number from 0 {bound}")
        return float(value)

    def tokenizer(self) -> Tokenizer | None:
        """The model's tokenizer; None if the folder has no `tokenizer.json`.

        Raises:
            BadInput: `tokenizer.json` is damaged.
        """
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            return None
        try:
            tokenizer = Tokenizer.from_file(str(path))
            tokenizer.encode("")  # panics where its template has a token that isn't defined
            return tokenizer
        except BaseException as error:  # the library raises bare Exceptions, and a panic of Rust
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise BadInput(f"{path}: damaged, not a tokenizer ({first_line(error)})") from error

    def build(self, make: Callable[[], Model]) -> Model:
        """Build a model on the meta device: at full size, without allocating memory.

        Raises:
            BadInput: The settings contradict each other.
        """
        try:
            with torch.device("meta"):
                return make()
        except (ValueError, RuntimeError) as error:
            raise self.error(f"no model has these settings ({first_line(error)})") from error

    def load_weights(
        self,
        model: nn.Module,
        key_map: Mapping[str, KeySource],
        rename: Callable[[str], str] = str,
        ignored_keys: Sequence[str] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        """Fill the parameters and buffers of a model that `build` has made, in place.

        Names, shapes and dtypes are checked before any tensor is read.

        Args:
            model: Its modules with buffers outside the state dict have `reset_buffers(device)`.
            key_map: The source of each tensor of `model.state_dict()`.
            rename: Applied to the keys in the files first, to remove a prefix for example.
            ignored_keys: Patterns of renamed keys that may occur and aren't needed.
            dtype: Of all tensors; unless given, the widest in the files.
            device: Of all tensors; unless given, torch's default device.

        Raises:
            BadInput: A tensor is missing, unexpected, or of the wrong shape or dtype, or a file is
                damaged.
        """
        device = torch.get_default_device() if device is None else device
        sources = {ours: _pair(source) for ours, source in key_map.items()}
        with stored_tensors(self.folder) as tensors:
            stored = {rename(tensor.name): tensor for tensor in tensors}
            self._check_keys(model, [key for key, _ in sources.values()], stored, ignored_keys)
            shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
            for ours, (key, transform) in sources.items():
                stored[key].check_shape(shapes[ours], transform, ours)
            widest = reduce(torch.promote_types, [stored[key].dtype for key, _ in sources.values()])
            state = {
                ours: transform(stored[key].read()).to(
                    device, dtype or widest, copy=True, memory_format=torch.contiguous_format
                )
                for ours, (key, transform) in sources.items()
            }
        model.load_state_dict(state, assign=True)
        for module in model.modules():  # buffers outside the state dict are still on meta
            if reset_buffers := getattr(module, "reset_buffers", None):
                reset_buffers(device)

    def error(self, problem: str) -> BadInput:
        """A problem with `config.json`, to be raised."""
        return BadInput(f"{self.folder / 'config.json'}: {problem}")

    def _check_keys(
        self,
        model: nn.Module,
        needed: Sequence[str],
        stored: Mapping[str, StoredTensor],
        ignored_keys: Sequence[str],
    ) -> None:
        for key in needed:
            if key not in stored:
                raise BadInput(f"{self.folder}: the tensor {key!r} is missing")
        for key, tensor in stored.items():
            if key not in needed and not any(re.fullmatch(this, key) for this in ignored_keys):
                raise BadInput(
                    f"{tensor} is unexpected: a {type(model).__name__} has no tensor of this name"
                )

    def _value(self, key: str, default: object) -> Any:
        value = self.config.get(key)
        return default if value is None else value


def _pair(source: KeySource) -> tuple[str, Callable[[Tensor], Tensor]]:
    return (source, lambda tensor: tensor) if isinstance(source, str) else source
