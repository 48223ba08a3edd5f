"""The models by name: what the command's `--arch` can be."""

from dataclasses import dataclass
from typing import Any

from torch import nn

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
from attention.training.trainer import TrainingConfig

__all__ = ["ARCHITECTURES", "LANGUAGE_MODELS", "Architecture"]


@dataclass(frozen=True)
class Architecture:
    """A kind of model.

    Attributes:
        model: Its module, made from a `config`.
        config: Its sizes; those of vocabularies, of which a translator has two, come first.
        training: How to train it in about a minute: a translator on the toy corpus, a language
            model on the book.
    """

    model: type[nn.Module]
    config: type[Any]
    training: TrainingConfig


ARCHITECTURES = {
    "word-by-word": Architecture(IBMModel1, IBMModel1Config, TrainingConfig(steps=10)),
    "fixed-vector": Architecture(RNNEncoderDecoder, RNNEncoderDecoderConfig, TrainingConfig()),
    "bahdanau": Architecture(Bahdanau, BahdanauConfig, TrainingConfig()),
    "luong": Architecture(Luong, LuongConfig, TrainingConfig(steps=3000, lr=3e-3)),
    "transformer": Architecture(
        Transformer,
        TransformerConfig,
        TrainingConfig(steps=4000, lr=4e-3, warmup=200, average_fraction=0.25),
    ),
}

WRITING = TrainingConfig(steps=800, tokens_per_batch=512, lr=3e-3, warmup=50)
READING = TrainingConfig(steps=150, tokens_per_batch=6000, lr=3e-3, warmup=50)

LANGUAGE_MODELS = {
    "gpt": Architecture(GPT, GPTConfig, WRITING),
    "llama": Architecture(Llama, LlamaConfig, WRITING),
    "bert": Architecture(BERT, BERTConfig, READING),
}
