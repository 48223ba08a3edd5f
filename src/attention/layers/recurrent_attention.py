"""The first attention: a decoder that learns where to look in the sentence it translates.

Additive (Bahdanau et al. 2014); multiplicative, global and local (Luong et al. 2015).
"""

import torch
from torch import nn

from attention.functional import masked_softmax
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["AdditiveAttention", "Attention", "LocalAttention", "MultiplicativeAttention"]


class Attention(nn.Module):
    """Look at the encoded source words with the decoder's state as the query.

    What differs from one kind to the next is how a query and a word are compared: `scores`.
    """

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The source words as they are compared with a query: the same for every query."""
        raise NotImplementedError

    def scores(
        self, query: Float[Tensor, "*B T Q"], keys: Float[Tensor, "*B S A"]
    ) -> Float[Tensor, "*B T S"]:
        """How well each source word (column) fits each query (row): any real number."""
        raise NotImplementedError

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
            keys: `keys(memory)`, if the caller has kept it.
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
        return masked_softmax(self.scores(query, keys), mask)


class AdditiveAttention(Attention):
    """Score each source word by a small network that sees it beside the decoder's state.

    The score of query `s` and word `h` is `v_a · tanh(W_a s + U_a h)`.

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

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The words' half of the small network."""
        return self.U_a(memory)

    def scores(
        self, query: Float[Tensor, "*B T Q"], keys: Float[Tensor, "*B S A"]
    ) -> Float[Tensor, "*B T S"]:
        """The query's half joins in, and the network decides."""
        fit = torch.tanh(self.W_a(query).unsqueeze(-2) + keys.unsqueeze(-3))  # (*B, T, S, A)
        return self.v_a(fit).squeeze(-1)


class MultiplicativeAttention(Attention):
    """Score each source word by a product of its vector with the decoder's state.

    Args:
        d_query: Width of the decoder's state.
        d_key: Width of an encoded source word.
        score: `dot` multiplies the two as they are; `general` puts a learned matrix between them,
            `sᵀ W_a h`.

    Raises:
        ValueError: `dot` with a query and a key of different widths.

    Source: Luong et al. 2015, section 3.1.
    """

    def __init__(self, d_query: int, d_key: int, score: str = "dot") -> None:
        super().__init__()
        if score == "dot" and d_query != d_key:
            raise ValueError(
                f"a query of {d_query} numbers and a key of {d_key} have no dot product"
            )
        self.W_a = nn.Linear(d_key, d_query, bias=False) if score == "general" else nn.Identity()

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The words as they are, or as the matrix turns them."""
        return self.W_a(memory)

    def scores(
        self, query: Float[Tensor, "*B T Q"], keys: Float[Tensor, "*B S A"]
    ) -> Float[Tensor, "*B T S"]:
        """One product for each query and word."""
        return query @ keys.transpose(-2, -1)


class LocalAttention(nn.Module):
    """Look through a window: only at the words around one place in the source.

    Args:
        attention: Scores the words inside the window.
        d_query: Width of the decoder's state.
        kind: `monotonic` puts the window where the decoder is itself, word 3 at word 3;
            `predictive` lets the state choose the place, and favours the words nearest to it
            by a Gaussian.
        reach: Words that the window holds on either side of its place.

    Source: Luong et al. 2015, section 3.2.
    """

    def __init__(
        self,
        attention: Attention,
        d_query: int,
        kind: str,
        reach: int = 5,
    ) -> None:
        super().__init__()
        self.scores, self.predictive, self.reach = attention, kind == "predictive", reach
        if self.predictive:
            self.W_p = nn.Linear(d_query, d_query, bias=False)
            self.v_p = nn.Linear(d_query, 1, bias=False)

    def forward(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"],
        place: Int[Tensor, "*B T"],
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T M"]:
        """Mix the encoded words inside the window of each query.

        Args:
            mask: True where a query may look at a source word.
            place: How many words were written before each query.
            keys: `keys(memory)`, if the caller has kept it: it is the same for every query.
        """
        return self.attention_weights(query, memory, mask, place, keys) @ memory

    def attention_weights(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"],
        place: Int[Tensor, "*B T"],
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T S"]:
        """How much each query looks at each source word; zero outside its window.

        As in the paper, the Gaussian of `predictive` comes after the softmax, so that its rows
        sum to less than one.
        """
        length = mask.sum(dim=-1)  # (*B, T or 1) real words
        centre = self._centre(query, length, place).unsqueeze(-1)
        distance = torch.arange(memory.size(-2), device=memory.device) - centre  # (*B, T, S)
        window = mask & (distance.abs() <= self.reach)
        weights = self.scores.attention_weights(query, memory, window, keys)
        if self.predictive:
            weights = weights * torch.exp(-2 * (distance / self.reach) ** 2)  # sigma is reach / 2
        return weights

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The source words' half of the scores, which does not depend on the query."""
        return self.scores.keys(memory)

    def _centre(
        self,
        query: Float[Tensor, "*B T Q"],
        length: Int[Tensor, "*#B #T"],
        place: Int[Tensor, "*B T"],
    ) -> Float[Tensor, "*B T"]:
        if not self.predictive:  # past its end, stay at the last word
            return torch.minimum(place, length - 1).to(query.dtype)
        return length * torch.sigmoid(self.v_p(torch.tanh(self.W_p(query)))).squeeze(-1)
