"""Normalisation, and the residual connection around a sublayer."""

from collections.abc import Callable

import torch
from torch import nn

from attention.shapes import Float, Tensor

__all__ = ["AddNorm", "RMSNorm"]


class AddNorm(nn.Module):
    """A residual connection around a sublayer, with layer normalisation after or before it.

    Args:
        d_model: Dimension of the vectors.
        dropout: Probability with which, in training, a component of the sublayer's output is
            dropped.
        norm_first: Pre-norm: normalise the sublayer's input instead of the sum (post-norm).
        eps: Added to the variance, so that a vector of equal components can be normalised.

    Source: Vaswani et al. 2017, sections 3.1 and 5.4; pre-norm: Xiong et al. 2020.
    """

    def __init__(
        self, d_model: int, dropout: float, norm_first: bool = False, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.norm = nn.LayerNorm(d_model, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "*B T D"], sublayer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "*B T D"]:
        """Add the sublayer's output to its input."""
        if self.norm_first:
            return x + self.dropout(sublayer(self.norm(x)))
        return self.norm(x + self.dropout(sublayer(x)))


class RMSNorm(nn.Module):
    """Scales each vector to a root mean square of 1, then multiplies it by a learned gain.

    Unlike layer normalisation, it neither subtracts the mean nor adds a bias.

    Args:
        d_model: Dimension of the vectors.
        eps: Added to the mean square, so that a zero vector can be normalised.

    Source: Zhang and Sennrich 2019, arXiv 1910.07467, equation 4.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Normalise in float32, because squares overflow in half precision."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        scale = (wide.square().mean(dim=-1, keepdim=True) + self.eps).rsqrt()
        return self.weight * (wide * scale).to(x.dtype)
