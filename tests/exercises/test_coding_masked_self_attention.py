"""The checks of *Coding masked self-attention* know a leak, and a test that misses one."""

import math

import pytest
import torch
from torch.autograd.functional import jacobian

from attention import MaskedSelfAttention, SelfAttention, causal_mask
from attention.exercises import (
    Hint,
    check_dependence_test,
    check_leak_test,
    check_masked_layer,
)
from tests.exercise_pages import solution


@pytest.mark.parametrize(
    ("check", "name"), [(check_dependence_test, "dependence_test"), (check_leak_test, "leak_test")]
)
def test_the_solution_does_not_depend_on_luck(check, name):
    written = solution(check.__name__, name)
    for seed in range(5):
        torch.manual_seed(seed)
        check(written)


def test_the_packages_layer_is_right():
    check_masked_layer(MaskedSelfAttention)


def square(x):
    return torch.ones(x.size(-2), x.size(-2), dtype=torch.bool)


def masked(make):
    """A layer whose mask is made from its input and the mask that is passed."""

    class Layer(SelfAttention):
        def forward(self, x, mask=None):
            return super().forward(x, make(x, mask))

    return Layer


def joined(join):
    """A layer that combines the causal mask and the passed one in its own way."""
    return masked(
        lambda x, given: square(x).tril() if given is None else join(square(x).tril(), given)
    )


def triangle(diagonal):
    return masked(lambda x, given: square(x).tril(diagonal))


class Late(SelfAttention):
    def forward(self, x, mask=None):
        causal = square(x).tril()
        weights = super().attention_weights(x) * (causal if mask is None else causal & mask)
        return weights @ self.W_v(x)


class Nan(SelfAttention):
    def forward(self, x, mask=None):
        allowed = square(x).tril() if mask is None else square(x).tril() & mask
        scores = self.W_q(x) @ self.W_k(x).transpose(-2, -1) / math.sqrt(6)
        return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ self.W_v(x)


class Finite(SelfAttention):
    def forward(self, x, mask=None):
        allowed = square(x).tril() if mask is None else square(x).tril() & mask
        scores = self.W_q(x) @ self.W_k(x).transpose(-2, -1) / math.sqrt(6)
        return scores.masked_fill(~allowed, -1e9).softmax(-1) @ self.W_v(x)


class Unscaled(Nan):
    def forward(self, x, mask=None):
        scores = self.W_q(x) @ self.W_k(x).transpose(-2, -1)
        return scores.masked_fill(~square(x).tril(), -math.inf).softmax(-1) @ self.W_v(x)


class Swapped(SelfAttention):
    def forward(self, x, mask=None):
        return super().forward(x, square(x).tril()).transpose(-2, -1)


