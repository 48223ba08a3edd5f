"""Exercises of the lab *Coding self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.exercises.self_attention_math import (
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


def check_self_attention(self_attention: Callable[..., Any]) -> None:
    """Check self-attention as a function, for one sentence.

    Args:
        self_attention: From words `(T, D)` and the matrices `W_q`, `W_k` and `W_v`, all `(D, K)`,
            the output `(T, K)`.

    Raises:
        Hint: It is something else.
    """
    what = "self_attention(X, W_q, W_k, W_v)"
    for given in ((X, W_Q, W_K, W_V), _given(5, 6, 4)):
        _compare(what, answer(what, self_attention, *given), *given)
    right("from the words to the mix of their values.")


def check_self_attention_batches(self_attention: Callable[..., Any]) -> None:
    """Check that a sentence comes out of a batch as it comes out alone.

    Args:
        self_attention: From words `(..., T, D)` and the matrices `W_q`, `W_k` and `W_v`, all
            `(D, K)`, the output `(..., T, K)`.

    Raises:
        Hint: It raises, or mixes up the axes.
    """
    hint = "In a batch, axis 0 is the sentences. Count axes from the end, where words and widths "
    hint += "are: -2 and -1."
    for name, batch in {
        "one sentence": (),
        "a batch where sentences, words and width are three each": (3,),
        "a batch of two": (2,),
        "two batch axes": (2, 3),
    }.items():
        d_model, d_head = (3, 3) if batch == (3,) else (4, 2)
        given = _given(*batch, 3, d_model, d_head)
        what = f"self_attention(X, W_q, W_k, W_v), for {name},"
        found = answer(what, self_attention, *given, hint=hint if batch else "")
        _compare(what, found, *given)
    right("each sentence comes out of the batch as it would alone.")


def check_self_attention_class(kind: Callable[..., Any]) -> None:
    """Check self-attention as a class.

    Args:
        kind: Makes a layer from `d_model` and `d_head`, with bias-free `W_q`, `W_k` and `W_v`, in
            this order. It takes words `(..., T, D)` and gives `(..., T, K)`.

    Raises:
        Hint: It has other matrices, or computes something else.
    """
    what = f"{getattr(kind, '__name__', 'your class')}(d_model=6, d_head=4)"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = answer(what, kind, 6, 4)
        torch.manual_seed(0)
        model = SelfAttention(6, 4)
    if layer is None or layer is ...:
        raise Hint(f"{what} gives nothing back yet.")
    if not isinstance(layer, nn.Module):
        raise Hint(f"{what} is no nn.Module: write class ...(nn.Module).")
    _check_matrices(layer, model)
    layer = layer.eval()
    for shape in ((3, 6), (2, 5, 6), (4, 4, 6)):
        x = random(*shape)
        hint = "nn.Module's own forward is still missing: write it." if _no_forward(layer) else ""
        what = f"layer(x), with x of the shape {shape},"
        found = answer(what, layer, x, hint=hint)
        matrices = [w.weight.detach().T for w in (model.W_q, model.W_k, model.W_v)]
        _compare(what, found.detach() if isinstance(found, Tensor) else found, x, *matrices)
    right("the matrices of the package, in its order, and its numbers.")


def check_parameter_count(parameter_count: Callable[..., Any]) -> None:
    """Check how many numbers the class has to learn.

    Args:
        parameter_count: From `d_model` and `d_head`, the number.

    Raises:
        Hint: It is another one.
    """
    for d_model, d_head in ((2, 2), (512, 512), (512, 64)):
        one = d_model * d_head
        mistakes = [
            (one, "That is one matrix. Queries, keys and values have one each."),
            (2 * one, "That is two matrices. There are three: W_q, W_k and W_v."),
            (3 * (one + d_head), "You count a bias for each number of a query, a key and a value. "
             "These matrices have none."),
            (3 * (one + d_model), "These matrices have no bias."),
            (4 * one, "That is four matrices. The fourth, an output projection, comes with "
             "multi-head attention."),
            (3 * d_head**2, "A matrix turns d_model numbers into d_head numbers. How many rows and "
             "columns has it?"),
            (3 * d_model**2, "A matrix turns d_model numbers into d_head numbers. How many rows "
             "and columns has it?"),
            (3 * (d_model + d_head), "A matrix has rows times columns numbers."),
        ]  # fmt: skip
        what = f"parameter_count({d_model}, {d_head})"
        compare(what, answer(what, parameter_count, d_model, d_head), 3 * one, mistakes)
    right("three matrices, however long the sentence is.")


def _given(*shape: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Words and three matrices; the last two sizes are the widths before and after."""
    *words, d_model, d_head = shape
    W_q, W_k, W_v = random(3, d_model, d_head)
    return random(*words, d_model), W_q, W_k, W_v


