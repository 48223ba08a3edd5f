"""Exercises of the chapter *Rotary position embedding*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import answer, compare, right
from attention.layers.positions import RotaryEmbedding
from attention.shapes import Float, Tensor

__all__ = ["check_decode_scores", "check_full_rotations", "check_rotation"]


def check_rotation(rotate: Callable[..., Any]) -> None:
    """Check a rotary position embedding.

    Args:
        rotate: From vectors `(T, K)` and theta, the vectors `(T, K)`, each rotated by its
            position, which is counted from 0; components i and i + K/2 are a pair.

    Raises:
        Hint: They are something else.
    """
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    theta, t, i = 50.0, torch.arange(5.0)[:, None], torch.arange(3.0)
    angles = t * theta ** (-2 * i / 6)  # (T, K/2)
    twice, first, second = torch.cat([angles, angles], -1), x[:, :3], x[:, 3:]
    quarter_turn, swapped = torch.cat([-second, first], -1), torch.cat([second, first], -1)
    apart = angles.repeat_interleave(2, -1)
    expected = _rotate(x, angles)
    halves = torch.tensor([0, 2, 4, 1, 3, 5])
    neighbours = halves.argsort()  # puts halves back as neighbours
    mistakes = [
        (_rotate(x, -angles), "You rotate clockwise: the two sines have each other's sign."),
        (x * twice.cos() + swapped * twice.sin(), SIGN),
        (x * twice.cos() - swapped * twice.sin(), SIGN),
        (torch.cat([expected[:, :3], first * angles.cos() + second * angles.sin()], -1), SECOND),
        (_rotate(x, math.pi / 2 - angles), "Sine and cosine are exchanged."),
        (_rotate(x[:, halves], angles)[:, neighbours], PAIRS),
        (_rotate(x[:, halves], angles), PAIRS),
        (x * apart.cos() + quarter_turn * apart.sin(), INTERLEAVED),
        (expected[:, neighbours], "The pairs are right, but you interleave the result. Use cat."),
        (_rotate(x, angles[1].expand(5, 3)), "All rows are rotated alike: multiply by positions."),
        (_rotate(x, (t + 1) * angles[1]), "You count positions from 1. Position 0 comes first."),
        (_rotate(x, t * theta ** (-i / 6)), FREQUENCY),
        (_rotate(x, t * theta ** (-4 * i / 6)), DOUBLED),
        (_rotate(x, t * theta ** (2 * i / 6)), "Later pairs rotate more slowly, not faster."),
        (_rotate(x, t * 10_000 ** (-2 * i / 6)), GIVEN),
        (_overwritten(x, angles), OVERWRITTEN),
    ]
    call = "rotate(x, theta)"
    compare(call, answer(call, rotate, x, theta, hint=ANGLES), expected, mistakes)
    right("lengths stay the same, and a score depends only on content and distance.")


ANGLES = (
    "The angles are (T, K/2): the positions as a column, torch.arange(T)[:, None], times the "
    "frequencies. The halves of x, x.chunk(2, dim=-1), are (T, K/2) as well."
)
DOUBLED = "Your exponent is doubled: torch.arange(0, K, 2) is 2i already."
FREQUENCY = "Pair i rotates by theta ** (-2 * i / K) radians a token."
GIVEN = "You use 10,000. Use the theta that is given."
INTERLEAVED = (
    "Your pairs are halves, but repeat_interleave gives one angle to neighbours, such as 0 and 1. "
    "Components i and i + K/2 share one: torch.cat([angles, angles], dim=-1)."
)
OVERWRITTEN = "You compute the second half from the new first one. Both need the old values."
PAIRS = "You rotate neighbours, 0 with 1. Here component i rotates with i + K/2: x.chunk(2, -1)."
SECOND = "In the second half, cos belongs to b and sin to a: b cos + a sin."
SIGN = "A sign is wrong, so lengths change: (a, b) becomes (a cos - b sin, b cos + a sin)."


def _rotate(x: Float[Tensor, "T K"], angles: Float[Tensor, "T N"]) -> Float[Tensor, "T K"]:
    first, second = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _overwritten(x: Float[Tensor, "T K"], angles: Float[Tensor, "T N"]) -> Float[Tensor, "T K"]:
    rotated, second = _rotate(x, angles)[:, : angles.size(-1)], x[:, angles.size(-1) :]
    return torch.cat([rotated, second * angles.cos() + rotated * angles.sin()], dim=-1)


def check_full_rotations(full_rotations: Callable[..., Any]) -> None:
    """Check how many pairs complete a rotation within a context.

    Args:
        full_rotations: From the head dimension, theta and a length in tokens, the number of pairs
            that complete at least one rotation.

    Raises:
        Hint: It is another number.
    """
    for given in [(128, 500_000.0, 2000), (96, 20_000.0, 512), (8, 4.0, 1000)]:
        d_head, theta, length = given
        pairs, expected = d_head // 2, _full_rotations(*given)
        mistakes = [
            (pairs - expected, "You count the pairs that don't complete a rotation."),
            (2 * expected, "You count components. Two of them are one pair."),
            (_full_rotations(*given, full=1.0), "That is one radian. A full rotation is 2 pi."),
            (_full_rotations(*given, full=math.pi), "That is half a rotation. A full one is 2 pi."),
            (_full_rotations(*given, full=360.0), "Frequencies are in radians, not in degrees."),
            (_full_rotations(*given, power=0.5), f"Your frequencies fall too slowly. {FREQUENCY}"),
            (_full_rotations(*given, power=2.0), DOUBLED),
            (_full_rotations(d_head, 10_000.0, length), GIVEN),
            (pairs, "You count all pairs. Later ones are slower: is your exponent negative?"),
        ]
        call = f"full_rotations({d_head}, {theta:g}, {length})"
        compare(call, answer(call, full_rotations, *given), expected, mistakes)
    right("only these pairs have met every angle, so longer contexts bring them nothing new.")


def _full_rotations(
    d_head: int, theta: float, length: int, power: float = 1.0, full: float = math.tau
) -> int:
    exponents = -torch.arange(0, d_head, 2, dtype=torch.float64) / d_head
    return int((length * theta ** (power * exponents) >= full).sum())


def check_decode_scores(decode_scores: Callable[..., Any]) -> None:
    """Check the scores of a decode step with rotary position embeddings.

    Args:
        decode_scores: From a new query and a new key `(K,)`, neither of them rotated, and the
            rotated keys `(S, K)` of all earlier positions, the scores `(S + 1,)`.

    Raises:
        Hint: They are something else.
    """
    generator = torch.Generator().manual_seed(2)
    query, key = torch.randn(2, 6, generator=generator)
    rotary = RotaryEmbedding(6)
    cached = rotary(torch.randn(4, 6, generator=generator))

    def scores(query_at: int = 4, key_at: int = 4, keys: Tensor = cached) -> Tensor:
        q, k = rotary(query[None], query_at), rotary(key[None], key_at)
        return (torch.cat([keys, k]) @ q[0]) / 6**0.5

    expected = scores()
    elsewhere = f"Query and key are rotated for another position. {POSITION}"
    mistakes = [
        (scores(query_at=0), f"The query isn't rotated by its position. {POSITION}"),
        (scores(key_at=0), f"The new key isn't rotated by its position. {POSITION}"),
        *((scores(at, at), elsewhere) for at in (0, 3, 5)),
        (scores(keys=rotary(cached)), "You rotate the cached keys. They are rotated already."),
        (expected * 6**0.5, "Divide the scores by the root of K."),
        (expected * 6**0.5 / 6, "Divide by the root of K, not by K."),
        (expected.softmax(-1), "These are the weights. The scores come before softmax."),
        (expected.roll(1), "The new key comes first. Append it after the cached ones."),
        (expected[:-1], "The new token's own key is missing: a token attends to itself, too."),
    ]
    call = "decode_scores(query, key, cached_keys)"
    rows = "RotaryEmbedding(K) is called with rows, key[None] of (1, K), and a position_offset."
    compare(call, answer(call, decode_scores, query, key, cached, hint=rows), expected, mistakes)
    right("the cache keeps rotated keys, and only the new token is rotated, by its position.")


POSITION = "The new token is at position S, behind those in the cache: position_offset=S."
