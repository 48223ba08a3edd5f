"""Exercises of the chapter *Llama: what changed since*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right
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
    gain = "The gain is missing: multiply by weight, component by component."
    mistakes = [(expected / weight, gain), *((weight * y, hint) for y, hint in _wrong_norms(x))]
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
    mean = "You subtract the mean, as layer normalisation does. RMSNorm leaves it where it is."
    variance = "The variance subtracts the mean. RMSNorm averages the squares of x itself."
    epsilon = "Epsilon is missing: add 1e-5 to the mean square."
    length = "You divide by the root of the *sum* of the squares, not by the root of their *mean*."
    return [
        (F.layer_norm(x, x.shape[-1:]), mean),
        (centred / x.std(-1, keepdim=True), mean),
        (centred / rms, mean),
        (x / x.std(-1, keepdim=True), variance),
        (x / (x.var(-1, correction=0, keepdim=True) + EPS).sqrt(), variance),
        (F.normalize(x, dim=-1), length),
        (x / (square.sum(-1, keepdim=True) + EPS).sqrt(), length),
        (x / (mean_square + EPS), "The root is missing: divide by the root of the mean."),
        (x / (square.mean(0) + EPS).sqrt(), "You average over the tokens. Use the last axis."),
        (x / (square.mean() + EPS).sqrt(), "Each token has a mean of its own: use dim=-1."),
        (x / (mean_square.sqrt() + EPS), "Add epsilon before the root, to the mean square."),
        *((y, epsilon) for y in (x / mean_square.sqrt(), F.rms_norm(x, x.shape[-1:]))),
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
    inner = F.silu(gate) * up
    other = "Your activation function is {}. SwiGLU has SiLU: z times sigmoid(z)."
    wrong = [
        (torch.sigmoid(gate) * up, other.format("a plain sigmoid")),
        (F.relu(gate) * up, other.format("ReLU")),
        (F.gelu(gate) * up, other.format("GELU")),
        (F.gelu(gate, approximate="tanh") * up, other.format("GELU")),
        (gate * F.silu(up), "Your activation function is on x @ W_up. It belongs to the gate."),
        (F.silu(gate) * F.silu(up), "Apply the activation function to the gate only."),
        (F.silu(gate * up), "Apply the activation function first, then multiply."),
        (F.silu(gate) + up, "You add the two. A gate multiplies."),
        (F.silu(gate), "x @ W_up is missing: the gate has nothing to multiply."),
        (gate * up, "The activation function is missing: the gate is silu(x @ W_gate)."),
    ]
    mistakes = [
        *((y @ W_down, hint) for y, hint in wrong),
        (inner, "W_down is missing: the output has the dimension of x."),
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
        both = "Too few: count keys *and* values, and two bytes for each component."
        mistakes = [
            (expected // 2, both),
            (expected // 4, both),
            (expected * 2, "That is float32, with four bytes a component. Here it has two."),
            (expected * n_heads // n_kv_heads, "That is with a KV head for each query head."),
            (expected * n_heads, "The dimension of a head is d_model // n_heads, not d_model."),
            (swapped, "You have swapped n_heads and n_kv_heads: a head is d_model // n_heads."),
            (expected // n_kv_heads, "That is a single KV head. There are n_kv_heads of them."),
            (expected // n_layers, "That is one layer. Each layer has its own keys and values."),
            (expected // n_tokens, "That is one token. Multiply by the number of tokens."),
        ]
        call = f"cache_bytes{given}"
        found = answer(call, cache_bytes, *given)
        compare(call, found, expected, mistakes)
    right("this number decides how long a text, and how large a batch, fits into memory.")
