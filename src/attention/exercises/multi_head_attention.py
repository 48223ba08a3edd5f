"""Exercises of the chapter *Multi-head attention*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import answer, compare, right

__all__ = ["check_head_parameters", "check_head_parts", "check_previous_word", "check_two_heads"]

# The example that the chapter works by hand.
X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # the, European, Area
QUERIES = X @ torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])
KEYS = X @ torch.tensor([[0.0, -1.0], [1.0, 0.0]])
VALUES = X @ torch.tensor([[1.0, 1.0], [-2.0, 0.0]])


def check_two_heads(two_heads: Callable[..., Any]) -> None:
    """Check the concatenated outputs of two heads of dimension 1.

    Args:
        two_heads: From queries `(T, 2)`, and keys and values `(S, 2)`, the outputs `(T, 2)`.

    Raises:
        Hint: They are something else.
    """
    generator = torch.Generator().manual_seed(0)
    Q, K, V = (torch.randn(size, 2, generator=generator) for size in (4, 3, 3))
    scores = Q.T[:, :, None] * K.T[:, None, :]  # (2, T, S)
    weights = scores.softmax(-1)

    def concatenated(weights: torch.Tensor) -> torch.Tensor:
        return torch.cat([weights[h] @ V[:, [h]] for h in (0, 1)], -1)

    expected = concatenated(weights)
    first, second = heads = expected.split(1, -1)
    one_head = "This is one head: the scores were added before softmax. Each head has its own."
    concatenate = "Concatenate the head outputs along the last axis: torch.cat(heads, dim=-1)."
    mistakes = [
        *(((Q @ K.T / d_k**0.5).softmax(-1) @ V, one_head) for d_k in (1, 2)),
        (concatenated((scores / 2**0.5).softmax(-1)), "A head's √d_k is √1 here, not √2."),
        (concatenated(scores.softmax(-2)), "Softmax goes over the last axis, the keys."),
        (concatenated(scores), "Softmax is missing: turn the scores into weights first."),
        (weights, "These are the weights. The weighted sums of the values are missing."),
        (torch.cat([weights[0] @ V, weights[1] @ V], -1), "Split V as well."),
        *((wrong, concatenate) for wrong in (torch.cat(heads), torch.stack(heads), first + second)),
    ]
    split = "Q[:, [0]] is the first column and keeps its axis, Q[:, 0] drops it, Q[[0]] is a row."
    found = answer("two_heads(Q, K, V)", two_heads, Q, K, V, hint=split)
    compare("two_heads(Q, K, V)", found, expected, mistakes)
    right("each head has its own softmax, and the head outputs are concatenated.")


def check_head_parameters(count: Callable[..., Any]) -> None:
    """Check the number of parameters of multi-head attention without biases.

    Args:
        count: From the model dimension and the number of heads, the number of parameters.

    Raises:
        Hint: It is something else.
    """
    per_head = "The matrices of a head are d_model by d_model // n_heads, not d_model."
    small = "W_q, W_k and W_v come out n_heads times too small: a head has d_model rows in each."
    one_W_o = "There is one W_o. It takes all heads, concatenated: it is d_model by d_model."
    for d_model, n_heads in [(512, 8), (512, 1), (768, 12), (6, 2)]:
        square = d_model * d_model
        mistakes = [
            (3 * square, "W_o is missing: the output projection is a fourth matrix."),
            *((wrong * square, per_head) for wrong in (4 * n_heads, 3 * n_heads + 1)),
            *((3 * square // n_heads + W_o, small) for W_o in (square, square // n_heads)),
            *((3 * square + W_o, one_W_o) for W_o in (square * n_heads, square // n_heads)),
            (1_048_576, "That is right for d_model = 512. Compute it from d_model."),
            (4 * square + 4 * d_model, "These include biases. The layer of this chapter has none."),
        ]
        call = f"count({d_model}, {n_heads})"
        compare(call, answer(call, count, d_model, n_heads), 4 * square, mistakes)
    right("four square matrices, whatever the number of heads.")


def check_head_parts(contributions: Callable[..., Any]) -> None:
    """Check what each head contributes to the output.

    Args:
        contributions: From head outputs `(H, T, K)` and `W_o` `(H·K, D)`, which is multiplied from
            the right, the contribution of each head, `(H, T, D)`.

    Raises:
        Hint: They are something else.
    """
    generator = torch.Generator().manual_seed(0)
    heads = torch.randn(3, 4, 2, generator=generator)
    call = "contributions(heads, W_o)"
    rows = "Each head has K rows of W_o: W_o.unflatten(0, (H, K))."
    for d_model in (6, 5):  # where W_o is square, its columns can be mistaken for its rows
        W_o = torch.randn(6, d_model, generator=generator)
        expected = heads @ W_o.unflatten(0, (3, 2))
        shared = torch.stack([heads[h] @ W_o[h : h + 2] for h in range(3)])
        mistakes = [
            (expected.sum(0), "This is the output, the sum of all. Keep the heads apart."),
            (heads @ W_o.unflatten(0, (2, 3)).transpose(0, 1), "You take every H-th row. " + rows),
            (heads @ W_o[:2], "Every head gets the first K rows of W_o. Head 2 has the next K."),
            (shared, "Your heads share rows: head h begins at row h. It begins at row h · K."),
        ]
        if d_model == 6:
            columns = heads @ W_o.T.unflatten(0, (3, 2))
            mistakes.append((columns, "You use columns of W_o. Each head is multiplied by K rows."))
        compare(call, answer(call, contributions, heads, W_o, hint=rows), expected, mistakes)
    right("the contributions of all heads sum to the layer's output.")


def check_previous_word(mean_weight: Callable[..., Any]) -> None:
    """Check the mean weight that a head puts on the previous token.

    Args:
        mean_weight: From a head's weights `(T, T)`, the mean weight of the previous token, over all
            tokens that have one.

    Raises:
        Hint: It is something else.
    """
    weights = torch.randn(5, 5, generator=torch.Generator().manual_seed(1)).softmax(-1)
    before, after = weights.diagonal(-1), weights.diagonal(1)
    around = (before.sum() + weights[0, -1]) / 5
    mistakes = [
        (after.mean(), "That is the next token: row t is the query, so you want column t - 1."),
        (weights.diagonal().mean(), "That is the token itself: the diagonal. Go one below it."),
        *((wrong, "Take the mean: the sum, divided by T - 1.") for wrong in (before, before.sum())),
        (before.sum() / 5, "The first token has no previous one, so it does not count."),
        (around, "For the first token, column -1 is the last one: begin with the second token."),
    ]
    hint = "A row and a column of (T, T) go from 0 to T - 1, and row 0 has no previous token."
    found = answer("mean_weight(weights)", mean_weight, weights, hint=hint)
    compare("mean_weight(weights)", found, before.mean(), mistakes)
    right("a head that always attends to the previous token gets 1.")
