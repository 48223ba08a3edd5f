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
        (lambda Q, K, V: torch.cat(by_head(Q / 2**0.5, K, V), -1), "is √1 here"),
        (lambda Q, K, V: torch.stack(by_head(Q, K, V)), "Concatenate the head outputs"),
        (lambda Q, K, V: sum(by_head(Q, K, V)), "Concatenate the head outputs"),
        (lambda Q, K, V: torch.cat(by_head(Q, K, V), 0), "Concatenate the head outputs"),
        (
            lambda Q, K, V: torch.cat(
                [(Q[:, [h]] @ K[:, [h]].T).softmax(-1) @ V for h in (0, 1)], dim=-1
            ),
            "Split V as well",
        ),
        (
            lambda Q, K, V: torch.cat([Q[:, [h]] @ K[:, [h]].T @ V[:, [h]] for h in (0, 1)], -1),
            "Softmax is missing",
        ),
        (lambda Q, K, V: Q[:, 0] @ K[:, 0] @ V, "drops it"),
        (lambda Q, K, V: Q.T[:, :, None].mul(K.T[:, None]).softmax(-1), "These are the weights"),
        (lambda Q, K, V: by_head(Q, K, V)[0], r"of the shape \(4, 2\), but yours"),
        (lambda Q, K, V: torch.cat(by_head(Q, K, V, order=(0, 0)), -1), "something else"),
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
        (lambda d, h: 4 * d * (d // h), "W_q, W_k and W_v come out"),
        (lambda d, h: 3 * d * (d // h) + d * d, "W_q, W_k and W_v come out"),
        (lambda d, h: 3 * h * (d // h) ** 2 + d * d, "W_q, W_k and W_v come out"),
        (lambda d, h: d * d, "should be more than 262144"),
        (lambda d, h: 3 * d * d + d * (d // h), "There is one W_o"),
        (lambda d, h: 1_048_576, "Compute it from d_model"),
        (lambda d, h: 3 * d * d + h * d * d, "There is one W_o"),
        (lambda d, h: 4 * d * d + 4 * d, "include biases"),
    ],
)
def test_wrong_counts_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_head_parameters(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda a, W: a.transpose(0, 1).flatten(1) @ W, "the sum of all"),
        (lambda a, W: a @ W.unflatten(0, (len(a), -1)) / len(a), "something else at"),
        (lambda a, W: (a @ W.unflatten(0, (len(a), -1))).transpose(0, 1), r"shape \(3, 4, 6\)"),
        (
            lambda a, W: a @ W.unflatten(0, (-1, len(a))).transpose(0, 1),
            "You take every H-th row",
        ),
        (
            lambda a, W: torch.stack([a[h] @ W[:, 2 * h : 2 * h + 2].T for h in range(3)]),
            "You use columns",
        ),
        (lambda a, W: a @ W, "Each head has K rows"),
        (lambda a, W: a @ W[:2], "Every head gets the first K rows"),
        (lambda a, W: torch.stack([a[h] @ W[h : h + 2] for h in range(3)]), "Your heads share"),
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
        (lambda w: w.diagonal(-2).mean(), "should be less than"),
        (lambda w: w.diagonal(-1).sum(), "Take the mean"),
        (lambda w: w.diagonal(-1).sum() / len(w), "does not count"),
        (lambda w: w.diagonal(-1), "Take the mean"),
        (lambda w: sum(w[t, t - 1] for t in range(len(w))) / len(w), "begin with the second"),
        (lambda w: w[0, len(w)], "row 0 has no previous token"),
    ],
)
def test_wrong_means_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_previous_word(wrong)
