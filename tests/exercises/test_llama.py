"""The checks of *Llama* know right answers, and what is wrong with others."""

import pytest
from torch.nn import functional as F

from attention.exercises import Hint, check_cache_bytes, check_rms_norm, check_swiglu


def root(x, add=1e-5, axis=-1):
    return (x.float().square().mean(axis, keepdim=True) + add).sqrt()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, w: x / root(x), "The gain is missing"),
        (lambda x, w: F.layer_norm(x, x.shape[-1:], w), "as layer normalisation does"),
        (lambda x, w: w * (x - x.mean(-1, keepdim=True)) / root(x), "You subtract the mean"),
        (
            lambda x, w: w * x / (x.square().sum(-1, keepdim=True) + 1e-5).sqrt(),
            "root of the .sum.",
        ),
        (lambda x, w: w * x / root(x) ** 2, "The root is missing"),
        (lambda x, w: w * x / root(x, axis=0), "average over the tokens"),
        (lambda x, w: w * x / (x.square().mean() + 1e-5).sqrt(), "a mean of its own"),
        (lambda x, w: w * x / (root(x, add=0) + 1e-5), "before the root"),
        (lambda x, w: w * x / root(x, add=0), "Epsilon is missing"),
        (lambda x, w: F.rms_norm(x, x.shape[-1:], w), "Epsilon is missing"),
        (lambda x, w: w * x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt(), "infinite"),
        (lambda x, w: w * (x.float() / root(x)), "but in float32"),
        (lambda x, w: x / x.square().mean(-1), "keeps an axis"),
        (lambda x, w: F.normalize(x, dim=-1) * w, "root of the .sum."),
        (
            lambda x, w: w * (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True),
            "layer normalisation",
        ),
        (lambda x, w: (w * x / root(x))[..., None], "of the shape .3, 4."),
        (lambda x, w: root(x), "of the shape .3, 4."),
        (lambda x, w: w * x / x.std(-1, keepdim=True), "The variance"),
        (lambda x, w: w * x / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt(), "variance"),
        (lambda x, w: w, "norm"),
    ],
)
def test_wrong_norms_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_rms_norm(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda g, u: g * F.silu(u), "belongs to the gate"),
        (lambda g, u: g.sigmoid() * u, "a plain sigmoid"),
        (lambda g, u: g.relu() * u, "ReLU"),
        (lambda g, u: F.gelu(g) * u, "GELU"),
        (lambda g, u: F.gelu(g, approximate="tanh") * u, "GELU"),
        (lambda g, u: g.tanh() * u, "something else"),
        (lambda g, u: F.silu(g) * F.silu(u), "to the gate only"),
        (lambda g, u: F.silu(g * u), "first, then multiply"),
        (lambda g, u: F.silu(g) + u, "You add the two"),
        (lambda g, u: F.silu(g), "nothing to multiply"),
        (lambda g, u: g * u, "function is missing"),
    ],
)
def test_wrong_gates_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_swiglu(lambda x, W_gate, W_up, W_down: wrong(x @ W_gate, x @ W_up) @ W_down)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, W_gate, W_up, W_down: F.silu(x @ W_gate) * (x @ W_up), "W_down is missing"),
        (lambda x, W_gate, W_up, W_down: F.silu(x @ W_gate.T), r"are \(T, F\)"),
        (lambda x, g, u, d: F.silu(F.silu(x @ g) * (x @ u) @ d), "should be something else"),
        (lambda x, g, u, d: x + F.silu(x @ g) * (x @ u) @ d, "belongs to the block"),
    ],
)
def test_wrong_shapes_of_a_gated_layer_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_swiglu(wrong)


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda d, h, g, n, t: 2 * n * g * (d // h) * t, "count keys .and. values"),
        (lambda d, h, g, n, t: n * g * (d // h) * t, "count keys .and. values"),
        (lambda d, h, g, n, t: 4 * n * d * t, "for each query head"),
        (lambda d, h, g, n, t: 4 * g * (d // h) * t, "one layer"),
        (lambda d, h, g, n, t: 4 * n * g * d * t, "The dimension of a head"),
        (lambda d, h, g, n, t: 4 * n * h * (d // g) * t, "swapped"),
        (lambda d, h, g, n, t: 4 * n * g * (d // h), "one token"),
        (lambda d, h, g, n, t: 4 * n * (d // h) * t, "a single KV head"),
        (lambda d, h, g, n, t: 8 * n * g * (d // h) * t, "float32"),
        (lambda d, h, g, n, t: (2 * n * g * (d // h) * t,) * 2, "a tuple of 2"),
        (lambda d, h, g, n, t: 2 * n * (2 * g + h) * (d // h) * t, "should be less"),
        (lambda d, h, g, n, t: 1, "cache_bytes"),
    ],
)
def test_wrong_sizes_of_a_cache_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_cache_bytes(wrong)
