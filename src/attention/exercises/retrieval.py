"""Exercises of the chapter *Retrieval with BERT*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import answer, compare, right

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
    not_zero = ((states * is_token) != 0).any(-1).sum(1, keepdim=True)
    mistakes = [
        (states.mean(dim=1), "The padding is in your mean, so a text gets another vector beside a "
         "longer one."),
        (total / ids.size(1), "You leave the padding out of the sum, but still divide by it."),
        (states.sum(dim=1) / count, "You divide by the number of tokens, but the padding is still "
         "in the sum."),
        (total, "This is the sum. Divide by the number of tokens of each text."),
        (states[:, 0], "This is the hidden state of [CLS]. Take the mean over all tokens."),
        (total / not_zero, "You count the vectors that are not zero. A token may have such a "
         "vector, so use the token ids."),
        (total / is_token.sum(), "You divide by the tokens of all texts together. Each text has "
         "its own number."),
        (states.mean(dim=0), "You average over the texts. Average over the tokens: dim=1."),
        (total.unsqueeze(1) / count.unsqueeze(1), "The axis of the tokens is still there, of size "
         "1. The result should be (B, D)."),
        (states.masked_fill(~is_token, -torch.inf).amax(1), "This is max pooling. Take the mean."),
        (F.normalize(total / count, dim=-1), "This is the mean, normalised. Leave its length: the "
         "cosine ignores it anyway."),
        (states[ids != 0].mean(0), "You average over all texts together. Keep one vector for each "
         "text."),
        (states.mean(-1), "You average over the components. Average over the tokens: dim=1."),
        ((states * ids.unsqueeze(-1)).sum(1) / count, "You multiply by the token ids themselves. "
         "Multiply by ids != 0."),
        (total / ids.sum(1, keepdim=True), "You divide by the sum of the token ids. Divide by the "
         "number of tokens."),
        (states.masked_fill(~is_token, -torch.inf).mean(1), "−∞ leaves a score out before a "
         "softmax. In a sum, a padding vector is left out by zeros."),
        (states.amax(1), "This is max pooling, with the padding. Take the mean of the tokens."),
        (states[:, -1], "This is the last position, often padding. Take the mean of the tokens."),
        (states[ids != 0], "These are the hidden states of all tokens. Take the mean of each "
         "text's own."),
    ]  # fmt: skip
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
    diagonal, warm = torch.arange(4), 0.5
    cosines = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T
    scores, positive = cosines / warm, cosines.diagonal()

    def nce(scores: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(scores, diagonal)

    negatives = scores.masked_fill(torch.eye(4).bool(), -torch.inf).logsumexp(1)
    product = "These are dot products. Normalise each query and each key to length 1 first."
    pull = (
        "You only pull the positives closer. Without negatives, the loss is smallest when all "
        "texts have the same vector."
    )
    mistakes = [
        (nce(q @ k.T / warm), product),
        (nce(q @ k.T), product),
        (nce(F.normalize(q, dim=-1) @ k.T / warm), "You normalise the queries, but not the keys."),
        (nce(q @ F.normalize(k, dim=-1).T / warm), "You normalise the keys, but not the queries."),
        (nce(F.normalize(q, dim=0) @ F.normalize(k, dim=0).T / warm), "You normalise each "
         "component over the batch. Normalise each vector: dim=-1."),
        (nce(cosines), "The temperature is missing: divide the cosines by it."),
        (nce(cosines * warm), "Divide by the temperature. You multiply."),
        (nce(scores.T), "Your softmax runs over the queries. Each query chooses among the keys, so "
         "its scores are a row."),
        ((nce(scores) + nce(scores.T)) / 2, "This is the symmetric loss, in which the keys choose "
         "as well. Here only the queries do."),
        (4 * nce(scores), "This is the sum over the pairs. Take the mean."),
        (F.cross_entropy(scores, diagonal, reduction="none"), "These are the losses of the "
         "queries. Take their mean."),
        (-nce(scores), "The sign is wrong: a loss is *minus* log p."),
        (nce(scores.softmax(-1)), "Your softmax is applied twice: F.cross_entropy takes scores."),
        (F.cross_entropy(scores, torch.zeros(4).long()), "You make key 0 the positive of every "
         "query. Key i is that of query i: torch.arange(B)."),
        *((wrong, pull) for wrong in (-positive.mean(), (1 - positive).mean(),
                                      -positive.mean() / warm)),
        (nce(cosines) / warm, "The temperature divides the scores, before the softmax. You divide "
         "the loss."),
        (nce(cosines / warm**0.5), "Divide by the temperature itself, not by its square root."),
        (nce(F.normalize(q, dim=-1) @ F.normalize(q, dim=-1).T / warm), "You compare the queries "
         "with themselves. The keys are k."),
        (nce(q / q.norm() @ (k / k.norm()).T / warm), "You divide by the length of the whole "
         "matrix. Normalise each vector: dim=-1."),
        *((sign * scores.softmax(-1).diagonal().mean(), "This is the mean of p. The loss is "
           "minus the mean of log p.") for sign in (1, -1)),
        (-scores.log_softmax(-1).mean(), "You average over all keys. Take only log p of the "
         "positive of each query, on the diagonal."),
        ((cosines.logsumexp(1) - positive / warm).mean(), "You divide by the temperature above "
         "the fraction bar only. Divide all scores by it."),
        (scores, "These are the scores. Return the loss: one number."),
        ((negatives - positive / warm).mean(), "The positive belongs into the denominator, too: "
         "softmax is over all keys."),
    ]  # fmt: skip
    rows = (
        "The scores are q_normalised @ k_normalised.T, (B, B), and F.cross_entropy takes the "
        "number of the correct column for each row: torch.arange(B)."
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
        [[0.9, 0.2, 0.5, 0.1, 0.3], [0.8, 0.7, 0.1, 0.6, 0.2], [0.4, 0.3, 0.65, 0.7, 0.5]]
    )
    relevant = torch.tensor([0, 3, 2])  # ranks 1, 3 and 2; in ascending order 5, 3 and 4
    own = scores.gather(1, relevant[:, None])
    better = (scores > own).sum(1)
    ranks = (better + 1).double()
    expected = (1 / ranks).mean()
    backwards = 1 / ((scores < own).sum(1) + 1)
    order = scores.argsort(dim=1, descending=True)
    mistakes = [
        (ranks.mean(), "This is the mean rank. Take the mean of 1 / rank."),
        (1 / ranks.mean(), "This is 1 / the mean rank. Take the mean of the reciprocals."),
        (1 / ranks, "These are the reciprocal ranks of the queries. Take their mean."),
        (ranks, "These are the ranks. Take the mean of their reciprocals."),
        (backwards.mean(), "You rank the lowest score first. The highest score has rank 1."),
        ((1 / better).mean(), "You count ranks from 0. The best text has rank 1."),
        ((better == 0).double().mean(), "This is the proportion of queries whose best hit is "
         "relevant. A relevant text in second place counts ½."),
        ((1 / (order.gather(1, relevant[:, None])[:, 0] + 1)).mean(), "argsort gives the text at "
         "each rank, not the rank of each text. Count the texts with a higher score."),
        ((1 / ranks).sum(), "This is the sum over the queries. Take the mean."),
        (own.double().mean(), "This is the mean score of the relevant texts. Use their ranks."),
        ((1 / (better + 2)).mean(), "The best text has rank 1. You count the relevant text twice: "
         "by ≥ and by + 1."),
        ((1 / ((scores > own).sum(0) + 1)).mean(), "You count over the queries. Count the texts "
         "in the row of each query: dim=1."),
        (1 / (better.sum() + 1), "You count over all queries together. Each has its own rank."),
        ((1 / (relevant + 1)).mean(), "These are columns, not ranks. A rank comes from the scores "
         "of its row."),
        ((1 / (scores.argmax(1) + 1)).mean(), "You use the column of the best text. What counts "
         "is the rank of the relevant one."),
    ]  # fmt: skip
    select = (
        "scores[torch.arange(len(relevant)), relevant] selects one score from each row, (T,). "
        "unsqueeze(-1) makes a column of them, to compare with the rows."
    )
    what = "reciprocal_rank(scores, relevant)"
    found = answer(what, reciprocal_rank, scores, relevant, hint=select)
    compare(what, found, expected, mistakes)
    right("first place counts 1, second ½, and the rest less and less.")
