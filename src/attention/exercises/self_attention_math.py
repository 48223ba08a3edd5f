"""Exercises of the chapter *The matrix math of self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import answer, compare, right, same
from attention.shapes import Float, Tensor

__all__ = [
    "check_attention_output",
    "check_row_weights",
    "check_scaled_scores",
    "check_word_scores",
]

# The numbers that the chapter works with by hand; the matrices are multiplied from the right.
X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # the, European, Area
W_Q = torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])
W_K = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
W_V = torch.tensor([[1.0, 1.0], [0.0, -2.0]])


def random(*shape: int) -> Tensor:
    """Numbers that are the same every time, and leave the reader's seed alone."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator)


def check_word_scores(word_scores: Callable[..., Any]) -> None:
    """Check the scores of a sentence's words with each other, before they are scaled.

    Args:
        word_scores: From words `(T, D)` and the matrices `W_q` and `W_k`, both `(D, K)`, the scores
            `(T, T)`: queries down, keys across.

    Raises:
        Hint: They are something else.
    """
    for x, W_q, W_k in ((X, W_Q, W_K), (random(4, 3), random(3, 2), random(2, 3).T)):
        q, k = x @ W_q, x @ W_k
        expected = q @ k.T
        mistakes = [
            (x @ x.T, "These are symmetric: the words meet themselves, or the keys meet keys. Make "
             "one side with W_q, and the other with W_k."),
            (q @ q.T, "Your queries meet queries: both sides are made with W_q."),
            (expected.T, "Turn it round: a row for each query, and a column for each key."),
            (
                expected / math.sqrt(q.size(-1)),
                "These are scaled already. Return them as they are.",
            ),
            (expected.softmax(-1), "These are weights already. Return the scores, before softmax."),
            ((q * k).sum(-1), "Each query meets its own word's key only. It should meet all keys."),
            (q * k, "* multiplies number by number. A dot product also adds up: use @."),
            (q, "These are the queries. Now multiply them with the keys."),
        ]  # fmt: skip
        if W_q.size(0) == W_q.size(1):
            turned = (x @ W_q.T) @ (x @ W_k.T).T
            mistakes.append((turned, "Here the words stand on the left of the matrices: X @ W_q, "
                             "without a transpose."))  # fmt: skip
        what = "word_scores(X, W_q, W_k)"
        compare(what, answer(what, word_scores, x, W_q, W_k), expected, mistakes)
    right("every query with every key, and two words may disagree about each other.")


def check_row_weights(row_weights: Callable[..., Any]) -> None:
    """Check over which axis the softmax runs: in a sentence, a batch, and a batch with heads.

    Args:
        row_weights: From scores `(..., T, S)`, weights of the same shape.

    Raises:
        Hint: The weights of a query don't add up to one, or are other numbers.
    """
    sentences = "sentences of the batch"
    for shape, names in {  # what lies on the axes before the keys
        (2, 3): ["queries"],
        (2, 4, 3): [sentences, "queries"],
        (2, 3, 3): [sentences, "queries"],
        (2, 2, 4, 3): [sentences, "heads", "queries"],
    }.items():
        scores = random(*shape)
        expected = scores.softmax(-1)
        mistakes = [
            (
                scores.softmax(axis),
                f"For scores of the shape {shape}, your numbers sum to 1 along the "
                f"{name}, not along the keys of each query: softmax over the last axis.",
            )
            for axis, name in enumerate(names)
        ]
        mistakes += [
            (scores, "These are the scores as they came. Turn each row into weights."),
            (scores.exp(), "You raise e to each score. Now divide each by the total of its row."),
            (scores.exp() / scores.exp().sum(), "All your numbers together add up to 1. Each row "
             "should, so divide each by the total of its own row."),
            (scores / scores.sum(-1, keepdim=True), "You divide by the row's total, but a score "
             "may be negative. Raise e to each score first: that is what softmax does."),
            (scores.sigmoid(), "sigmoid looks at each score by itself. The weights of a row share "
             "one total: softmax."),
            (scores.log_softmax(-1), "These are the logarithms of the weights: softmax, without "
             "log."),
        ]  # fmt: skip
        what = f"row_weights(scores), with scores of the shape {shape},"
        compare(what, answer(what, row_weights, scores), expected, mistakes)
    right("each query's weights add up to one, in one sentence and in a batch.")


