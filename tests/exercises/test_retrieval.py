"""The checks of *Retrieval with BERT* know correct answers, and what is wrong with others."""

import pytest
import torch
from torch.nn import functional as F

from attention.exercises import (
    Hint,
    check_contrastive_loss,
    check_mean_pooling,
    check_reciprocal_rank,
)


def zeroed(x, ids):
    return x * (ids != 0).unsqueeze(-1)


def count(ids):
    return (ids != 0).sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, ids: x.mean(1), "padding is in your mean"),
        (lambda x, ids: zeroed(x, ids).mean(1), "still divide by it"),
        (lambda x, ids: x.sum(1) / count(ids), "still in the sum"),
        (lambda x, ids: zeroed(x, ids).sum(1), "This is the sum"),
        (lambda x, ids: x[:, 0], r"of \[CLS\]"),
        (lambda x, ids: zeroed(x, ids).sum(1) / (ids != 0).sum(), "of all texts together"),
        (lambda x, ids: x.mean(0), "average over the texts"),
        (lambda x, ids: x.mean(-1), "over the components"),
        (
            lambda x, ids: (y := zeroed(x, ids)).sum(1) / (y != 0).any(-1).sum(1)[:, None],
            "use the token ids",
        ),
        (lambda x, ids: x[ids != 0].mean(0), "one vector for each text"),
        (lambda x, ids: F.normalize(zeroed(x, ids).sum(1), dim=-1), "normalised"),
        (lambda x, ids: zeroed(x, ids).sum(1, True) / count(ids)[:, None], "of size 1"),
        (lambda x, ids: x * (ids != 0), "which broadcasts with"),
        (lambda x, ids: zeroed(x, ids).sum(1) / (ids != 0).sum(1), r"it is \(B, 1\)"),
        (lambda x, ids: (x * ids.unsqueeze(-1)).sum(1) / count(ids), "token ids themselves"),
        (lambda x, ids: zeroed(x, ids).sum(1) / ids.sum(1, True), "sum of the token ids"),
        (lambda x, ids: x.where((ids != 0)[..., None], -torch.inf).mean(1), "by zeros"),
        (lambda x, ids: x.amax(1), "max pooling, with the padding"),
        (lambda x, ids: x[:, -1], "last position"),
        (lambda x, ids: x[ids != 0], "each text's own"),
        (lambda x, ids: x[ids != 0].mean(), None),
    ],
)
def test_wrong_vectors_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_mean_pooling(wrong)


def cosines(q, k):
    return F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T


