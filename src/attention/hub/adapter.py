"""`from_pretrained` and `save_pretrained`, for any family that has a name map."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from tokenizers import Tokenizer
from torch import nn

from attention.checkpoints import save_json, save_tensors
from attention.errors import BadInput
from attention.hub.loader import KeySource, PretrainedFiles
from attention.shapes import Tensor

__all__ = ["HubAdapter", "PretrainedModel"]

Pretrained = TypeVar("Pretrained", bound="PretrainedModel")


@dataclass(frozen=True)
class HubAdapter:
    """How one family's config and parameters translate between our names and Hugging Face's.

    Attributes:
        model_type: The family's name in `config.json`.
        config_from_hf: The arguments of our Config, from `config.json`. Raises `BadInput` for a
            setting that our model can't represent.
        config_to_hf: The contents of `config.json`, from the arguments of our Config.
        key_map: The source of each of our parameters, without the prefix, from the arguments of our
            Config. A transformation is a transposition; where several parameters share a key, it
            also selects one of the equal parts that are concatenated in the order of the map.
        prefix: What Hugging Face's keys start with. Some files leave it out.
        unprefixed: The start of the keys that never have the prefix.
        legacy_names: Parts of keys in older files, and what newer files call them.
        ignored_keys: Patterns of keys, without the prefix, that may occur and aren't needed.
    """

    model_type: str
    config_from_hf: Callable[[PretrainedFiles], dict[str, Any]]
    config_to_hf: Callable[[Mapping[str, Any]], dict[str, Any]]
    key_map: Callable[[Mapping[str, Any]], dict[str, KeySource]]
    prefix: str
    unprefixed: str
    legacy_names: Mapping[str, str] = field(default_factory=dict)
    ignored_keys: tuple[str, ...] = ()

    def add_prefix(self, key: str) -> str:
        """The key as newer files have it."""
        return key if key.startswith(self.unprefixed) else self.prefix + key

    def normalise_key(self, key: str) -> str:
        """The key of a file of any age, without the prefix and with the newer names."""
        key = key.removeprefix(self.prefix)
        for old, new in self.legacy_names.items():
            key = key.replace(old, new)
        return key

    def to_hf(self, state: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
        """The tensors of `model.safetensors`, from our model's state dict."""
        tensors: dict[str, Tensor] = {}
        for ours, source in self.key_map(config).items():
            if isinstance(source, str):
                tensors[self.add_prefix(source)] = state[ours]
                continue
            key, part = self.add_prefix(source[0]), torch.t(state[ours])
            tensors[key] = torch.cat([tensors[key], part], dim=-1) if key in tensors else part
        return tensors


class PretrainedModel(nn.Module):
    """A model that can be loaded from, and saved as, a folder in Hugging Face's layout.

    Attributes:
        adapter: The names of this family's settings and parameters in that layout.
        config_class: The class of its Config.
        config: Its Config.
        tokenizer: Converts text to token ids and back; None if the files have none.
    """

    adapter: ClassVar[HubAdapter]
    config_class: ClassVar[type]
    tokenizer: Tokenizer | None = None

    @classmethod
    def from_pretrained(
        cls: type[Pretrained],
        path_or_name: str | os.PathLike[str],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        revision: str | None = None,
    ) -> Pretrained:
        """Load a pretrained model with its tokenizer, in evaluation mode.

        Args:
            path_or_name: A folder in Hugging Face's layout, or a model's name on the hub, such as
                `gpt2`, `bert-base-uncased` or `meta-llama/Llama-3.1-8B`.
            dtype: Of the parameters; unless given, as stored.
            device: Of the parameters; unless given, torch's default device.
            revision: A branch, tag or commit on the hub. A folder has none.

        Raises:
            BadInput: The model can't be found or downloaded, is damaged, or has a setting or a
                tensor that this class can't represent; or `dtype` is no floating-point type.
        """
        if dtype is not None and not dtype.is_floating_point:
            raise BadInput(f"dtype is {dtype}, but parameters need a floating-point type")
        adapter = cls.adapter
        files = PretrainedFiles(path_or_name, adapter.model_type, revision)
        config = adapter.config_from_hf(files)
        build: Callable[..., Pretrained] = cls
        model = files.build(lambda: build(cls.config_class(**config)))
        model.tokenizer = files.tokenizer()
        files.load_weights(
            model,
            adapter.key_map(config),
            adapter.normalise_key,
            adapter.ignored_keys,
            dtype,
            device,
        )
        return model.eval()

    def save_pretrained(self, folder: str | os.PathLike[str], **config: Any) -> None:
        """Save the config, the weights in their dtype, and the tokenizer, in Hugging Face's layout.

        Args:
            folder: Created if it doesn't exist.
            config: Further entries of `config.json`, such as `eos_token_id`.

        Raises:
            BadInput: A file can't be written.
        """
        folder, ours = Path(folder), vars(self.config)
        if self.tokenizer:
            save_json(folder / "tokenizer.json", json.loads(self.tokenizer.to_str()))
        save_tensors(folder / "model.safetensors", self.adapter.to_hf(self.state_dict(), ours))
        save_json(folder / "config.json", self.adapter.config_to_hf(ours) | config)
