"""Exercises of the chapter *The matrix math of self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import answer, compare, right
from attention.shapes import Float, Tensor

__all__ = [
    "check_attention_output",
    "check_row_weights",
    "check_scaled_scores",
    "check_word_scores",
]

# The example that the chapter works by hand; the matrices multiply X from the right.
X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # the, European, Area
W_Q = torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])
W_K = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
W_V = torch.tensor([[1.0, 1.0], [0.0, -2.0]])


def random(*shape: int) -> Tensor:
    """A tensor that is the same every time, and leaves the reader's seed alone."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator)


FORGOTTEN_T = (
    "If two shapes can't be multiplied: @ combines the rows of its left matrix with the columns of "
    "its right one, so each key has to be a column. Transpose the keys."
)
TOTAL = "You raise e to the scores. Divide by the total of each row, too."
BY_HAND = "You always divide by √2. That was d_k in the example: take K.size(-1)."
PRECEDENCE = "d_k ** 1 / 2 is half of d_k. The square root is d_k ** 0.5."
SCALE = "The scale is the square root of d_k, the size of the last axis of the keys."


def check_word_scores(word_scores: Callable[..., Any]) -> None:
    """Check the scores of self-attention, before they are scaled.

    Args:
        word_scores: From `X`, `(T, D)`, and the matrices `W_q` and `W_k`, both `(D, d_k)`, the
            scores `(T, T)`: a row for each query, a column for each key.

    Raises:
        Hint: They are something else.
    """
    for x, W_q, W_k in ((X, W_Q, W_K), (random(4, 3), random(3, 2), random(2, 3).T)):
        q, k = x @ W_q, x @ W_k
        expected = q @ k.T
        scaled = expected / math.sqrt(q.size(-1))
        alike = "Both sides are the same. Use W_q on one side, and W_k on the other."
        mistakes = [
            *((side @ side.T, alike) for side in (x, q, k)),
            (expected.T, "Transpose it: a row for each query, and a column for each key."),
            (scaled, "These scores are scaled. Don't scale them yet."),
            *((s.softmax(-1), "These are weights. Return the scores.") for s in (expected, scaled)),
            (q * k, "* multiplies component by component. A dot product also adds up: use @."),
            (q.T @ k, "You compare components: transpose the keys, not the queries."),
        ]
        if W_q.size(0) == W_q.size(1):
            turned = (x @ W_q.T) @ (x @ W_k.T).T
            mistakes.append((turned, "Multiply by W_q and W_k as they are, without .T: X @ W_q."))
        what = "word_scores(X, W_q, W_k)"
        found = answer(what, word_scores, x, W_q, W_k, hint=FORGOTTEN_T)
        compare(what, found, expected, mistakes)
    right("every query is compared with every key, and the scores need not be symmetric.")


def check_row_weights(row_weights: Callable[..., Any]) -> None:
    """Check the axis of the softmax: for one sentence, a batch, and a batch with heads.

    Args:
        row_weights: From scores `(..., T, S)`, weights of the same shape.

    Raises:
        Hint: The weights of a query don't sum to one, or differ from the softmax.
    """
    last = "The number of axes varies, so count from the end: the keys are on axis -1."
    keepdim = "If you divide by a sum, keepdim=True keeps its axis."
    for shape, names in {  # the axes before that of the keys
        (2, 3): ["queries"],
        (2, 4, 3): ["sentences", "queries"],
        (5, 2, 4, 3): ["sentences", "heads", "queries"],
    }.items():
        scores = random(*shape)
        expected, exp = scores.softmax(-1), scores.exp()
        over = f"For scores of the shape {shape}, your weights sum to 1 over the {{}}. {last}"
        mistakes = [
            *((scores.softmax(axis), over.format(name)) for axis, name in enumerate(names)),
            (exp, TOTAL),
            (exp / exp.sum(), "All weights together sum to 1. Divide by the total of each row."),
            (scores / scores.sum(-1, keepdim=True), "Scores can be negative: raise e to them."),
        ]
        what = f"row_weights(scores), with scores of the shape {shape},"
        found = answer(what, row_weights, scores, hint=f"{last} {keepdim}")
        compare(what, found, expected, mistakes)
    right("the weights of each query sum to one, in one sentence and in a batch.")


