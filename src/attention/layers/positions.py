"""Position schemes: sinusoidal positional encodings, and rotary position embeddings (RoPE)."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from attention.shapes import Float, Tensor

__all__ = [
    "Llama3RoPEScaling",
    "RotaryEmbedding",
    "SinusoidalEncoding",
    "sinusoidal_positions",
]


def sinusoidal_positions(length: int, d_model: int) -> Float[Tensor, "T D"]:
    """Encode positions as sines and cosines, whose frequency falls from pair to pair.

    Components 2i and 2i + 1 of position t are the sine and the cosine of
    `t / 10000^(2i / d_model)`.

    Args:
        length: Positions, counted from 0.
        d_model: Dimension of an encoding, that of the embeddings it is added to; an odd one ends
            on a sine.

    Source: Vaswani et al. 2017, section 3.5.
    """
    even = torch.arange(0, d_model, 2, dtype=torch.float64)
    angles = torch.arange(length, dtype=torch.float64)[:, None] / 10_000 ** (even / d_model)
    encodings = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)  # (T, D)
    return encodings[:, :d_model].to(torch.get_default_dtype())


class SinusoidalEncoding(nn.Module):
    """Adds sinusoidal positional encodings, from a table that grows where a sequence is longer.

    Args:
        d_model: Dimension of the embeddings.
        length: Positions in the table at first.

    Source: Vaswani et al. 2017, section 3.5.
    """

    table: Tensor

    def __init__(self, d_model: int, length: int = 256) -> None:
        super().__init__()
        self.register_buffer("table", sinusoidal_positions(length, d_model), persistent=False)

    def forward(
        self, x: Float[Tensor, "*B T D"], position_offset: int = 0
    ) -> Float[Tensor, "*B T D"]:
        """Add the encodings of the positions from `position_offset` on."""
        end = position_offset + x.size(-2)
        if end > len(self.table):
            with torch.inference_mode(False):  # a table made while decoding must serve training
                self.table = sinusoidal_positions(2 * end, x.size(-1)).to(self.table)
        return x + self.table[position_offset:end]


@dataclass(frozen=True)
class Llama3RoPEScaling:
    """Lowers the rotation frequencies of RoPE for contexts longer than the pretrained one.

    A pair that rotates often within the original length tells neighbouring positions apart and
    keeps its frequency; the frequency of one that does not complete a rotation is divided by
    `factor`; in between, the two are interpolated.

    Attributes:
        factor: By which the low frequencies are divided.
        low: Pairs with at most this many rotations within the original length have a low frequency.
        high: Pairs with at least this many have a high one.
        original_len: Context length of pretraining, in tokens.

    Raises:
        ValueError: `low` isn't below `high`, or `factor` isn't positive.

    Source: "NTK-by-parts" interpolation, Peng et al. 2023 (YaRN), arXiv 2309.00071, section 3.2;
    the defaults are those in the `config.json` of Llama 3.1.
    """

    factor: float = 8.0
    low: float = 1.0
    high: float = 4.0
    original_len: int = 8192

    def __post_init__(self) -> None:
        if self.factor <= 0 or self.low >= self.high:
            raise ValueError(f"{self} needs a positive factor, and low below high")

    def __call__(self, frequencies: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Scale rotation frequencies, in radians a token."""
        rotations = self.original_len * frequencies / (2 * math.pi)
        kept = ((rotations - self.low) / (self.high - self.low)).clamp(0, 1)
        return kept * frequencies + (1 - kept) * frequencies / self.factor


class RotaryEmbedding(nn.Module):
    """Rotary position embedding: rotates queries and keys so that scores depend on distance.

    Components i and i + `d_head / 2` of a vector are the coordinates of a point in a plane, which
    is rotated by `t` times the frequency of pair i at position t. (The paper pairs neighbouring
    components instead; only the order of the components differs.)

    Args:
        d_head: Dimension of a query or a key; even.
        theta: Base of the rotation frequencies.
        scaling: How they are scaled for longer contexts, if at all.
        length: Positions in the tables of sines and cosines at first; they grow where a sequence
            is longer.

    Raises:
        ValueError: `d_head` is odd, or `theta` isn't positive.

    Source: Su et al. 2021, arXiv 2104.09864, section 3.4.
    """

    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        d_head: int,
        theta: float = 10_000.0,
        scaling: Llama3RoPEScaling | None = None,
        length: int = 256,
    ) -> None:
        super().__init__()
        if d_head % 2:
            raise ValueError(f"RoPE rotates pairs of components, and {d_head} are an odd number")
        if theta <= 0:
            raise ValueError(f"theta is {theta}, and must be positive")
        self.d_head, self.theta, self.scaling, self.length = d_head, theta, scaling, length
        for name in ("cos", "sin"):
            self.register_buffer(name, torch.empty(0), persistent=False)
        self.reset_buffers()

    def forward(
        self,
        x: Float[Tensor, "*B T K"],
        position_offset: int = 0,
    ) -> Float[Tensor, "*B T K"]:
        """Rotate queries or keys of the positions from `position_offset` on."""
        end = position_offset + x.size(-2)
        if end > len(self.cos):
            self.reset_buffers(self.cos.device, length=2 * end)
        cos, sin = (table[position_offset:end].to(x.dtype) for table in (self.cos, self.sin))
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

    def inverse_frequencies(self, device: torch.device | None = None) -> Float[Tensor, " N"]:
        """The rotation frequency of each pair, in radians a token: `theta^(-2i / d_head)`."""
        even = torch.arange(0, self.d_head, 2, device=device).float()
        frequencies = 1.0 / self.theta ** (even / self.d_head)
        return frequencies if self.scaling is None else self.scaling(frequencies)

    def reset_buffers(
        self, device: torch.device | str | None = None, length: int | None = None
    ) -> None:
        """Compute the tables again, on `device`; for as many positions as before unless given."""
        self.length = length or self.length
        with torch.inference_mode(False):  # tables made while decoding must serve training, too
            # In float32, as where pretrained models were trained, roundings included.
            positions = torch.arange(self.length, device=device).float()
            angles = positions[:, None] * self.inverse_frequencies(positions.device)
            self.cos, self.sin = angles.cos(), angles.sin()