def nce(scores, **options):
    return F.cross_entropy(scores, torch.arange(len(scores)), **options)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda q, k, t: nce(q @ k.T / t), "dot products"),
        (lambda q, k, t: nce(F.normalize(q, dim=-1) @ k.T / t), "but not the keys"),
        (lambda q, k, t: nce(q @ F.normalize(k, dim=-1).T / t), "but not the queries"),
        (
            lambda q, k, t: nce(F.normalize(q, dim=0) @ F.normalize(k, dim=0).T / t),
            "over the batch",
        ),
        (lambda q, k, t: nce(cosines(q, k)), "temperature is missing"),
        (lambda q, k, t: nce(cosines(q, k) * t), "You multiply"),
        (lambda q, k, t: nce(cosines(k, q) / t), "runs over the queries"),
        (lambda q, k, t: (nce(cosines(q, k) / t) + nce(cosines(k, q) / t)) / 2, "symmetric"),
        (lambda q, k, t: nce(cosines(q, k) / t, reduction="sum"), "the sum over the pairs"),
        (lambda q, k, t: nce(cosines(q, k) / t, reduction="none"), "Take their mean"),
        (lambda q, k, t: -nce(cosines(q, k) / t), "sign is wrong"),
        (lambda q, k, t: nce((cosines(q, k) / t).softmax(-1)), "applied twice"),
        (
            lambda q, k, t: F.cross_entropy(cosines(q, k) / t, torch.zeros(len(q)).long()),
            "key 0 the positive",
        ),
        (lambda q, k, t: (1 - cosines(q, k).diagonal()).mean(), "only pull"),
        (lambda q, k, t: -cosines(q, k).diagonal().mean(), "only pull"),
        (lambda q, k, t: -cosines(q, k).diagonal().mean() / t, "only pull"),
        (
            lambda q, k, t: (
                (cosines(q, k) / t).fill_diagonal_(-torch.inf).logsumexp(1)
                - cosines(q, k).diagonal() / t
            ).mean(),
            "denominator",
        ),
        (lambda q, k, t: F.cross_entropy(cosines(q, k) / t, q), "number of the correct column"),
        (lambda q, k, t: nce(cosines(q, k)) / t, "You divide the loss"),
        (lambda q, k, t: nce(cosines(q, k) / t**0.5), "square root"),
        (lambda q, k, t: nce(cosines(q, q) / t), "with themselves"),
        (lambda q, k, t: nce(q / q.norm() @ (k / k.norm()).T / t), "the whole matrix"),
        (lambda q, k, t: (cosines(q, k) / t).softmax(-1).diagonal().mean(), "the mean of p"),
        (lambda q, k, t: -(cosines(q, k) / t).softmax(-1).diagonal().mean(), "the mean of p"),
        (lambda q, k, t: -(cosines(q, k) / t).log_softmax(-1).mean(), "average over all keys"),
        (
            lambda q, k, t: (cosines(q, k).logsumexp(1) - cosines(q, k).diagonal() / t).mean(),
            "above the fraction bar",
        ),
        (lambda q, k, t: cosines(q, k) / t, "These are the scores"),
        (lambda q, k, t: 0.0, None),
    ],
)
def test_wrong_contrasts_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_contrastive_loss(wrong)


def ranks(scores, relevant, start=1):
    own = scores.gather(1, relevant.unsqueeze(-1))
    return (scores > own).sum(1) + start


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda s, r: ranks(s, r).double().mean(), "the mean rank"),
        (lambda s, r: 1 / ranks(s, r).double().mean(), "mean of the reciprocals"),
        (lambda s, r: 1 / ranks(s, r), "Take their mean"),
        (lambda s, r: ranks(s, r), "These are the ranks"),
        (lambda s, r: (1 / ranks(-s, r)).mean(), "lowest score first"),
        (lambda s, r: (1 / ranks(s, r, start=0)).mean(), "ranks from 0"),
        (lambda s, r: (s.argmax(1) == r).double().mean(), "best hit is"),
        (
            lambda s, r: (1 / (s.argsort(1, True)[torch.arange(len(r)), r] + 1)).mean(),
            "not the rank of each text",
        ),
        (lambda s, r: (1 / ranks(s, r)).sum(), "the sum over the queries"),
        (lambda s, r: s[torch.arange(len(r)), r].mean(), "mean score"),
        (lambda s, r: (1 / ((s > s[torch.arange(len(r)), r]).sum(1) + 1)).mean(), "a column"),
        (lambda s, r: (1 / ((s > s[:, r]).sum(1) + 1)).mean(), "selects one score"),
        (lambda s, r: (1 / ranks(s, r, start=2)).mean(), "count the relevant text twice"),
        (lambda s, r: (1 / ((s > s.gather(1, r[:, None])).sum(0) + 1)).mean(), "over the queries"),
        (lambda s, r: 1 / (ranks(s, r, start=0).sum() + 1), "all queries together"),
        (lambda s, r: (1 / (r + 1)).mean(), "These are columns"),
        (lambda s, r: (1 / (s.argmax(1) + 1)).mean(), "the column of the best text"),
        (lambda s, r: sum(1 / rank for rank in ranks(s, r, 0).tolist()) / len(r), "by zero"),
        (lambda s, r: None, None),
    ],
)
def test_wrong_ranks_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_reciprocal_rank(wrong)
