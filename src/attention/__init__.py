"""Attention in Transformers with PyTorch: the names that a chapter imports."""

from attention.functional import (
    causal_mask,
    masked_softmax,
    padding_mask,
    scaled_dot_product_attention,
)
from attention.layers.attention import (
    EncoderDecoderAttention,
    MaskedSelfAttention,
    MultiHeadAttention,
    SelfAttention,
)
from attention.layers.positions import sinusoidal_positions
from attention.layers.recording import record_attention
from attention.layers.recurrent_attention import AdditiveAttention
from attention.tasks.translation import Translator

__all__ = [
    "AdditiveAttention",
    "EncoderDecoderAttention",
    "MaskedSelfAttention",
    "MultiHeadAttention",
    "SelfAttention",
    "Translator",
    "causal_mask",
    "masked_softmax",
    "padding_mask",
    "record_attention",
    "scaled_dot_product_attention",
    "sinusoidal_positions",
]
