"""The checks of *Positional encodings* know right answers, and explain wrong ones."""

import pytest
import torch

from attention import sinusoidal_positions
from attention.exercises import (
    Hint,
    check_linear_biases,
    check_permutation_equivariant,
    check_positions,
)


def sinusoids(length, d_model, exponent, start=0, base=10_000):
    """Sines and cosines by turns, with the divisor `base` to the power of each exponent."""
    t = torch.arange(start, start + length)[:, None]
    angles = t / base ** torch.tensor([exponent(j) for j in range(d_model)])
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


def in_halves(length, d_model):
    both = sinusoids(length, d_model, lambda j: (j - j % 2) / d_model)
    return torch.cat([both[:, ::2], both[:, 1::2]], dim=1)


def cosine_first(length, d_model):
    return (
        sinusoids(length, d_model, lambda j: (j - j % 2) / d_model)
        .view(-1, 2)
        .flip(1)
        .view(length, -1)
    )


def all_sines(length, d_model):
    return sinusoids(length, d_model, lambda j: (j - j % 2) / d_model)[:, ::2].repeat_interleave(
        2, 1
    )


def without_column(length, d_model):
    t = torch.arange(length)
    angles = t / 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def without_parentheses(length, d_model):
    angles = torch.arange(length)[:, None] / 10_000 ** torch.arange(0, d_model, 2) / d_model
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (in_halves, "Alternate them"),
        (lambda n, d: sinusoids(n, d, lambda j: (j - j % 2) / d, start=1), "from 1"),
        (lambda n, d: sinusoids(n, d, lambda j: j / d), "share one exponent"),
        (lambda n, d: sinusoids(n, d, lambda j: 2 * j / d), "share one exponent"),
        (without_parentheses, "Put the exponent in parentheses"),
        (lambda n, d: sinusoids(n, d, lambda j: (j // 2) / d), "fall too slowly"),
        (lambda n, d: sinusoids(n, d, lambda j: 2 * (j - j % 2) / d), "doubled twice"),
        (cosine_first, "are swapped"),
        (all_sines, "odd components are sines, too"),
        (lambda n, d: sinusoidal_positions(n, d) * (torch.arange(d) % 2 == 0), r"at \[0, 1\]"),
        (lambda n, d: sinusoids(n, d, lambda j: -(j - j % 2) / d), "rise from pair to pair"),
        (lambda n, d: sinusoids(n, d, lambda j: (j - j % 2) / d, base=1000), r"at \[1, 2\]"),
        (lambda n, d: torch.arange(n) + torch.arange(d), r"positions\(4, 6\) raises an error"),
        (lambda n, d: sinusoidal_positions(n, d).T, "a row for each position"),
        (lambda n, d: sinusoidal_positions(n, d)[None], r"yours is of the shape \(1, 4, 6\)"),
        (lambda n, d: sinusoidal_positions(4, 6), r"positions\(8, 10\) should be .* \(8, 10\)"),
        (without_column, r"torch\.arange\(length\)\[:, None\]"),
        (lambda n, d: sinusoidal_positions(n, d)[:, ::2], r"yours is of the shape \(4, 3\)"),
        (lambda n, d: torch.arange(n)[:, None] / 10_000 ** (torch.arange(0, d, 2) / d), "angles"),
        (lambda n, d: 0.5, r"positions\(4, 6\)"),
    ],
)
def test_wrong_sinusoids(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_positions(wrong)


X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 1.0]])
ORDER = torch.tensor([3, 0, 2, 1])


def mirror(model):
    return torch.allclose(model(X).flip(0), model(X.flip(0)), atol=1e-5)


def two_words(model):
    return torch.allclose(model(X[:2]).flip(0), model(X[:2].flip(0)), atol=1e-5)


def outputs_stay(model):
    return torch.allclose(model(X), model(X[ORDER]), atol=1e-5)


def to_the_last_bit(model):
    words = torch.rand(50, 7, generator=torch.Generator().manual_seed(0))
    order = torch.arange(50).roll(7)
    return torch.equal(model(words)[order], model(words[order]))


def sums(model):
    return torch.allclose(model(X).sum(0), model(X[ORDER]).sum(0), atol=1e-5)


def right_way(model):
    return torch.allclose(model(X)[ORDER], model(X[ORDER]), atol=1e-5)


def components(model, x=X):
    order = torch.arange(x.size(1)).roll(1)
    return torch.allclose(model(x)[:, order], model(x[:, order]), atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (components, r"not x\[:, order\]"),
        (lambda model: components(model, torch.eye(3)), "Permute the tokens, axis 0"),
        (lambda model: torch.allclose(model(X), model(X), atol=1e-5), "may be the old one"),
        (outputs_stay, "its permuted outputs"),
        (lambda model: False, "its permuted outputs"),
        (to_the_last_bit, "rounded differently"),
        (lambda model: True, "only permuted"),
        (mirror, "from the middle"),
        (two_words, "from the middle"),
        (sums, "a sum over all positions"),
        (lambda model: not right_way(model), "the wrong way round"),
        (lambda model: model(X)[ORDER], "Return True or False"),
        (lambda model: torch.allclose(model(X), model(X[:3])), "raises an error"),
        (lambda model: "equivariant", "Return True or False"),
        (lambda model: 1, "Yours is of the type int"),
    ],
)
def test_wrong_detectors(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_permutation_equivariant(wrong)


def test_a_tensor_that_says_true_or_false_is_an_answer():
    check_permutation_equivariant(right_way)
    check_permutation_equivariant(lambda model: torch.tensor(right_way(model)))


def distances(length):
    t = torch.arange(length)
    return (t[:, None] - t).abs()


def signed(length):
    t = torch.arange(length)
    return t[:, None] - t


def with_mask(length, slope):
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return (-slope * distances(length)).masked_fill(future, -torch.inf)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda n, m: m * distances(n), "raise the scores of distant keys"),
        (lambda n, m: m * signed(n), "wrong sign"),
        (lambda n, m: -m * signed(n), "wrong sign"),
        (lambda n, m: -distances(n), "slope is missing"),
        (lambda n, m: distances(n), "These are the distances"),
        (lambda n, m: distances(n) - m, r"at \[0, 0\]"),
        (with_mask, "Leave the future to the causal mask"),
        (lambda n, m: (-m * distances(n)).tril(), "Leave the future to the causal mask"),
        (lambda n, m: -m * torch.arange(n), r"yours is of the shape \(5,\)"),
        (lambda n, m: (-m * distances(n)).softmax(-1), r"at \[0, 0\]"),
        (lambda n, m: -0.5 * distances(5), r"linear_biases\(3, 0.25\)"),
        (lambda n, m: -m * (torch.arange(n) - torch.arange(n + 1)), "raises an error"),
        (lambda n, m: None, "nothing back"),
    ],
)
def test_wrong_biases(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_linear_biases(wrong)


def test_biases_in_a_loop_are_right():
    check_linear_biases(
        lambda n, m: torch.tensor([[-m * abs(t - u) for u in range(n)] for t in range(n)])
    )
