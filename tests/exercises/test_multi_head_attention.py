"""The checks of *Multi-head attention* accept right answers, and name what is wrong with others."""

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
        (lambda Q, K, V: torch.cat(by_head(Q, K, V, axis=0), -1), "Softmax goes over the last"),
        (lambda Q, K, V: torch.cat(by_head(Q / 2**0.5, K, V), -1), "divide by √1"),
        (lambda Q, K, V: torch.cat(by_head(Q, K, V, order=(1, 0)), -1), "wrong order"),
        (lambda Q, K, V: torch.stack(by_head(Q, K, V)), "You stack the heads"),
        (lambda Q, K, V: sum(by_head(Q, K, V)), "You add the head outputs"),
        (lambda Q, K, V: torch.cat(by_head(Q, K, V), 0), "along the tokens"),
        (
            lambda Q, K, V: torch.cat(
                [(Q[:, [h]] @ K[:, [h]].T).softmax(-1) @ V for h in (0, 1)], dim=-1
            ),
            "split V as well",
        ),
        (
            lambda Q, K, V: torch.cat([Q[:, [h]] @ K[:, [h]].T @ V[:, [h]] for h in (0, 1)], -1),
            "Softmax is missing",
        ),
        (lambda Q, K, V: Q[:, 0] @ K[:, 0] @ V, "drops it"),
        (by_head, "You return a list"),
        (lambda Q, K, V: Q.T[:, :, None].mul(K.T[:, None]).softmax(-1), "These are the weights"),
        (lambda Q, K, V: Q, "two_heads"),
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
        (lambda d, h: 4 * d * d * h, "The matrices of a head"),
        (lambda d, h: 3 * h * d * d + d * d, "The matrices of a head"),
        (lambda d, h: 4 * d * (d // h), "That is one head"),
        (lambda d, h: 3 * d * (d // h) + d * d, "three matrices of one"),
        (lambda d, h: 3 * d * d + h * d * d, "have one W_o"),
        (lambda d, h: 4 * d * d + 4 * d, "include biases"),
    ],
)
def test_wrong_counts_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_head_parameters(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda a, W: a.transpose(0, 1).flatten(1) @ W, "the output of the layer"),
        (lambda a, W: a @ W.unflatten(0, (len(a), -1)) / len(a), "the output is a sum"),
        (
            lambda a, W: (a @ W.unflatten(0, (len(a), -1))).transpose(0, 1),
            "The heads are the first axis",
        ),
        (
            lambda a, W: a @ W.unflatten(0, (-1, len(a))).transpose(0, 1),
            "You take every H-th row",
        ),
        (
            lambda a, W: torch.stack([a[h] @ W[:, 2 * h : 2 * h + 2].T for h in range(3)]),
            "You use columns",
        ),
        (lambda a, W: a @ W, "Each head has K rows"),
        (lambda a, W: list(a @ W.unflatten(0, (len(a), -1))), "You return a list"),
    ],
)
def test_wrong_parts_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_head_parts(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda w: w.diagonal(1).mean(), "the next token"),
        (lambda w: w.diagonal().mean(), "the token itself"),
        (lambda w: w.diagonal(-2).mean(), "two positions back"),
        (lambda w: w.diagonal(-1).sum(), "Take the mean"),
        (lambda w: w.diagonal(-1).sum() / len(w), "does not count"),
        (lambda w: w.diagonal(-1), "Take their mean"),
        (lambda w: sum(w[t, t - 1] for t in range(len(w))) / len(w), "begin with the second"),
        (lambda w: w.tril(-1).sum() / 10, "every earlier token"),
    ],
)
def test_wrong_means_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_previous_word(wrong)
