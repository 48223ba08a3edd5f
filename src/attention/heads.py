"""The staircase of attention layers: each step is its difference from the one before.

`SelfAttention` -> `MaskedSelfAttention` -> `EncoderDecoderAttention` -> `MultiHeadAttention`.

A layer's `forward` returns its output alone, by the fused kernel. Its `attention_weights`, called
with the same arguments, returns the weights by the readable formula; `attention.record_attention`
uses it to watch any model.
"""

from torch import nn

from attention.functional import attend, causal_mask, scaled_dot_product_attention
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
        return attend(self.W_q(x), self.W_k(x), self.W_v(x), mask)

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
        return super().forward(x, _and_causal(x, mask))

    def attention_weights(
        self, x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None = None
    ) -> Float[Tensor, "*B T T"]:
        """How much each word (row) looks at each word (column); zero above the diagonal."""
        return super().attention_weights(x, _and_causal(x, mask))


def _and_causal(
    x: Float[Tensor, "*B T D"], mask: Bool[Tensor, "*#B #T T"] | None
) -> Bool[Tensor, "*#B #T T"]:
    causal = causal_mask(x.size(-2), x.device)
    return causal if mask is None else causal & mask


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
        return attend(self.W_q(x), self.W_k(memory), self.W_v(memory), mask)

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
        bias: Whether the four projections have one, as `torch.nn.MultiheadAttention` has.

    Raises:
        ValueError: `n_heads` does not divide `d_model`.

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, d_model: int, n_heads: int, bias: bool = False) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ValueError(f"{n_heads} heads cannot share a width of {d_model} evenly")
        self.n_heads = n_heads
        self.W_q = nn.Linear(d_model, d_model, bias=bias)
        self.W_k = nn.Linear(d_model, d_model, bias=bias)
        self.W_v = nn.Linear(d_model, d_model, bias=bias)
        self.W_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | None = None,
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Look at `memory`, or at `x` itself where no memory is given.

        Args:
            mask: True where a query may look at a key; the same for every head.
        """
        memory = x if memory is None else memory
        q, k, v = (
            self._split(self.W_q(x)),
            self._split(self.W_k(memory)),
            self._split(self.W_v(memory)),
        )
        mixed = attend(q, k, v, _for_every_head(mask))  # (*B, H, T, K)
        return self.W_o(mixed.transpose(-3, -2).flatten(-2))  # (*B, T, D)

    def attention_weights(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | None = None,
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B H T S"]:
        """How much each query (row) looks at each key (column), head by head."""
        memory = x if memory is None else memory
        q, k = self._split(self.W_q(x)), self._split(self.W_k(memory))
        return scaled_dot_product_attention(q, k, k, _for_every_head(mask))[1]

    def _split(self, x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B H T K"]:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(-3, -2)


def _for_every_head(mask: Bool[Tensor, "*#B #T S"] | None) -> Bool[Tensor, "*#B 1 #T S"] | None:
    return mask if mask is None or mask.dim() < 3 else mask.unsqueeze(-3)
