"""Exercises of the lab *Coding self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.exercises.self_attention_math import (
    FORGOTTEN_T,
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

FROM_THE_END = (
    "In a batch, axis 0 is that of the sentences. Count axes from the end: the tokens are on axis "
    "-2, and the components on axis -1."
)


CONSTRUCTOR = (
    "__init__ takes self, d_model and d_head. It begins with super().__init__(), which prepares "
    "the module for its parts."
)


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
        "one sentence": (5, 4, 2),
        "a batch of three sentences, with three tokens and three components each": (3, 3, 3, 3),
        "a batch of two sentences": (2, 5, 4, 2),
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
    what = f"{getattr(kind, '__name__', 'your class')}(d_model=6, d_head=4)"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = answer(what, kind, 6, 4, hint=CONSTRUCTOR)
        torch.manual_seed(0)
        model = SelfAttention(6, 4)
    if layer is None or layer is ...:
        raise Hint(f"{what} returns nothing yet.")
    if not isinstance(layer, nn.Module):
        raise Hint(f"{what} is no nn.Module: write class ...(nn.Module).")
    _check_matrices(layer, model)
    layer = layer.eval()
    matrices = [w.weight.detach().T for w in (model.W_q, model.W_k, model.W_v)]
    hint = f"{FROM_THE_END}\nAn nn.Linear is called, like a function: self.W_q(x)."
    if type(layer).forward is nn.Module.forward:
        hint = "You have not written forward yet, so this is the one of nn.Module."
    for shape in ((3, 6), (2, 5, 6), (4, 4, 6)):
        x = random(*shape)
        what = f"layer(x), with x of the shape {shape},"
        found = answer(what, layer, x, hint=hint)
        _compare(what, found.detach() if isinstance(found, Tensor) else found, x, *matrices)
    right("your layer has the package's parameters, and returns the same output.")


def check_parameter_count(parameter_count: Callable[..., Any]) -> None:
    """Check the number of parameters of self-attention.

    Args:
        parameter_count: From `d_model` and `d_head`, the number.

    Raises:
        Hint: It is another one.
    """
    sizes = "Each matrix projects d_model components to d_head. How many rows and columns has it?"
    for d_model, d_head in ((2, 2), (512, 512), (512, 64)):
        one = d_model * d_head
        mistakes = [
            (one, "That is one matrix. Queries, keys and values have one each."),
            (2 * one, "That is two matrices. There are three: W_q, W_k and W_v."),
            (3 * (one + d_head), "You count biases, one for each component of a query, a key and a "
             "value. These layers have none."),
            (3 * (one + d_model), "These layers have no bias."),
            (4 * one, "That is four matrices. The fourth, the output projection, comes with "
             "multi-head attention."),
            (3 * d_head**2, sizes),
            (3 * d_model**2, sizes),
            (3 * (d_model + d_head), "The number of entries of a matrix is rows times columns, not "
             "rows plus columns."),
        ]  # fmt: skip
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
    expected = mix(q, k, v)
    mistakes = wrong_mixes(q, k, v)
    size = "What counts is the dimension of a key: k.size(-1)."
    mistakes += [
        (mix(q, k, v, math.sqrt(x.size(-1))), f"You divide by the root of d_model. {size}"),
        (mix(q, k, v, math.sqrt(x.size(-2))), f"You divide by the root of the number of tokens. "
         f"{size}"),
    ]  # fmt: skip
    if W_q.size(0) == W_q.size(1):
        mistakes += [
            (mix(x @ W_q.T, x @ W_k.T, x @ W_v.T), "You transpose the matrices. Multiply by them "
             "as they are: x @ W_q, without .T."),
            (mix(q, k, x), "You average the token vectors themselves. Average their values, "
             "x @ W_v."),
            (mix(x, x, v), "You compare the token vectors themselves. W_q and W_k are missing."),
        ]  # fmt: skip
    if x.dim() == 3:
        mistakes += _swapped_axes(q, k, v)
    compare(what, found, expected, [m for m in mistakes if not same(m[0], expected)])


def _swapped_axes(q: Tensor, k: Tensor, v: Tensor) -> list[tuple[Tensor, str]]:
    """What comes out of a batch in which axes are counted as in one sentence."""
    scale = math.sqrt(k.size(-1))
    mistakes = [
        (mix(q, k, v, dim=0), "softmax(dim=0) runs over the sentences of the batch. The keys are "
         "on the last axis."),
        (mix(q[:1], k[:1], v[:1]), "You return only the first sentence of the batch."),
    ]  # fmt: skip
    if k.size(0) == k.size(1) == k.size(2):
        leak = "It raises no error, but you swap the axes {}. Axis 0 is that of the sentences, so "
        leak += "queries are multiplied by components of other sentences. Transpose each sentence "
        leak += "separately: transpose(-2, -1)."
        swapped = {"0 and 1": k.transpose(0, 1), "0 and 2, as .T does": k.transpose(0, 2)}
        for name, keys in swapped.items():
            scores = q @ keys / scale
            mistakes += [(scores.softmax(d) @ v, leak.format(name)) for d in (0, 1, 2)]
    return mistakes


def _check_matrices(layer: nn.Module, model: nn.Module) -> None:
    """Compare a layer's parameters with the package's, initialised from the same seed."""
    found, expected = layer.state_dict(), model.state_dict()
    if not found:
        raise Hint("Your layer has no matrices that PyTorch finds. Assign each nn.Linear to an "
                   "attribute in __init__: self.W_q, self.W_k and self.W_v.")  # fmt: skip
    if any(name.endswith("bias") for name in found):
        raise Hint("Your layer has a bias. Say nn.Linear(..., bias=False).")
    if found.keys() != expected.keys():
        raise Hint(f"Your layer has {', '.join(found)}. It should have {', '.join(expected)}: one "
                   "nn.Linear for each role, called W_q, W_k and W_v.")  # fmt: skip
    for name, weight in expected.items():
        if found[name].shape != weight.shape:
            raise Hint(f"{name} has the shape {tuple(found[name].shape)}. An nn.Linear that "
                       "projects d_model components to d_head is nn.Linear(d_model, d_head), and "
                       f"its weight is stored transposed: {tuple(weight.shape)}.")  # fmt: skip
    if list(found) != list(expected):
        raise Hint(f"You make {', '.join(found)}. Make them in the order W_q, W_k, W_v, so that "
                   "the same seed gives the same parameters as in the package.")  # fmt: skip
    if not all(same(found[name], weight) for name, weight in expected.items()):
        raise Hint("From the same seed, your parameters differ from the package's. Make the three "
                   "nn.Linears in the order W_q, W_k, W_v, and draw no other random "
                   "numbers.")  # fmt: skip
