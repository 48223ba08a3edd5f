"""What changed since GPT: a decoder for long texts, with fewer and cheaper parts.

Its differences from `GPT`: queries and keys are turned by their positions, and no positions are
learned; groups of heads share keys and values; gates instead of a curve in the feed-forward layers;
simpler norms; no biases.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from attention.hub.llama import ADAPTER
from attention.layers.attention import MultiHeadAttention
from attention.layers.feed_forward import SwiGLU
from attention.layers.norms import RMSNorm
from attention.layers.positions import Llama3RoPEScaling, RotaryEmbedding
from attention.models.causal_lm import Decoder, Offer
from attention.shapes import Float, Int, Tensor

__all__ = ["Llama", "LlamaBlock", "LlamaConfig", "RotaryAttention"]


@dataclass(frozen=True)
class LlamaConfig:
    """The sizes of a `Llama`, small enough to train on a laptop.

    Attributes:
        vocab_size: Words, or pieces of words, that it knows.
        d_model: Width of a word's vector, from its embedding to the last layer.
        n_heads: Heads in each attention.
        n_kv_heads: Keys and values in each attention, shared by groups of heads.
        n_layers: Layers.
        d_ff: Width in the middle of a feed-forward layer; unless given 8/3 of `d_model`, which
            makes as many parameters as the four times `d_model` of a `GPT`.
        max_len: The longest text that it is made for, in words. Nothing stops a longer one.
        rope_theta: How slow the slowest positions turn.
        rope_scaling: How they are slowed down for texts longer than those first trained on.
        norm_eps: What the norms add before they divide.
        tie_word_embeddings: Whether the LM head is the embedding matrix, or has weights of its own.
        attention_dropout: Probability with which an attention weight is dropped, in training.
    """

    vocab_size: int
    d_model: int = 128
    n_heads: int = 4
    n_kv_heads: int = 2
    n_layers: int = 4
    d_ff: int | None = None
    max_len: int = 256
    rope_theta: float = 10_000.0
    rope_scaling: Llama3RoPEScaling | None = None
    norm_eps: float = 1e-5
    tie_word_embeddings: bool = False
    attention_dropout: float = 0.0


class RotaryAttention(MultiHeadAttention):
    """Heads that hear how far away a word is, by how far its key is turned against their query.

    Its words look at themselves and at words before them: those that ask stand last of those
    that are asked.

    Source: Su et al. 2021, section 3.2.2.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config.d_model, config.n_heads, config.n_kv_heads)
        self.rotary = RotaryEmbedding(self.d_head, config.rope_theta, config.rope_scaling)

    def keys_values(
        self, memory: Float[Tensor, "*B S D"], begin: int = 0
    ) -> tuple[Float[Tensor, "*B G S K"], Float[Tensor, "*B G S K"]]:
        """What words offer of which the first stands at position `begin`."""
        keys, values = super().keys_values(memory)
        return self.rotary(keys, begin), values

    def _queries(
        self, x: Float[Tensor, "*B T D"], keys: Float[Tensor, "*B G S K"]
    ) -> Float[Tensor, "*B H T K"]:
        return self.rotary(super()._queries(x, keys), begin=keys.size(-2) - x.size(-2))


class LlamaBlock(nn.Module):
    """Each word looks at itself and its past, then thinks for itself.

    Source: Touvron et al. 2023, arXiv 2302.13971, section 2.2.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.attention_norm = RMSNorm(d_model, config.norm_eps)
        self.attention = RotaryAttention(config)
        self.feed_forward_norm = RMSNorm(d_model, config.norm_eps)
        self.feed_forward = SwiGLU(d_model, config.d_ff or 8 * d_model // 3)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """All words at once."""
        x = x + self.attention(self.attention_norm(x), causal=True)
        return x + self.feed_forward(self.feed_forward_norm(x))

    def step(self, x: Float[Tensor, "B T D"], past: Offer) -> tuple[Float[Tensor, "B T D"], Offer]:
        """The next words; those before them are looked at by what they offered then."""
        seen = self.attention_norm(x)
        now = self.attention.keys_values(seen, begin=past[0].size(-2))
        past = torch.cat([past[0], now[0]], dim=-2), torch.cat([past[1], now[1]], dim=-2)
        x = x + self.attention.look(seen, *past, causal=True)
        return x + self.feed_forward(self.feed_forward_norm(x)), past


class Llama(Decoder):
    """A stack of layers between an embedding and a vector to score each word by.

    Source: Llama Team 2024, arXiv 2407.21783, section 3.2.
    """

    adapter = ADAPTER
    config_class = LlamaConfig

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(LlamaBlock(config) for _ in range(config.n_layers))
        self.norm = RMSNorm(config.d_model, config.norm_eps)
        head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.head = None if config.tie_word_embeddings else head
        self.apply(_initialise)

    def embed(self, ids: Int[Tensor, "B T"], begin: int = 0) -> Float[Tensor, "B T D"]:
        """What each word is. Where it stands, the layers see for themselves."""
        return self.embedding(ids)

    def logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """Compare with a vector of every word."""
        return F.linear(self.norm(x), (self.head or self.embedding).weight)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
