"""Exercises of the chapter *Positional encodings*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import Hint, answer, compare, right
from attention.functional import scaled_dot_product_attention
from attention.layers.positions import sinusoidal_positions
from attention.shapes import Float, Tensor

__all__ = ["check_linear_biases", "check_permutation_equivariant", "check_positions"]


def check_positions(positions: Callable[..., Any]) -> None:
    """Check sinusoidal positional encodings.

    Args:
        positions: From a length and an even `d_model`, the encodings `(length, d_model)`.

    Raises:
        Hint: They are something else.
    """
    for length, d_model in [(4, 6), (8, 10)]:
        t = torch.arange(length, dtype=torch.float64)[:, None]
        component = torch.arange(d_model, dtype=torch.float64)
        pair = component // 2
        expected = sinusoidal_positions(length, d_model)
        powers = 10_000 ** (2 * pair / d_model)
        angles = t / powers
        half = angles[:, ::2]
        alternate = "component 2i is the sine of pair i, and component 2i + 1 its cosine."
        mistakes = [
            (torch.cat([half.sin(), half.cos()], dim=-1), "Your sines fill the left half and your "
             f"cosines the right. Alternate: {alternate}"),
            (_alternate((t + 1) / powers), "You count positions from 1. Position 0 comes first: "
             "its sines are 0, its cosines 1."),
            (_alternate(t / 10_000 ** (component / d_model)), "Each of your components has its own "
             "frequency. The two of a pair share one: the exponent is 2i / d_model for component "
             "2i and for component 2i + 1."),
            (_alternate(t / 10_000 ** (pair / d_model)), "Your frequencies fall too slowly: the "
             "exponent of pair i is 2i / d_model, not i / d_model."),
            (_alternate(t / 10_000 ** (2 * pair / (d_model - 2))), "Your last pair has the divisor "
             "10,000. Divide the exponent by d_model, so that this divisor is never quite "
             "reached."),
            (_alternate(t / powers**2), "Your exponent is doubled twice: "
             "torch.arange(0, d_model, 2) is 2i already."),
            (torch.stack([half.cos(), half.sin()], dim=-1).flatten(-2), "Sine and cosine are "
             f"swapped: {alternate}"),
            (angles.sin(), "Your odd components are sines, too. They should be cosines."),
            (_alternate(t.float() * 10_000 ** (2 * pair / d_model).float()),  # rounds as theirs
             "Your frequencies rise from pair to pair. Divide the position by the power of "
             "10,000."),
            (_alternate(angles * math.pi / 180), "You convert the angles. torch.sin and torch.cos "
             "take radians, as the formula does, so leave them as they are."),
            (_alternate(t / 1_000 ** (2 * pair / d_model)), "You use powers of 1,000. The formula "
             "uses powers of 10,000."),
            (_alternate(angles) * (component % 2 == 0), "Your odd components are all 0. Fill them, "
             "too: encodings[:, 1::2]."),
            (half, "These are the angles. Their sines and cosines are still to come."),
            (half.sin(), "These are the sines alone. Each pair has a cosine as well."),
            (expected.T, "Transpose it: a row for each position, a column for each component."),
            (sinusoidal_positions(4, 6), FIXED_SIZE),
            (sinusoidal_positions(4, 4), FIXED_SIZE),
            (expected[None], "Your result has a batch axis. It should be (length, d_model)."),
            (sinusoidal_positions(d_model, length), "The two arguments are swapped: first the "
             "length, then d_model."),
        ]  # fmt: skip
        what = f"positions({length}, {d_model})"
        found = answer(what, positions, length, d_model, hint=COLUMN)
        compare(what, found, expected, mistakes)
    right("each position has its own row, and each pair of components its own frequency.")


COLUMN = (
    "If two sizes don't match: make the positions a column, torch.arange(length)[:, None], so that "
    "every position meets the divisor of every pair."
)
FIXED_SIZE = "This is the encoding of another size. Use the two arguments, length and d_model."


def check_permutation_equivariant(permutation_equivariant: Callable[..., Any]) -> None:
    """Check a test for models that ignore the order of the tokens.

    Args:
        permutation_equivariant: From a model, whether it is permutation-equivariant. Every model
            maps `(T, D)` to `(T, D)`, for any length and dimension.

    Raises:
        Hint: It is wrong about a model.
    """
    what = "permutation_equivariant(model)"
    found = [_said(answer(what, permutation_equivariant, model)) for model, *_ in MODELS]
    if found == [not equivariant for _, equivariant, _ in MODELS]:
        raise Hint("It is the wrong way round: True is for models that ignore the order.")
    for said, (_, equivariant, hint) in zip(found, MODELS, strict=True):
        if said != equivariant:
            raise Hint(hint)
    right("you can tell which models know the order, wherever they keep it.")


def check_linear_biases(linear_biases: Callable[..., Any]) -> None:
    """Check the penalties that ALiBi adds to the scores.

    Args:
        linear_biases: From a length and the slope of a head, what is added to its scores
            `(length, length)`.

    Raises:
        Hint: They are something else.
    """
    for length, slope in [(5, 0.5), (3, 0.25)]:
        t = torch.arange(length)
        signed = t[:, None] - t
        distance = signed.abs()
        expected = -slope * distance
        sided = "Half of yours have the wrong sign. A distance has none: take .abs() first."
        mistakes = [
            (-expected, "Yours raise the scores of distant keys. They should lower them."),
            (slope * signed, sided),
            (-slope * signed, sided),
            (-slope * distance**2, "You square the distance. The bias is linear in it."),
            (-distance, "The slope is missing: multiply the distances by it."),
            (distance, "These are the distances. Multiply them by the slope, with a minus."),
            (distance - slope, "You subtract the slope. Multiply by it."),
            (-distance / slope, "You divide by the slope. Multiply by it."),
            (-slope * (distance + 1), "Your distances start from 1. A token is at distance 0 from "
             "itself."),
            (expected.masked_fill(signed < 0, -torch.inf), "You also mask the future. Leave that "
             "to the causal mask: here, a key after the query has a distance like any other."),
            (expected.tril(), "You leave out the keys after the query. They have a distance like "
             "any other; the causal mask comes later."),
            (expected[-1], "This is the row of the last query. There is a row for each query."),
            (expected[0], "This is the row of the first query. There is a row for each query."),
            (expected.exp(), "You raise e to the penalties. Softmax does that, after the sum."),
            (expected.softmax(dim=-1), "No softmax yet: these are added to the scores."),
        ]  # fmt: skip
        what = f"linear_biases({length}, {slope})"
        compare(what, answer(what, linear_biases, length, slope), expected, mistakes)
    right("the further away a key is, the more its score is lowered.")


def _alternate(angles: Float[Tensor, "T D"]) -> Float[Tensor, "T D"]:
    """Sines in the even components, cosines in the odd ones."""
    return torch.where(torch.arange(angles.size(-1)) % 2 == 0, angles.sin(), angles.cos())


def _said(found: object) -> bool:
    if found is None or found is ...:
        raise Hint("permutation_equivariant(model) returns nothing yet.")
    if isinstance(found, Tensor) and found.dtype == torch.bool and found.numel() == 1:
        found = found.item()
    if not isinstance(found, bool):
        raise Hint(
            f"Return True or False; yours is of the type {type(found).__name__}. torch.allclose(a, "
            "b) compares two tensors, and returns one of these."
        )
    return found


def _attention(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Self-attention without parameters, and without positions."""
    return scaled_dot_product_attention(x, x, x)[0]


