"""The checks of *Rotary position embedding* know right answers, and what is wrong with others."""

import math

import pytest
import torch

from attention.exercises import Hint, check_decode_scores, check_full_rotations, check_rotation
from attention.layers.positions import RotaryEmbedding


def rotated(x, theta, sign=1, power=-2, begin=0):
    half = x.size(-1) // 2
    frequencies = theta ** (power * torch.arange(half) / x.size(-1))
    angles = sign * (torch.arange(len(x))[:, None] + begin) * frequencies
    one, other = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([one * cos - other * sin, other * cos + one * sin], dim=-1)


def neighbours(x, theta):
    even, odd = x[:, 0::2], x[:, 1::2]
    one, other = rotated(torch.cat([even, odd], dim=-1), theta).chunk(2, dim=-1)
    return torch.stack([one, other], dim=-1).flatten(-2)


def by_angles(x, theta, expand, turn):
    """The usual code: components times cosines, plus other components times sines."""
    angles = torch.arange(len(x))[:, None] * theta ** (-torch.arange(0, x.size(-1), 2) / x.size(-1))
    angles = expand(angles)
    return x * angles.cos() + turn(*x.chunk(2, dim=-1)) * angles.sin()


def twice(angles):
    return torch.cat([angles, angles], dim=-1)


def exchanged(x, theta):
    return by_angles(x, theta, lambda angles: math.pi / 2 - twice(angles), quarter_turn)


def each_component(x, theta):
    angles = torch.arange(len(x))[:, None] * theta ** (-torch.arange(x.size(-1)) / x.size(-1))
    return x * angles.cos() + quarter_turn(*x.chunk(2, dim=-1)) * angles.sin()


def in_place(x, theta):
    angles = torch.arange(len(x))[:, None] * theta ** (-torch.arange(0, x.size(-1), 2) / x.size(-1))
    first, second = x.chunk(2, dim=-1)
    first.copy_(first * angles.cos() - second * angles.sin())
    second.copy_(second * angles.cos() + first * angles.sin())
    return x


def cosines_of_the_first(x, theta):
    angles = torch.arange(len(x))[:, None] * theta ** (-torch.arange(0, x.size(-1), 2) / x.size(-1))
    first, second = x.chunk(2, dim=-1)
    half = rotated(x, theta).chunk(2, dim=-1)[0]
    return torch.cat([half, first * angles.cos() + second * angles.sin()], dim=-1)


def all_alike(x, theta):
    return torch.stack([rotated(row.expand(2, 6), theta)[1] for row in x])


def swapped(first, second):
    return torch.cat([second, first], dim=-1)


def quarter_turn(first, second):
    return torch.cat([-second, first], dim=-1)


def interleaved(angles):
    return angles.repeat_interleave(2, dim=-1)


@pytest.mark.parametrize(
    "rotate",
    [
        lambda x, theta: RotaryEmbedding(x.size(-1), theta)(x),
        lambda x, theta: by_angles(x, theta, twice, quarter_turn),
        lambda x, theta: (
            torch.view_as_real(
                torch.complex(*x.chunk(2, -1))
                * torch.polar(
                    torch.tensor(1.0),
                    torch.arange(len(x))[:, None]
                    * theta ** (-torch.arange(0, x.size(-1), 2) / x.size(-1)),
                )
            )
            .transpose(-2, -1)
            .flatten(-2)
        ),
    ],
)
def test_other_ways_to_rotate(rotate):
    check_rotation(rotate)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, theta: x, "something else at .1, 0."),
        (lambda x, theta: rotated(x, theta, sign=-1), "clockwise"),
        (neighbours, "You rotate neighbours"),
        (lambda x, theta: by_angles(x, theta, interleaved, quarter_turn), "to neighbours"),
        (lambda x, theta: rotated(x, theta, begin=1), "count positions from 1"),
        (
            lambda x, theta: torch.stack(rotated(x, theta).chunk(2, -1), -1).flatten(-2),
            "you interleave the result",
        ),
        (all_alike, "All rows are rotated alike"),
        (lambda x, theta: rotated(x, theta, power=-1), "radians a token"),
        (lambda x, theta: rotated(x, theta, power=-4), "is 2i already"),
        (lambda x, theta: rotated(x, 10_000.0), "theta that is given"),
        (lambda x, theta: rotated(x, theta, power=2), "more slowly"),
        (lambda x, theta: by_angles(x, theta, twice, swapped), "lengths change"),
        (
            lambda x, theta: by_angles(x, theta, twice, lambda a, b: -swapped(a, b)),
            "lengths change",
        ),
        (lambda x, theta: rotated(x, theta).T, "of the shape .5, 6."),
        (each_component, "something else"),
        (in_place, "Both need the old values"),
        (exchanged, "Sine and cosine"),
        (cosines_of_the_first, "b cos . a sin"),
        (lambda x, theta: rotated(x, theta)[:, :3], "of the shape .5, 6."),
        (lambda x, theta: x * torch.arange(5.0), "angles are .T, K/2."),
        (lambda x, theta: 2 * x, "rotate"),
    ],
)
def test_wrong_rotations_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_rotation(wrong)


