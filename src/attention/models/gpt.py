"""A decoder alone: it reads a text, and says at each place which word comes next.

Its differences from the decoder of `Transformer`: there is no source to look at; the norms stand
before the layers instead of behind them; positions are learned; the cut at zero is a smooth one.
"""

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from attention.errors import BadInput
from attention.hub.gpt2 import ADAPTER
from attention.layers.attention import MultiHeadAttention
from attention.layers.feed_forward import FeedForward
from attention.models.causal_lm import Decoder, Offer
from attention.shapes import Float, Int, Tensor

__all__ = ["GPT", "GPTBlock", "GPTConfig"]


@dataclass(frozen=True)
class GPTConfig:
    """The sizes of a `GPT`, small enough to train on a laptop.

    Attributes:
        vocab_size: Words, or pieces of words, that it knows.
        d_model: Width of a word's vector, from its embedding to the last layer.
        n_heads: Heads in each attention.
        n_layers: Layers.
        d_ff: Width in the middle of a feed-forward layer; four times `d_model` unless given.
        max_len: The longest text, in words: there are as many positions.
        dropout: Share of numbers dropped from what is added, in training.
        attention_dropout: Probability with which an attention weight is dropped, in training.
    """

    vocab_size: int
    d_model: int = 128
    n_heads: int = 4
    n_layers: int = 4
    d_ff: int | None = None
    max_len: int = 256
    dropout: float = 0.0
    attention_dropout: float = 0.0


class GPTBlock(nn.Module):
    """Each word looks at itself and its past, then thinks for itself.

    Source: Radford et al. 2019, section 2.3; the norms before the layers: Xiong et al. 2020.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, config.n_heads, bias=True)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        gelu = partial(F.gelu, approximate="tanh")
        self.feed_forward = FeedForward(d_model, config.d_ff or 4 * d_model, gelu)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """All words at once."""
        x = x + self.dropout(self.attention(self.attention_norm(x), causal=True))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))

    def step(self, x: Float[Tensor, "B T D"], past: Offer) -> tuple[Float[Tensor, "B T D"], Offer]:
        """The next words; those before them are looked at by what they offered then."""
        seen = self.attention_norm(x)
        now = self.attention.keys_values(seen)
        past = torch.cat([past[0], now[0]], dim=-2), torch.cat([past[1], now[1]], dim=-2)
        x = x + self.dropout(self.attention.look(seen, *past, causal=True))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x))), past


class GPT(Decoder):
    """A stack of layers between an embedding and the same embedding, used once more.

    Source: Radford et al. 2019, *Language Models are Unsupervised Multitask Learners*.
    """

    adapter = ADAPTER
    config_class = GPTConfig

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = nn.Embedding(config.max_len, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(GPTBlock(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.apply(self._initialise)

    def embed(self, ids: Int[Tensor, "B T"], begin: int = 0) -> Float[Tensor, "B T D"]:
        """What each word is, and where it stands."""
        end = begin + ids.size(1)
        if end > self.config.max_len:
            raise BadInput(f"{end} words, but this model has positions for {self.config.max_len}")
        return self.dropout(self.embedding(ids) + self.positions.weight[begin:end])

    def logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """Compare with the vector of every word."""
        return F.linear(self.norm(x), self.embedding.weight)

    def _initialise(self, module: nn.Module) -> None:
        """Small weights; smaller where a layer adds to the sum of all. Source: section 2.3."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, GPTBlock):
            for last in (module.attention.W_o, module.feed_forward.W_2):
                nn.init.normal_(last.weight, std=0.02 / math.sqrt(2 * self.config.n_layers))
