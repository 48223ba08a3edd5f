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
        (lambda x, ids: mean(x, ids), "Not shifted"),
        (lambda x, ids: mean(x, ids, ignore_index=0), "Not shifted"),
        (lambda x, ids: mean(x[:, :-1], ids[:, :-1]), "without a shift"),
        (lambda x, ids: mean(x[:, :-1], ids[:, :-1], ignore_index=0), "without a shift"),
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
        (lambda x, ids: mean(x[:, :-1], ids[:, 1:], reduction="none").view(2, 4), "one number"),
        (lambda x, ids: F.cross_entropy(x[:, :-1], ids[:, 1:]), "flatten"),
        (lambda x, ids: mean(x[:, 1:], ids[:, 1:], ignore_index=0), "which is no shift"),
        (lambda x, ids: mean(x, ids.roll(-1, 1)), "roll puts"),
        (lambda x, ids: mean(x, ids.roll(-1, 1), ignore_index=0), "roll puts"),
        (lambda x, ids: mean(x[:, :-2], ids[:, 2:], ignore_index=0), "by two"),
        (lambda x, ids: mean(x[:, :-1].softmax(-1), ids[:, 1:], ignore_index=0), "applied twice"),
        (
            lambda x, ids: mean(x[:, :-1], ids[:, 1:], ignore_index=0, reduction="sum") / 2,
            "number of lines",
        ),
        (lambda x, ids: p_of(x, ids).mean(), "the mean probability"),
        (lambda x, ids: -p_of(x, ids).mean().log(), "logarithm of the mean"),
        (lambda x, ids: None, "nothing back"),
    ],
)
def test_a_wrong_loss_gets_its_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_next_word_loss(wrong)


def p_of(x, ids):
    targets = ids[:, 1:]
    p = x[:, :-1].softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return p[targets != 0]


def top_p(chances, p, stays=lambda best, p: best.cumsum(0) - best < p, share=True, back=True):
    best, order = chances.sort(descending=True)
    best = best * stays(best, p)
    best = best / best.sum() if share else best
    return torch.zeros_like(chances).scatter(0, order, best) if back else best


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda c, p: top_p(c, p, stays=lambda best, p: best.cumsum(0) <= p), "reaches 0.3 stays"),
        (
            lambda c, p: top_p(c, p, stays=lambda best, p: best.cumsum(0) <= p, share=False),
            "reaches 0.3 stays",
        ),
        (lambda c, p: top_p(c, p, share=False), "must sum to 1"),
        (lambda c, p: top_p(c, p, back=False), "the index of its token"),
        (lambda c, p: top_p(c, p, back=False)[c.argsort(descending=True)], "use scatter"),
        (
            lambda c, p: top_p(c, p, stays=lambda best, p: best.cumsum(0) - best <= p),
            "One token too many",
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
        (lambda c, p: top_p(c, p, share=False) / p, "not by p"),
        (lambda c, p: (kept := top_p(c, p, back=False))[kept > 0], "the nucleus only"),
        (
            lambda c, p: (kept := c.masked_fill(top_p(c, p) == 0, -torch.inf)) / kept.sum(),
            "infinity",
        ),
        (lambda c, p: c, "keep all tokens"),
        (lambda c, p: c * (c >= p) / c[c >= p].sum(), "compare each probability"),
        (
            lambda c, p: c * (c.cumsum(0) - c < p) / c[c.cumsum(0) - c < p].sum(),
            "order of the vocabulary",
        ),
        (lambda c, p: top_p(c, p, stays=lambda best, p: torch.arange(4) < 3), "should be"),
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
        (lambda n, m: (m, sum(range(n, n + m))), "prompt must be processed"),
        (lambda n, m: (n + m - 1, n * m), "one token longer"),
        (lambda n, m: (n + m - 1, sum(range(n + 1, n + m + 1))), "lengths begin at 5"),
        (lambda n, m: (n + m - 1, m * (n + m)), "that long from the start"),
        (lambda n, m: (n + m - 1, sum(range(n + m))), "from the start"),
        (lambda n, m: (m - 1, sum(range(n, n + m))), "prompt must be processed"),
        (lambda n, m: (n, sum(range(n, n + m))), "each new token but the last"),
        (lambda n, m: (n + m - 1, sum(range(n, n + m - 1))), "leave out the last pass"),
        (lambda n, m: (n + m - 1, m * (n + m - 1)), "that long from the start"),
        (lambda n, m: (n + m - 1, sum(range(m))), "in each pass, too"),
        (lambda n, m: (n + m - 1, n + m - 1), "for each new token"),
        (lambda n, m: (n + m - 1, (n + m - 1) ** 2), "pairs of positions"),
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
        ({"positions": 0}, "positions are missing"),
        ({"norm": 0}, "last norm is missing"),
        ({"norm": 1}, "You count one"),
        ({"words": 0}, "V × D"),
        ({"words": 0, "positions": 0}, "tokens and positions"),
        ({"vectors": 12}, "lacks D parameters"),
        ({"vectors": 8}, "lacks 5 D parameters"),
        ({"vectors": 0}, "biases and norms of the blocks"),
        ({"vectors": 0, "norm": 0}, "All biases and norms"),
        ({"vectors": 4}, "biases are missing"),
        ({"vectors": 9}, "lacks 4 D parameters"),
        ({"vectors": 11}, "two norms in a block"),
        ({"vectors": 10}, "has 4 D components"),
        ({"matrices": 11}, "four matrices"),
        ({"matrices": 8}, "two matrices"),
        ({"matrices": 16}, "one attention"),
    ],
)
def test_wrong_numbers_of_parameters_get_their_own_hint(mistake, hint):
    with pytest.raises(Hint, match=hint):
        check_gpt_parameters(lambda *sizes: parameters(*sizes, **mistake))


@pytest.mark.on_cpu(reason="Python integers only")
def test_one_layer_is_not_all_of_them():
    with pytest.raises(Hint, match="there are 12"):
        check_gpt_parameters(lambda V, N, D, L: parameters(V, N, D, 1))
