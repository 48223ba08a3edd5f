"""The checks of *The matrix math of masked self-attention* say what is wrong with a mask."""

import math

import pytest
import torch
from torch.nn import functional as F

from attention import causal_mask, masked_softmax, padding_mask
from attention.exercises import (
    Hint,
    check_additive_mask,
    check_causal_mask,
    check_combined_mask,
    check_masked_weights,
    check_mended_mask,
)


def square(length):
    return torch.ones(length, length, dtype=torch.bool)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (square, "Nothing is hidden"),
        (lambda n: square(n).triu(1), "the wrong way round"),
        (lambda n: square(n).triu(), "the other triangle"),
        (lambda n: square(n).tril(-1), "the diagonal is True"),
        (lambda n: square(n).tril(1), "One too many"),
        (lambda n: torch.zeros(n, n).masked_fill(~causal_mask(n), -math.inf), "the matrix to add"),
        (lambda n: torch.ones(n, n).tril(), "a mask is boolean"),
        (lambda n: causal_mask(4), "should be"),
        (lambda n: causal_mask(n).tolist(), "should be"),
    ],
)
def test_wrong_causal_masks(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_causal_mask(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda m: ~m * -math.inf, "0 times infinity"),
        (lambda m: torch.zeros(m.shape).masked_fill(m, -math.inf), "the wrong way round"),
        (lambda m: torch.zeros(m.shape).masked_fill(~m, -1e9), "a large negative number"),
        (lambda m: m.float().masked_fill(~m, -math.inf), "Add 0, not 1"),
        (lambda m: m, "still True and False"),
        (lambda m: (~m).float(), "would hide nothing"),
        (lambda m: torch.zeros(4, 4).masked_fill(~causal_mask(4), -math.inf), "should be"),
    ],
)
def test_wrong_additive_masks(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_additive_mask(wrong)


def test_the_logarithm_is_a_right_additive_mask():
    check_additive_mask(lambda mask: mask.float().log())


def sdpa(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def late(q, k, v, hidden):
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
    return scores.softmax(-1).masked_fill(hidden, 0) @ v


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda q, k, v, hidden: sdpa(q, k, v, None), "the mask is gone"),
        (lambda q, k, v, hidden: sdpa(q, k, v, hidden.float()), "1 where it must not look"),
        (lambda q, k, v, hidden: sdpa(q, k, v, 1 - hidden.float()), "1 where it may look"),
        (late, "mask after softmax"),
        (
            lambda q, k, v, hidden: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            "This hides the future",
        ),
        (lambda q, k, v, hidden: sdpa(q, k, v, hidden.logical_not_()), "changed the caller's mask"),
        (lambda q, k, v, hidden: sdpa(q, k, v, ~hidden).sum(-1), "should be"),
    ],
)
def test_wrong_repairs(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_mended_mask(wrong)


def parts(ids):
    return causal_mask(ids.size(1)), padding_mask(ids)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda c, p: c, "the causal mask alone"),
        (lambda c, p: p, "the padding mask alone"),
        (lambda c, p: c | p, "`&`"),
        (lambda c, p: c & p.transpose(1, 2), "You hide the rows of padding"),
        (lambda c, p: c & p & p.transpose(1, 2), "Too much"),
        (lambda c, p: ~(c & p), "True means that a query may look"),
        (lambda c, p: ~c & p, "The causal half is the wrong way round"),
        (lambda c, p: c & ~p, "The half about padding"),
        (lambda c, p: c.T & p, "the other triangle"),
        (lambda c, p: (c & p).float(), "a mask is boolean"),
        (lambda c, p: (c & p)[1], "should be"),
    ],
)
def test_wrong_combinations(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_combined_mask(lambda ids: wrong(*parts(ids)))


def filled(scores, mask, value):
    return scores.masked_fill(~mask, value).softmax(-1)


def covered(scores, mask):
    """Adds minus infinity, so that the gradient of a blind row is NaN."""
    return (scores + mask.float().log()).softmax(-1).nan_to_num(0.0)


def in_place(scores, mask):
    scores.masked_fill_(~(mask | ~mask.any(-1, keepdim=True)), -math.inf)
    return masked_softmax(scores, mask)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda s, m: filled(s, m, -math.inf), "There is NaN"),
        (lambda s, m: filled(s, m, -1e9), "looks everywhere"),
        (lambda s, m: s.softmax(-1) * m, "mask after softmax"),
        (
            lambda s, m: s.masked_fill(~m, -math.inf).softmax(-2).nan_to_num(),
            "Your columns add up to one",
        ),
        (lambda s, m: s.softmax(-1), "Nothing is masked"),
        (lambda s, m: s.softmax(-1) * m.any(-1, keepdim=True), "Only the rows"),
        (lambda s, m: masked_softmax(s, ~m), "the wrong way round"),
        (covered, "their gradient is NaN"),
        (lambda s, m: masked_softmax(s.detach(), m), "no gradient flows"),
        (in_place, "overwritten the caller's scores"),
    ],
)
def test_wrong_weights(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_masked_weights(wrong)


def test_zeros_over_nan_are_right_where_no_gradient_passes_through_it():
    """The gradient of `masked_fill` is zero wherever it filled, in a blind row everywhere."""
    check_masked_weights(lambda s, m: filled(s, m, -math.inf).nan_to_num(0.0))
