"""The architectures by name, as `--arch` takes them, each with its training hyperparameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from attention.checkpoints import assign_tensors
from attention.models.bert import BERT, BERTConfig
from attention.models.gpt import GPT, GPTConfig
from attention.models.ibm_model_1 import IBMModel1, IBMModel1Config
from attention.models.llama import Llama, LlamaConfig
from attention.models.rnn import (
    Bahdanau,
    BahdanauConfig,
    Luong,
    LuongConfig,
    RNNEncoderDecoder,
    RNNEncoderDecoderConfig,
)
from attention.models.transformer import Transformer, TransformerConfig
from attention.shapes import Tensor
from attention.tasks.field_types import check_fields
from attention.training.trainer import TrainingConfig

__all__ = ["ARCHITECTURES", "LANGUAGE_MODELS", "Architecture"]


@dataclass(frozen=True)
class Architecture:
    """An architecture: its classes, and hyperparameters that train it in about a minute.

    Attributes:
        model: The module; it is called with a `config`.
        config: The class of its Config. The vocabulary sizes come first: a translator has two.
        training: Hyperparameters for the toy corpus (translators) or the book (language models).
    """

    model: type[nn.Module]
    config: type[Any]
    training: TrainingConfig

    def load(self, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
        """The model with these weights, in their dtype.

        It is built on the meta device first, so that a damaged size in the config can't demand more
        memory than the weights have.

        Args:
            config: The arguments of its Config.
            weights: Its state dict.

        Raises:
            BadInput, TypeError, ValueError: They are damaged, or don't belong together.
        """
        checked = check_fields(self.config(**config))
        if (n_layers := getattr(checked, "n_layers", 1)) > len(weights):
            raise ValueError(f"n_layers is {n_layers}, but there are {len(weights)} tensors")
        with torch.device("meta"):
            assign_tensors(self.model(checked), weights)
        model = self.model(checked)
        assign_tensors(model, weights)
        return model


ARCHITECTURES = {
    "word-by-word": Architecture(IBMModel1, IBMModel1Config, TrainingConfig(steps=10)),
    "fixed-vector": Architecture(RNNEncoderDecoder, RNNEncoderDecoderConfig, TrainingConfig()),
    "bahdanau": Architecture(Bahdanau, BahdanauConfig, TrainingConfig()),
    "luong": Architecture(
        Luong, LuongConfig, TrainingConfig(steps=3000, betas=(0.9, 0.98), average_fraction=0.25)
    ),
    "transformer": Architecture(
        Transformer,
        TransformerConfig,
        TrainingConfig(steps=4000, lr=4e-3, warmup=200, average_fraction=0.25),
    ),
}

CAUSAL_LM = TrainingConfig(steps=800, tokens_per_batch=512, lr=3e-3, warmup=50)
MASKED_LM = TrainingConfig(steps=150, tokens_per_batch=6000, lr=3e-3, warmup=50)

LANGUAGE_MODELS = {
    "gpt": Architecture(GPT, GPTConfig, CAUSAL_LM),
    "llama": Architecture(Llama, LlamaConfig, CAUSAL_LM),
    "bert": Architecture(BERT, BERTConfig, MASKED_LM),
}
