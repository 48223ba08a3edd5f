"""Attention of recurrent decoders: additive, multiplicative and local."""

import torch
from torch import nn

from attention.functional import masked_softmax
from attention.shapes import Bool, Float, Int, Tensor

__all__ = ["AdditiveAttention", "Attention", "LocalAttention", "MultiplicativeAttention"]


class Attention(nn.Module):
    """A decoder's hidden state, the query, attends to the encoder's outputs, the memory.

    Subclasses differ in how a query and a key are scored.
    """

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The keys: the part of the scores that is the same for every query."""
        raise NotImplementedError

    def scores(
        self, query: Float[Tensor, "*B T Q"], keys: Float[Tensor, "*B S A"]
    ) -> Float[Tensor, "*B T S"]:
        """The score of each query (row) and key (column): any real number."""
        raise NotImplementedError

    def forward(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T M"]:
        """The context vector of each query: the weighted sum of the encoder's outputs.

        Args:
            mask: True where a query may attend to a source position.
            keys: `keys(memory)`, if the caller has computed it already.
        """
        return self.attention_weights(query, memory, mask, keys) @ memory

    def attention_weights(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T S"]:
        """The weight that each query (row) puts on each source position (column)."""
        keys = self.keys(memory) if keys is None else keys
        return masked_softmax(self.scores(query, keys), mask)


class AdditiveAttention(Attention):
    """Additive attention: a feed-forward network with one hidden layer scores query and key.

    The score of hidden state `s` and encoder output `h` is `v_a · tanh(W_a s + U_a h)`.

    Args:
        d_query: Dimension of the decoder's hidden state.
        d_key: Dimension of the encoder's outputs.
        d_align: Dimension of the network's hidden layer.

    Source: Bahdanau et al. 2014, section 3.1 and appendix A.1.2.
    """

    def __init__(self, d_query: int, d_key: int, d_align: int) -> None:
        super().__init__()
        self.W_a = nn.Linear(d_query, d_align, bias=False)
        self.U_a = nn.Linear(d_key, d_align, bias=False)
        self.v_a = nn.Linear(d_align, 1, bias=False)

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The projections `U_a h`."""
        return self.U_a(memory)

    def scores(
        self, query: Float[Tensor, "*B T Q"], keys: Float[Tensor, "*B S A"]
    ) -> Float[Tensor, "*B T S"]:
        """`v_a · tanh(W_a s + U_a h)` for each pair."""
        hidden = torch.tanh(self.W_a(query).unsqueeze(-2) + keys.unsqueeze(-3))  # (*B, T, S, A)
        return self.v_a(hidden).squeeze(-1)


class MultiplicativeAttention(Attention):
    """Multiplicative attention: the score is a dot product, or a bilinear form.

    Args:
        d_query: Dimension of the decoder's hidden state.
        d_key: Dimension of the encoder's outputs.
        score: `dot` for `s · h`; `general` for `sᵀ W_a h` with a learned matrix.

    Raises:
        ValueError: `dot` with a query and a key of different dimensions.

    Source: Luong et al. 2015, section 3.1.
    """

    def __init__(self, d_query: int, d_key: int, score: str = "dot") -> None:
        super().__init__()
        if score == "dot" and d_query != d_key:
            sizes = f"a query of dimension {d_query} and a key of dimension {d_key}"
            raise ValueError(f"{sizes} have no dot product")
        self.W_a = nn.Linear(d_key, d_query, bias=False) if score == "general" else nn.Identity()

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The encoder's outputs, or `W_a h` for `general`."""
        return self.W_a(memory)

    def scores(
        self, query: Float[Tensor, "*B T Q"], keys: Float[Tensor, "*B S A"]
    ) -> Float[Tensor, "*B T S"]:
        """The dot product of each pair."""
        return query @ keys.transpose(-2, -1)


class LocalAttention(nn.Module):
    """Local attention: each query attends to a window of the source only.

    Args:
        attention: Scores the positions inside the window.
        d_query: Dimension of the decoder's hidden state.
        kind: `monotonic` centres the window at the target's position; `predictive` predicts its
            centre from the hidden state, and weights positions by a Gaussian around it.
        half_width: Positions in the window on either side of its centre; D in the paper.

    Source: Luong et al. 2015, section 3.2.
    """

    def __init__(self, attention: Attention, d_query: int, kind: str, half_width: int = 5) -> None:
        super().__init__()
        self.scorer, self.predictive, self.half_width = attention, kind == "predictive", half_width
        if self.predictive:
            self.W_p = nn.Linear(d_query, d_query, bias=False)
            self.v_p = nn.Linear(d_query, 1, bias=False)

    def forward(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"],
        position: Int[Tensor, "*B T"],
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T M"]:
        """The context vector of each query, from the window of that query.

        Args:
            mask: True where a query may attend to a source position.
            position: The target position of each query.
            keys: `keys(memory)`, if the caller has computed it already.
        """
        return self.attention_weights(query, memory, mask, position, keys) @ memory

    def attention_weights(
        self,
        query: Float[Tensor, "*B T Q"],
        memory: Float[Tensor, "*B S M"],
        mask: Bool[Tensor, "*#B #T S"],
        position: Int[Tensor, "*B T"],
        keys: Float[Tensor, "*B S A"] | None = None,
    ) -> Float[Tensor, "*B T S"]:
        """The weight that each query puts on each source position; zero outside its window.

        As in the paper, the Gaussian of `predictive` is applied after the softmax, so the rows
        sum to less than one.
        """
        length = mask.sum(dim=-1)  # (*B, T or 1) without padding
        centre = self._centre(query, length, position).unsqueeze(-1)
        distance = torch.arange(memory.size(-2), device=memory.device) - centre  # (*B, T, S)
        window = mask & (distance.abs() <= self.half_width)
        weights = self.scorer.attention_weights(query, memory, window, keys)
        if self.predictive:  # with a standard deviation of half the half-width
            weights = weights * torch.exp(-2 * (distance / self.half_width) ** 2)
        return weights

    def keys(self, memory: Float[Tensor, "*B S M"]) -> Float[Tensor, "*B S A"]:
        """The keys of the attention that scores the window."""
        return self.scorer.keys(memory)

    def _centre(
        self,
        query: Float[Tensor, "*B T Q"],
        length: Int[Tensor, "*#B #T"],
        position: Int[Tensor, "*B T"],
    ) -> Float[Tensor, "*B T"]:
        if not self.predictive:  # beyond the end of the source, its last position
            return torch.minimum(position, length - 1).to(query.dtype)
        return length * torch.sigmoid(self.v_p(torch.tanh(self.W_p(query)))).squeeze(-1)
