"""The staircase of attention layers: each step is its difference from the one before.

`SelfAttention` -> `MaskedSelfAttention` -> `EncoderDecoderAttention` -> `MultiHeadAttention`.

A layer's `forward` returns its output alone, by the fused kernel. Its `attention_weights`, called
with the same arguments, returns the weights by the readable formula; `attention.record_attention`
uses it to watch any model.
"""

from torch import nn

from attention.functional import combine_causal, scaled_dot_product_attention
from attention.kernels.fused import fused_attention
from attention.shapes import Bool, Float, Tensor

__all__ = [
    "EncoderDecoderAttention",
    "MaskedSelfAttention",
    "MultiHeadAttention",
    "SelfAttention",
]


class SelfAttention(nn.Module):
    """Every word looks at every word of its own sentence, itself included.

    Args:
        d_model: Width of a word's vector.
        d_head: Width of its query, key and value; `d_model` unless given.

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
        """Mix each word's vector from the values of the words it looks at."""
        return fused_attention(self.W_q(x), self.W_k(x), self.W_v(x), mask)

    def attention_weights(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T T"]:
        """How much each word (row) looks at each word (column)."""
        return scaled_dot_product_attention(self.W_q(x), self.W_k(x), self.W_v(x), mask)[1]


class MaskedSelfAttention(SelfAttention):
    """Self-attention for writing: a word looks at itself and at the words before it.

    Source: Vaswani et al. 2017, section 3.2.3, third item.
    """

    def forward(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T K"]:
        """Mix each word's vector from its own past; `mask` can forbid more, never allow more."""
        return fused_attention(self.W_q(x), self.W_k(x), self.W_v(x), mask, causal=True)

    def attention_weights(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T T"]:
        """How much each word (row) looks at each word (column); zero above the diagonal."""
        return super().attention_weights(x, combine_causal(mask, x, x))


class EncoderDecoderAttention(nn.Module):
    """The words being written (queries) look at the words that were read (keys and values).

    Args:
        d_model: Width of a word's vector, on both sides.
        d_head: Width of queries, keys and values; `d_model` unless given.

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
        """Mix, for each target word in `x`, the values of the source words in `memory`."""
        return fused_attention(self.W_q(x), self.W_k(memory), self.W_v(memory), mask)

    def attention_weights(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T S"]:
        """How much each target word (row) looks at each source word (column)."""
        q, k, v = self.W_q(x), self.W_k(memory), self.W_v(memory)
        return scaled_dot_product_attention(q, k, v, mask)[1]


class MultiHeadAttention(nn.Module):
    """Several heads ask different questions at once, and a last projection joins their answers.

    Args:
        d_model: Width of a word's vector. Each head is `d_model // n_heads` wide.
        n_heads: How many questions are asked at once; must divide `d_model`.
        n_kv_heads: How many keys and values are offered; must divide `n_heads`. Fewer than
            `n_heads` are shared by groups of neighbouring heads. One each unless given.
        bias: Whether the four projections have one, as `torch.nn.MultiheadAttention` has.

    Raises:
        ValueError: `n_heads` does not divide `d_model`, or `n_kv_heads` not `n_heads`.

    Source: Vaswani et al. 2017, section 3.2.2; shared keys and values: Ainslie et al. 2023.
    """

    def __init__(
        self, d_model: int, n_heads: int, n_kv_heads: int | None = None, bias: bool = False
    ) -> None:
        super().__init__()
        n_kv_heads = n_kv_heads or n_heads
        if d_model % n_heads:
            raise ValueError(f"{n_heads} heads cannot share a width of {d_model} evenly")
        if n_heads % n_kv_heads:
            raise ValueError(f"{n_heads} heads cannot share {n_kv_heads} keys and values evenly")
        self.n_heads, self.n_kv_heads, self.d_head = n_heads, n_kv_heads, d_model // n_heads
        self.W_q = nn.Linear(d_model, d_model, bias=bias)
        self.W_k = nn.Linear(d_model, n_kv_heads * self.d_head, bias=bias)
        self.W_v = nn.Linear(d_model, n_kv_heads * self.d_head, bias=bias)
        self.W_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | None = None,
        mask: Bool[Tensor, "*#B #T S"] | None = None,
        causal: bool = False,
    ) -> Float[Tensor, "*B T D"]:
        """Look at `memory`, or at `x` itself where no memory is given.

        Args:
            mask: True where a query may look at a key; the same for every head.
            causal: Whether no query may look at keys behind its own place, whatever `mask` says.
        """
        return self.look(x, *self.keys_values(x if memory is None else memory), mask, causal)

    def keys_values(
        self, memory: Float[Tensor, "*B S D"]
    ) -> tuple[Float[Tensor, "*B G S K"], Float[Tensor, "*B G S K"]]:
        """What `memory` offers, to be looked at now or later: `G` keys and values a word."""
        return self._split(self.W_k(memory)), self._split(self.W_v(memory))

    def look(
        self,
        x: Float[Tensor, "*B T D"],
        keys: Float[Tensor, "*B G S K"],
        values: Float[Tensor, "*B G S K"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
        causal: bool = False,
    ) -> Float[Tensor, "*B T D"]:
        """Look at keys and values that are there already."""
        mixed = fused_attention(self._queries(x, keys), keys, values, _for_every_head(mask), causal)
        return self.W_o(mixed.transpose(-3, -2).flatten(-2))  # (*B, H, T, K) -> (*B, T, D)

    def attention_weights(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | None = None,
        mask: Bool[Tensor, "*#B #T S"] | None = None,
        causal: bool = False,
    ) -> Float[Tensor, "*B H T S"]:
        """How much each query (row) looks at each key (column), head by head."""
        keys, values = self.keys_values(x if memory is None else memory)
        q, k, v = self._queries(x, keys), self._shared(keys), self._shared(values)
        mask = _for_every_head(combine_causal(mask, x, k) if causal else mask)
        return scaled_dot_product_attention(q, k, v, mask)[1]

    def _queries(
        self, x: Float[Tensor, "*B T D"], keys: Float[Tensor, "*B G S K"]
    ) -> Float[Tensor, "*B H T K"]:
        """What each word asks: the same of any keys, unless positions turn them (see Llama)."""
        return self._split(self.W_q(x))

    def _split(self, x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B H T K"]:
        return x.unflatten(-1, (-1, self.d_head)).transpose(-3, -2)

    def _shared(self, x: Float[Tensor, "*B G S K"]) -> Float[Tensor, "*B H S K"]:
        return x.repeat_interleave(self.n_heads // self.n_kv_heads, dim=-3)


def _for_every_head(mask: Bool[Tensor, "*#B #T S"] | None) -> Bool[Tensor, "*#B 1 #T S"] | None:
    return None if mask is None else mask.unsqueeze(-3)