def covered(d_head, theta, length, power=-1):
    return length * theta ** (power * torch.arange(0, d_head, 2) / d_head)


@pytest.mark.parametrize(
    "full_rotations",
    [
        lambda *given: (covered(*given) >= math.tau).sum(),
        lambda d, theta, n: sum(n * theta ** (-2 * i / d) / math.tau >= 1 for i in range(d // 2)),
        lambda d, theta, n: (
            (RotaryEmbedding(d, theta).inverse_frequencies() * n).div(math.tau).floor() > 0
        ).sum(),
    ],
)
def test_other_ways_to_count_rotations(full_rotations):
    check_full_rotations(full_rotations)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda *given: (covered(*given) < math.tau).sum().item(), "don't complete"),
        (lambda *given: 2 * (covered(*given) >= math.tau).sum().item(), "count components"),
        (lambda *given: (covered(*given) >= 1).sum().item(), "one radian"),
        (lambda *given: (covered(*given) >= math.pi).sum().item(), "half a rotation"),
        (
            lambda d, theta, n: (n * theta ** (-2 * torch.arange(d) / d) >= math.tau).sum(),
            "count components",
        ),
        (lambda *given: (covered(*given) >= 360).sum().item(), "degrees"),
        (lambda *given: (covered(*given, power=-0.5) >= math.tau).sum().item(), "too slowly"),
        (lambda *given: (covered(*given, power=-2) >= math.tau).sum().item(), "doubled"),
        (
            lambda *given: (covered(*given, power=1) >= math.tau).sum().item(),
            "Later ones are slower",
        ),
        (lambda d, theta, n: d // 2, "count all pairs"),
        (lambda *given: (covered(*given) >= math.tau).nonzero().max(), "should be more"),
        (lambda d, theta, n: (covered(d, 10_000.0, n) >= math.tau).sum(), "theta that is given"),
        (lambda *given: covered(*given) >= math.tau, "should be a number"),
        (lambda *given: None, "nothing back"),
    ],
)
def test_wrong_counts_of_rotations_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_full_rotations(wrong)


def decoded(query, key, cached, at=None, query_at=None, again=False):
    S, K = cached.shape
    at = S if at is None else at
    rotary = RotaryEmbedding(K)
    q, k = rotary(query[None], at if query_at is None else query_at), rotary(key[None], at)
    return torch.cat([rotary(cached) if again else cached, k]) @ q[0] / K**0.5


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda *given: decoded(*given, at=0), "another position"),
        (lambda *given: decoded(*given, query_at=0), "query isn't rotated"),
        (lambda *given: decoded(*given, at=0, query_at=4), "new key isn't rotated"),
        (lambda *given: decoded(*given, at=3), "another position"),
        (lambda *given: decoded(*given, at=5), "another position"),
        (lambda *given: decoded(*given, again=True), "rotated already"),
        (lambda *given: decoded(*given) * 6**0.5, "Divide the scores"),
        (lambda *given: decoded(*given) / 6**0.5, "not by K"),
        (lambda q, k, cached: RotaryEmbedding(6, position_offset=4)(q), "is called with rows"),
        (lambda *given: decoded(*given).softmax(-1), "These are the weights"),
        (lambda *given: decoded(*given).roll(1), "comes first"),
        (lambda *given: decoded(*given)[:-1], "own key is missing"),
        (lambda *given: decoded(*given)[None], "of the shape .5,."),
        (lambda q, k, cached: torch.cat([cached, k]) @ q, "is called with rows"),
    ],
)
def test_wrong_decode_scores_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_decode_scores(wrong)
