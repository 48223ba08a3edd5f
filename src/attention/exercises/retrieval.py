"""Exercises of the chapter *Retrieval with BERT*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import answer, compare, right
from attention.shapes import Tensor

__all__ = ["check_contrastive_loss", "check_mean_pooling", "check_reciprocal_rank"]


def check_mean_pooling(pool: Callable[..., Any]) -> None:
    """Check mean pooling.

    Args:
        pool: From hidden states `(B, T, D)` and token ids `(B, T)`, padded with 0, the mean over
            the tokens of each text `(B, D)`.

    Raises:
        Hint: It is something else.
    """
    states = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    states[0, 1] = 0.0  # a token whose hidden state happens to be zero
    ids = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0], [2, 3, 0, 0]])
    is_token = (ids != 0).unsqueeze(-1)
    total, count = (states * is_token).sum(dim=1), is_token.sum(dim=1)
    padding = ~is_token
    axis = "Average over the tokens: dim=1."
    inverted = "Your mask is inverted: it keeps the padding."
    third = "keepdim leaves a third axis, and the division broadcasts. Sum without it."
    mistakes = [
        (states.mean(dim=1), "The padding is in your mean, so it depends on the other texts."),
        (total / ids.size(1), "You leave the padding out of the sum, but still divide by it."),
        (states.sum(dim=1) / count, "The padding is left out of the count, but not of the sum."),
        (total, "This is the sum. Divide by the number of tokens of each text."),
        (total / is_token.sum(), "You divide by the tokens of all texts. Count those of each."),
        (states[:, 0], "This is the hidden state of [CLS]. Take the mean over all tokens."),
        (total / count.unsqueeze(1), third),
        *(((states * padding).sum(1) / n, inverted) for n in (count, padding.sum(1))),
        (states.mean(dim=0), axis),
        (states.mean(dim=-1), axis),
        (states[ids != 0].mean(0), "You average over all texts. Keep one vector for each."),
        (F.normalize(total / count, dim=-1), "You normalise the mean. Return it as it is."),
    ]
    shapes = (
        "(ids != 0).unsqueeze(-1) has the shape (B, T, 1), which broadcasts with (B, T, D). "
        "Summed over dim=1, it is (B, 1)."
    )
    found = answer("pool(states, ids)", pool, states, ids, hint=shapes)
    compare("pool(states, ids)", found, total / count, mistakes)
    right("one vector for each text, and it doesn't depend on padding.")


def check_contrastive_loss(loss: Callable[..., Any]) -> None:
    """Check InfoNCE with in-batch negatives.

    Args:
        loss: From the embeddings of queries and of their positives, `(B, D)` both, and the
            temperature, the mean of minus log p of the positives.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(2)
    q, k = (3 * torch.randn(4, 5, generator=generator) for _ in range(2))
    warm, unit_q, unit_k = 0.5, F.normalize(q, dim=-1), F.normalize(k, dim=-1)
    cosines = unit_q @ unit_k.T
    scores, positive = cosines / warm, cosines.diagonal()

    def nce(scores: Tensor) -> Tensor:
        return F.cross_entropy(scores, torch.arange(4))

    products = (
        q @ k.T,
        unit_q @ k.T,
        q @ unit_k.T,
        F.normalize(q, dim=0) @ F.normalize(k, dim=0).T,
        q / q.norm() @ (k / k.norm()).T,
    )
    length = "Each query and each key should have the length 1: F.normalize(…, dim=-1)."
    divide = "Divide the cosines by the temperature."
    pull = "Without negatives, the loss is lowest when all texts have the same vector."
    p = scores.softmax(-1).diagonal()
    each_log = "Take the logarithm of each p, and then the mean."
    key_0 = F.cross_entropy(scores, torch.zeros(4).long())
    mistakes = [
        *((nce(wrong / warm), length) for wrong in products),
        (nce(q @ k.T), length),
        (nce(cosines), divide),
        (nce(cosines * warm), divide),
        (nce(cosines) / warm, "Divide the cosines, not the loss."),
        (nce(scores.T), "Your softmax runs over the queries. Each query chooses among the keys."),
        ((nce(scores) + nce(scores.T)) / 2, "This loss is symmetric. Only queries choose here."),
        (4 * nce(scores), "This is the sum over the pairs. Take the mean."),
        (-nce(scores), "The sign is wrong: a loss is *minus* log p."),
        (nce(scores.softmax(-1)), "Your softmax is applied twice: F.cross_entropy takes scores."),
        (key_0, "You make key 0 the positive of every query. Key i is that of query i."),
        (-scores.log_softmax(-1).mean(), "You average over all keys. Take the diagonal alone."),
        (-p.mean(), each_log),
        (-p.mean().log(), each_log),
        *((wrong.mean(), pull) for wrong in (-positive, 1 - positive, -positive / warm)),
    ]
    rows = (
        "The scores are q_normalised @ k_normalised.T, (B, B), and F.cross_entropy takes the "
        "number of the correct column for each row: torch.arange(B). With norm, use keepdim=True."
    )
    found = answer("loss(q, k, temperature)", loss, q, k, warm, hint=rows)
    compare("loss(q, k, temperature)", found, nce(scores), mistakes)
    right("it is a softmax over keys again: each query has to select its positive.")


def check_reciprocal_rank(reciprocal_rank: Callable[..., Any]) -> None:
    """Check the mean reciprocal rank of a search.

    Args:
        reciprocal_rank: From the scores of each query on each text `(T, S)`, and for each query
            the index of the relevant text `(T,)`: the mean of 1 / its rank.

    Raises:
        Hint: It is something else.
    """
    scores = torch.tensor(
        [[0.9, 0.2, 0.5, 0.1, 0.3], [0.8, 0.7, 0.1, 0.6, 0.3], [0.5, 0.3, 0.65, 0.7, 0.4]]
    )
    relevant = torch.tensor([0, 4, 2])  # ranks 1, 4 and 2; in ascending order 5, 2 and 4
    own = scores.gather(1, relevant[:, None])
    better, worse = (scores > own).sum(1), (scores < own).sum(1)
    ranks = (better + 1).double()
    expected = (1 / ranks).mean()
    at_rank = scores.argsort(dim=1, descending=True).gather(1, relevant[:, None])[:, 0]
    by_column = (scores > own).sum(0)
    row = "Count within the row of each query: dim=1."
    backwards = "You rank the lowest score first. The highest score has rank 1."
    inverse = "Take 1 / rank for each query, and then the mean."
    mistakes = [
        (ranks.mean(), inverse),
        (1 / ranks.mean(), inverse),
        ((1 / ranks).sum(), "This is the sum over the queries. Take the mean."),
        *(((1 / wrong).mean(), backwards) for wrong in (worse, worse + 1)),
        ((1 / better).mean(), "You count ranks from 0. The best text has rank 1."),
        ((1 / (better + 2)).mean(), "You count the relevant text twice: by ≥ and by + 1."),
        ((1 / (by_column + 1)).mean(), row),
        (1 / (better.sum() + 1), row),
        ((better == 0).double().mean(), "You count first places only. A second place counts ½."),
        (
            (1 / (at_rank + 1)).mean(),
            "argsort gives the text at each rank. Count the higher scores.",
        ),
    ]
    select = (
        "scores[torch.arange(len(relevant)), relevant] selects one score from each row, (T,). "
        "unsqueeze(-1) makes a column of them, to compare with the rows."
    )
    what = "reciprocal_rank(scores, relevant)"
    found = answer(what, reciprocal_rank, scores, relevant, hint=select)
    compare(what, found, expected, mistakes)
    right("first place counts 1, second ½, and the rest less and less.")
