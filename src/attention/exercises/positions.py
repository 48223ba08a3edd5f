"""Exercises of the chapter *Positional encodings*."""

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
        halves = torch.cat([half.sin(), half.cos()], dim=-1)
        swapped = torch.stack([half.cos(), half.sin()], dim=-1).flatten(-2)
        shared = "The two components of a pair share one exponent: 2i / d_model."
        exponents = (component / d_model, 2 * component / d_model)
        unbracketed = _alternate(t / 10_000 ** (2 * pair) / d_model)
        too_slow = _alternate(t / 10_000 ** (pair / d_model))
        doubled = _alternate(t / powers**2)
        rising = _alternate(t.float() * 10_000 ** (2 * pair / d_model).float())  # rounds as theirs
        mistakes = [
            (halves, "Your sines come first, then your cosines. Alternate them, pair by pair."),
            (swapped, "Sine and cosine are swapped: each pair begins with the sine."),
            (_alternate((t + 1) / powers), "You count positions from 1. The first is position 0."),
            *((_alternate(t / 10_000**exponent), shared) for exponent in exponents),
            (unbracketed, "Put the exponent in parentheses: 10_000 ** (2i / d_model)."),
            (too_slow, "Your frequencies fall too slowly: the exponent of pair i is 2i / d_model."),
            (doubled, "Your exponents are doubled twice: arange(0, d_model, 2) is 2i already."),
            (rising, "Your frequencies rise from pair to pair. Divide by the power of 10,000."),
            (angles.sin(), "Your odd components are sines, too. They should be cosines."),
            (half, "These are the angles. Their sines and cosines are still to come."),
            (expected.T, "Transpose it: a row for each position, a column for each component."),
        ]
        what = f"positions({length}, {d_model})"
        hint = "If sizes don't match, make the positions a column: torch.arange(length)[:, None]."
        compare(what, answer(what, positions, length, d_model, hint=hint), expected, mistakes)
    right("each position has its own row, and each pair of components its own frequency.")


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
        future = "Leave the future to the causal mask: here, later keys have a distance as well."
        mistakes = [
            (-expected, "Yours raise the scores of distant keys. They should lower them."),
            (slope * signed, sided),
            (-slope * signed, sided),
            (-distance, "The slope is missing: multiply the distances by it."),
            (distance, "These are the distances. Multiply them by the slope, with a minus."),
            (expected.masked_fill(signed < 0, -torch.inf), future),
            (expected.tril(), future),
        ]
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
        kind = type(found).__name__
        raise Hint(f"Return True or False, as torch.allclose does. Yours is of the type {kind}.")
    return found


def _attention(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Self-attention without parameters, and without positions."""
    return scaled_dot_product_attention(x, x, x)[0]


def _encodings(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "T D"]:
    return sinusoidal_positions(x.size(-2), x.size(-1))


def _from_the_middle(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Counts positions from the middle to both ends, so that a mirror image changes nothing."""
    away = (2 * torch.arange(x.size(-2)) - (x.size(-2) - 1)).abs()
    return _attention(x + _encodings(x)[away])


MODELS: list[tuple[Callable[[Tensor], Tensor], bool, str]] = [
    (lambda x: 2 * x, True, "Your function returns False for a model that doubles each vector. "
     "Compare its outputs for permuted tokens with its permuted outputs."),
    (lambda x: x * torch.arange(1.0, x.size(-1) + 1), True, "Your function returns False for a "
     "model that multiplies each component by a number of its own. Permute the tokens, axis 0: "
     "x[order], not x[:, order]."),
    (_attention, True, "Your function returns False for self-attention without positions. Sums in "
     "another order are rounded differently, so compare with torch.allclose(…, atol=1e-5)."),
    (lambda x: _attention(x + _encodings(x)), False, "Your function returns True for a model that "
     "adds positional encodings. Permute the tokens: are its outputs only permuted? A random order "
     "may be the old one."),
    (_from_the_middle, False, "One of the models counts positions from the middle, so it can't "
     "tell a sentence from its mirror image. Take three tokens or more, and an order such as "
     "[1, 2, 0]."),
    (lambda x: _attention(x) + _encodings(x), False, "One of the models adds positional encodings "
     "to its output. They don't show in a sum over all positions. Compare the outputs one by one."),
]  # fmt: skip