def _double(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """A layer without attention: each output depends on its own token alone."""
    return 2 * x


def _with_positions(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    return _attention(x + sinusoidal_positions(x.size(-2), x.size(-1)))


def _from_the_middle(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Counts positions from the middle to both ends, so that a mirror image changes nothing."""
    length = x.size(-2)
    away = (2 * torch.arange(length) - (length - 1)).abs()
    return _attention(x + sinusoidal_positions(length, x.size(-1))[away])


def _positions_last(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Adds positions to the output: they show in each vector, but not in the sum of all."""
    return _attention(x) + sinusoidal_positions(x.size(-2), x.size(-1))


MODELS: list[tuple[Callable[[Tensor], Tensor], bool, str]] = [
    (_double, True, "One of the models doubles each vector separately, so it ignores the order, "
     "but your function returns False. If you permute the inputs, the outputs are permuted as "
     "well: permute the outputs of the original order, too, before you compare."),
    (_attention, True, "Your function returns False for self-attention without positions. Sums in "
     "another order are rounded differently, so compare with torch.allclose(…, atol=1e-5)."),
    (_with_positions, False, "One of the models adds positional encodings to its input, so it "
     "knows the order, but your function returns True. Permute the tokens, and see whether the "
     "outputs are only permuted."),
    (_from_the_middle, False, "One of the models counts positions from the middle of the sentence "
     "to both ends. A mirror image, such as x.flip(0) or two swapped tokens, looks the same to it. "
     "Take three tokens or more, in an order such as [1, 2, 0]."),
    (_positions_last, False, "One of the models adds positional encodings to its output. They show "
     "in each vector, but not in the sum or the average of all. Compare the outputs one by one."),
]  # fmt: skip
