"""Weights that others have trained: folders in Hugging Face's layout, and names on their hub.

A model of ours takes them in three moves: its settings are read from `config.json`, it is made on
torch's meta device, where it has shapes but no numbers, and every tensor is read into its place.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import torch
from tokenizers import Tokenizer
from torch import nn

from attention.checkpoints import load_json
from attention.errors import BadInput
from attention.hub.tensors import StoredTensor, stored_tensors
from attention.shapes import Tensor

__all__ = ["PretrainedFiles", "Source", "find"]

# Where a tensor of ours comes from: the name of theirs, and what is done to it, if anything.
Source = str | tuple[str, Callable[[Tensor], Tensor]]

Model = TypeVar("Model", bound=nn.Module)

_FILES = ["config.json", "model*.safetensors", "model.safetensors.index.json", "tokenizer.json"]


class PretrainedFiles:
    """A trained model as it lies in a folder: settings, tensors and tokenizer, not read yet.

    Args:
        path_or_name: The folder; or a model's name on the hub, from where it is fetched once.
        model_type: The architecture that is wanted, in the words of `config.json`.

    Attributes:
        folder: Where it lies.
        config: What `config.json` says.

    Raises:
        BadInput: There is no such folder or name, or it holds another architecture.
    """

    def __init__(self, path_or_name: str | os.PathLike[str], model_type: str) -> None:
        self.folder = find(path_or_name)
        self.config = load_json(self.folder / "config.json")
        found = self.config.get("model_type")
        if found != model_type:
            raise self._refusal(f"model_type is {found!r}, but {model_type!r} is wanted here")

    def expect(self, key: str, *allowed: object) -> None:
        """Make sure that a setting is one that our model can represent.

        Args:
            key: Its name in `config.json`.
            allowed: What it may be. A file that does not say means the first.

        Raises:
            BadInput: It is something else.
        """
        value = self.config.get(key, allowed[0])
        if not any(type(value) is type(this) and value == this for this in allowed):
            choice = " or ".join(map(repr, allowed))
            raise self._refusal(f"{key} is {value!r}, and only {choice} can be represented")

    def whole(self, key: str, default: int | None = None, most: int = 2**31) -> int:
        """A setting that counts something, from 1 to `most`; `default` if nothing is said.

        Raises:
            BadInput: It is missing, or anything else.
        """
        value = self._value(key, default)
        if type(value) is not int or not 1 <= value <= most:
            raise self._refusal(f"{key} is {value!r}, not a whole number from 1 to {most}")
        return value

    def number(self, key: str, default: int | float | None = None) -> float:
        """A setting that measures something: zero, or more; `default` if nothing is said.

        Raises:
            BadInput: It is missing, or anything else.
        """
        value = self._value(key, default)
        if type(value) not in (int, float) or not 0 <= value < float("inf"):
            raise self._refusal(f"{key} is {value!r}, not a number from 0 up")
        return float(value)

    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer that the model was trained with, if it came along.

        Raises:
            BadInput: `tokenizer.json` is damaged.
        """
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            return None
        try:
            return Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more particular
            raise BadInput(f"{path}: damaged, not a tokenizer ({_line(error)})") from error

    def build(self, make: Callable[[], Model]) -> Model:
        """Let a model be made on the meta device: in its full size, and yet without any memory.

        Raises:
            BadInput: The settings do not go together.
        """
        try:
            with torch.device("meta"):
                return make()
        except (ValueError, RuntimeError) as error:
            raise self._refusal(f"no model can have these sizes ({_line(error)})") from error

    def fill(
        self,
        model: nn.Module,
        sources: Mapping[str, Source],
        rename: Callable[[str], str] = str,
        ignore: Sequence[str] = (),
    ) -> None:
        """Give a model that `build` has made its numbers.

        Everything is checked before anything is read, and each tensor is then read on its own.
        Tensors of different precisions all get the widest.

        Args:
            model: Filled in place. Its device is then the processor.
            sources: Where each tensor of `model.state_dict()` comes from.
            rename: Applied to their names first, to take away a prefix, say.
            ignore: Patterns of renamed names that may be there and are not needed.

        Raises:
            BadInput: A tensor is missing, left over, or of the wrong shape or type; the message
                says which. Or a file is damaged.
        """
        changes = {ours: _pair(source) for ours, source in sources.items()}
        with stored_tensors(self.folder) as tensors:
            stored = {rename(one.name): one for one in tensors}
            self._check_names(model, [theirs for theirs, _ in changes.values()], stored, ignore)
            shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
            for ours, (theirs, change) in changes.items():
                stored[theirs].must_give(shapes[ours], change, ours)
            used = [stored[theirs].dtype for theirs, _ in changes.values()]
            dtype, layout = reduce(torch.promote_types, used), torch.contiguous_format
            state = {
                ours: change(stored[theirs].read()).to(dtype, copy=True, memory_format=layout)
                for ours, (theirs, change) in changes.items()
            }
        model.load_state_dict(state, assign=True)

    def _check_names(
        self,
        model: nn.Module,
        wanted: Sequence[str],
        stored: Mapping[str, StoredTensor],
        ignore: Sequence[str],
    ) -> None:
        for name in wanted:
            if name not in stored:
                raise BadInput(f"{self.folder}: the tensor {name!r} is missing")
        for name, one in stored.items():
            if name not in wanted and not any(re.fullmatch(this, name) for this in ignore):
                raise BadInput(f"{one} is unexpected, a {type(model).__name__} has no place for it")

    def _value(self, key: str, default: object) -> Any:
        value = self.config.get(key)
        return default if value is None else value

    def _refusal(self, what: str) -> BadInput:
        return BadInput(f"{self.folder / 'config.json'}: {what}")


def find(path_or_name: str | os.PathLike[str]) -> Path:
    """The folder where a model lies; one that is only a name is fetched from the hub first.

    Raises:
        BadInput: There is no such folder or name.
    """
    folder = Path(path_or_name)
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download  # only who needs the hub waits for its import

    try:
        return Path(snapshot_download(os.fspath(path_or_name), allow_patterns=_FILES))
    except Exception as error:  # of many kinds: no network, no such name, no right to it
        why = f"no such folder, and the hub does not give it ({_line(error)})"
        raise BadInput(f"{path_or_name}: {why}") from error


def _pair(source: Source) -> tuple[str, Callable[[Tensor], Tensor]]:
    return (source, lambda tensor: tensor) if isinstance(source, str) else source


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].strip()
