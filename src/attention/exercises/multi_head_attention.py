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
    heads = [weights[h] @ V[:, [h]] for h in (0, 1)]
    one_head = "This is one head: the scores were added before softmax. Each head has its own."

    def concatenated(weights: torch.Tensor) -> torch.Tensor:
        return torch.cat([weights[h] @ V[:, [h]] for h in (0, 1)], -1)

    mistakes = [
        ((Q @ K.T).softmax(-1) @ V, one_head),
        ((Q @ K.T / 2**0.5).softmax(-1) @ V, one_head),
        (weights.mean(0) @ V, "You average the weights of both heads. Each head has its own."),
        (concatenated((scores / 2**0.5).softmax(-1)), "A head's query has one component here, so "
         "divide by √1, not by √2."),
        (concatenated(scores.softmax(-2)), "Softmax goes over the last axis, the keys: the "
         "weights of each query sum to 1."),
        (torch.cat(heads[::-1], -1), "The heads are in the wrong order: head 1 comes first."),
        (torch.cat([weights[h] @ V for h in (0, 1)], -1), "Each head averages its own slice of "
         "the values: split V as well."),
        (concatenated(scores), "Softmax is missing: turn the scores into weights first."),
        (torch.cat(heads, 0), "You concatenate along the tokens. Concatenate along the last axis."),
        (torch.stack(heads), "You stack the heads. Concatenate them: torch.cat, last axis."),
        (heads, "You return a list. Concatenate the head outputs: torch.cat, last axis."),
        (heads[0] + heads[1], "You add the head outputs. Concatenate them: W_o comes later."),
        (weights, "These are the weights. The weighted sums of the values are missing."),
        (torch.cat([*weights], -1), "You concatenate the weights. Each head first computes the "
         "weighted sum of its values."),
        (torch.cat(heads, -1).T, "Your rows are heads. There is a row for each query: concatenate "
         "along the last axis."),
        (heads[0], "That is head 1 alone."),
        (torch.cat([heads[0]] * 2, -1), "Head 2 does the same as head 1: give it the second "
         "component of each query, key and value."),
        (torch.cat([weights[h] @ V[:, [0]] for h in (0, 1)], -1), "Both heads average the first "
         "component of the values. Head 2 has the second."),
        (concatenated(scores.exp()), "You raise e to each score, but don't divide by the total of "
         "the row. softmax does both."),
    ]  # fmt: skip
    split = "Q[:, [0]] is the first column and keeps its axis, Q[:, 0] drops it, Q[[0]] is a row."
    found = answer("two_heads(Q, K, V)", two_heads, Q, K, V, hint=split)
    compare("two_heads(Q, K, V)", found, torch.cat(heads, -1), mistakes)
    right("each head has its own softmax, and the head outputs are concatenated.")


def check_head_parameters(count: Callable[..., Any]) -> None:
    """Check the number of parameters of multi-head attention without biases.

    Args:
        count: From the model dimension and the number of heads, the number of parameters.

    Raises:
        Hint: It is something else.
    """
    for d_model, n_heads in [(512, 8), (512, 1), (768, 12), (6, 2)]:
        square = d_model * d_model
        per_head = "The matrices of a head are d_model by d_model // n_heads, not d_model."
        mistakes = [
            (3 * square, "W_o is missing: the output projection is a fourth matrix."),
            (4 * square * n_heads, per_head),
            ((3 * n_heads + 1) * square, per_head),
            (3 * d_model * (d_model // n_heads) + square, "W_q, W_k and W_v come out n_heads times "
             "too small: each of the n_heads heads has d_model rows in each of them."),
            (3 * square + n_heads * square, "All heads together have one W_o."),
            (square, "That is one matrix. There are W_q, W_k, W_v and W_o."),
            (4 * square // n_heads, "That is n_heads times too small. There are n_heads heads, "
             "and the matrices of each have d_model rows."),
            (3 * square + d_model * (d_model // n_heads), "W_o takes all heads, concatenated: it "
             "has as many rows as columns."),
            (1_048_576, "That is right for d_model = 512. Compute it from d_model."),
            (4 * square + 4 * d_model, "These include biases. The layer of this chapter has none."),
            (4 * d_model, "A matrix has d_model rows *and* d_model columns."),
        ]  # fmt: skip
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
        mistakes = [
            (heads.transpose(0, 1).flatten(1) @ W_o, "This is the output of the layer, the sum of "
             "all contributions. Keep them apart: (H, T, D)."),
            (expected / 3, "You divide by the number of heads, but the output is a sum."),
            (expected.transpose(0, 1), "The heads are the first axis: (H, T, D)."),
            (heads @ W_o.unflatten(0, (2, 3)).transpose(0, 1), "You take every H-th row of W_o. "
             "The first K rows belong to head 1, the next K to head 2."),
            (list(expected), "You return a list. Stack it, or use one batched product."),
            (expected.flatten(0, 1), "You concatenate along the tokens. Stack the heads instead."),
            (heads @ W_o[:2], "Every head gets the first K rows of W_o. Head 2 has the next K."),
            (torch.stack([heads[h] @ W_o[h : h + 2] for h in range(3)]), "Your heads share rows: "
             "head h begins at row h. It begins at row h · K."),
            (expected.norm(dim=-1), "These are lengths. Return the contributions themselves."),
        ]  # fmt: skip
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
    mistakes = [
        (after.mean(), "That is the next token: row t is the query, so you want column t - 1."),
        (weights.diagonal().mean(), "That is the token itself: the diagonal. Go one below it."),
        (weights.diagonal(-2).mean(), "That is the token two positions back."),
        (before.sum(), "This is the sum. Take the mean."),
        (before.sum() / 5, "The first token has no previous one, so it does not count."),
        (before, "These are the weights of all tokens. Take their mean."),
        (before.max(), "This is the largest. Take the mean."),
        (100 * before.mean(), "This is a percentage. A weight lies between 0 and 1."),
        (weights.mean(), "That is the mean of all weights, which is always 1 / T."),
        ((after.sum() + weights[-1, 0]) / 5, "That is the next token, and from the last one you "
         "go to the first: you want row t, column t - 1, from the second token on."),
        ((before.sum() + weights[0, -1]) / 5, "For the first token, column -1 is the last one: "
         "begin with the second token."),
        (weights.tril(-1).sum() / 10, "That is every earlier token. Use only the previous one."),
    ]  # fmt: skip
    found = answer("mean_weight(weights)", mean_weight, weights, hint="A row and a column of "
                   "(T, T) go from 0 to T - 1, and row 0 has no previous token.")  # fmt: skip
    compare("mean_weight(weights)", found, before.mean(), mistakes)
    right("a head that always attends to the previous token gets 1.")
