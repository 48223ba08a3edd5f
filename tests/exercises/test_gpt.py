"""The checks of *GPT* accept correct answers, and name the mistake in wrong ones."""

import pytest
import torch
from torch.nn import functional as F

from attention.exercises import (
    Hint,
    check_gpt_parameters,
    check_next_word_loss,
    check_positions_read,
    check_top_p,
)


def mean(logits, wanted, **how):
    return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), **how)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, ids: mean(x, ids), "No shift"),
        (lambda x, ids: mean(x, ids, ignore_index=0), "No shift"),
        (lambda x, ids: mean(x[:, :-1], ids[:, :-1]), "No shift"),
        (lambda x, ids: mean(x[:, :-1], ids[:, :-1], ignore_index=0), "No shift"),
        (lambda x, ids: mean(x[:, 1:], ids[:, :-1]), "wrong way"),
        (lambda x, ids: mean(x[:, 1:], ids[:, :-1], ignore_index=0), "wrong way"),
        (lambda x, ids: mean(x[:, :-1], ids[:, 1:]), "includes padding"),
        (
            lambda x, ids: mean(x[:, :-1][ids[:, :-1] != 0][None], ids[:, 1:][ids[:, :-1] != 0]),
            "not where the input is",
        ),
        (
            lambda x, ids: mean(x[:, :-1], ids[:, 1:], ignore_index=0, reduction="sum") / 8,
            "count that includes the padding",
        ),
        (
            lambda x, ids: mean(x[:, :-1], ids[:, 1:], ignore_index=0, reduction="sum"),
            "This is the sum",
        ),
        (lambda x, ids: mean(x[:, :-1], ids[:, 1:], ignore_index=0).exp(), "perplexity"),
        (lambda x, ids: -mean(x[:, :-1], ids[:, 1:], ignore_index=0), "The sign"),
        (
            lambda x, ids: torch.stack(
                [
                    F.cross_entropy(a[:-1], i[1:], ignore_index=0)
                    for a, i in zip(x, ids, strict=True)
                ]
            ).mean(),
            "mean of means",
        ),
        (lambda x, ids: mean(x[:, :-1], ids[:, 1:], reduction="none").view(2, 4), "a number"),
        (lambda x, ids: F.cross_entropy(x[:, :-1], ids[:, 1:]), "flatten"),
        (lambda x, ids: mean(x[:, 1:], ids[:, 1:], ignore_index=0), "No shift"),
        (lambda x, ids: mean(x, ids.roll(-1, 1)), "roll puts"),
        (lambda x, ids: mean(x, ids.roll(-1, 1), ignore_index=0), "roll puts"),
        (lambda x, ids: mean(x[:, :-1].softmax(-1), ids[:, 1:], ignore_index=0), "applied twice"),
        (
            lambda x, ids: F.cross_entropy(x.flatten(0, 1)[:-1], ids.flatten()[1:]),
            "before you flatten",
        ),
        (
            lambda x, ids: F.cross_entropy(x.flatten(0, 1)[:-1], ids.flatten()[1:], ignore_index=0),
            "before you flatten",
        ),
        (lambda x, ids: mean(x[:-1], ids[1:], ignore_index=0), "shift the texts"),
        (lambda x, ids: None, "nothing back"),
    ],
)
def test_a_wrong_loss_gets_its_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_next_word_loss(wrong)


def top_p(chances, p, stays=lambda best, p: best.cumsum(0) - best < p, share=True, back=True):
    best, order = chances.sort(descending=True)
    best = best * stays(best, p)
    best = best / best.sum() if share else best
    return torch.zeros_like(chances).scatter(0, order, best) if back else best


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda c, p: top_p(c, p, stays=lambda best, p: best.cumsum(0) <= p), "reaches 0.7 stays"),
        (lambda c, p: top_p(c, p, share=False), "must sum to 1"),
        (lambda c, p: top_p(c, p, back=False), "the index of its token"),
        (lambda c, p: top_p(c, p, back=False)[c.argsort(descending=True)], "with scatter"),
        (
            lambda c, p: top_p(c, p, stays=lambda best, p: best.cumsum(0) - best <= p),
            "Too many are left",
        ),
        (lambda c, p: c * (c > 1 - p) / c[c > 1 - p].sum(), "Too few are left"),
        (
            lambda c, p: top_p(c, p, share=False).where(top_p(c, p) > 0, -torch.inf).softmax(0),
            "without a softmax",
        ),
        (
            lambda c, p: top_p(c, p, stays=lambda best, p: best.cumsum(0) - best >= p),
            "least probable",
        ),
        (lambda c, p: top_p(c, p, share=False) / p, "should be something else at .1."),
        (lambda c, p: (kept := top_p(c, p, back=False))[kept > 0], "of the shape .4,."),
        (
            lambda c, p: (kept := c.masked_fill(top_p(c, p) == 0, -torch.inf)) / kept.sum(),
            "A nan comes from",
        ),
        (lambda c, p: c * (c >= p) / c[c >= p].sum(), "A nan comes"),
        (lambda c, p: c * (c.cumsum(0) <= p) / c[c.cumsum(0) <= p].sum(), "most probable token"),
        (lambda c, p: top_p(c, p, share=False, back=False), "the index of its token"),
        (
            lambda c, p: c * (kept := top_p(c, p, back=False) > 0) / c[kept].sum(),
            "the index of its token",
        ),
        (lambda c, p: top_p(c, p, stays=lambda best, p: best.cumsum(0) >= p), "least probable"),
        (lambda c, p: c, "most probable token"),
        (
            lambda c, p: c * (c.cumsum(0) - c < p) / c[c.cumsum(0) - c < p].sum(),
            "most probable token",
        ),
        (lambda c, p: top_p(c, p, stays=lambda best, p: torch.arange(4) < 3), "Too many"),
        (
            lambda c, p: top_p(
                c, p, stays=lambda best, p: best.flip(0).cumsum(0).flip(0) - best < p
            ),
            "most probable token",
        ),
    ],
)
def test_a_wrong_top_p_gets_its_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_top_p(wrong)


