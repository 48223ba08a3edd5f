"""Attention in Transformers with PyTorch: the names that a chapter imports."""

from attention.alignment import AdditiveAttention
from attention.functional import (
    causal_mask,
    masked_softmax,
    padding_mask,
    scaled_dot_product_attention,
)
from attention.heads import (
    EncoderDecoderAttention,
    MaskedSelfAttention,
    MultiHeadAttention,
    SelfAttention,
)
from attention.positions import sinusoidal_positions
from attention.recording import record_attention
from attention.translation import Translator

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
