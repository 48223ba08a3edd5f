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
        mistakes = [
            (x @ x.T, "You compare embeddings with embeddings, or keys with keys. Use W_q on one "
             "side, and W_k on the other."),
            (q @ q.T, "You compare queries with queries. Use W_k on one side."),
            (k @ k.T, "You compare keys with keys. Use W_q on one side."),
            (expected.T, "Transpose it: a row for each query, and a column for each key."),
            (expected / math.sqrt(q.size(-1)), "These scores are scaled already. Return them "
             "before scaling."),
            (expected.softmax(-1), "These are weights already. Return the scores, before softmax."),
            ((q * k).sum(-1), "You compare each query only with the key of its own token. Compare "
             "it with all keys."),
            (q * k, "* multiplies component by component. A dot product also adds up: use @."),
            (q, "These are the queries. Now multiply them by the keys."),
            (k, "These are the keys. Now multiply the queries by them."),
            (q.T @ k, "You compare components with components: transpose the keys, not the "
             "queries."),
        ]  # fmt: skip
        if W_q.size(0) == W_q.size(1):
            turned = (x @ W_q.T) @ (x @ W_k.T).T
            mistakes.append((turned, "You transpose W_q and W_k. The chapter multiplies by them as "
                             "they are: X @ W_q."))  # fmt: skip
        what = "word_scores(X, W_q, W_k)"
        found = answer(what, word_scores, x, W_q, W_k, hint=FORGOTTEN_T)
        compare(what, found, expected, mistakes)
    right("every query is compared with every key, and the scores need not be symmetric.")


LAST_AXIS = (
    "The number of axes varies, so count from the end: the keys are on axis -1. If you divide by a "
    "sum, keepdim=True keeps its axis."
)


def check_row_weights(row_weights: Callable[..., Any]) -> None:
    """Check the axis of the softmax: for one sentence, a batch, and a batch with heads.

    Args:
        row_weights: From scores `(..., T, S)`, weights of the same shape.

    Raises:
        Hint: The weights of a query don't sum to one, or differ from the softmax.
    """
    sentences = "sentences of the batch"
    for shape, names in {  # the axes before that of the keys
        (2, 3): ["queries"],
        (2, 4, 3): [sentences, "queries"],
        (5, 2, 4, 3): [sentences, "heads", "queries"],
    }.items():
        scores = random(*shape)
        expected = scores.softmax(-1)
        mistakes = [
            (
                scores.softmax(axis),
                f"For scores of the shape {shape}, your weights sum to 1 over the {name}, not over "
                "the keys of each query. Take the softmax over the last axis.",
            )
            for axis, name in enumerate(names)
        ]
        mistakes += [
            (scores, "These are the scores, unchanged. Turn each row into weights."),
            (scores.exp(), "You raise e to each score. Now divide each by the total of its row."),
            (scores.exp() / scores.exp().sum(), "All your weights together sum to 1. Those of each "
             "row should: divide by the total of the row."),
            (scores / scores.sum(-1, keepdim=True), "You divide by the total of the row, but a "
             "score may be negative. Raise e to each score first, as softmax does."),
            (scores.sigmoid(), "sigmoid treats each score separately. The weights of a row share "
             "one total: use softmax."),
            (scores.log_softmax(-1), "These are the logarithms of the weights. Use softmax."),
        ]  # fmt: skip
        what = f"row_weights(scores), with scores of the shape {shape},"
        found = answer(what, row_weights, scores, hint=LAST_AXIS)
        compare(what, found, expected, mistakes)
    right("the weights of each query sum to one, in one sentence and in a batch.")


