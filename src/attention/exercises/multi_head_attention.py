"""Exercises of the chapter *Multi-head attention*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import answer, compare, right

__all__ = ["check_head_parameters", "check_head_parts", "check_previous_word", "check_two_heads"]

# The numbers that the chapter works with by hand.
X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # the, European, Area
QUERIES = X @ torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])
KEYS = X @ torch.tensor([[0.0, -1.0], [1.0, 0.0]])
VALUES = X @ torch.tensor([[1.0, 1.0], [-2.0, 0.0]])


def check_two_heads(answers: Callable[..., Any]) -> None:
    """Check what two heads of width 1 bring back, side by side.

    Args:
        answers: From queries, keys and values `(T, 2)`, the joined answers `(T, 2)`.

    Raises:
        Hint: They are something else.
    """
    scores = QUERIES.T[:, :, None] * KEYS.T[:, None, :]  # (2, T, S)
    weights = scores.softmax(-1)
    heads = [weights[h] @ VALUES[:, [h]] for h in (0, 1)]
    raw = torch.cat([scores[h] @ VALUES[:, [h]] for h in (0, 1)], -1)
    uncut = torch.cat([weights[h] @ VALUES for h in (0, 1)], -1)
    together = (QUERIES @ KEYS.T).softmax(-1) @ VALUES
    scaled = (QUERIES @ KEYS.T / 2**0.5).softmax(-1) @ VALUES
    mean = weights.mean(0) @ VALUES
    wide = [(scores[h] / 2**0.5).softmax(-1) @ VALUES[:, [h]] for h in (0, 1)]
    columns = [scores[h].softmax(-2) @ VALUES[:, [h]] for h in (0, 1)]
    one_head = "This is one head: the scores were added before softmax. Each head has its own."
    mistakes = [
        (together, one_head),
        (scaled, one_head),
        (mean, "You averaged the weights of both heads. Each head averages its own values."),
        (torch.cat(wide, -1), "A head's query has the width 1 here, so divide by 1, not by √2."),
        (torch.cat(columns, -1), "Softmax runs over the last axis: each query's weights sum to 1."),
        (torch.cat(heads[::-1], -1), "The heads stand the wrong way round: first head 1."),
        (uncut, "Each head averages its own numbers of the values: cut V as well."),
        (raw, "Softmax is missing: the scores must become weights before they average."),
        (torch.cat(heads, 0), "You laid the answers below each other. The words are the rows."),
        (torch.stack(heads), "Lay the answers side by side, torch.cat along the last axis."),
        (heads[0] + heads[1], "You added the answers. Lay them side by side: W_o comes later."),
    ]
    cut = "Q[:, [0]] keeps the axis of the numbers, Q[:, 0] drops it."
    found = answer("answers(Q, K, V)", answers, QUERIES, KEYS, VALUES, hint=cut)
    compare("answers(Q, K, V)", found, torch.cat(heads, -1), mistakes)
    right("each head with a softmax of its own, and the answers side by side.")


def check_head_parameters(count: Callable[..., Any]) -> None:
    """Check how many numbers a layer of multi-head attention learns, without biases.

    Args:
        count: From the model's width and the number of heads, the number of parameters.

    Raises:
        Hint: It is another number.
    """
    for d_model, n_heads in [(512, 8), (512, 1), (768, 12), (6, 2)]:
        square = d_model * d_model
        mistakes = [
            (3 * square, "W_o is missing: the answers are mixed by a fourth matrix."),
            (4 * square * n_heads, "Each head is narrow: d_model // n_heads, not d_model."),
            (
                (3 * n_heads + 1) * square,
                "Each head is narrow: its matrices are d_model by d_model // n_heads.",
            ),
            (
                3 * d_model * (d_model // n_heads) + square,
                "The three narrow matrices are those of one head. There are n_heads of them.",
            ),
            (
                3 * square + n_heads * square,
                "There is one W_o for all heads: it takes all answers, side by side.",
            ),
            (4 * square // n_heads, "That is one head. There are n_heads of them."),
            (4 * square + 4 * d_model, "These include biases. The layer of this chapter has none."),
            (4 * d_model, "A matrix has d_model rows *and* d_model columns."),
        ]
        call = f"count({d_model}, {n_heads})"
        compare(call, answer(call, count, d_model, n_heads), 4 * square, mistakes)
    right("four square matrices, however many heads share them.")


def check_head_parts(parts: Callable[..., Any]) -> None:
    """Check what each head adds to the output.

    Args:
        parts: From the heads' answers `(H, T, K)` and `W_o` `(H·K, D)`, which is multiplied from
            the right, each head's part of the output `(H, T, D)`.

    Raises:
        Hint: The parts are others.
    """
    generator = torch.Generator().manual_seed(0)
    answers = torch.randn(3, 4, 2, generator=generator)
    call, rows = "parts(answers, W_o)", "Each head has K rows of W_o: W_o.unflatten(0, (H, K))."
    for width in (6, 5):  # where W_o is square, its columns can be mistaken for its rows
        W_o = torch.randn(6, width, generator=generator)
        expected = answers @ W_o.unflatten(0, (3, 2))
        mistakes = [
            (
                answers.transpose(0, 1).flatten(1) @ W_o,
                "This is the whole output. Leave the heads' parts apart: (H, T, D).",
            ),
            (expected / 3, "Divided by the number of heads: but the parts are summed."),
            (expected.transpose(0, 1), "The heads come first: (H, T, D)."),
            (
                answers @ W_o.unflatten(0, (2, 3)).transpose(0, 1),
                "Each head's rows of W_o stand together: K rows for head 1, then K for head 2.",
            ),
        ]
        if width == 6:
            columns = answers @ W_o.T.unflatten(0, (3, 2))
            hint = (
                "You take columns of W_o. The joined answers meet its rows: each head has K rows."
            )
            mistakes.append((columns, hint))
        compare(call, answer(call, parts, answers, W_o, hint=rows), expected, mistakes)
    right("the parts of all heads sum to the layer's output.")


def check_previous_word(share: Callable[..., Any]) -> None:
    """Check how much a head looks at the word before, on average.

    Args:
        share: From a head's weights `(T, T)`, the mean weight of the word before, over all words
            that have one.

    Raises:
        Hint: It is another number.
    """
    weights = torch.randn(5, 5, generator=torch.Generator().manual_seed(1)).softmax(-1)
    before, after = weights.diagonal(-1), weights.diagonal(1)
    mistakes = [
        (after.mean(), "That is the word after: row t is the query, and column t - 1 its past."),
        (weights.diagonal().mean(), "That is the word itself: the diagonal. Go one below it."),
        (before.sum(), "A sum, and a mean was asked for."),
        (before.sum() / 5, "The first word has no word before it, so it does not count."),
        (before, "These are the weights of all words. Take their mean."),
        (
            (before.sum() + weights[0, -1]) / 5,
            "For the first word, column -1 is the last one: begin with the second word.",
        ),
        (weights.tril(-1).sum() / 10, "That is all of the past. Take the word before alone."),
    ]
    found = answer("share(weights)", share, weights)
    compare("share(weights)", found, before.mean(), mistakes)
    right("a head that looks at the word before all the time gets 1.")