def check_scaled_scores(scaled_scores: Callable[..., Any]) -> None:
    """Check by what the scores are divided.

    Args:
        scaled_scores: From queries `(T, d_k)` and keys `(S, d_k)`, the scaled scores `(T, S)`.

    Raises:
        Hint: They are something else.
    """
    root = "math.sqrt takes the root of a number, such as K.size(-1); torch.sqrt that of a tensor."
    # First the sizes that all differ, so that each mistake shows as what it is.
    for q, k in ((random(3, 16), random(5, 16)), (X @ W_Q, X @ W_K)):
        scores, d_k = q @ k.T, k.size(-1)
        expected = scores / math.sqrt(d_k)
        mistakes = [
            (scores / d_k, f"You divide by d_k, not by its root: the variance becomes 1/{d_k}."),
            (scores / math.sqrt(k.size(0)), f"You use the number of keys, {k.size(0)}. {SCALE}"),
            (scores / math.sqrt(q.size(0)), f"You use the number of queries, {q.size(0)}. {SCALE}"),
            (scores / (d_k / 2), PRECEDENCE),
            (scores / d_k / 2, PRECEDENCE),
            (scores / math.sqrt(2), BY_HAND),
            (scores, "These scores aren't scaled yet."),
            (scores * math.sqrt(d_k), "You multiply by the square root. Divide by it."),
            (expected.softmax(-1), "These are weights already. Return the scores, before softmax."),
        ]
        what = "scaled_scores(Q, K)"
        found = answer(what, scaled_scores, q, k, hint=f"{FORGOTTEN_T}\n{root}")
        compare(what, found, expected, mistakes)
    right("the variance of the scores is 1 at initialisation, whatever d_k is.")


def check_attention_output(attention_output: Callable[..., Any]) -> None:
    """Check the whole formula.

    Args:
        attention_output: From queries `(T, d_k)`, keys `(S, d_k)` and values `(S, d_v)`, the
            weighted sums `(T, d_v)`.

    Raises:
        Hint: They are something else.
    """
    by_hand = (X @ W_Q, X @ W_K, X @ W_V)
    what = "attention_output(Q, K, V)"
    for q, k, v in (by_hand, (random(3, 4), random(5, 4), random(5, 6))):
        hint = f"{FORGOTTEN_T}\nThe weights are the left factor of the weighted sum: weights @ V."
        found = answer(what, attention_output, q, k, v, hint=hint)
        compare(what, found, mix(q, k, v), wrong_mixes(q, k, v))
    right("this is scaled dot-product attention, equation 1.")


def mix(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    v: Float[Tensor, "*B S _"],
    scale: float | None = None,
    dim: int = -1,
) -> Float[Tensor, "*B T _"]:
    """The formula, with a scale and a softmax axis that may be wrong."""
    scale = math.sqrt(k.size(-1)) if scale is None else scale
    return (q @ k.transpose(-2, -1) / scale).softmax(dim) @ v


def wrong_mixes(
    q: Float[Tensor, "*B T K"], k: Float[Tensor, "*B S K"], v: Float[Tensor, "*B S _"]
) -> list[tuple[Tensor, str]]:
    """Outputs of the formula with one thing wrong in it, each with its hint."""
    scores, d_k = q @ k.transpose(-2, -1), k.size(-1)
    scaled = scores / math.sqrt(d_k)
    weights = scaled.softmax(-1)
    mistakes = [
        (mix(q, k, v, dim=-2), "Your columns sum to 1; each row should. Use the last axis."),
        (mix(q, k, v, scale=1.0), "The scores aren't scaled: divide by √d_k, which is d_k ** 0.5."),
        (mix(q, k, v, scale=float(d_k)), f"You divide by d_k = {d_k}. Divide by its square root."),
        *(
            (mix(q, k, v, math.sqrt(size)), f"You divide by the root of another size. {SCALE}")
            for size in (k.size(-2), q.size(-2), v.size(-1))
        ),
        (mix(q, k, v, math.sqrt(2)), BY_HAND),
        *((mix(q, k, v, scale), PRECEDENCE) for scale in (d_k / 2, d_k * 2.0)),
        (scores.softmax(-1) / math.sqrt(d_k) @ v, "You scale after softmax. Scale before it."),
        (scaled.exp() @ v, TOTAL),
        *((s @ v, "You multiply V by scores. Softmax is missing.") for s in (scores, scaled)),
        (weights, "These are the weights. Now multiply them by the values: weights @ V."),
        (weights @ k, "You take the weighted sum of the keys. Take that of the values."),
    ]
    if q.size(-2) == k.size(-2):
        mistakes += [
            (mix(k, q, v), "Queries and keys are swapped: the rows of the scores are queries."),
            *((mix(side, side, v), "Both sides are the same. Use Q and K.") for side in (q, k)),
            (weights.transpose(-2, -1) @ v, "Multiply by the weights as they are: weights @ V."),
        ]
    return mistakes
