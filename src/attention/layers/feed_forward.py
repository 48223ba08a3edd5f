"""Position-wise feed-forward networks, the second sublayer of a Transformer block."""

from collections.abc import Callable

from torch import nn
from torch.nn import functional as F

from attention.shapes import Float, Tensor

__all__ = ["FeedForward", "SwiGLU"]


class FeedForward(nn.Module):
    """Two linear layers with an activation function between them, at each position alike.

    Args:
        d_model: Dimension of the input and of the output.
        d_ff: Inner dimension.
        activation: Applied to the inner vector; ReLU, as in the paper, unless given.

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
        """Transform each position's vector on its own, with the same weights."""
        return self.W_2(self.activation(self.W_1(x)))


class SwiGLU(nn.Module):
    """A gated feed-forward network: a SiLU gate scales each component of the inner vector.

    Args:
        d_model: Dimension of the input and of the output.
        d_ff: Inner dimension. There are three matrices instead of two, so two thirds of the inner
            dimension of a `FeedForward` makes as many parameters.

    Source: Shazeer 2020, arXiv 2002.05202, equation 6.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.W_gate = nn.Linear(d_model, d_ff, bias=False)
        self.W_up = nn.Linear(d_model, d_ff, bias=False)
        self.W_down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
        """Transform each position's vector on its own, with the same weights."""
        return self.W_down(F.silu(self.W_gate(x)) * self.W_up(x))
