"""Llama: a decoder-only Transformer for long contexts, with fewer and cheaper components.

Its differences from `GPT`: rotary position embeddings instead of learned ones, grouped-query
attention, SwiGLU feed-forward networks, RMSNorm, and no biases.
"""

from dataclasses import dataclass

from torch import nn
from torch.nn import functional as F

from attention.hub.llama import ADAPTER
from attention.layers.attention import MultiHeadAttention
from attention.layers.feed_forward import SwiGLU
from attention.layers.kv_cache import KeyValue
from attention.layers.norms import RMSNorm
from attention.layers.positions import Llama3RoPEScaling, RotaryEmbedding
from attention.models.causal_lm import CausalLM
from attention.models.config import ModelConfig
from attention.shapes import Float, Int, Tensor

__all__ = ["Llama", "LlamaBlock", "LlamaConfig", "RotaryAttention"]


@dataclass(frozen=True)
class LlamaConfig(ModelConfig):
    """The hyperparameters of a `Llama`.

    `max_len` is the context length it is made for, which longer sequences may exceed. `d_ff` is
    8/3 of `d_model` unless given: with three matrices, that makes as many parameters as the
    `4 * d_model` of a `GPT` with two.

    Attributes:
        n_kv_heads: KV heads in each attention, shared by groups of query heads.
        rope_theta: Base of RoPE's frequencies: the higher, the lower the lowest frequency.
        rope_scaling: How the frequencies are scaled for contexts longer than the pretrained one.
        norm_eps: Added to the mean square in RMSNorm.
        tie_word_embeddings: Whether the LM head is the token embedding, or has its own weights.
    """

    n_kv_heads: int = 2
    rope_theta: float = 10_000.0
    rope_scaling: Llama3RoPEScaling | None = None
    norm_eps: float = 1e-5
    tie_word_embeddings: bool = False


class RotaryAttention(MultiHeadAttention):
    """Grouped-query attention with rotary position embeddings.

    Source: Su et al. 2021, section 3.2.2.
    """

    def __init__(self, config: LlamaConfig, rotary: RotaryEmbedding) -> None:
        heads = config.n_heads, config.n_kv_heads
        super().__init__(config.d_model, *heads, dropout=config.attention_dropout)
        self.rotary = rotary

    def encode_positions(
        self, x: Float[Tensor, "*B H T K"], position_offset: int
    ) -> Float[Tensor, "*B H T K"]:
        """Rotate queries or keys from position `position_offset` on."""
        return self.rotary(x, position_offset)


class LlamaBlock(nn.Module):
    """A pre-norm decoder block: causal self-attention, then a SwiGLU feed-forward network.

    Each is inside a residual connection.

    Source: Touvron et al. 2023, arXiv 2302.13971, section 2.2.
    """

    def __init__(self, config: LlamaConfig, rotary: RotaryEmbedding) -> None:
        super().__init__()
        d_model = config.d_model
        self.attention_norm = RMSNorm(d_model, config.norm_eps)
        self.attention = RotaryAttention(config, rotary)
        self.feed_forward_norm = RMSNorm(d_model, config.norm_eps)
        self.feed_forward = SwiGLU(d_model, config.d_ff or 8 * d_model // 3)

    def forward(
        self, x: Float[Tensor, "B T D"], cache: KeyValue | None = None
    ) -> Float[Tensor, "B T D"]:
        """All positions of `x` at once, which follow those in the cache."""
        x = x + self.attention(self.attention_norm(x), causal=True, cache=cache)
        return x + self.feed_forward(self.feed_forward_norm(x))


class Llama(CausalLM):
    """A stack of decoder blocks that share one table of rotations.

    Source: Llama Team 2024, arXiv 2407.21783, section 3.2.
    """

    adapter = ADAPTER
    config_class = LlamaConfig

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        rotation = config.d_model // config.n_heads, config.rope_theta, config.rope_scaling
        rotary = RotaryEmbedding(*rotation, length=config.max_len)
        self.layers = nn.ModuleList(LlamaBlock(config, rotary) for _ in range(config.n_layers))
        self.norm = RMSNorm(config.d_model, config.norm_eps)
        head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.head = None if config.tie_word_embeddings else head
        self.apply(_initialise)

    def embed(self, ids: Int[Tensor, "B T"], position_offset: int = 0) -> Float[Tensor, "B T D"]:
        """Token embeddings. Positions are encoded in the attention of each block."""
        return self.embedding(ids)

    def logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """The LM head, after the final normalisation."""
        return F.linear(self.norm(x), (self.head or self.embedding).weight)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
