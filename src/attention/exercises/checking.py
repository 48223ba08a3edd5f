"""What all checks of exercises share: comparing an answer, and a hint that says what is wrong."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from attention.shapes import Tensor

__all__ = ["Hint", "answer", "compare", "right", "same"]

TOLERANCE = 1e-5  # sums in another order differ by less, in 32 bits


class Hint(AssertionError):
    """What is wrong with your answer, and where to look."""


def right(message: str) -> None:
    """Say that the answer is right, and what is gained by it."""
    print(f"Right: {message}")


def answer(what: str, function: Callable[..., Any], *given: Any, hint: str = "") -> Any:
    """Ask a reader's function, with copies that it may change.

    Args:
        what: What is called, as the reader would write it.
        hint: What to say when it raises, besides the error.

    Raises:
        Hint: The function raises; its own error is the cause.
    """
    try:
        return function(*(g.clone() if isinstance(g, Tensor) else g for g in given))
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
        shapes = [str(tuple(g.shape)) for g in given if isinstance(g, Tensor)]
        of = f" for tensors of the shapes {', '.join(shapes)}" if shapes else ""
        message = f"{what} raises an error{of}: {error}"
        raise Hint(f"{message}\n{hint}" if hint else message) from error


def compare(
    what: str, found: object, expected: object, mistakes: Sequence[tuple[object, str]] = ()
) -> None:
    """Let the right answer pass, and say of a wrong one what is wrong with it.

    Args:
        what: What was asked, as the reader would write it: `"weights(query, keys)"`.
        found: The reader's answer.
        expected: The right one.
        mistakes: Wrong answers that somebody may well give, each with its hint.

    Raises:
        Hint: The answer is wrong.
    """
    if same(found, expected):
        return
    if found is None or found is ...:
        raise Hint(f"{what} gives nothing back yet.")
    for mistake, hint in mistakes:
        if same(found, mistake):
            raise Hint(hint)
    raise Hint(f"{what} should be {_shown(expected)}, but yours is {_shown(found)}")


def same(one: object, other: object) -> bool:
    """Whether two answers agree: numbers as far as 32 bits can tell, all else exactly."""
    if isinstance(other, Tensor) and other.dim():
        return (
            isinstance(one, Tensor)
            and one.shape == other.shape
            and torch.allclose(one.double().cpu(), other.double().cpu(), TOLERANCE, TOLERANCE)
        )
    one, other = _plain(one), _plain(other)
    if isinstance(other, float | int):
        return isinstance(one, float | int) and math.isclose(
            one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE
        )
    if isinstance(other, Mapping):
        return (
            isinstance(one, Mapping)
            and one.keys() == other.keys()
            and all(same(one[key], other[key]) for key in other)
        )
    if isinstance(other, list | tuple):
        return (
            isinstance(one, list | tuple) and len(one) == len(other) and all(map(same, one, other))
        )
    return type(one) is type(other) and one == other


def _plain(value: object) -> object:
    """A tensor without axes is a number."""
    return value.item() if isinstance(value, Tensor) and not value.dim() else value


def _shown(value: object) -> str:
    """An answer as a hint shows it: short numbers, and the shape of a tensor."""
    if isinstance(value, Tensor) and value.dim():
        numbers = value.double().round(decimals=4).tolist()
        return f"{numbers} (shape {tuple(value.shape)})"
    value = _plain(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_shown(v)}" for key, v in value.items()) + "}"
    return repr(value)
