"""GPT-2: a decoder-only Transformer that predicts the next token.

Its differences from the decoder of `Transformer`: no cross-attention, pre-norm instead of
post-norm, learned positions, and GELU instead of ReLU.
"""

import math
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.nn import functional as F

from attention.errors import BadInput
from attention.hub.gpt2 import ADAPTER
from attention.layers.attention import MultiHeadAttention
from attention.layers.feed_forward import FeedForward
from attention.layers.kv_cache import KeyValue
from attention.models.causal_lm import CausalLM
from attention.models.config import ModelConfig
from attention.shapes import Float, Int, Tensor

__all__ = ["GPT", "GPTBlock", "GPTConfig"]


@dataclass(frozen=True)
class GPTConfig(ModelConfig):
    """The hyperparameters of a `GPT`, which learns a position embedding for `max_len` positions.

    Attributes:
        dropout: Probability with which, in training, a component of an embedding or of a
            sublayer's output is dropped.
        init_std: Standard deviation of the initial weights. The 0.02 of GPT's authors is made for
            hundreds of dimensions, and a model with fewer learns faster from larger weights.
    """

    dropout: float = 0.0
    init_std: float = 0.02


class GPTBlock(nn.Module):
    """A pre-norm decoder block: causal self-attention, then a position-wise feed-forward network.

    Each is inside a residual connection.

    Source: Radford et al. 2019, section 2.3; pre-norm: Xiong et al. 2020.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        d_model, dropout = config.d_model, config.attention_dropout
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, config.n_heads, bias=True, dropout=dropout)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        gelu = partial(F.gelu, approximate="tanh")
        self.feed_forward = FeedForward(d_model, config.d_ff or 4 * d_model, gelu)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], cache: KeyValue | None = None
    ) -> Float[Tensor, "B T D"]:
        """All positions of `x` at once, which follow those in the cache."""
        x = x + self.dropout(self.attention(self.attention_norm(x), causal=True, cache=cache))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class GPT(CausalLM):
    """A stack of decoder blocks whose output embedding is tied to the token embedding.

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

    def embed(self, ids: Int[Tensor, "B T"], position_offset: int = 0) -> Float[Tensor, "B T D"]:
        """Token embeddings plus learned position embeddings."""
        end = position_offset + ids.size(1)
        if end > self.config.max_len:
            raise BadInput(f"{end} tokens, but this model has {self.config.max_len} positions")
        return self.dropout(self.embedding(ids) + self.positions.weight[position_offset:end])

    def logits(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """Dot products with every token's embedding, after the final layer normalisation."""
        return F.linear(self.norm(x), self.embedding.weight)

    def _initialise(self, module: nn.Module) -> None:
        """Draw the weights, with a smaller deviation in projections into the residual stream.

        Source: 0.02: Radford et al. 2018, section 4.1; the scaling: Radford et al. 2019,
        section 2.3.
        """
        std = self.config.init_std
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=std)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, GPTBlock):
            for projection in (module.attention.W_o, module.feed_forward.W_2):
                nn.init.normal_(projection.weight, std=std / math.sqrt(2 * self.config.n_layers))
