"""What stands beside attention in a Transformer's layer."""

from collections.abc import Callable

from torch import nn
from torch.nn import functional as F

from attention.shapes import Float, Tensor

__all__ = ["FeedForward", "Residual"]


class FeedForward(nn.Module):
    """Each word thinks for itself about what it has gathered: wider, cut off at zero, narrow again.

    Args:
        d_model: Width of a word's vector, before and after.
        d_ff: Width in between.

    Source: Vaswani et al. 2017, section 3.3, equation 2.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.W_1 = nn.Linear(d_model, d_ff)
        self.W_2 = nn.Linear(d_ff, d_model)

    def forward(self, x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
        """The same for every word, whatever stands beside it."""
        return self.W_2(F.relu(self.W_1(x)))


class Residual(nn.Module):
    """A layer adds what it has found to what was there, and the sum is brought back to size.

    Args:
        d_model: Width of a word's vector.
        dropout: Share of numbers dropped from what is added, in training.

    Source: Vaswani et al. 2017, sections 3.1 and 5.4.
    """

    def __init__(self, d_model: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "*B T D"], layer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "*B T D"]:
        """`layer` sees `x` and says what to add."""
        return self.norm(x + self.dropout(layer(x)))
