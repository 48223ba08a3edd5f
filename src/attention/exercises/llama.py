"""Exercises of the chapter *Llama: what changed since*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.shapes import Float, Tensor

__all__ = ["check_cache_bytes", "check_rms_norm", "check_swiglu"]

EPS = 1e-5


def check_rms_norm(norm: Callable[..., Any]) -> None:
    """Check an RMSNorm, in half precision too.

    Args:
        norm: From vectors `(T, D)` and gains `(D,)`, the normalised vectors `(T, D)`; epsilon is
            1e-5.

    Raises:
        Hint: They are something else.
    """
    x = torch.tensor([[7.0, 1.0, 7.0, 1.0], [3.0, -1.0, 0.0, 2.0], [0.004, 0.002, -0.002, 0.004]])
    weight = torch.tensor([1.0, 2.0, 0.5, -1.0])
    mean_square = x.square().mean(-1, keepdim=True)
    expected = weight * x / (mean_square + EPS).sqrt()
    call = "norm(x, weight)"
    keep = "x.square().mean(dim=-1, keepdim=True) keeps an axis, so that it can divide x."
    found = answer(call, norm, x, weight, hint=keep)
    wrong = _wrong_norms(x)
    mistakes = [
        (expected / weight, "The gain is missing: multiply by weight, component by component."),
        *((weight * y, hint) for y, hint in wrong),
        *((y, f"{hint} (And multiply by weight.)") for y, hint in wrong),
        (
            mean_square.add(EPS).sqrt(),
            "That is the root mean square itself. Divide x by it, and multiply by weight.",
        ),
        (expected[..., None], "There is an axis too many. The shape stays (T, D)."),
    ]
    compare(call, found, expected, mistakes)
    large = (100 * x[:1]).half()  # the square of 700 is more than the largest number, 65,504
    found = answer(call, norm, large, weight.half(), hint=keep)
    unit = weight * x[:1] / mean_square[:1].sqrt()
    if not (isinstance(found, Tensor) and torch.allclose(found.float(), unit, 1e-2)):
        raise Hint(
            "Right in float32. But in half precision the largest number is 65,504, so the square "
            "of 700 is infinite: square x.float(), and convert the result back with .to(x.dtype)."
        )
    if found.dtype != large.dtype:
        raise Hint("Right, but in float32. What came in half precision goes back .to(x.dtype).")
    right("each vector has a root mean square of 1, the mean stays, and nothing overflows.")


def _wrong_norms(x: Float[Tensor, "T D"]) -> list[tuple[Tensor, str]]:
    """What is often taken for an RMSNorm, before the gain."""
    square, centred = x.square(), x - x.mean(-1, keepdim=True)
    mean_square = square.mean(-1, keepdim=True)
    rms = (mean_square + EPS).sqrt()
    length = (
        "You divide by the length of the vector, the root of the *sum* of the squares. RMSNorm "
        "divides by the root of their *mean*, so that the length becomes the root of D."
    )
    layer_norm = "This is layer normalisation. RMSNorm doesn't subtract the mean."
    return [
        (F.layer_norm(x, x.shape[-1:]), layer_norm),
        (centred / x.std(-1, keepdim=True), layer_norm),
        (centred / rms, "You subtract the mean. RMSNorm leaves it where it is."),
        (x / (x.var(-1, correction=0, keepdim=True) + EPS).sqrt(), "Don't subtract the mean."),
        (F.normalize(x, dim=-1), length),
        (x / (square.sum(-1, keepdim=True) + EPS).sqrt(), length),
        (x * rms, "You multiply by the root mean square. Divide by it."),
        (
            x / (x.mean(-1, keepdim=True).square() + EPS).sqrt(),
            "You square the mean. Average squares.",
        ),
        (
            x / x.std(-1, keepdim=True),
            "The standard deviation subtracts the mean. RMSNorm averages the squares of x itself.",
        ),
        (x / (mean_square + EPS), "The root is missing: divide by the root of the mean."),
        (x / x.abs().mean(-1, keepdim=True), "That is the mean of absolute values. Square them."),
        (
            x / (square.mean(0, keepdim=True) + EPS).sqrt(),
            "You average over the tokens. Average over the components, which are the last axis.",
        ),
        (
            x / (square.mean() + EPS).sqrt(),
            "You divide all tokens by one number. Each has its own: mean(dim=-1, keepdim=True).",
        ),
        (x / (mean_square.sqrt() + EPS), "Add epsilon before the root, to the mean square."),
        (x / mean_square.sqrt(), "Epsilon is missing: add 1e-5 to the mean square."),
    ]


def check_swiglu(feed_forward: Callable[..., Any]) -> None:
    """Check a SwiGLU feed-forward network.

    Args:
        feed_forward: From vectors `(T, D)`, `W_gate` and `W_up` `(D, F)` and `W_down` `(F, D)`,
            all multiplied from the right, the output `(T, D)`.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(0)
    x, W_gate, W_up, W_down = (
        torch.randn(shape, generator=generator) for shape in [(5, 4), (4, 6), (4, 6), (6, 4)]
    )
    gate, up = x @ W_gate, x @ W_up
    other = "The activation function is {}. SwiGLU has SiLU: z times sigmoid(z)."
    inner = F.silu(gate) * up
    wrong = [
        (
            gate * F.silu(up),
            "The activation function belongs to the gate. You apply it to x @ W_up.",
        ),
        (torch.sigmoid(gate) * up, other.format("a plain sigmoid")),
        (F.relu(gate) * up, other.format("ReLU")),
        (torch.tanh(gate) * up, other.format("tanh")),
        (gate.softmax(-1) * up, other.format("softmax")),
        (gate * torch.sigmoid(up), "SiLU multiplies z by the sigmoid of the same z, x @ W_gate."),
        (F.gelu(gate) * up, other.format("GELU")),
        (F.gelu(gate, approximate="tanh") * up, other.format("GELU")),
        (F.silu(gate) * F.silu(up), "Apply the activation function to the gate only."),
        (F.silu(gate * up), "Apply the activation function first, then multiply."),
        (F.silu(gate) + up, "You add the two. A gate multiplies."),
        (F.silu(gate), "x @ W_up is missing: the gate has nothing to multiply."),
        (F.silu(up), "x @ W_gate is missing."),
        (gate * up, "The activation function is missing: the gate is silu(x @ W_gate)."),
    ]
    mistakes = [
        *((y @ W_down, hint) for y, hint in wrong),
        (inner, "W_down is missing: the output has the dimension of x."),
        (F.silu(inner @ W_down), "There is no activation function after W_down."),
        (x + inner @ W_down, "You add x. The residual connection belongs to the block."),
    ]
    call, shapes = "feed_forward(x, W_gate, W_up, W_down)", "x @ W_gate and x @ W_up are (T, F)."
    found = answer(call, feed_forward, x, W_gate, W_up, W_down, hint=shapes)
    compare(call, found, inner @ W_down, mistakes)
    right("each inner component has a gate of its own.")


