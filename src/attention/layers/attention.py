"""Attention layers, from single-head self-attention to multi-head attention with a KV cache.

`SelfAttention` -> `MaskedSelfAttention` -> `EncoderDecoderAttention` -> `MultiHeadAttention`.

A layer's `forward` returns its output alone, by the fused kernels; its `attention_weights`, called
with the same arguments, the weights by the readable formula. The last class has attention dropout.
"""

from torch import nn

from attention.functional import combine_causal, scaled_dot_product_attention
from attention.kernels.fused import fused_attention
from attention.layers.kv_cache import KeyValue
from attention.shapes import Bool, Float, Tensor

__all__ = ["EncoderDecoderAttention", "MaskedSelfAttention", "MultiHeadAttention", "SelfAttention"]


class SelfAttention(nn.Module):
    """Single-head self-attention: each position attends to all positions of its own sequence.

    Args:
        d_model: Dimension of the input vectors.
        d_head: Dimension of queries, keys and values; `d_model` unless given.

    Source: Vaswani et al. 2017, section 3.2.1.
    """

    def __init__(self, d_model: int, d_head: int | None = None) -> None:
        super().__init__()
        d_head = d_head or d_model
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def forward(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T K"]:
        """Return, for each position, the weighted sum of the values it attends to."""
        return fused_attention(self.W_q(x), self.W_k(x), self.W_v(x), mask)

    def attention_weights(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T T"]:
        """The weight that each query (row) puts on each key (column)."""
        q, k = self.W_q(x), self.W_k(x)
        return scaled_dot_product_attention(q, k, k, mask)[1]


class MaskedSelfAttention(SelfAttention):
    """Causal self-attention: each position attends to itself and to earlier positions only.

    Source: Vaswani et al. 2017, section 3.2.3, third item.
    """

    def forward(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T K"]:
        """The same under a causal mask; `mask` can mask further keys, but unmask none."""
        return fused_attention(self.W_q(x), self.W_k(x), self.W_v(x), mask, causal=True)

    def attention_weights(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T T"]:
        """The weight that each query (row) puts on each key (column); zero above the diagonal."""
        return super().attention_weights(x, combine_causal(mask, x, x))


class EncoderDecoderAttention(nn.Module):
    """Cross-attention: target positions (queries) attend to the encoder's output (keys, values).

    Its arguments are those of `SelfAttention`.

    Source: Vaswani et al. 2017, section 3.2.3, first item.
    """

    def __init__(self, d_model: int, d_head: int | None = None) -> None:
        super().__init__()
        d_head = d_head or d_model
        self.W_q = nn.Linear(d_model, d_head, bias=False)
        self.W_k = nn.Linear(d_model, d_head, bias=False)
        self.W_v = nn.Linear(d_model, d_head, bias=False)

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T K"]:
        """Return, for each target position in `x`, the weighted sum of the values of `memory`."""
        return fused_attention(self.W_q(x), self.W_k(memory), self.W_v(memory), mask)

    def attention_weights(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T S"]:
        """The weight that each target position (row) puts on each source position (column)."""
        q, k = self.W_q(x), self.W_k(memory)
        return scaled_dot_product_attention(q, k, k, mask)[1]


class MultiHeadAttention(nn.Module):
    """Several attention heads in parallel, whose outputs an output projection combines.

    Args:
        d_model: Dimension of the input and of the output. A head's is `d_model // n_heads`.
        n_heads: Query heads; must divide `d_model`.
        n_kv_heads: KV heads; must divide `n_heads`, the default. Groups of query heads share one.
        bias: Whether the four projections have one, as in `torch.nn.MultiheadAttention`.
        dropout: Attention dropout: the probability of dropping a weight in training.

    Raises:
        ValueError: `n_heads` does not divide `d_model`, or `n_kv_heads` not `n_heads`.

    Source: Vaswani et al. 2017, section 3.2.2; grouped- and multi-query: Ainslie et al. 2023.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_kv_heads: int | None = None,
        bias: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        n_kv_heads = n_kv_heads or n_heads
        if d_model % n_heads:
            raise ValueError(f"{n_heads} heads cannot divide a dimension of {d_model} evenly")
        if n_heads % n_kv_heads:
            raise ValueError(f"{n_heads} heads cannot share {n_kv_heads} KV heads evenly")
        self.n_heads, self.n_kv_heads, self.d_head = n_heads, n_kv_heads, d_model // n_heads
        self.W_q = nn.Linear(d_model, d_model, bias=bias)
        self.W_k = nn.Linear(d_model, n_kv_heads * self.d_head, bias=bias)
        self.W_v = nn.Linear(d_model, n_kv_heads * self.d_head, bias=bias)
        self.W_o = nn.Linear(d_model, d_model, bias=bias)
        self.dropout = dropout

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | None = None,
        mask: Bool[Tensor, "*#B #T _"] | None = None,
        causal: bool = False,
        cache: KeyValue | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Attend to `memory`, or to `x` itself where no memory is given.

        Args:
            mask: True where a query may attend to a key; the same for every head.
            causal: Whether to mask every key at a later position than its query, too.
            cache: Keys and values of earlier positions. Those of `x` are appended; those of
                `memory`, which stay the same, are computed by the first call alone.
        """
        keys, values = self.keys_values(x, memory, cache)
        q = self.encode_positions(self._split(self.W_q(x)), keys.size(-2) - x.size(-2))
        mask = None if mask is None else mask.unsqueeze(-3)  # the same for every head
        heads = fused_attention(q, keys, values, mask, causal, self.dropout * self.training)
        return self.W_o(heads.transpose(-3, -2).flatten(-2))  # (*B, H, T, K) -> (*B, T, D)

    def attention_weights(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | None = None,
        mask: Bool[Tensor, "*#B #T _"] | None = None,
        causal: bool = False,
        cache: KeyValue | None = None,
    ) -> Float[Tensor, "*B H T _"]:
        """The weights, head by head, after `forward` was called with the same arguments."""
        keys = self.keys_values(x, memory, None)[0] if cache is None else cache.stored()[0]
        q = self.encode_positions(self._split(self.W_q(x)), keys.size(-2) - x.size(-2))
        k = keys.repeat_interleave(self.n_heads // self.n_kv_heads, -3)
        mask = None if mask is None else mask.unsqueeze(-3)
        mask = combine_causal(mask, q, k) if causal else mask
        return scaled_dot_product_attention(q, k, k, mask)[1]

    def keys_values(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | None,
        cache: KeyValue | None,
    ) -> tuple[Float[Tensor, "*B G _ K"], Float[Tensor, "*B G _ K"]]:
        """The keys and values to attend to: those in the cache, then those of `memory` or `x`."""
        if memory is not None and cache is not None and cache.length:
            return cache.stored()
        source, offset = x if memory is None else memory, 0 if cache is None else cache.length
        keys = self.encode_positions(self._split(self.W_k(source)), offset)
        values = self._split(self.W_v(source))
        return (keys, values) if cache is None else cache.append(keys, values)

    def encode_positions(
        self, x: Float[Tensor, "*B H T K"], position_offset: int
    ) -> Float[Tensor, "*B H T K"]:
        """Queries or keys from position `position_offset` on: as they are, unless overridden."""
        return x

    def _split(self, x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B H T K"]:
        return x.unflatten(-1, (-1, self.d_head)).transpose(-3, -2)
