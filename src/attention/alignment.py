"""The first attention: a decoder that learns where to look in the sentence it translates."""

import torch
from torch import nn

from attention.functional import masked_softmax
from attention.shapes import Bool, Float, Tensor

__all__ = ["AdditiveAttention"]


class AdditiveAttention(nn.Module):
    """Score each source word by a small network that sees it beside the decoder's state.

    The score of query `s` and key `h` is `v_a · tanh(W_a s + U_a h)`.

    Args:
        d_query: Width of the decoder's state.
        d_key: Width of an encoded source word.
        d_align: Width of the small network.

    Source: Bahdanau et al. 2014, section 3.1 and appendix A.1.2.
    """

    def __init__(self, d_query: int, d_key: int, d_align: int) -> None:
        super().__init__()
        self.W_a = nn.Linear(d_query, d_align, bias=False)
        self.U_a = nn.Linear(d_key, d_align, bias=False)
        self.v_a = nn.Linear(d_align, 1, bias=False)

    def forward(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T M"]:
        """Mix the encoded words of `memory` by how well each fits the query: the *context*.

        Args:
            mask: True where a query may look at a source word.
            keys: `keys(memory)`, if the caller has kept it: it is the same for every query.
        """
        return self.attention_weights(query, memory, mask, keys) @ memory

    def attention_weights(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T S"]:
        """How much each query (row) looks at each source word (column)."""
        keys = self.keys(memory) if keys is None else keys
        fit = torch.tanh(self.W_a(query).unsqueeze(-2) + keys.unsqueeze(-3))  # (*B, T, S, A)
        scores = self.v_a(fit).squeeze(-1)  # (*B, T, S)
        return masked_softmax(scores, mask)

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The source words' half of the small network, which does not depend on the query."""
        return self.U_a(memory)
