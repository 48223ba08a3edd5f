"""The checks of the lab *Coding self-attention* tell right answers, and name the mistakes."""

import math

import pytest
import torch
from torch import nn

from attention import SelfAttention
from attention.exercises import (
    Hint,
    check_parameter_count,
    check_self_attention,
    check_self_attention_batches,
    check_self_attention_class,
)


def attend(x, W_q, W_k, W_v, axes=(-2, -1), dim=-1, scale=None):
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    return (q @ k.transpose(*axes) / (scale or math.sqrt(k.size(-1)))).softmax(dim) @ v


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda *given: None, "(gives nothing back|returns nothing) yet"),
        (lambda *given: attend(*given, dim=0), "Your columns sum to 1"),
        (lambda *given: attend(*given, scale=1), "aren't scaled"),
        (lambda *given: attend(*given, scale=given[1].size(1)), "divide by d_k"),
        (
            lambda *given: attend(*given, scale=given[0].size(1) ** 0.5),
            "the root of d_model",
        ),
        (lambda x, q, k, v: attend(x, q.T, k.T, v.T), "without .T"),
        (lambda x, q, k, v: attend(x, k, q, v), "are swapped"),
        (
            lambda x, q, k, v: attend(x, q, k, torch.eye(len(v))),
            "average the token vectors",
        ),
        (lambda x, q, k, v: attend(x, q, k, k), "weighted sum of the keys"),
        (lambda x, q, k, v: attend(x, q, q, v), "Both sides are the same"),
        (lambda x, q, k, v: attend(x, k, k, v), "Both sides are the same"),
        (lambda *given: attend(*given, scale=2**0.5), "always divide by √2"),
        (lambda x, q, k, v: attend(x @ x.mT @ x, q, k, v), "."),
        (lambda x, q, k, v: (x @ q) @ (x @ k), "(?s)raises an error.*Transpose the keys"),
        (lambda *given: attend(*given).T, "."),
        (lambda *given: attend(*given)[None], "."),
        (lambda x, q: x, "raises an error"),
    ],
)
def test_wrong_functions(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_self_attention(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda *given: attend(*given, axes=(0, 1)), "swap axis 0"),
        (lambda *given: attend(*given, axes=(0, -1)), "swap axis 0"),
        (lambda *given: attend(*given, axes=(0, -1), dim=1), "components of other sentences"),
        (lambda *given: attend(*given, dim=1), "Your columns sum to 1"),
        (lambda *W: attend(*W, scale=W[1].size(-1) ** 1 / 2), "half of d_k"),
        (
            lambda x, *W: attend(x, *W, dim=0 if x.dim() > 2 else -1),
            r"softmax\(dim=0\) runs over a batch axis",
        ),
        (
            lambda x, *W: attend(x[:1] if x.dim() > 2 else x, *W),
            r"yours is of the shape \(1, 3, 3\)",
        ),
        (
            lambda x, *W: attend(x, *W, axes=(1, 2) if x.dim() > 2 else (0, 1)),
            r"(?s)two batch axes.*Count axes from the end",
        ),
        (lambda x, *W: attend(x, *W).flatten(0, -3) if x.dim() > 3 else attend(x, *W), "."),
        (
            lambda x, *W: torch.stack([attend(one, *W) for one in x]) if x.dim() == 3 else 0 * x,
            ".",
        ),
    ],
)
def test_wrong_batches(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_self_attention_batches(wrong)


def a_class(names=("W_q", "W_k", "W_v"), bias=False, swap=False, **mistake):
    """The class, and what may be wrong with it."""

    class Attention(nn.Module):
        def __init__(self, d_model, d_head):
            super().__init__()
            sizes = (d_head, d_model) if swap else (d_model, d_head)
            for name in names:
                setattr(self, name, nn.Linear(*sizes, bias=bias))

        def forward(self, x):
            matrices = (w.weight.T for w in (self.W_q, self.W_k, self.W_v))
            return attend(x, *matrices, **mistake)

    return Attention


class NoForward(SelfAttention):
    forward = nn.Module.forward


class NoSuper(nn.Module):
    def __init__(self, d_model, d_head):
        self.W_q = nn.Linear(d_model, d_head, bias=False)


class Bare(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        for name in ("W_q", "W_k", "W_v"):
            setattr(self, name, nn.Parameter(torch.randn(d_model, d_head)))


class NotCalled(SelfAttention):
    def forward(self, x):
        return x @ self.W_q


def two_draws(d_model, d_head):
    torch.rand(1)
    return SelfAttention(d_model, d_head)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (a_class(bias=True), "has a bias"),
        (a_class(("W_k", "W_q", "W_v")), "in this order"),
        (two_draws, "draw no other random numbers"),
        (
            a_class(("query", "key", "value")),
            r"It should have W_q\.weight, W_k\.weight, W_v\.weight",
        ),
        (a_class(("W_q", "W_k", "W_v", "W_o")), "Your layer has .*W_o"),
        (Bare, r"It should have W_q\.weight.* nn\.Linear\(\.\.\., bias=False\)"),
        (a_class(swap=True), r"W_q.weight has the shape \(8, 3\)"),
        (a_class(axes=(0, 1)), "(?s)raises an error.*Count axes|raises no error, but"),
        (a_class(dim=-2), "Your columns sum to 1"),
        (a_class(scale=8**0.5), "the root of d_model"),
        (a_class(scale=3), "divide by d_k = 3"),
        (a_class(scale=2), "something else at"),
        (a_class(scale=8), "something else at"),
        (a_class(scale=3 / 2), "half of d_k"),
        (NoForward, 'missing the required "forward" function'),
        (nn.Identity, "PyTorch finds no matrices"),
        (SelfAttention(6, 4), "the class itself"),
        (NoSuper, r"(?s)raises an error.*super\(\).__init__\(\)"),
        (NotCalled, r"(?s)raises an error.*self.W_q\(x\)"),
        (lambda d_model, d_head: torch.zeros(2), "no nn.Module"),
        (lambda d_model: None, "raises an error"),
        (lambda d_model, d_head: None, "no nn.Module"),
    ],
)
def test_wrong_classes(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_self_attention_class(wrong)


def test_the_packages_class_passes_and_the_seed_stays():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    check_self_attention_class(SelfAttention)
    check_self_attention_class(a_class())
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda d_model, d_head: d_model * d_head, "one matrix"),
        (lambda d_model, d_head: 2 * d_model * d_head, "should be more than 65536"),
        (lambda d_model, d_head: 4 * d_model * d_head, "output projection"),
        (lambda d_model, d_head: 3 * d_model * d_head + 3 * d_head, "bias"),
        (lambda d_model, d_head: 3 * d_model**2, "rows and columns"),
        (lambda d_model, d_head: 3 * d_head**2, "rows and columns"),
        (lambda d_model, d_head: 3 * (d_model + d_head), "rows and columns"),
        (lambda d_model, d_head: d_model + d_head, "should be more than 576"),
    ],
)
def test_wrong_counts(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_parameter_count(wrong)
