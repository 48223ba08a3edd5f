"""Exercises of the lab *Coding self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.exercises.self_attention_math import (
    FORGOTTEN_T,
    SCALE,
    W_K,
    W_Q,
    W_V,
    X,
    mix,
    random,
    wrong_mixes,
)
from attention.layers.attention import SelfAttention
from attention.shapes import Tensor

__all__ = [
    "check_parameter_count",
    "check_self_attention",
    "check_self_attention_batches",
    "check_self_attention_class",
]

FROM_THE_END = "Count axes from the end: in a batch, tokens are on axis -2, components on axis -1."


def check_self_attention(self_attention: Callable[..., Any]) -> None:
    """Check self-attention as a function, for one sentence.

    Args:
        self_attention: From token vectors `(T, D)` and the matrices `W_q`, `W_k` and `W_v`, all
            `(D, K)`, the output `(T, K)`.

    Raises:
        Hint: It is something else.
    """
    what = "self_attention(x, W_q, W_k, W_v)"
    for given in ((X, W_Q, W_K, W_V), _given(5, 6, 4)):
        _compare(what, answer(what, self_attention, *given, hint=FORGOTTEN_T), *given)
    right("from the token vectors to the weighted sums of their values.")


def check_self_attention_batches(self_attention: Callable[..., Any]) -> None:
    """Check that a sentence gets the same output in a batch as alone.

    Args:
        self_attention: From token vectors `(..., T, D)` and the matrices `W_q`, `W_k` and `W_v`,
            all `(D, K)`, the output `(..., T, K)`.

    Raises:
        Hint: It raises, or swaps the wrong axes.
    """
    for name, shape in {
        "one sentence": (5, 6, 4),
        "a batch of three sentences, with three tokens and three components each": (3, 3, 3, 3),
        "a batch of two sentences": (2, 5, 6, 4),
        "two batch axes": (2, 3, 5, 4, 6),
    }.items():
        given = _given(*shape)
        what = f"batched_attention(x, W_q, W_k, W_v), for {name},"
        _compare(what, answer(what, self_attention, *given, hint=FROM_THE_END), *given)
    right("each sentence gets the same output in a batch as alone.")


def check_self_attention_class(kind: Callable[..., Any]) -> None:
    """Check self-attention as a class.

    Args:
        kind: Makes a layer from `d_model` and `d_head`, with bias-free `W_q`, `W_k` and `W_v`, in
            this order. It takes token vectors `(..., T, D)` and returns `(..., T, K)`.

    Raises:
        Hint: It has other matrices, or computes something else.
    """
    if isinstance(kind, nn.Module):
        raise Hint("Pass the class itself, without parentheses.")
    what = f"{getattr(kind, '__name__', 'your class')}(d_model=8, d_head=3)"
    hint = "__init__ takes self, d_model and d_head, and begins with super().__init__()."
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = answer(what, kind, 8, 3, hint=hint)
        torch.manual_seed(0)
        model = SelfAttention(8, 3)  # not 4, half of which is its root
    if not isinstance(layer, nn.Module):
        raise Hint(f"{what} is no nn.Module: write class ...(nn.Module).")
    _check_matrices(layer, model)
    layer = layer.eval()
    matrices = [w.weight.detach().T for w in (model.W_q, model.W_k, model.W_v)]
    hint = f"{FROM_THE_END}\nAn nn.Linear is called, like a function: self.W_q(x)."
    for shape in ((5, 8), (2, 5, 8), (3, 3, 8)):
        x = random(*shape)
        what = f"layer(x), with x of the shape {shape},"
        _compare(what, answer(what, layer, x, hint=hint), x, *matrices)
    right("your layer has the package's parameters, and returns the same output.")


def check_parameter_count(parameter_count: Callable[..., Any]) -> None:
    """Check the number of parameters of self-attention.

    Args:
        parameter_count: From `d_model` and `d_head`, the number.

    Raises:
        Hint: It is another one.
    """
    sizes = "Each matrix projects d_model components to d_head. How many rows and columns has it?"
    for d_model, d_head in ((512, 64), (512, 512), (2, 2)):
        one = d_model * d_head
        mistakes = [
            (one, "That is one matrix. Queries, keys and values have one each."),
            (4 * one, "That is four matrices. The output projection comes with several heads."),
            (3 * (one + d_head), "You count biases. These layers have none."),
            *((3 * wrong, sizes) for wrong in (d_head**2, d_model**2, d_model + d_head)),
        ]
        what = f"parameter_count({d_model}, {d_head})"
        compare(what, answer(what, parameter_count, d_model, d_head), 3 * one, mistakes)
    right("three matrices, however long the sentence is.")


def _given(*shape: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Token vectors and three matrices; the last two sizes are those of D and K."""
    *axes, d_model, d_head = shape
    W_q, W_k, W_v = random(3, d_model, d_head)
    return random(*axes, d_model), W_q, W_k, W_v


def _compare(what: str, found: Any, x: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> None:
    """Compare with self-attention, and with self-attention that has one thing wrong."""
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    mistakes = [
        *wrong_mixes(q, k, v),
        (mix(q, k, v, math.sqrt(x.size(-1))), f"You divide by the root of d_model. {SCALE}"),
        (mix(q, k, v, dim=0), "softmax(dim=0) runs over a batch axis. The keys are on axis -1."),
        (mix(q, k, x), "You average the token vectors. Average their values, x @ W_v."),
    ]
    if k.shape == x.shape:
        turned = mix(x @ W_q.T, x @ W_k.T, x @ W_v.T)
        mistakes.append((turned, "Multiply by the matrices as they are, without .T: x @ W_q."))
    if k.shape == (3, 3, 3):  # the axes are counted as in one sentence, and all sizes match
        leak = (
            "It raises no error, but you swap axis 0, that of the sentences, with another. So "
            "queries are multiplied by components of other sentences: use transpose(-2, -1)."
        )
        for keys in (k.transpose(0, 1), k.transpose(0, 2)):
            mistakes += [(mix(q, keys.mT, v, dim=dim), leak) for dim in (1, 2)]
    compare(what, found, mix(q, k, v), mistakes)


def _check_matrices(layer: nn.Module, model: nn.Module) -> None:
    """Compare a layer's parameters with the package's, initialised from the same seed."""
    found, expected = layer.state_dict(), model.state_dict()
    if not found:
        raise Hint(
            "PyTorch finds no matrices. Assign nn.Linears to self.W_q, self.W_k and self.W_v."
        )
    if any(name.endswith("bias") for name in found):
        raise Hint("Your layer has a bias. Say nn.Linear(..., bias=False).")
    if found.keys() != expected.keys():
        matrices = f"{', '.join(expected)}, each of an nn.Linear(..., bias=False)"
        raise Hint(f"Your layer has {', '.join(found)}. It should have {matrices}.")
    for name, weight in expected.items():
        if found[name].shape != weight.shape:
            raise Hint(
                f"{name} has the shape {tuple(found[name].shape)}. It should be that of "
                f"nn.Linear(d_model, d_head), which is stored transposed: {tuple(weight.shape)}."
            )
    if list(found) != list(expected) or not same(found, expected):
        raise Hint(
            "The same seed should give your layer the package's parameters. Make W_q, W_k and W_v "
            "in this order, and draw no other random numbers."
        )