class OnlyWithoutBatch(SelfAttention):
    def forward(self, x, mask=None):
        return super().forward(x, torch.ones(len(x), len(x), dtype=torch.bool).tril())


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (SelfAttention, "Nothing is masked"),
        (masked(lambda x, given: ~square(x).tril()), "the wrong way round"),
        (masked(lambda x, given: square(x).triu()), "the other triangle"),
        (triangle(-1), "A token may attend to itself"),
        (triangle(1), "Off by one"),
        (Late, "mask after the softmax"),
        (Unscaled, "square root"),
        (Nan, "gives NaN"),
        (Finite, "A finite score"),
        (masked(lambda x, given: causal_mask(5)), "(?s)7 tokens.* raises an error.*x.size"),
        (OnlyWithoutBatch, "a batch, raises an error"),
        (masked(lambda x, given: square(x).tril() & given), "(?s)raises an error.*be None"),
        (masked(lambda x, given: square(x).tril().float()), "(?s)raises an error.*is boolean"),
        (masked(lambda x, given: square(x).tril()), "You ignore the mask"),
        (joined(lambda causal, given: given), "drop your own"),
        (joined(lambda causal, given: causal | given), "Both masks must allow"),
        (joined(lambda causal, given: causal & ~given), r"layer\(x, mask\), .*at \[0, 0, 0\]"),
        (Swapped, "."),
        (torch.nn.Linear, "inherit from SelfAttention"),
        (SelfAttention(4), "the class itself"),
    ],
)
def test_wrong_layers(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_masked_layer(wrong)


def by_change(layer, shape=(6, 4), positions=range(1, 6), rows=slice(None)):
    x = torch.randn(shape)
    whole = layer(x)
    for t in positions:
        other = x.clone()
        other[..., t:, :] += 1
        assert torch.equal(layer(other)[..., :t, :][..., rows, :], whole[..., :t, :][..., rows, :])


def by_gradient(layer, shape=(6, 4)):
    x = torch.randn(shape).requires_grad_()
    for t in range(shape[-2] - 1):
        (gradient,) = torch.autograd.grad(layer(x)[..., t, :].sum(), x)
        assert not gradient[..., t + 1 :, :].any()


def by_cutting(layer, shape=(6, 4), lengths=range(1, 6)):
    x = torch.randn(shape)
    whole = layer(x)
    for t in lengths:
        assert torch.allclose(layer(x[..., :t, :]), whole[..., :t, :], atol=1e-5)


def on_both(*tests, length=12):
    """Runs tests on a sentence and on a batch, at every position."""

    def run(layer):
        for test in tests:
            for shape in [(length, 4), (2, length, 4)]:
                given = {} if test is by_gradient else {"lengths": range(1, length)}
                if test is by_change:
                    given = {"positions": range(1, length)}
                test(layer, shape, **given)

    return run


def cut_once(layer):
    for shape in [(12, 4), (2, 12, 4)]:
        by_cutting(layer, shape, lengths=[3])


def answers(layer):
    x = torch.randn(6, 4)
    return torch.equal(layer(x)[:3], layer(x)[:3])


def all_rows(layer):
    x = torch.randn(6, 4)
    other = x.clone()
    other[5] += 1
    assert torch.equal(layer(other), layer(x))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda layer: None, "has no mask at all"),
        (lambda layer: by_change(layer, positions=[5], rows=slice(0, 1)), "is off by one"),
        (by_change, "drops its mask in batches"),
        (by_cutting, "drops its mask in batches"),
        (lambda layer: by_change(layer, (2, 6, 4)), "where there is no batch"),
        (lambda layer: by_cutting(layer, (2, 6, 4), lengths=[3]), "where there is no batch"),
        (cut_once, "leaks in late rows"),
        (on_both(by_change, by_cutting, length=6), "more than 8 tokens"),
        (on_both(by_gradient), "leaks without a gradient"),
        (on_both(by_change), "divides by the length"),
        (on_both(by_gradient, by_change), "divides by the length"),
        (on_both(by_cutting), "a millionth"),
        (answers, "reports by assert"),
        (all_rows, "rejects a correct layer .*allclose"),
        (lambda layer: by_change(layer, (6, 5)), "your test stops with RuntimeError"),
    ],
)
def test_wrong_leak_tests(wrong, hint):
    torch.manual_seed(0)
    with pytest.raises(Hint, match=hint):
        check_leak_test(wrong)


@pytest.mark.parametrize("another", [by_change, by_gradient])
def test_cutting_and_either_of_the_others_finds_every_leak(another):
    torch.manual_seed(0)
    check_leak_test(on_both(another, by_cutting))


def changed_rows(layer, s):
    x = torch.randn(6, 4)
    other = x.clone()
    other[s] += 1
    return (layer(other) != layer(x)).any(dim=-1)


def sees(rows_of, words=range(6)):
    def test(layer):
        for s in words:
            assert changed_rows(layer, s)[rows_of(s)].all()

    return test


def whole_matrix(layer):
    dependence = jacobian(layer, torch.randn(6, 4)).abs().sum(dim=(1, 3))
    assert dependence.all()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda layer: None, "is off by one"),
        (sees(lambda s: slice(s + 1, None)), "is off by one"),
        (sees(lambda s: slice(s, s + 1)), "attend only to itself"),
        (sees(lambda s: slice(s, s + 2)), "one token before it"),
        (sees(lambda s: slice(s, None), words=[0, 5]), "those between"),
        (whole_matrix, "rejects a correct layer"),
        (lambda layer: changed_rows(layer, 2), "reports by assert"),
        (lambda layer: changed_rows(layer, 6), "stops with IndexError"),
    ],
)
def test_wrong_sight_tests(wrong, hint):
    torch.manual_seed(0)
    with pytest.raises(Hint, match=hint):
        check_dependence_test(wrong)


def test_a_right_sight_test_may_ask_the_gradient():
    def test(layer):
        dependence = jacobian(layer, torch.randn(6, 4)).abs().sum(dim=(1, 3))
        assert dependence[torch.ones(6, 6, dtype=torch.bool).tril()].all()

    check_dependence_test(test)


def test_a_check_leaves_the_readers_seed_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    for check in (check_leak_test, check_dependence_test):
        torch.manual_seed(0)
        with pytest.raises(Hint):
            check(lambda layer: None)
        assert torch.equal(torch.rand(1), expected)
