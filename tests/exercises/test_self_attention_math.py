"""The checks of *The matrix math of self-attention* tell right answers, and name the mistakes."""

import pytest
import torch

from attention import scaled_dot_product_attention
from attention.exercises import (
    Hint,
    check_attention_output,
    check_row_weights,
    check_scaled_scores,
    check_word_scores,
)
from attention.exercises.self_attention_math import W_K, W_Q, W_V, X


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda X, W_q, W_k: X @ X.T, "Both sides are the same"),
        (lambda X, W_q, W_k: (X @ W_q) @ (X @ W_q).T, "Both sides are the same"),
        (lambda X, W_q, W_k: (X @ W_k) @ (X @ W_k).T, "Both sides are the same"),
        (lambda X, W_q, W_k: (X @ W_k) @ (X @ W_q).T, "Transpose it"),
        (lambda X, W_q, W_k: (X @ W_q.T) @ (X @ W_k.T).T, r"without \.T"),
        (lambda X, W_q, W_k: (X @ W_q) @ (X @ W_k).T / 2**0.5, "Don't scale them yet"),
        (lambda X, W_q, W_k: ((X @ W_q) @ (X @ W_k).T).softmax(-1), "Return the scores"),
        (lambda X, W_q, W_k: ((X @ W_q) @ (X @ W_k).T / 2**0.5).softmax(-1), "Return the scores"),
        (lambda X, W_q, W_k: (X @ W_q) * (X @ W_k), "also adds up"),
        (lambda X, W_q, W_k: (X @ W_q) @ (X @ W_k), "Transpose the keys"),
        (lambda X, W_q, W_k: (X @ W_q).T @ (X @ W_k), "not the queries"),
        (lambda X, W_q, W_k: ((X @ W_q) * (X @ W_k)).sum(-1), r"yours is of the shape \(3,\)"),
        (lambda X, W_q, W_k: X @ W_k, r"yours is of the shape \(3, 2\)"),
        (lambda X, W_q, W_k: "scores", r"word_scores\(X, W_q, W_k\)"),
    ],
)
def test_wrong_scores(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_word_scores(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda s: s.softmax(0), r"\(2, 3\), your weights sum to 1 over the queries"),
        (lambda s: s.softmax(1), r"\(2, 4, 3\), your weights sum to 1 over the queries"),
        (
            lambda s: s.softmax(max(-3, -s.dim()) if s.dim() > 2 else -1),
            r"\(2, 4, 3\).*over the sentences",
        ),
        (lambda s: s.softmax(-1 if s.dim() < 4 else 1), "over the heads"),
        (lambda s: s.exp(), "Divide by the total of each row"),
        (lambda s: s.exp() / s.exp().sum(), "All weights together sum"),
        (lambda s: s / s.sum(-1, keepdim=True), "Scores can be negative"),
        (lambda s: s.log_softmax(-1), r"something else at \[0, 0\]"),
        (lambda s: s.softmax(-1)[0], r"yours is of the shape \(3,\)"),
        (lambda s: s.softmax(2), "count from the end"),
        (lambda s: s.exp() / s.exp().sum(-1), "(?s)raises an error.*keepdim=True"),
    ],
)
def test_wrong_weights(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_row_weights(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda Q, K: Q @ K.T / K.size(-1), "the variance becomes 1/16"),
        (lambda Q, K: Q @ K.T / (K.size(-1) ** 1 / 2), "half of d_k"),
        (lambda Q, K: Q @ K.T / K.size(-1) ** 1 / 2, "half of d_k"),
        (lambda Q, K: Q @ K.T / torch.sqrt(K.size(-1)), "math.sqrt takes the root of a number"),
        (lambda Q, K: Q @ K.T / len(K) ** 0.5, "the number of keys, 5"),
        (lambda Q, K: Q @ K.T / len(Q) ** 0.5, "the number of queries, 3"),
        (lambda Q, K: Q @ K.T / len(K), "something else at"),
        (lambda Q, K: Q @ K.T / 2**0.5, "always divide by √2"),
        (lambda Q, K: Q @ K.T, "aren't scaled yet"),
        (lambda Q, K: Q @ K.T * K.size(-1) ** 0.5, "multiply by the square root"),
        (lambda Q, K: (Q @ K.T / K.size(-1) ** 0.5).softmax(-1), "These are weights already"),
        (lambda Q, K: Q @ K / K.size(-1) ** 0.5, "Transpose the keys"),
        (lambda Q, K: K @ Q.T / K.size(-1) ** 0.5, r"yours is of the shape \(5, 3\)"),
    ],
)
def test_wrong_scales(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_scaled_scores(wrong)


def fused_attention(Q, K, V, scale=None, dim=-1):
    return (Q @ K.T / (scale or K.size(-1) ** 0.5)).softmax(dim) @ V


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda Q, K, V: fused_attention(Q, K, V, dim=0), "Your columns sum to 1; each row should"),
        (lambda Q, K, V: fused_attention(Q, K, V, scale=1), "aren't scaled"),
        (lambda Q, K, V: fused_attention(Q, K, V, scale=K.size(-1)), "divide by d_k = 2"),
        (lambda Q, K, V: Q @ K.T / K.size(-1) ** 0.5 @ V, "Softmax is missing"),
        (lambda Q, K, V: Q @ K.T @ V, "Softmax is missing"),
        (lambda Q, K, V: (Q @ K.T / K.size(-1) ** 0.5).exp() @ V, "Divide by the total"),
        (lambda Q, K, V: fused_attention(Q, K, V, scale=2**0.5), "always divide by √2"),
        (lambda Q, K, V: (Q @ K.T / K.size(-1) ** 1 / 2).softmax(-1) @ V, "half of d_k"),
        (lambda Q, K, V: fused_attention(Q, K, V, scale=K.size(-1) ** 1 / 2), r"d_k \*\* 0\.5"),
        (lambda Q, K, V: fused_attention(Q, Q, V), "Use Q and K"),
        (lambda Q, K, V: V @ (Q @ K.T).softmax(-1), "(?s)raises an error.*weights @ V"),
        (lambda Q, K, V: (Q @ K.T / K.size(-1) ** 0.5).softmax(-1), "These are the weights"),
        (lambda Q, K, V: fused_attention(K, Q, V), "are swapped"),
        (lambda Q, K, V: fused_attention(Q, K, K), "weighted sum of the keys"),
        (lambda Q, K, V: fused_attention(Q, K, V).T, r"yours is of the shape \(2, 3\)"),
        (
            lambda Q, K, V: (Q @ K.T / K.size(-1) ** 0.5).softmax(-1).T @ V,
            "Multiply by the weights as they are",
        ),
        (lambda Q, K, V: fused_attention(Q, K, V, scale=V.size(-1) ** 0.5), "root of another size"),
        (lambda Q, K, V: fused_attention(Q, K, V, scale=len(K) ** 0.5), "root of another size"),
        (lambda Q, K, V: fused_attention(Q, K, V, scale=len(Q) ** 0.5), "root of another size"),
        (lambda Q, K, V: (Q @ K.T).softmax(-1) / 2**0.5 @ V, "scale after softmax"),
        (lambda Q, K, V: (Q @ K / 2**0.5).softmax(-1) @ V, "Transpose the keys"),
        (lambda Q, K, V: scaled_dot_product_attention(Q, K, V), "yours is a tuple of 2"),
    ],
)
def test_wrong_outputs(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_attention_output(wrong)


def test_an_answer_may_change_what_it_gets_and_the_numbers_stay():
    def careless(Q, K, V):
        expected = fused_attention(Q, K, V)
        Q.zero_(), K.zero_(), V.zero_()
        return expected

    check_attention_output(careless)
    check_attention_output(careless)


def test_the_numbers_are_those_of_the_page():
    output, weights = scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V)
    expected = torch.tensor([[0.32, 0.04, 0.64], [0.19, 0.05, 0.77], [0.19, 0.77, 0.05]])
    assert torch.allclose(weights, expected, atol=0.006)
    expected = torch.tensor([[0.32, 1.53], [0.19, 1.63], [0.19, -1.26]])
    assert torch.allclose(output, expected, atol=0.006)
