"""Exercises of the chapter *Llama: what changed since*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right
from attention.shapes import Tensor

__all__ = ["check_cache_bytes", "check_rms_norm", "check_swiglu"]

EPS = 1e-5


def check_rms_norm(norm: Callable[..., Any]) -> None:
    """Check a norm without a mean, in half precision too.

    Args:
        norm: From vectors `(T, D)` and weights `(D,)`, the vectors `(T, D)` at a size of one,
            times the weights; 1e-5 is added to the mean square.

    Raises:
        Hint: They are something else.
    """
    x = torch.tensor([[7.0, 1.0, 7.0, 1.0], [3.0, -1.0, 0.0, 2.0], [0.004, 0.002, -0.002, 0.004]])
    weight = torch.tensor([1.0, 2.0, 0.5, -1.0])
    square = x.square().mean(-1, keepdim=True)
    size = (square + EPS).sqrt()
    centred = x - x.mean(-1, keepdim=True)
    mistakes = [
        (x / size, "The weights are missing: each number of the result has one of its own."),
        (
            weight * centred / (centred.square().mean(-1, keepdim=True) + EPS).sqrt(),
            "This is a layer norm. Leave the mean where it is.",
        ),
        (weight * centred / size, "A mean was taken away. Leave it where it is."),
        (
            weight * x / (x.square().sum(-1, keepdim=True) + EPS).sqrt(),
            "Divided by the length, the root of the sum of squares. Take their mean.",
        ),
        (weight * x / (square + EPS), "The root is missing: divide by the root of the mean."),
        (
            weight * x / (x.square().mean(0, keepdim=True) + EPS).sqrt(),
            "The mean runs over each word's own numbers, the last axis, not over the words.",
        ),
        (
            weight * x / (x.square().mean() + EPS).sqrt(),
            "That is one size for all words. Each word has its own: mean(dim=-1, keepdim=True).",
        ),
        (
            weight * x / (square.sqrt() + EPS),
            "Add 1e-5 to the mean square, before the root, not after it.",
        ),
        (weight * x / square.sqrt(), "Add 1e-5 to the mean square: a vector may be all zeros."),
    ]
    call = "norm(x, weight)"
    keep = "x.square().mean(dim=-1, keepdim=True) keeps an axis, so that it can divide x."
    compare(call, answer(call, norm, x, weight, hint=keep), weight * x / size, mistakes)
    large = (100 * x[:1]).half()  # the square of 700 is more than the largest number, 65,504
    found = answer(call, norm, large, weight.half(), hint=keep)
    expected = (weight * x[:1] / square[:1].sqrt()).half()
    if not (isinstance(found, Tensor) and torch.allclose(found.float(), expected.float(), 1e-2)):
        raise Hint(
            "In half precision the square of 700 is infinite, as 65,504 is the largest number: "
            "take the squares of x.float(), and bring the result back with .to(x.dtype)."
        )
    if found.dtype != large.dtype:
        raise Hint("Right, but in 32 bits: what came in half precision goes back .to(x.dtype).")
    right("the size of one is there, the mean is left alone, and half precision is enough.")


def check_swiglu(feed_forward: Callable[..., Any]) -> None:
    """Check a feed-forward layer with gates.

    Args:
        feed_forward: From vectors `(T, D)`, `W_gate` and `W_up` `(D, F)` and `W_down` `(F, D)`,
            all multiplied from the right, the result `(T, D)`.

    Raises:
        Hint: It is something else.
    """
    generator = torch.Generator().manual_seed(0)
    x, W_gate, W_up, W_down = (
        torch.randn(shape, generator=generator) for shape in [(5, 4), (4, 6), (4, 6), (6, 4)]
    )
    gate, up = x @ W_gate, x @ W_up
    other = "The curve is {}. SwiGLU has silu: z times sigmoid(z)."
    wrong: list[tuple[Tensor, str]] = [
        (gate * F.silu(up), "The curve belongs to the gate: here, it bends the other half."),
        (torch.sigmoid(gate) * up, other.format("the plain sigmoid")),
        (F.relu(gate) * up, other.format("the cut at zero")),
        (F.gelu(gate) * up, other.format("GPT's")),
        (F.gelu(gate, approximate="tanh") * up, other.format("GPT's")),
        (F.silu(gate) * F.silu(up), "Only the gate is bent. What passes through it is not."),
        (F.silu(gate * up), "Bend the gate first, then multiply."),
        (F.silu(gate) + up, "A gate multiplies. These two were added."),
        (F.silu(gate), "x @ W_up is missing: nothing passes through the gate."),
        (gate * up, "The gate is not bent: silu is missing."),
    ]
    call, shapes = "feed_forward(x, W_gate, W_up, W_down)", "x @ W_gate and x @ W_up are (T, F)."
    found = answer(call, feed_forward, x, W_gate, W_up, W_down, hint=shapes)
    middle = F.silu(gate) * up
    mistakes = [(m @ W_down, hint) for m, hint in wrong]
    narrow = "W_down is missing: the result is as wide as x."
    compare(call, found, middle @ W_down, [*mistakes, (middle, narrow)])
    right("each number in the middle is let through by a gate of its own.")


def check_cache_bytes(count: Callable[..., Any]) -> None:
    """Check how many bytes are kept of a text, at two bytes a number.

    Args:
        count: From `d_model`, `n_heads`, `n_kv_heads`, `n_layers` and the number of words, the
            bytes of all keys and values.

    Raises:
        Hint: It is another number.
    """
    for given in [(4096, 32, 8, 32, 1), (768, 12, 12, 12, 1), (8192, 64, 8, 80, 1000)]:
        d_model, n_heads, n_kv_heads, n_layers, words = given
        bytes_ = 4 * n_layers * n_kv_heads * (d_model // n_heads) * words
        queries = "That is with keys and values for each query. They are n_kv_heads: fewer."
        mistakes = [
            (bytes_ // 2, "Half of it is missing: keys *and* values, two bytes each number."),
            (bytes_ // 4, "That counts keys alone, at a byte a number. Keys and values, two each."),
            (4 * n_layers * d_model * words, queries),
            (bytes_ // n_layers, "That is one layer. Each layer keeps its own."),
            (4 * n_layers * n_kv_heads * d_model * words, "A head is d_model // n_heads wide."),
            (bytes_ // words, "That is one word. There are more of them."),
            (bytes_ // n_kv_heads, "That is one key and one value. There are n_kv_heads of them."),
            (2 * bytes_, "That is 32 bits a number. Here, a number has two bytes."),
        ]
        call = f"count{given}"
        compare(call, answer(call, count, *given), bytes_, mistakes)
    right("this is what decides how long a text fits into a memory.")
