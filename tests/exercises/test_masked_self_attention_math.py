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
    check_fixed_mask,
    check_masked_weights,
)


def square(length):
    return torch.ones(length, length, dtype=torch.bool)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (square, "Nothing is masked"),
        (lambda n: square(n).triu(1), "the wrong way round"),
        (lambda n: square(n).triu(), "the other triangle"),
        (lambda n: square(n).tril(-1), "the diagonal is True"),
        (lambda n: square(n).tril(1), "Off by one"),
        (lambda n: torch.zeros(n, n).masked_fill(~causal_mask(n), -math.inf), "additive mask"),
        (lambda n: torch.ones(n, n).tril(), "a mask is boolean"),
        (lambda n: torch.zeros(n, n).masked_fill(~causal_mask(n), -1e9), "additive mask"),
        (lambda n: causal_mask(4), r"causal\(1\) should be a tensor of the shape \(1, 1\)"),
        (lambda n: causal_mask(n).tolist(), "should be a tensor .* a list of 4"),
        (lambda n: square(n)[0], r"yours is of the shape \(4,\)"),
        (lambda n: causal_mask(n + 1), "."),
        (lambda n: causal_mask(n)[None], "."),
        (lambda n: n.tril(), "(?s)raises an error.*an integer"),
        (lambda n: ..., "gives nothing back yet|returns nothing yet"),
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
        (lambda m: torch.zeros(m.shape).masked_fill(~m, -1e9), "is finite"),
        (
            lambda m: torch.zeros(m.shape).masked_fill(~m, torch.finfo(torch.float32).min),
            "is finite",
        ),
        (lambda m: m.float().masked_fill(~m, -math.inf), "Add 0, not 1"),
        (lambda m: torch.zeros(m.shape), "masked_fill returns a new tensor"),
        (lambda m: m, "still booleans"),
        (lambda m: (~m).float(), "they mask nothing"),
        (lambda m: m.masked_fill(~m, -math.inf), "only ones in it"),
        (lambda m: torch.zeros(m.shape).masked_fill(~m, math.inf), "yours is inf"),
        (lambda m: torch.zeros(4, 4).masked_fill(~causal_mask(4), -math.inf), "."),
        (lambda m: torch.zeros(m.shape).masked_fill(~m[0], -math.inf), "."),
        (lambda m: -m, "(?s)raises an error.*~mask"),
    ],
)
def test_wrong_additive_masks(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_additive_mask(wrong)


def test_the_logarithm_is_a_right_additive_mask():
    check_additive_mask(lambda mask: mask.float().log())


def sdpa(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def late(q, k, v, excluded):
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
    return scores.softmax(-1).masked_fill(excluded, 0) @ v


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (sdpa, "still attends to exactly the excluded keys"),
        (lambda q, k, v, excluded: sdpa(q, k, v, None), "the mask is gone"),
        (lambda q, k, v, excluded: sdpa(q, k, v, excluded.float()), "Converted to floats"),
        (lambda q, k, v, excluded: sdpa(q, k, v, 1 - excluded.float()), "Converted to floats"),
        (late, "mask after the softmax"),
        (
            lambda q, k, v, excluded: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            "should be something else",
        ),
        (lambda q, k, v, excluded: sdpa(q, k, v, excluded.logical_not_()), "the caller's mask"),
        (lambda q, k, v, excluded: sdpa(q, k, v, ~excluded).sum(-1), "."),
        (lambda q, k, v, excluded: sdpa(q, k, v, -excluded), "(?s)raises an error.*use ~excluded"),
        (lambda q, k, v, excluded: sdpa(q, k, v, 1 - excluded), "(?s)raises an error.*~excluded"),
        (lambda q, k, v, excluded: sdpa(q, k, v, ~excluded.mT), "raises an error"),
    ],
)
def test_wrong_fixes(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_fixed_mask(wrong)


def parts(ids):
    return causal_mask(ids.size(1)), padding_mask(ids)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda c, p: c, "the causal mask alone"),
        (lambda c, p: p, "the padding mask alone"),
        (lambda c, p: p[:, 0], "the padding mask alone"),
        (lambda c, p: c | p, "`&`"),
        (lambda c, p: c & p.transpose(1, 2), "You mask the rows of padding"),
        (lambda c, p: c & p & p.transpose(1, 2), "You mask too much"),
        (lambda c, p: ~(c & p), "True means that a query may attend"),
        (lambda c, p: ~c & p, "The causal part is wrong"),
        (lambda c, p: c & ~p, "The padding part is the wrong way round"),
        (lambda c, p: c.T & p, "The causal part is wrong"),
        (lambda c, p: c.tril(-1) & p, "with the diagonal"),
        (lambda c, p: torch.ones_like(c).tril(1) & p, "The causal part is wrong"),
        (lambda c, p: c and p, "(?s)raises an error.*not with `and`"),
        (lambda c, p: (c & p).float().log(), "additive mask"),
        (lambda c, p: (c & p).float(), "a mask is boolean"),
        (lambda c, p: (c & p)[1], "."),
        (lambda c, p: (c & p)[:, None], "."),
        (lambda c, p: c & p[:, 0], r"(?s)raises an error.*a new axis"),
    ],
)
def test_wrong_combinations(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_combined_mask(lambda ids: wrong(*parts(ids)))


def test_token_ids_are_no_mask():
    with pytest.raises(Hint, match="Compare first"):
        check_combined_mask(lambda ids: causal_mask(4) & ids.unsqueeze(1))


def filled(scores, mask, value):
    return scores.masked_fill(~mask, value).softmax(-1)


def added(scores, mask):
    """Adds minus infinity, so that the gradient of a fully masked row is NaN."""
    return (scores + mask.float().log()).softmax(-1).nan_to_num(0.0)


def unmasked(scores, mask, dim=-1):
    """Weights in which a fully masked query attends to everything."""
    return scores.masked_fill(~(mask | fully_masked(mask)), -math.inf).softmax(dim)


def fully_masked(mask):
    return ~mask.any(-1, keepdim=True)


def inverted(scores, mask):
    weights = scores.masked_fill(mask | fully_masked(mask), -math.inf).softmax(-1)
    return weights.masked_fill(fully_masked(mask), 0.0)


def by_index(scores, mask):
    weights = unmasked(scores, mask)
    weights[~mask.any(-1)] = 0
    return weights


def in_place(scores, mask):
    scores.masked_fill_(~(mask | ~mask.any(-1, keepdim=True)), -math.inf)
    return masked_softmax(scores, mask)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda s, m: filled(s, m, -math.inf), "There is NaN"),
        (lambda s, m: filled(s, m, -1e9), "attends to every key"),
        (lambda s, m: s.softmax(-1) * m, "mask after the softmax"),
        (lambda s, m: (s * m).softmax(-1), "A score of 0 masks nothing"),
        (lambda s, m: filled(s, m, 0.0) * m, "A score of 0 masks nothing"),
        (
            lambda s, m: s.masked_fill(~m, -math.inf).softmax(-2).nan_to_num(),
            "Your columns sum to one",
        ),
        (lambda s, m: s.softmax(-1), "Nothing is masked"),
        (lambda s, m: s.masked_fill(~m, -math.inf).softmax(-2), "Your columns sum to one"),
        (
            lambda s, m: unmasked(s, m, dim=1).masked_fill(fully_masked(m), 0.0),
            "Your columns sum to one",
        ),
        (unmasked, "Zero its row"),
        (inverted, "the wrong way round"),
        (by_index, "(?s)raises an error.*use masked_fill"),
        (lambda s, m: filled(s, m, -math.inf).nan_to_num_(0), "(?s)raises an error.*masked_fill"),
        (
            lambda s, m: unmasked(s, m).masked_fill_(fully_masked(m), 0),
            "(?s)raises an error.*use masked_fill",
        ),
        (lambda s, m: masked_softmax(s, ~m), "the wrong way round"),
        (lambda s, m: s.masked_fill(~m, -math.inf), "still to come"),
        (lambda s, m: masked_softmax(s, m)[0], "."),
        (lambda s, m: masked_softmax(s, m | ~m.any(-1)), "(?s)raises an error.*keepdim"),
        (added, "their gradient is NaN"),
        (lambda s, m: masked_softmax(s.detach(), m), "no gradient flows"),
        (in_place, "overwritten the caller's scores"),
    ],
)
def test_wrong_weights(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_masked_weights(wrong)


def test_zeros_over_nan_are_right_after_masked_fill():
    """The gradient of `masked_fill` is zero wherever it filled: everywhere in such a row."""
    check_masked_weights(lambda s, m: filled(s, m, -math.inf).nan_to_num(0.0))
