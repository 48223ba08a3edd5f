"""Where a word stands, told to a model that would otherwise not know."""

import torch

from attention.shapes import Float, Tensor

__all__ = ["sinusoidal_positions"]


def sinusoidal_positions(length: int, d_model: int) -> Float[Tensor, "T D"]:
    """A vector for each position: waves, the first pair fast, each further pair slower.

    Numbers 2i and 2i + 1 of position t are the sine and the cosine of `t / 10000^(2i / d_model)`.
    They are added to the vectors of the words, so they need the same width.

    Args:
        length: How many positions, counted from 0.
        d_model: Width of a vector; an odd one ends on a sine.

    Source: Vaswani et al. 2017, section 3.5.
    """
    even = torch.arange(0, d_model, 2, dtype=torch.float64)
    angles = torch.arange(length, dtype=torch.float64)[:, None] / 10_000 ** (even / d_model)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)  # (T, D)
    return waves[:, :d_model].to(torch.get_default_dtype())
