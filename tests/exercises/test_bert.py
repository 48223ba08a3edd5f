"""The checks of *BERT* know right answers, and what is wrong with others."""

import pytest
import torch
from torch.nn import functional as F

from attention.exercises import (
    Hint,
    check_gap_loss,
    check_hidden_words,
    check_mean_pooling,
    check_pair_loss,
)

where = torch.where


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda ids, c, lots, o, m: where(c, m, ids), "80% of them only"),
        (lambda ids, c, lots, o, m: where(c & (lots < 0.8), m, ids), "becomes the one in"),
        (lambda ids, c, lots, o, m: where(c, where(lots < 0.8, m, o), ids), "stays as it is"),
        (
            lambda ids, c, lots, o, m: where(lots < 0.8, m, where(lots < 0.9, o, ids)),
            "that were not chosen",
        ),
        (
            lambda ids, c, lots, o, m: where(
                c, where(lots < 0.8, m, where(lots < 0.9, ids, o)), ids
            ),
            "the other way",
        ),
        (lambda ids, c, lots, o, m: where(c & (lots < 0.15), m, ids), "chosen already"),
        (
            lambda ids, c, lots, o, m: where(
                (lots >= 0.8) & (lots < 0.9), o, where(c & (lots < 0.8), m, ids)
            ),
            "missing in one condition",
        ),
        (
            lambda ids, c, lots, o, m: where(
                c & (lots >= 0.8) & (lots < 0.9), o, where(lots < 0.8, m, ids)
            ),
            "missing in one condition",
        ),
        (
            lambda ids, c, lots, o, m: where(c & (lots < 0.9), o, where(c & (lots < 0.8), m, ids)),
            "cover the masks",
        ),
        (lambda ids, c, lots, o, m: ids, "should be"),
        (lambda ids, c, lots, o, m: None, "nothing back"),
    ],
)
def test_words_hidden_wrongly_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_hidden_words(wrong)


def losses(logits, ids):
    return F.cross_entropy(logits.transpose(1, 2), ids, reduction="none")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda logits, ids, c: losses(logits, ids).mean(), "You score all words"),
        (lambda logits, ids, c: losses(logits, ids)[ids != 0].mean(), "the padding alone"),
        (lambda logits, ids, c: losses(logits, ids)[~c].mean(), "Turn it round"),
        (lambda logits, ids, c: losses(logits, ids)[c].sum(), "That is the sum"),
        (lambda logits, ids, c: (losses(logits, ids) * c).mean(), "divide by all places"),
        (lambda logits, ids, c: losses(logits, ids)[c], "Take their mean"),
        (lambda logits, ids, c: -losses(logits, ids)[c].mean(), "sign is wrong"),
        (lambda logits, ids, c: -(-losses(logits, ids)[c]).exp().mean(), "the logarithm first"),
        (
            lambda logits, ids, c: (losses(logits, ids) * c).sum(1).div(c.sum(1)).mean(),
            "a mean for each text",
        ),
        (lambda logits, ids, c: F.cross_entropy(logits, ids), "a row for each chosen word"),
    ],
)
def test_wrong_losses_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_gap_loss(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, ids: x.mean(1), "padding is in your mean"),
        (lambda x, ids: (x * (ids != 0)[..., None]).mean(1), "still divide by it"),
        (lambda x, ids: x.sum(1) / (ids != 0).sum(1, keepdim=True), "still in the sum"),
        (lambda x, ids: (x * (ids != 0)[..., None]).sum(1), "That is the sum"),
        (lambda x, ids: x[:, 0], r"of \[CLS\]"),
        (lambda x, ids: (x * (ids != 0)[..., None]).sum(1) / (ids != 0).sum(), "of all texts"),
        (lambda x, ids: x.mean(0), "averaged over the texts"),
        (
            lambda x, ids: (
                (y := x * (ids != 0)[..., None]).sum(1) / (y != 0).any(-1).sum(1)[:, None]
            ),
            "look at the numbers",
        ),
        (lambda x, ids: x[ids != 0].mean(), "should be"),
        (lambda x, ids: x * (ids != 0), "goes with"),
        (
            lambda x, ids: (x * (ids != 0)[..., None]).sum(1) / (ids != 0).sum(1),
            r"it is \(B, 1\)",
        ),
    ],
)
def test_wrong_vectors_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_mean_pooling(wrong)


def cosines(q, k):
    return F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T


def missed(scores):
    return F.cross_entropy(scores, torch.arange(len(scores)))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda q, k, t: missed(q @ k.T / t), "dot products"),
        (lambda q, k, t: missed(cosines(q, k)), "temperature is missing"),
        (lambda q, k, t: missed(cosines(q, k) * t), "You multiplied"),
        (lambda q, k, t: missed(cosines(k, q) / t), "ran over the queries"),
        (lambda q, k, t: len(q) * missed(cosines(q, k) / t), "the sum over the pairs"),
        (lambda q, k, t: -missed(cosines(q, k) / t), "sign is wrong"),
        (lambda q, k, t: (1 - cosines(q, k).diagonal()).mean(), "nothing pushes"),
        (lambda q, k, t: -cosines(q, k).diagonal().mean(), "nothing pushes"),
        (
            lambda q, k, t: (
                (cosines(q, k) / t).fill_diagonal_(-torch.inf).logsumexp(1)
                - cosines(q, k).diagonal() / t
            ).mean(),
            "below the line",
        ),
        (lambda q, k, t: 0.0, "should be"),
    ],
)
def test_wrong_contrasts_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_pair_loss(wrong)
