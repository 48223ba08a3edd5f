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
        (lambda x, ids: x.sum(1) / count(ids), "but not of the sum"),
        (lambda x, ids: zeroed(x, ids).sum(1), "This is the sum"),
        (lambda x, ids: x[:, 0], r"of \[CLS\]"),
        (lambda x, ids: zeroed(x, ids).sum(1) / (ids != 0).sum(), "by the tokens of all texts"),
        (lambda x, ids: x.mean(0), "over the tokens: dim=1"),
        (lambda x, ids: x.mean(-1), "over the tokens: dim=1"),
        (
            lambda x, ids: (y := zeroed(x, ids)).sum(1) / (y != 0).any(-1).sum(1)[:, None],
            "entries are wrong",
        ),
        (lambda x, ids: x[ids != 0].mean(0), "one vector for each"),
        (lambda x, ids: F.normalize(zeroed(x, ids).sum(1), dim=-1), "You normalise"),
        (lambda x, ids: zeroed(x, ids).sum(1, True) / count(ids)[:, None], "of the shape"),
        (lambda x, ids: x * (ids != 0), "which broadcasts with"),
        (lambda x, ids: zeroed(x, ids).sum(1) / (ids != 0).sum(1), r"it is \(B, 1\)"),
        (lambda x, ids: x.where((ids != 0)[..., None], -torch.inf).mean(1), "entries are wrong"),
        (
            lambda x, ids: (x * (pad := (ids == 0)[..., None])).sum(1) / pad.sum(1),
            "mask is inverted",
        ),
        (
            lambda x, ids: x.masked_fill((ids != 0)[..., None], 0).sum(1) / count(ids),
            "mask is inverted",
        ),
        (lambda x, ids: zeroed(x, ids).sum(1) / count(ids)[:, None], "the division broadcasts"),
        (lambda x, ids: x.mean(1) * torch.nan, "A nan comes from"),
        (lambda x, ids: x[ids != 0], "of the shape"),
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
        (lambda q, k, t: nce(q @ k.T / t), "have the length 1"),
        (lambda q, k, t: nce(F.normalize(q, dim=-1) @ k.T / t), "have the length 1"),
        (lambda q, k, t: nce(q @ F.normalize(k, dim=-1).T / t), "have the length 1"),
        (
            lambda q, k, t: nce(F.normalize(q, dim=0) @ F.normalize(k, dim=0).T / t),
            "have the length 1",
        ),
        (lambda q, k, t: nce(cosines(q, k)), "by the temperature"),
        (lambda q, k, t: nce(cosines(q, k) * t), "by the temperature"),
        (lambda q, k, t: nce(cosines(k, q) / t), "runs over the queries"),
        (lambda q, k, t: (nce(cosines(q, k) / t) + nce(cosines(k, q) / t)) / 2, "symmetric"),
        (lambda q, k, t: nce(cosines(q, k) / t, reduction="sum"), "the sum over the pairs"),
        (lambda q, k, t: nce(cosines(q, k) / t, reduction="none"), "should be a number"),
        (lambda q, k, t: -nce(cosines(q, k) / t), "sign is wrong"),
        (lambda q, k, t: nce((cosines(q, k) / t).softmax(-1)), "applied twice"),
        (
            lambda q, k, t: F.cross_entropy(cosines(q, k) / t, torch.zeros(len(q)).long()),
            "key 0 the positive",
        ),
        (lambda q, k, t: (1 - cosines(q, k).diagonal()).mean(), "Without negatives"),
        (lambda q, k, t: -cosines(q, k).diagonal().mean(), "Without negatives"),
        (lambda q, k, t: -cosines(q, k).diagonal().mean() / t, "Without negatives"),
        (lambda q, k, t: F.cross_entropy(cosines(q, k) / t, q), "number of the correct column"),
        (lambda q, k, t: nce(q / q.norm() @ (k / k.norm()).T / t), "have the length 1"),
        (lambda q, k, t: -(cosines(q, k) / t).log_softmax(-1).mean(), "average over all keys"),
        (lambda q, k, t: nce(q @ k.T), "have the length 1"),
        (lambda q, k, t: nce(cosines(q, k)) / t, "not the loss"),
        (lambda q, k, t: nce(q / q.norm(dim=-1) @ k.T), "use keepdim=True"),
        (lambda q, k, t: -(cosines(q, k) / t).softmax(-1).diagonal().mean(), "logarithm of each"),
        (
            lambda q, k, t: -(cosines(q, k) / t).softmax(-1).diagonal().mean().log(),
            "logarithm of each",
        ),
        (lambda q, k, t: cosines(q, k) / t, "should be a number"),
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
        (lambda s, r: ranks(s, r).double().mean(), "Take 1 / rank for each query"),
        (lambda s, r: 1 / ranks(s, r).double().mean(), "Take 1 / rank for each query"),
        (lambda s, r: 1 / ranks(s, r), "should be a number"),
        (lambda s, r: ranks(s, r), "should be a number"),
        (lambda s, r: (1 / ranks(-s, r)).mean(), "lowest score first"),
        (lambda s, r: (1 / ranks(s, r, start=0)).mean(), "ranks from 0"),
        (lambda s, r: (s.argmax(1) == r).double().mean(), "first places only"),
        (
            lambda s, r: (1 / (s.argsort(1, True)[torch.arange(len(r)), r] + 1)).mean(),
            "argsort gives the text at each rank",
        ),
        (lambda s, r: (1 / ranks(s, r)).sum(), "the sum over the queries"),
        (lambda s, r: s[torch.arange(len(r)), r].mean(), "should be less"),
        (lambda s, r: (1 / ((s > s[torch.arange(len(r)), r]).sum(1) + 1)).mean(), "a column"),
        (lambda s, r: (1 / ((s > s[:, r]).sum(1) + 1)).mean(), "selects one score"),
        (lambda s, r: (1 / ranks(s, r, start=2)).mean(), "count the relevant text twice"),
        (lambda s, r: (1 / ((s > s.gather(1, r[:, None])).sum(0) + 1)).mean(), "within the row"),
        (lambda s, r: 1 / (ranks(s, r, start=0).sum() + 1), "within the row"),
        (lambda s, r: (1 / (r + 1)).mean(), "should be"),
        (lambda s, r: sum(1 / rank for rank in ranks(s, r, 0).tolist()) / len(r), "by zero"),
        (
            lambda s, r: (1 / (torch.where(s.argsort(1, True) == r[:, None])[0] + 1)).mean(),
            "should be less than 0.6111",
        ),
        (lambda s, r: (1 / ranks(-s, r, start=0)).mean(), "lowest score first"),
        (
            lambda s, r: (1 / s.argsort(-1).argsort(-1)[torch.arange(len(r)), r]).mean(),
            "lowest score first",
        ),
        (lambda s, r: None, None),
    ],
)
def test_wrong_ranks_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_reciprocal_rank(wrong)