def check_scaled_scores(scaled_scores: Callable[..., Any]) -> None:
    """Check by what the scores are divided.

    Args:
        scaled_scores: From queries `(T, K)` and keys `(S, K)`, the scaled scores `(T, S)`.

    Raises:
        Hint: They are something else.
    """
    for q, k in ((X @ W_Q, X @ W_K), (random(3, 16), random(5, 16))):
        queries, keys, width = q.size(0), k.size(0), k.size(1)
        how_wide = "What counts is how wide a key is, K.size(-1), and of that the root."
        scores = q @ k.T
        expected = scores / math.sqrt(width)
        if width == 2:
            mistakes = [
                (scores / 2, "You divide by d_k = 2. What stays at 1 when the keys get wider? "
                 "Divide by the square root."),
                (scores / 3, f"You divide by the number of words, 3. {how_wide}"),
                (scores / math.sqrt(3), "You divide by the root of the number of words, 3. "
                 f"{how_wide}"),
            ]  # fmt: skip
        else:
            mistakes = [
                (scores / width, f"You divide by d_k = {width}. That makes the variance of the "
                 f"scores 1/{width}, and the weights nearly equal. Divide by its root."),
                (scores / math.sqrt(keys), f"You divide by the root of the number of keys, {keys}. "
                 f"{how_wide}"),
                (scores / math.sqrt(queries), "You divide by the root of the number of queries, "
                 f"{queries}. {how_wide}"),
                (scores / keys, f"You divide by the number of keys. {how_wide}"),
                (scores / queries, f"You divide by the number of queries. {how_wide}"),
            ]  # fmt: skip
        mistakes += [
            (scores, "These are the scores, not scaled yet."),
            (scores * math.sqrt(width), "You multiply by the root. Divide by it."),
            (scores / width**2, "That is the square. Divide by the square *root* of d_k."),
            (expected.T, "Turn it round: a row for each query, and a column for each key."),
            (expected.softmax(-1), "These are weights already. Return the scores, before softmax."),
        ]
        what = "scaled_scores(Q, K)"
        compare(what, answer(what, scaled_scores, q, k), expected, mistakes)
    right("the variance of the scores stays at 1, however wide the keys are.")


def check_attention_output(attention_output: Callable[..., Any]) -> None:
    """Check the whole formula.

    Args:
        attention_output: From queries `(T, K)`, keys `(S, K)` and values `(S, any width)`, the
            averages, one for each query and as wide as a value.

    Raises:
        Hint: They are something else.
    """
    by_hand = (X @ W_Q, X @ W_K, X @ W_V)
    what = "attention_output(Q, K, V)"
    for q, k, v in (by_hand, (random(3, 4), random(5, 4), random(5, 6))):
        found = answer(what, attention_output, q, k, v)
        compare(what, found, mix(q, k, v), wrong_mixes(q, k, v))
    right("that is equation 1, and it mixes values for each query.")


def mix(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    v: Float[Tensor, "*B S _"],
    scale: float | None = None,
    dim: int = -1,
) -> Float[Tensor, "*B T _"]:
    """The formula, with a scale and an axis that may be wrong."""
    scale = math.sqrt(k.size(-1)) if scale is None else scale
    return (q @ k.transpose(-2, -1) / scale).softmax(dim) @ v


def wrong_mixes(
    q: Float[Tensor, "*B T K"], k: Float[Tensor, "*B S K"], v: Float[Tensor, "*B S _"]
) -> list[tuple[object, str]]:
    """What comes out of the formula when one thing in it is wrong, and what that is."""
    scores = q @ k.transpose(-2, -1)
    scaled = scores / math.sqrt(k.size(-1))
    weights = scaled.softmax(-1)
    how_wide = "What counts is how wide a key is: the root of K.size(-1)."
    mistakes: list[tuple[object, str]] = [
        (mix(q, k, v, dim=-2), "Your rows sum to 1 along the keys of another query, down the "
         "columns: softmax over the last axis."),
        (mix(q, k, v, scale=1.0), "The scores aren't scaled: divide them by the root of d_k."),
        (mix(q, k, v, scale=float(k.size(-1))), f"You divide by d_k = {k.size(-1)}. Divide by its "
         "root."),
        *((mix(q, k, v, scale=root), f"You divide by the number of words, or its root. {how_wide}")
          for size in (k.size(-2), q.size(-2)) for root in (float(size), math.sqrt(size))),
        (scores.softmax(-1) / math.sqrt(k.size(-1)) @ v, "You scale after softmax, and the rows no "
         "longer add up to one. Scale the scores before it."),
        (scaled.exp() / scaled.exp().sum((-2, -1), keepdim=True) @ v, "All your weights together "
         "add up to 1. Each row should: divide each by the total of its own row."),
        (scaled @ v, "The values are mixed by scores. Softmax is missing."),
        ((weights @ v, weights), "These are two things, the output and the weights. Return the "
         "output alone."),
        (weights, "These are the weights. Now average the values with them: weights @ V."),
        (scores, "These are the scores. Scale, weigh and mix are still to come."),
        (scaled, "These are the scaled scores. Weigh and mix are still to come."),
    ]  # fmt: skip
    if q.size(-2) == k.size(-2):
        mistakes += [
            (mix(k, q, v), "Queries and keys have changed places: rows are queries."),
            (weights.transpose(-2, -1) @ v, "You mix with the columns of the weights. The rows "
             "add up to one: weights @ V, without a transpose."),
        ]  # fmt: skip
    if k.size(-1) == v.size(-1):
        mistakes += [
            (weights @ k, "You average the keys. What is handed over are the values."),
            (mix(q, v, v), "The values are also your keys. Score the queries with K."),
        ]
    return [(wrong, hint) for wrong, hint in mistakes if not same(wrong, mix(q, k, v))]