@pytest.mark.on_cpu(reason="Python integers only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda n, m: (sum(range(n, n + m)), n + m - 1), "two are swapped"),
        (lambda n, m: (n + m, sum(range(n, n + m))), "Nothing follows the last"),
        (lambda n, m: (n + m - 1, sum(range(n, n + m + 1))), "Nothing follows the last"),
        (lambda n, m: (n + m, sum(range(n, n + m + 1))), "Nothing follows the last"),
        (lambda n, m: n + m - 1, "a tuple of 2"),
        (lambda n, m: (n + m, m * (n + m)), "Nothing follows the last"),
        (lambda n, m: (2 * n * m, 0), r"positions\(5, 2\), with the cache, should be less"),
        (lambda n, m: (m, sum(range(n, n + m))), "prompt must be processed"),
        (lambda n, m: (n + m - 1, n * m), "one token longer"),
        (lambda n, m: (n + m - 1, sum(range(n + 1, n + m + 1))), "lengths begin at 5"),
        (lambda n, m: (n + m - 1, m * (n + m)), "one token longer"),
        (lambda n, m: (n + m - 1, sum(range(n + m))), "lengths begin at 5"),
        (lambda n, m: (m - 1, sum(range(n, n + m))), "prompt must be processed"),
        (lambda n, m: (n + m - 1, sum(range(n, n + m - 1))), "The last one is missing"),
        (lambda n, m: (n + m - 1, m * (n + m - 1)), "one token longer"),
        (lambda n, m: (n + m - 1, sum(range(m))), "lengths begin at 5"),
        (lambda n, m: (n + m - 1, n + m - 1), "should be more than 6"),
    ],
)
def test_wrong_counts_of_positions_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_positions_read(wrong)


def parameters(V, N, D, L, matrices=12, vectors=13, words=1, positions=1, norm=2):
    layer = matrices * D * D + vectors * D
    return (words * V + positions * N) * D + L * layer + norm * D


@pytest.mark.on_cpu(reason="Python integers only")
@pytest.mark.parametrize(
    ("mistake", "hint"),
    [
        ({"words": 2}, "embeddings twice"),
        ({"positions": 0}, "N × D for positions"),
        ({"norm": 0}, "last norm is missing"),
        ({"norm": 1}, "should be more than 784"),
        ({"words": 0}, "Embeddings are missing"),
        ({"words": 0, "positions": 0}, "Embeddings are missing"),
        ({"vectors": 12}, "lacks 1 D"),
        ({"vectors": 8}, "lacks 5 D"),
        ({"vectors": 0}, "lacks 13 D"),
        ({"vectors": 0, "norm": 0}, "All biases and norms"),
        ({"vectors": 4}, "lacks 9 D"),
        ({"vectors": 9}, "lacks 4 D"),
        ({"vectors": 11}, "lacks 2 D"),
        ({"vectors": 10}, "lacks 3 D"),
        ({"matrices": 11}, "four matrices"),
        ({"matrices": 11, "vectors": 12}, "four matrices"),
        ({"matrices": 8}, "a second matrix"),
        ({"matrices": 8, "vectors": 12}, "a second matrix"),
        ({"matrices": 16}, "one attention"),
        ({"matrices": 16, "vectors": 17}, "one attention"),
        ({"matrices": 16, "vectors": 19}, "one attention"),
    ],
)
def test_wrong_numbers_of_parameters_get_their_own_hint(mistake, hint):
    with pytest.raises(Hint, match=hint):
        check_gpt_parameters(lambda *sizes: parameters(*sizes, **mistake))


@pytest.mark.on_cpu(reason="Python integers only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda V, N, D, L: parameters(V, N, D, 1), "there are 12"),
        (lambda V, N, D, L: parameters(V, N, D, L) + V, "adds no bias"),
        (lambda V, N, D, L: parameters(V, N, D, L, words=2) + V, "embeddings twice"),
        (lambda V, N, D, L: ((V + N) * D, L * parameters(0, 0, D, 1)), "should be a number"),
    ],
)
def test_other_wrong_numbers_of_parameters_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_gpt_parameters(wrong)
