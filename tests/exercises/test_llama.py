"""The checks of *Llama* know right answers, and what is wrong with others."""

import pytest
from torch.nn import functional as F

from attention.exercises import Hint, check_cache_bytes, check_rms_norm, check_swiglu


def root(x, add=1e-5, axis=-1):
    return (x.float().square().mean(axis, keepdim=True) + add).sqrt()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, w: x / root(x), "The weights are missing"),
        (lambda x, w: F.layer_norm(x, x.shape[-1:], w), "This is a layer norm"),
        (lambda x, w: w * (x - x.mean(-1, keepdim=True)) / root(x), "A mean was taken away"),
        (lambda x, w: w * x / (x.square().sum(-1, keepdim=True) + 1e-5).sqrt(), "by the length"),
        (lambda x, w: w * x / root(x) ** 2, "The root is missing"),
        (lambda x, w: w * x / root(x, axis=0), "not over the words"),
        (lambda x, w: w * x / (x.square().mean() + 1e-5).sqrt(), "one size for all words"),
        (lambda x, w: w * x / (root(x, add=0) + 1e-5), "before the root"),
        (lambda x, w: w * x / root(x, add=0), "may be all zeros"),
        (lambda x, w: w * x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt(), "infinite"),
        (lambda x, w: w * (x.float() / root(x)), "but in 32 bits"),
        (lambda x, w: x / x.square().mean(-1), "keeps an axis"),
        (lambda x, w: w, "should be"),
    ],
)
def test_wrong_norms_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_rms_norm(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda g, u: g * F.silu(u), "belongs to the gate"),
        (lambda g, u: g.sigmoid() * u, "plain sigmoid"),
        (lambda g, u: g.relu() * u, "cut at zero"),
        (lambda g, u: F.gelu(g) * u, "GPT's"),
        (lambda g, u: F.silu(g) * F.silu(u), "Only the gate is bent"),
        (lambda g, u: F.silu(g * u), "Bend the gate first"),
        (lambda g, u: F.silu(g) + u, "were added"),
        (lambda g, u: F.silu(g), "nothing passes"),
        (lambda g, u: g * u, "silu is missing"),
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
    ],
)
def test_wrong_shapes_of_a_gated_layer_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_swiglu(wrong)


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda d, h, g, n, w: 2 * n * g * (d // h) * w, "Half of it"),
        (lambda d, h, g, n, w: n * g * (d // h) * w, "keys alone"),
        (lambda d, h, g, n, w: 4 * n * d * w, "for each query"),
        (lambda d, h, g, n, w: 4 * g * (d // h) * w, "one layer"),
        (lambda d, h, g, n, w: 4 * n * g * d * w, "A head is"),
        (lambda d, h, g, n, w: 4 * n * g * (d // h), "one word"),
        (lambda d, h, g, n, w: 4 * n * (d // h) * w, "one key and one value"),
        (lambda d, h, g, n, w: 8 * n * g * (d // h) * w, "32 bits"),
        (lambda d, h, g, n, w: 1, "should be"),
    ],
)
def test_wrong_sizes_of_a_cache_get_their_own_hint(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_cache_bytes(wrong)
