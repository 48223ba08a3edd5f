"""Where a word stands, told to a model that would otherwise not know."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch

from attention.shapes import Float, Tensor

__all__ = ["Llama3RoPEScaling", "RotaryEmbedding", "sinusoidal_positions"]


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


@dataclass(frozen=True)
class Llama3RoPEScaling:
    """How rotary positions are slowed down for texts longer than those first trained on.

    A pair that turned often within the old length tells near words apart and keeps its speed; one
    that had not yet come round slows down by `factor`; in between the one passes into the other.

    Attributes:
        factor: By how much the slow pairs slow down.
        low: Pairs with at most this many turns within the old length are slow.
        high: Pairs with at least this many are fast.
        original_len: The old length, in words.

    Raises:
        ValueError: Slow pairs are not slower than fast ones, or `factor` is 0.

    Source: Llama Team 2024, arXiv 2407.21783; the figures are those of Llama 3.1.
    """

    factor: float = 8.0
    low: float = 1.0
    high: float = 4.0
    original_len: int = 8192

    def __post_init__(self) -> None:
        if self.factor <= 0 or self.low >= self.high:
            raise ValueError(f"{self} does not make slow pairs slower than fast ones")

    def __call__(self, speeds: Float[Tensor, "K"]) -> Float[Tensor, "K"]:
        """Slow down the speeds of pairs, in radians a word."""
        turns = self.original_len * speeds / (2 * math.pi)
        fast = ((turns - self.low) / (self.high - self.low)).clamp(0, 1)
        return fast * speeds + (1 - fast) * speeds / self.factor


@dataclass(frozen=True)
class RotaryEmbedding:
    """Turns queries and keys by their positions, so that their products know the distance.

    Number i and number i + `d_head / 2` of a vector are a point in a plane of their own, which is
    turned by `t * theta^(-2i / d_head)` at position t. (The paper pairs neighbours instead; the
    two differ in the order of the numbers alone.)

    Attributes:
        d_head: Width of a query or a key; even.
        theta: The larger, the slower the last pairs turn.
        scaling: How they are slowed down further, if at all.

    Raises:
        ValueError: `d_head` is odd, or `theta` is 0.

    Source: Su et al. 2021, arXiv 2104.09864, section 3.4.
    """

    d_head: int
    theta: float = 10_000.0
    scaling: Llama3RoPEScaling | None = None

    def __post_init__(self) -> None:
        if self.d_head % 2:
            raise ValueError(f"a width of {self.d_head} is odd, and cannot be turned in pairs")
        if self.theta <= 0:
            raise ValueError(f"theta is {self.theta}, and must be more than 0")

    def __call__(self, x: Float[Tensor, "*B T K"], begin: int = 0) -> Float[Tensor, "*B T K"]:
        """Turn the vectors of words of which the first stands at position `begin`."""
        cos, sin = _waves(self, begin, begin + x.size(-2), x.device, x.dtype)
        one, other = x.chunk(2, dim=-1)
        return torch.cat([one * cos - other * sin, other * cos + one * sin], dim=-1)

    def speeds(self, device: torch.device | None = None) -> Float[Tensor, "K"]:
        """How far each pair turns from one word to the next, in radians."""
        even = torch.arange(0, self.d_head, 2, device=device).float()
        speeds = 1.0 / self.theta ** (even / self.d_head)
        return speeds if self.scaling is None else self.scaling(speeds)


# All layers of a model turn by the same angles: the first one asks for them, the others find them.
@lru_cache(maxsize=1)
def _waves(
    rotary: RotaryEmbedding, begin: int, end: int, device: torch.device, dtype: torch.dtype
) -> tuple[Float[Tensor, "T K"], Float[Tensor, "T K"]]:
    with torch.inference_mode(False):  # what is kept must serve in training, too
        # In float32, as everywhere where such models are trained: their weights know its roundings.
        angles = torch.arange(begin, end, device=device).float()[:, None] * rotary.speeds(device)
        return angles.cos().to(dtype), angles.sin().to(dtype)
