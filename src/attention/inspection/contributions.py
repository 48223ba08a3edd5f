"""The contribution of each head to the output of its attention layer, recorded during a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from attention.layers.attention import MultiHeadAttention
from attention.shapes import Float, Tensor

__all__ = ["record_contributions"]


@contextmanager
def record_contributions(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Record each head's contribution to the output of every multi-head attention layer.

    The output projection multiplies the concatenated head outputs by `W_o`. The result is the same
    if each head output is multiplied by its own columns of `W_o` and the products are added. These
    products are the contributions: they sum to the layer's output, less the bias of `W_o`.

    Yields:
        The contributions by the layer's dotted name, detached: `(*B, H, T, D)`. They are filled in
        as the model runs, and stay after the block; the steps of a cached decoding are
        concatenated along `T`.

    Raises:
        ValueError: `model` has no multi-head attention.
    """
    contributions: dict[str, Tensor] = {}

    def recorder(name: str, n_heads: int) -> Any:
        def hook(W_o: nn.Linear, args: tuple[Tensor], output: Tensor) -> None:
            with torch.no_grad():
                new = _contributions(args[0], W_o.weight, n_heads).detach()
            earlier = [contributions[name]] if name in contributions else []
            contributions[name] = torch.cat([*earlier, new], dim=-2)

        return hook

    hooks = [
        layer.W_o.register_forward_hook(recorder(name, layer.n_heads))
        for name, layer in model.named_modules()
        if isinstance(layer, MultiHeadAttention)
    ]
    if not hooks:
        raise ValueError(f"{type(model).__name__} has no multi-head attention to record")
    try:
        yield contributions
    finally:
        for hook in hooks:
            hook.remove()


def _contributions(
    concatenated: Float[Tensor, "*B T D"], W_o: Float[Tensor, "D D"], n_heads: int
) -> Float[Tensor, "*B H T D"]:
    head_outputs = concatenated.unflatten(-1, (n_heads, -1)).transpose(-3, -2)  # (*B, H, T, K)
    columns = W_o.T.unflatten(0, (n_heads, -1))  # (H, K, D)
    return head_outputs @ columns
