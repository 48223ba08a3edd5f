"""The translators by name: what the command's `--arch` can be."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from attention.models.seq2seq import (
    Bahdanau,
    BahdanauConfig,
    FixedVector,
    FixedVectorConfig,
    Luong,
    LuongConfig,
)
from attention.models.transformer import Transformer, TransformerConfig
from attention.models.word_by_word import WordByWord, WordByWordConfig
from attention.training import TrainingConfig

__all__ = ["ARCHITECTURES", "Architecture"]


@dataclass(frozen=True)
class Architecture:
    """A kind of translator.

    Attributes:
        model: Its module, made from a `config`.
        config: Its sizes; the first two are the numbers of source and of target words.
        training: How to train it on the toy corpus in about a minute.
    """

    model: type[nn.Module]
    config: type[Any]
    training: TrainingConfig


ARCHITECTURES = {
    "word-by-word": Architecture(WordByWord, WordByWordConfig, TrainingConfig(steps=10)),
    "fixed-vector": Architecture(FixedVector, FixedVectorConfig, TrainingConfig()),
    "bahdanau": Architecture(Bahdanau, BahdanauConfig, TrainingConfig()),
    "luong": Architecture(Luong, LuongConfig, TrainingConfig(steps=3000, lr=3e-3)),
    "transformer": Architecture(
        Transformer,
        TransformerConfig,
        TrainingConfig(steps=2200, lr=2e-3, warmup=200, average=0.25),
    ),
}
