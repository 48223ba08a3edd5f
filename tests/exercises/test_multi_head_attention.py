"""The checks of *Multi-head attention* know right answers, and what is wrong with others."""

import pytest
import torch

from attention.exercises import (
    Hint,
    check_head_parameters,
    check_head_parts,
    check_previous_word,
    check_two_heads,
)


def by_head(Q, K, V, axis=-1, order=(0, 1)):
    return [(Q[:, [h]] @ K[:, [h]].T).softmax(axis) @ V[:, [h]] for h in order]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda Q, K, V: (Q @ K.T).softmax(-1) @ V, "This is one head"),
        (lambda Q, K, V: (Q @ K.T / 2**0.5).softmax(-1) @ V, "This is one head"),
        (lambda Q, K, V: torch.cat(by_head(Q, K, V, axis=0), -1), "Softmax runs over the last"),
        (lambda Q, K, V: torch.cat(by_head(Q / 2**0.5, K, V), -1), "divide by 1"),
        (lambda Q, K, V: torch.cat(by_head(Q, K, V, order=(1, 0)), -1), "wrong way round"),
        (lambda Q, K, V: torch.stack(by_head(Q, K, V)), "side by side"),
        (lambda Q, K, V: sum(by_head(Q, K, V)), "You added the answers"),
        (lambda Q, K, V: torch.cat(by_head(Q, K, V), 0), "below each other"),
        (
            lambda Q, K, V: torch.cat(
                [(Q[:, [h]] @ K[:, [h]].T).softmax(-1) @ V for h in (0, 1)], dim=-1
            ),
            "cut V as well",
        ),
        (
            lambda Q, K, V: torch.cat([Q[:, [h]] @ K[:, [h]].T @ V[:, [h]] for h in (0, 1)], -1),
            "Softmax is missing",
        ),
        (lambda Q, K, V: Q[:, 0] @ K[:, 0] @ V, "drops it"),
        (lambda Q, K, V: Q, "should be"),
    ],
)
def test_wrong_heads_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_two_heads(wrong)


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda d, h: 3 * d * d, "W_o is missing"),
        (lambda d, h: 4 * d * d * h, "Each head is narrow"),
        (lambda d, h: 3 * h * d * d + d * d, "Each head is narrow"),
        (lambda d, h: 4 * d * (d // h), "That is one head"),
        (lambda d, h: 3 * d * (d // h) + d * d, "those of one head"),
        (lambda d, h: 3 * d * d + h * d * d, "one W_o for all"),
        (lambda d, h: 4 * d * d + 4 * d, "include biases"),
    ],
)
def test_wrong_counts_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_head_parameters(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda a, W: a.transpose(0, 1).flatten(1) @ W, "the whole output"),
        (lambda a, W: a @ W.unflatten(0, (len(a), -1)) / len(a), "but the parts are summed"),
        (lambda a, W: (a @ W.unflatten(0, (len(a), -1))).transpose(0, 1), "The heads come first"),
        (
            lambda a, W: a @ W.unflatten(0, (-1, len(a))).transpose(0, 1),
            "rows of W_o stand together",
        ),
        (
            lambda a, W: torch.stack([a[h] @ W[:, 2 * h : 2 * h + 2].T for h in range(3)]),
            "You take columns",
        ),
        (lambda a, W: a @ W, "Each head has K rows"),
    ],
)
def test_wrong_parts_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_head_parts(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda w: w.diagonal(1).mean(), "the word after"),
        (lambda w: w.diagonal().mean(), "the word itself"),
        (lambda w: w.diagonal(-1).sum(), "a mean was asked for"),
        (lambda w: w.diagonal(-1).sum() / len(w), "does not count"),
        (lambda w: w.diagonal(-1), "Take their mean"),
        (lambda w: sum(w[t, t - 1] for t in range(len(w))) / len(w), "begin with the second"),
        (lambda w: w.tril(-1).sum() / 10, "all of the past"),
    ],
)
def test_wrong_shares_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_previous_word(wrong)