def _compare(what: str, found: Any, x: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> None:
    """Compare with self-attention, and with what it gives when one thing in it is wrong."""
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    expected = mix(q, k, v)
    mistakes = wrong_mixes(q, k, v)
    mistakes += [
        (mix(q, k, v, math.sqrt(x.size(-1))), "You divide by the root of d_model. What counts is "
         "the width of a key: K.size(-1)."),
        (mix(q, k, v, math.sqrt(x.size(-2))), "You divide by the root of the number of words. What "
         "counts is the width of a key: K.size(-1)."),
    ]  # fmt: skip
    if W_q.size(0) == W_q.size(1):
        turned = mix(x @ W_q.T, x @ W_k.T, x @ W_v.T)
        mistakes += [
            (turned, "Here the words stand on the left of the matrices: X @ W_q, without .T"),
            (mix(q, k, x), "You mix the words themselves. Mix their values, X @ W_v."),
            (mix(x, x, v), "The words ask as they are: W_q and W_k are missing."),
        ]
    if x.dim() == 3:
        mistakes += _mixed_up_axes(q, k, v)
    compare(what, found, expected, [m for m in mistakes if not same(m[0], expected)])


def _mixed_up_axes(q: Tensor, k: Tensor, v: Tensor) -> list[tuple[Tensor, str]]:
    """What comes out of a batch in which axes are counted as in one sentence."""
    scale = math.sqrt(k.size(-1))
    mistakes = [
        (mix(q, k, v, dim=0), "softmax(dim=0) runs over the sentences of the batch. The keys are "
         "on the last axis."),
        (mix(q[:1], k[:1], v[:1]), "Only the first sentence comes out."),
    ]  # fmt: skip
    if k.size(0) == k.size(1) == k.size(2):
        leak = "No error, and yet wrong: you exchange the axes {}, and axis 0 is the sentences, so "
        leak += "a query meets numbers of other sentences. Turn each sentence by itself: "
        leak += "transpose(-2, -1)."
        exchanged = {"0 and 1": k.transpose(0, 1), "0 and 2, as .T does": k.transpose(0, 2)}
        for name, turned in exchanged.items():
            scores = q @ turned / scale
            mistakes += [(scores.softmax(d) @ v, leak.format(name)) for d in (0, 1, 2)]
    return mistakes


def _check_matrices(layer: nn.Module, model: nn.Module) -> None:
    """Compare a layer's parameters with those of the package, made from the same seed."""
    found, expected = layer.state_dict(), model.state_dict()
    if not found:
        raise Hint("Your layer has no matrices yet. Make W_q, W_k and W_v in __init__.")
    if any(name.endswith("bias") for name in found):
        raise Hint("Your layer has a bias. Say nn.Linear(..., bias=False).")
    if found.keys() != expected.keys():
        raise Hint(
            f"Your layer has {', '.join(found)}; it should have {', '.join(expected)}: an "
            "nn.Linear for each role, called W_q, W_k and W_v."
        )
    for name, weight in expected.items():
        if found[name].shape != weight.shape:
            raise Hint(
                f"{name} has the shape {tuple(found[name].shape)}, and should have "
                f"{tuple(weight.shape)}: nn.Linear(d_model, d_head) turns d_model numbers into "
                "d_head."
            )
    if list(found) != list(expected):
        raise Hint(
            f"You make {', '.join(found)}. Make them in the order W_q, W_k, W_v: the same seed "
            "then gives the same numbers as in the package."
        )
    if not all(same(found[name], weight) for name, weight in expected.items()):
        raise Hint(
            "The same seed gives your matrices other numbers than the package's. Make the three "
            "nn.Linears in the order W_q, W_k, W_v, and nothing else that is random."
        )


def _no_forward(layer: nn.Module) -> bool:
    return type(layer).forward is nn.Module.forward
