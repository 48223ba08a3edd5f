"""Position-wise feed-forward networks, the second sublayer of a Transformer block."""

from collections.abc import Callable

from torch import nn
from torch.nn import functional as F

from attention.shapes import Float, Tensor

__all__ = ["FeedForward", "SwiGLU"]


class FeedForward(nn.Module):
    """Each word thinks for itself about what it has gathered: wider, cut off at zero, narrow again.

    Args:
        d_model: Width of a word's vector, before and after.
        d_ff: Width in between.
        activation: What is done there to each number; the paper's cut at zero unless given.

    Source: Vaswani et al. 2017, section 3.3, equation 2.
    """

    def __init__(
        self, d_model: int, d_ff: int, activation: Callable[[Tensor], Tensor] = F.relu
    ) -> None:
        super().__init__()
        self.activation = activation
        self.W_1 = nn.Linear(d_model, d_ff)
        self.W_2 = nn.Linear(d_ff, d_model)

    def forward(self, x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
        """The same for every word, whatever stands beside it."""
        return self.W_2(self.activation(self.W_1(x)))


class SwiGLU(nn.Module):
    """A feed-forward layer with gates: each number in the middle is let through more or less.

    Args:
        d_model: Width of a word's vector, before and after.
        d_ff: Width in between. There are three matrices instead of two, so two thirds of the
            width of a `FeedForward` makes as many parameters.

    Source: Shazeer 2020, arXiv 2002.05202, equation 6.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.W_gate = nn.Linear(d_model, d_ff, bias=False)
        self.W_up = nn.Linear(d_model, d_ff, bias=False)
        self.W_down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
        """The same for every word, whatever stands beside it."""
        return self.W_down(F.silu(self.W_gate(x)) * self.W_up(x))
