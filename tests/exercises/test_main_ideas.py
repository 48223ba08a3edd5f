"""The checks of *The main ideas* know right answers, and say what is wrong with the others."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from attention import sinusoidal_positions
from attention.exercises import (
    Hint,
    check_embeddings,
    check_permutation_equivariant,
    check_positions,
    check_residual,
)


@pytest.mark.parametrize(
    "embed",
    [
        lambda table, ids: nn.Embedding.from_pretrained(table)(ids),
        lambda table, ids: F.one_hot(ids, table.size(0)).float() @ table,
        lambda table, ids: F.embedding(ids, table.requires_grad_()),
        lambda table, ids: torch.stack([torch.stack([table[i] for i in row]) for row in ids]),
    ],
)
def test_other_ways_to_look_up(embed):
    check_embeddings(embed)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda table, ids: table[:, ids], "You select columns"),
        (lambda table, ids: table.T[ids], "You select columns"),
        (lambda table, ids: table[ids - 1], "start from 0"),
        (lambda table, ids: table[ids.flatten()], "The batch axis is gone"),
        (lambda table, ids: table[ids].sum(1), "added up"),
        (lambda table, ids: table[ids].mean(1), "averaged"),
        (lambda table, ids: F.one_hot(ids, 4), "Multiply them by the table"),
        (lambda table, ids: F.one_hot(ids, 4).float(), "Multiply them by the table"),
        (lambda table, ids: table[ids].mT, "Transpose it"),
        (lambda table, ids: nn.Embedding(*table.shape)(ids), "none of these vectors is a row"),
        (lambda table, ids: F.one_hot(ids) @ table, r"F.one_hot gives integers.*\.float"),
        (lambda table, ids: table[ids] + 1, "none of these vectors is a row"),
        (lambda table, ids: table[ids].tolist(), "You return a list"),
        (lambda table, ids: table[ids].transpose(0, 1), "first two axes are swapped"),
        (lambda table, ids: "rows", "should be"),
    ],
)
def test_wrong_look_ups(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_embeddings(wrong)


def waves(length, d_model, exponent, start=0, base=10_000):
    """Sines and cosines by turns, with the divisor `base` to the power of each exponent."""
    t = torch.arange(start, start + length)[:, None]
    angles = t / base ** torch.tensor([exponent(j) for j in range(d_model)])
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


def in_halves(length, d_model):
    both = waves(length, d_model, lambda j: (j - j % 2) / d_model)
    return torch.cat([both[:, ::2], both[:, 1::2]], dim=1)


def cosine_first(length, d_model):
    return (
        waves(length, d_model, lambda j: (j - j % 2) / d_model).view(-1, 2).flip(1).view(length, -1)
    )


def all_sines(length, d_model):
    return waves(length, d_model, lambda j: (j - j % 2) / d_model)[:, ::2].repeat_interleave(2, 1)


def without_column(length, d_model):
    t = torch.arange(length)
    angles = t / 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def in_degrees(length, d_model):
    t = torch.arange(length)[:, None] * math.pi / 180
    angles = t / 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (in_halves, "left half"),
        (lambda n, d: waves(n, d, lambda j: (j - j % 2) / d, start=1), "from 1"),
        (lambda n, d: waves(n, d, lambda j: j / d), "its own frequency"),
        (lambda n, d: waves(n, d, lambda j: (j // 2) / d), "fall too slowly"),
        (lambda n, d: waves(n, d, lambda j: 2 * (j - j % 2) / d), "doubled twice"),
        (cosine_first, "are swapped"),
        (all_sines, "odd components are sines, too"),
        (lambda n, d: waves(n, d, lambda j: -(j - j % 2) / d), "rise from pair to pair"),
        (in_degrees, "take radians"),
        (lambda n, d: waves(n, d, lambda j: (j - j % 2) / d, base=1000), "powers of 10,000"),
        (lambda d, n: sinusoidal_positions(n, d), "first the length"),
        (lambda n, d: torch.arange(n) + torch.arange(d), r"positions\(4, 6\) raises an error"),
        (lambda n, d: sinusoidal_positions(n, d).T, "a row for each position"),
        (lambda n, d: sinusoidal_positions(n, d)[None], "a batch axis"),
        (lambda n, d: sinusoidal_positions(4, 6), "another size"),
        (lambda n, d: sinusoidal_positions(4, 4), "another size"),
        (without_column, r"torch\.arange\(length\)\[:, None\]"),
        (lambda n, d: waves(n, d, lambda j: (j - j % 2) / (d - 2)), "divisor 10,000"),
        (lambda n, d: sinusoidal_positions(n, d)[:, ::2], "the sines alone"),
        (lambda n, d: torch.arange(n)[:, None] / 10_000 ** (torch.arange(0, d, 2) / d), "angles"),
        (lambda n, d: 0.5, "should be"),
    ],
)
def test_wrong_waves(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_positions(wrong)


def in_place(x, layer):
    x += layer(x)
    return x


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, layer: layer(x), "only the output of the layer"),
        (lambda x, layer: x, "You return the input"),
        (lambda x, layer: torch.cat([x, layer(x)], dim=-1), "doubles the dimension"),
        (lambda x, layer: torch.cat([x, layer(x)], dim=0), "twice as many"),
        (lambda x, layer: (x + layer(x)) / 2, "the average"),
        (lambda x, layer: x * layer(x), "You multiply"),
        (lambda x, layer: x - layer(x), "You subtract the output"),
        (lambda x, layer: layer(x + layer(x)), "again after the sum"),
        (lambda x, layer: layer(x) + layer(x), "the output to itself"),
        (lambda x, layer: (x + layer(x)).softmax(-1), "No softmax"),
        (lambda x, layer: layer(x + x), "You double the input"),
        (lambda x, layer: x + layer(2 * x), "You double the input"),
        (lambda x, layer: F.layer_norm(x + layer(x), (3,)), "layer normalisation"),
        (lambda x, layer: x + layer(F.layer_norm(x, (3,))), "layer normalisation"),
        (lambda x, layer: x + F.layer_norm(layer(x), (3,)), "layer normalisation"),
        (lambda x, layer: x + layer(x)[0, :2], "raises an error"),
        (in_place, "has changed x"),
        (lambda x, layer: layer, "the layer itself"),
        (lambda x, layer: layer(x) - x, "subtract the input"),
        (lambda x, layer: torch.stack([x, layer(x)]), "You stack"),
    ],
)
def test_wrong_residuals(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_residual(wrong)


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


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (outputs_stay, "permute the outputs of the original order"),
        (lambda model: False, "permute the outputs of the original order"),
        (to_the_last_bit, "rounded differently"),
        (lambda model: True, "only permuted"),
        (mirror, "from the middle"),
        (two_words, "from the middle"),
        (sums, "the sum or the average"),
        (lambda model: not right_way(model), "the wrong way round"),
        (lambda model: model(X)[ORDER], "Return True or False"),
        (lambda model: model(X[0, :, None].flatten()) > 0, "raises an error"),
        (lambda model: "equivariant", "Return True or False"),
    ],
)
def test_wrong_detectors(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_permutation_equivariant(wrong)


def test_a_tensor_that_says_true_or_false_is_an_answer():
    check_permutation_equivariant(right_way)
    check_permutation_equivariant(lambda model: torch.tensor(right_way(model)))
