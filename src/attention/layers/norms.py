"""Normalisation, and the residual connection around a sublayer."""

from collections.abc import Callable

import torch
from torch import nn

from attention.shapes import Float, Tensor

__all__ = ["AddNorm", "RMSNorm"]


class AddNorm(nn.Module):
    """A layer adds what it has found to what was there, and the sum is brought back to size.

    Args:
        d_model: Width of a word's vector.
        dropout: Share of numbers dropped from what is added, in training.
        norm_first: Bring what the layer sees to size instead, and leave the sum as it is.
        eps: Added to the variance, so that a vector of equal numbers can be divided by it.

    Source: Vaswani et al. 2017, sections 3.1 and 5.4; the norm first: Xiong et al. 2020.
    """

    def __init__(
        self, d_model: int, dropout: float, norm_first: bool = False, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.norm = nn.LayerNorm(d_model, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "*B T D"], layer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "*B T D"]:
        """`layer` sees `x` and says what to add."""
        if self.norm_first:
            return x + self.dropout(layer(self.norm(x)))
        return self.norm(x + self.dropout(layer(x)))


class RMSNorm(nn.Module):
    """Brings a vector to a size of one number in the middle, and leaves its direction alone.

    Its difference from a layer norm: no mean is taken away, and no bias is added.

    Args:
        d_model: Width of a word's vector.
        eps: Added to the mean square, so that a vector of zeros can be divided by it.

    Source: Zhang and Sennrich 2019, arXiv 1910.07467, equation 4.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Squares are too large for half precision, so they are taken in float32."""
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        size = (wide.square().mean(dim=-1, keepdim=True) + self.eps).rsqrt()
        return self.weight * (wide * size).to(x.dtype)
