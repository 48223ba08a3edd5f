"""What all families share: loading a model from a Hugging Face folder, and saving it as one."""

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
from attention.hub.loader import PretrainedFiles, Source
from attention.shapes import Tensor

__all__ = ["HubAdapter", "PretrainedModel"]

Model = TypeVar("Model", bound=nn.Module)
Pretrained = TypeVar("Pretrained", bound="PretrainedModel")


@dataclass(frozen=True)
class HubAdapter:
    """What the settings and the tensors of one of our models are called in their files.

    Attributes:
        model_type: The architecture, in the words of `config.json`.
        sizes: The arguments of our Config, read from their settings. Raises `BadInput` for what
            our model cannot represent.
        settings: What `config.json` says, by the arguments of our Config.
        sources: Where each of our tensors comes from, without their prefix, by the arguments of
            our Config. What is done to one of theirs is a transposition, or the transposition and
            the cut that give one of several which lie side by side.
        prefix: What their names begin with; not all files say it.
        outside: What a name without this prefix begins with.
        renamed: Parts of names that older files have, and what newer files say.
        not_needed: Patterns of names, without their prefix, that may be there and are not needed.
    """

    model_type: str
    sizes: Callable[[PretrainedFiles], dict[str, Any]]
    settings: Callable[[Mapping[str, Any]], dict[str, Any]]
    sources: Callable[[Mapping[str, Any]], dict[str, Source]]
    prefix: str
    outside: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    not_needed: tuple[str, ...] = ()

    def load(
        self,
        path_or_name: str | os.PathLike[str],
        make: Callable[[dict[str, Any]], Model],
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        revision: str | None = None,
    ) -> Model:
        """A trained model, its tokenizer included, ready to be used.

        Args:
            path_or_name: A folder in Hugging Face's layout, or a name on their hub.
            make: Makes the model from the arguments of its Config.

        Raises:
            BadInput: It cannot be had, is damaged, or is something that cannot be represented.
        """
        files = PretrainedFiles(path_or_name, self.model_type)
        sizes = self.sizes(files)
        model: Any = files.build(lambda: make(sizes))
        model.tokenizer = files.tokenizer()
        files.fill(model, self.sources(sizes), self._without_prefix, self.not_needed)
        return model.to(device=device, dtype=dtype).eval()

    def save(self, model: nn.Module, folder: Path, more: Mapping[str, Any]) -> None:
        """Keep a model where `load` finds it, and where other programs can read it.

        Args:
            more: What else `config.json` should say.
        """
        its: Any = model
        sizes = vars(its.config)
        sources, tensors = self.sources(sizes), dict[str, Tensor]()
        for ours, tensor in model.state_dict().items():
            match sources[ours]:
                case (theirs, _):  # the parts of one come one after the other
                    name, part = self._with_prefix(theirs), torch.t(tensor)
                    before = [tensors[name]] if name in tensors else []
                    tensors[name] = torch.cat([*before, part], dim=-1)
                case theirs:
                    tensors[self._with_prefix(theirs)] = tensor
        if its.tokenizer:
            save_json(folder / "tokenizer.json", json.loads(its.tokenizer.to_str()))
        save_tensors(folder / "model.safetensors", tensors)
        save_json(folder / "config.json", self.settings(sizes) | dict(more))

    def _with_prefix(self, name: str) -> str:
        return name if name.startswith(self.outside) else self.prefix + name

    def _without_prefix(self, name: str) -> str:
        name = name.removeprefix(self.prefix)
        for old, new in self.renamed.items():
            name = name.replace(old, new)
        return name


class PretrainedModel(nn.Module):
    """A model that is loaded from, and saved as, a folder in Hugging Face's layout.

    Attributes:
        adapter: The names of its family's settings and tensors in that layout.
        config_class: Its Config, built from the settings.
        tokenizer: From text to token ids and back; None where the files have none.
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
        """Load pretrained weights and their tokenizer; the model is in evaluation mode.

        Args:
            path_or_name: A folder in Hugging Face's layout, or a model's name on the hub, such as
                `gpt2`, `bert-base-uncased` or `meta-llama/Llama-3.1-8B`.
            dtype: Of the parameters; as stored unless given.
            device: Where the parameters are put; on the CPU unless given.
            revision: A branch, tag or commit on the hub.

        Raises:
            BadInput: The model can't be found or downloaded, is damaged, or has a setting or a
                tensor that this class can't represent.
        """
        make: Callable[..., Pretrained] = cls
        return cls.adapter.load(
            path_or_name, lambda sizes: make(cls.config_class(**sizes)), dtype, device, revision
        )

    def save_pretrained(self, folder: Path, **config: Any) -> None:
        """Save the weights, the settings and the tokenizer where `from_pretrained` finds them.

        Args:
            folder: An existing folder.
            config: Further entries of `config.json`, such as `eos_token_id`.
        """
        self.adapter.save(self, folder, config)
