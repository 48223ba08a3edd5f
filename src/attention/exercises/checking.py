"""What all checks of exercises share: comparing an answer, and a hint that says what is wrong."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.testing import assert_close

from attention.shapes import Tensor

__all__ = ["Hint", "answer", "compare", "right", "same"]

TOLERANCE = 1e-5  # sums in another order differ by less, in 32 bits
NAN_ORIGIN = "A nan comes from ∞ − ∞, from 0 · ∞, from 0 / 0, or from a negative number's root."


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
    except Hint:
        raise
    except Exception as error:  # whatever it is, it is the reader's
        shapes = [str(tuple(g.shape)) for g in given if isinstance(g, Tensor)]
        of = f" for tensors of the shapes {', '.join(shapes)}" if shapes else ""
        said = str(error) or type(error).__name__
        said = f"there is no {said}" if isinstance(error, KeyError) else said
        message = f"{what} raises an error{of}: {said}"
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
    raise Hint(f"{what} {_difference(found, expected)}")


def same(one: object, other: object) -> bool:
    """Whether two answers agree: numbers as far as 32 bits can tell, all else exactly."""
    one, other = _plain(one), _plain(other)
    if isinstance(other, Tensor):
        return isinstance(one, Tensor) and _close(one, other)
    if isinstance(other, float | int):
        return isinstance(one, float | int) and _close(float(one), float(other))
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


def _close(one: Tensor | float, other: Tensor | float) -> bool:
    """Whether numbers agree, in whatever dtype and on whatever device."""
    try:
        assert_close(
            one,
            other,
            rtol=TOLERANCE,
            atol=TOLERANCE,
            equal_nan=True,  # a known mistake may have them; a right answer has none
            check_dtype=False,
            check_device=False,
        )
    except AssertionError:
        return False
    return True


def _plain(value: object) -> object:
    """A tensor without axes is a number."""
    return value.item() if isinstance(value, Tensor) and not value.dim() else value


def _difference(found: object, expected: object) -> str:
    """How a wrong answer differs: in kind, size or at which place; never the right answer."""
    found, expected = _plain(found), _plain(expected)
    if isinstance(expected, Tensor):
        return _tensor_difference(found, expected)
    if isinstance(expected, bool):
        return f"should be {expected}, but yours is {_shown(found)}."
    if isinstance(expected, float | int):
        if not isinstance(found, float | int):
            return f"should be a number, but yours is {_shown(found)}."
        if math.isnan(found):
            return f"should be a number, but yours is nan. {NAN_ORIGIN}"
        return f"should be {'less' if found > expected else 'more'} than {_shown(found)}."
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping) or found.keys() != expected.keys():
            kind = f"with the keys {', '.join(map(repr, expected))}"
            return f"should be a dictionary {kind}, but yours is {_shown(found)}."
        key = next(key for key in expected if not same(found[key], expected[key]))
        return f"is wrong for the key {key!r}: it {_difference(found[key], expected[key])}"
    if isinstance(expected, list | tuple):
        if not isinstance(found, list | tuple) or len(found) != len(expected):
            kind = f"a {type(expected).__name__} of {len(expected)}"
            return f"should be {kind}, but yours is {_shown(found)}."
        i = next(i for i in range(len(expected)) if not same(found[i], expected[i]))
        return f"is wrong at [{i}]: it {_difference(found[i], expected[i])}"
    return f"should be something else than {_shown(found)}."


def _tensor_difference(found: object, expected: Tensor) -> str:
    shape = tuple(expected.shape)
    if not isinstance(found, Tensor) or tuple(found.shape) != shape:
        return f"should be a tensor of the shape {shape}, but yours is {_shown(found)}."
    one, other = found.detach().cpu().double(), expected.detach().cpu().double()
    wrong = ~torch.isclose(one, other, TOLERANCE, TOLERANCE)
    first = wrong.nonzero()[0].tolist()
    said = f"should be something else at {first}, where yours is {one[tuple(first)].item():.4g}: "
    said += f"{int(wrong.sum())} of its {wrong.numel()} entries are wrong."
    if one.isnan().any():
        said += f" {NAN_ORIGIN}"
    return said


def _shown(value: object) -> str:
    """An answer as a hint shows it: of a tensor the shape, of a number four digits, no dump."""
    if isinstance(value, Tensor):
        return f"of the shape {tuple(value.shape)}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple | Mapping):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return f"a {type(value).__name__}" if "\n" in text else text