def check_scaled_scores(scaled_scores: Callable[..., Any]) -> None:
    """Check by what the scores are divided.

    Args:
        scaled_scores: From queries `(T, d_k)` and keys `(S, d_k)`, the scaled scores `(T, S)`.

    Raises:
        Hint: They are something else.
    """
    # First the sizes that all differ, so that each mistake shows as what it is.
    for q, k in ((random(3, 16), random(5, 16)), (X @ W_Q, X @ W_K)):
        queries, keys, d_k = q.size(0), k.size(0), k.size(1)
        right_size = "The scale is the square root of d_k, which is K.size(-1)."
        scores = q @ k.T
        expected = scores / math.sqrt(d_k)
        if queries == keys:
            sizes = {f"number of tokens, {keys}": keys}
        else:
            sizes = {f"number of keys, {keys}": keys, f"number of queries, {queries}": queries}
        mistakes = [
            (scores / d_k, f"You divide by d_k = {d_k}, so the variance of the scores is 1/{d_k}. "
             "Divide by the square root of d_k."),
            *((scores / math.sqrt(size), f"You divide by the square root of the {name}. "
               f"{right_size}") for name, size in sizes.items()),
            *((scores / size, f"You divide by the {name}. {right_size}")
              for name, size in sizes.items()),
            *((scores / size, "d_k ** 1 / 2 is half of d_k. The square root is d_k ** 0.5.")
              for size in (d_k / 2, 2 * d_k)),
            (scores, "These scores aren't scaled yet."),
            (scores * math.sqrt(d_k), "You multiply by the square root. Divide by it."),
            (scores / d_k**2, "You divide by the square of d_k. Divide by its square *root*."),
            (expected.T, "Transpose it: a row for each query, and a column for each key."),
            (expected.softmax(-1), "These are weights already. Return the scores, before softmax."),
        ]  # fmt: skip
        what = "scaled_scores(Q, K)"
        found = answer(what, scaled_scores, q, k, hint=f"{FORGOTTEN_T}\n{SQRT}")
        compare(what, found, expected, mistakes)
    right("the variance of the scores is 1 at initialisation, whatever d_k is.")


SQRT = "math.sqrt takes the root of a number, such as K.size(-1); torch.sqrt that of a tensor."


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
) -> list[tuple[object, str]]:
    """Outputs of the formula with one thing wrong in it, each with its hint."""
    scores = q @ k.transpose(-2, -1)
    scaled = scores / math.sqrt(k.size(-1))
    weights = scaled.softmax(-1)
    right_size = "The scale is the square root of d_k, which is K.size(-1)."
    mistakes: list[tuple[object, str]] = [
        (mix(q, k, v, dim=-2), "Your columns sum to 1; each row should. Take the softmax over the "
         "last axis."),
        (mix(q, k, v, scale=1.0), "The scores aren't scaled: divide them by the square root of "
         "d_k."),
        (mix(q, k, v, scale=float(k.size(-1))), f"You divide by d_k = {k.size(-1)}. Divide by its "
         "square root."),
        *((mix(q, k, v, scale=root), f"You divide by the number of tokens, or its square root. "
           f"{right_size}")
          for size in (k.size(-2), q.size(-2)) for root in (float(size), math.sqrt(size))),
        (mix(q, k, v, scale=math.sqrt(v.size(-1))), "You divide by the square root of the "
         f"dimension of a value. {right_size}"),
        (scores.softmax(-1) / math.sqrt(k.size(-1)) @ v, "You scale after softmax, so the rows no "
         "longer sum to one. Scale the scores before it."),
        (scaled.exp() / scaled.exp().sum((-2, -1), keepdim=True) @ v, "All your weights together "
         "sum to 1. Those of each row should: divide by the total of the row."),
        (scaled @ v, "You multiply the values by scores. Softmax is missing."),
        (scaled.exp() @ v, "You raise e to the scores. Divide by the total of each row, too."),
        (mix(q, k, v, scale=1 / math.sqrt(k.size(-1))), "You multiply the scores by the square "
         "root of d_k. Divide by it."),
        ((weights @ v, weights), "You return both the output and the weights. Return the output "
         "alone."),
        (weights, "These are the weights. Now multiply them by the values: weights @ V."),
        (scores, "These are the scores. Scale, softmax and weighted sum are still to come."),
        (scaled, "These are the scaled scores. Softmax and weighted sum are still to come."),
    ]  # fmt: skip
    if q.size(-2) == k.size(-2):
        mistakes += [
            (mix(k, q, v), "Queries and keys are swapped: the rows of the scores are queries."),
            (weights.transpose(-2, -1) @ v, "You use the columns of the weights, but the rows sum "
             "to one: weights @ V, without a transpose."),
        ]  # fmt: skip
    if k.size(-1) == v.size(-1):
        mistakes += [
            (weights @ k, "You take the weighted sum of the keys. Take that of the values."),
            (mix(q, v, v), "You use the values as keys. Compare the queries with K."),
        ]
    return [(wrong, hint) for wrong, hint in mistakes if not same(wrong, mix(q, k, v))]
