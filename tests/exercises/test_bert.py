"""The checks of *BERT* know correct answers, and what is wrong with others."""

import pytest
import torch
from torch.nn import functional as F

from attention.exercises import Hint, check_classifier, check_masked_lm_loss, check_masking

where = torch.where


def overwrite(ids, c, draws, r, m):
    ids[c & (draws < 0.8)] = m
    return where(c & (draws >= 0.8) & (draws < 0.9), r, ids)


def one_side(ids, c, draws, r, m):
    new = where(c & (draws < 0.8), m, ids)
    new[c & (draws >= 0.8) & (draws < 0.9)] = r
    return new


def products(ids, c, draws, r, m):
    masked, randomised = c & (draws < 0.8), c & (draws >= 0.8) & (draws < 0.9)
    return ids * ~c + m * masked + r * randomised


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (one_side, "Index both sides"),
        (products, "stays as it is"),
        (lambda ids, c, draws, r, m: where(c & (draws < 0.8), ids, m), "its second argument"),
        (overwrite, "with them the targets"),
        (lambda ids, c, draws, r, m: where(c, m, ids), "Only 80% of the chosen"),
        (lambda ids, c, draws, r, m: where(c & (draws < 0.8), m, ids), "becomes a random one"),
        (
            lambda ids, c, draws, r, m: where(c, where(draws < 0.8, m, r), ids),
            "stays as it is",
        ),
        (
            lambda ids, c, draws, r, m: where(draws < 0.8, m, where(draws < 0.9, r, ids)),
            "Only chosen tokens may change",
        ),
        (
            lambda ids, c, draws, r, m: where(
                c, where(draws < 0.8, m, where(draws < 0.9, ids, r)), ids
            ),
            "stays as it is",
        ),
        (lambda ids, c, draws, r, m: where(c & (draws < 0.15), m, ids), "entries are wrong"),
        (
            lambda ids, c, draws, r, m: where(
                (draws >= 0.8) & (draws < 0.9), r, where(c & (draws < 0.8), m, ids)
            ),
            "Only chosen tokens may change",
        ),
        (
            lambda ids, c, draws, r, m: where(
                c & (draws >= 0.8) & (draws < 0.9), r, where(draws < 0.8, m, ids)
            ),
            "Only chosen tokens may change",
        ),
        (
            lambda ids, c, draws, r, m: where(
                c & (draws < 0.9), r, where(c & (draws < 0.8), m, ids)
            ),
            "overwrite the masks",
        ),
        (
            lambda ids, c, d, r, m: where(
                c & (d >= 0.8) & (d < 0.9), m, where(c & (d < 0.8), r, ids)
            ),
            "are swapped",
        ),
        (lambda ids, c, d, r, m: where(c & (d >= 0.8) & (d < 0.9), r, ids), "below 0.8, a chosen"),
        (lambda ids, c, d, r, m: where(c, where(d >= 0.9, r, m), ids), "entries are wrong"),
        (
            lambda ids, c, d, r, m: where(c, ids, where(d < 0.8, m, where(d < 0.9, r, ids))),
            "Only ch",
        ),
        (lambda ids, c, d, r, m: where(c & (d < 0.8), m, ids)[c], "of the shape"),
        (lambda ids, c, draws, r, m: ids, "Nothing has changed"),
        (lambda ids, c, draws, r, m: ids[c and draws < 0.8], "with & and parentheses"),
        (lambda ids, c, draws, r, m: None, None),
        (lambda ids, c, draws, r, m: torch.full_like(ids, m), None),
    ],
)
def test_wrong_masking_gets_its_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_masking(wrong)


def losses(logits, ids):
    return F.cross_entropy(logits.transpose(1, 2), ids, reduction="none")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda logits, ids, c: losses(logits, ids).mean(), "You score all positions"),
        (lambda logits, ids, c: losses(logits, ids)[ids != 0].mean(), "only the padding"),
        (lambda logits, ids, c: losses(logits, ids)[~c].mean(), "Invert the mask"),
        (lambda logits, ids, c: losses(logits, ids)[c].sum(), "This is the sum"),
        (lambda logits, ids, c: (losses(logits, ids) * c).mean(), "divide by all positions"),
        (lambda logits, ids, c: losses(logits, ids)[c], "should be a number"),
        (lambda logits, ids, c: -losses(logits, ids)[c].mean(), "should be more"),
        (
            lambda logits, ids, c: (losses(logits, ids) * c).sum(1).div(c.sum(1)).mean(),
            "average over each text",
        ),
        (
            lambda logits, ids, c: losses(logits * c.unsqueeze(-1), ids).mean(),
            "Zeros leave no position out",
        ),
        (lambda logits, ids, c: losses(logits, ids * c).mean(), "Zeros leave no position out"),
        (lambda logits, ids, c: losses(logits[:, :-1], ids[:, 1:]).mean(), "Shift nothing"),
        (
            lambda logits, ids, c: losses(logits[:, :-1], ids[:, 1:])[c[:, 1:]].mean(),
            "Shift nothing",
        ),
        (lambda logits, ids, c: losses(logits.softmax(-1), ids)[c].mean(), "applied twice"),
        (lambda logits, ids, c: F.cross_entropy(logits, ids), "a row for each chosen position"),
    ],
)
def test_wrong_losses_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_masked_lm_loss(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, w, b: F.linear(x[:, -1], w, b), "last token"),
        (lambda x, w, b: F.linear(x[:, 1], w, b), "entries are wrong"),
        (lambda x, w, b: F.linear(x.mean(1), w, b), "average over all tokens"),
        (lambda x, w, b: F.linear(x[0], w, b), "tokens of the first text"),
        (lambda x, w, b: F.linear(x, w, b), "classify each token"),
        (lambda x, w, b: F.linear(x[:, :1], w, b), "of the shape"),
        (lambda x, w, b: F.linear(x[:, 0], w), "bias is missing"),
        (lambda x, w, b: F.linear(x[:, 0], w, b).softmax(-1), "as they are"),
        (lambda x, w, b: F.linear(x[:, 0], w, b).argmax(-1), "predicted class"),
        (lambda x, w, b: F.linear(x[:, 0], w, b).log_softmax(-1), "as they are"),
        (lambda x, w, b: F.linear(x[:, 0], w, b).sigmoid(), "as they are"),
        (lambda x, w, b: w @ x[:, 0].T + b[:, None], "of the shape"),
        (lambda x, w, b: x[:, 0], "Multiply it by the weight"),
        (lambda x, w, b: x[:, 0] @ w + b, r"The weight is \(C, D\)"),
        (lambda x, w, b: F.linear(x[..., 0], w, b), r"The weight is \(C, D\)"),
    ],
)
def test_wrong_classifiers_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_classifier(wrong)