def check_cache_bytes(cache_bytes: Callable[..., Any]) -> None:
    """Check how many bytes the KV cache of a text takes, at two bytes a component.

    Args:
        cache_bytes: From `d_model`, `n_heads`, `n_kv_heads`, `n_layers` and the number of tokens,
            the bytes of all keys and values.

    Raises:
        Hint: It is another number.
    """
    for given in [(768, 12, 3, 10, 7), (4096, 32, 8, 32, 131_072)]:
        d_model, n_heads, n_kv_heads, n_layers, n_tokens = given
        d_head = d_model // n_heads
        expected = 4 * n_layers * n_kv_heads * d_head * n_tokens
        swapped = 4 * n_layers * n_heads * (d_model // n_kv_heads) * n_tokens
        mistakes = [
            (expected // 2, "Half of it is missing: keys *and* values, and two bytes a component."),
            (expected // 4, "A quarter: count keys *and* values, and two bytes for each."),
            (expected * n_heads // n_kv_heads, "That is with a KV head for each query head."),
            (expected // n_layers, "That is one layer. Each layer has its own keys and values."),
            (expected * n_heads, "The dimension of a head is d_model // n_heads, not d_model."),
            (swapped, "You have swapped n_heads and n_kv_heads: a head is d_model // n_heads."),
            (expected // n_tokens, "That is one token. Multiply by the number of tokens."),
            (expected // n_kv_heads, "That is a single KV head. There are n_kv_heads of them."),
            (
                expected + expected * n_heads // n_kv_heads // 2,
                "Queries aren't kept. Count keys, values.",
            ),
            (expected * n_tokens, "You multiply by the number of tokens twice."),
            (expected / 2**20, "You count MiB. Return bytes."),
            (expected * 2, "That is float32, with four bytes a component. Here it has two."),
            (expected * 8, "You count bits. A byte has eight of them."),
            (expected / 1024, "You count KiB. Return bytes."),
        ]
        call = f"cache_bytes{given}"
        found = answer(call, cache_bytes, *given)
        if not same(found, expected) and isinstance(found, tuple):
            raise Hint(f"{call} returns {len(found)} numbers. Add up all layers, keys and values.")
        compare(call, found, expected, mistakes)
    right("this number decides how long a text, and how large a batch, fits into memory.")
