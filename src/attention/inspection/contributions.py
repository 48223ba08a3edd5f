"""What each head adds to the output of its layer, watched while a model runs."""

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
    """Collect the part that each head has in the output of its layer, while the block runs.

    `W_o` multiplies the joined answers of all heads. The same comes out where each head's answer
    is multiplied by its own columns of `W_o`, and the products are added. Those products are the
    parts: they sum to the layer's output, less the bias of `W_o`.

    Yields:
        For each multi-head layer's dotted name its parts, detached: `(*B, H, T, D)`. Filled as the
        model runs, and still there after the block.

    Raises:
        ValueError: `model` has no multi-head attention.
    """
    parts: dict[str, Tensor] = {}

    def watch(name: str, n_heads: int) -> Any:
        def hook(W_o: nn.Linear, args: tuple[Tensor], output: Tensor) -> None:
            with torch.no_grad():
                rows = _parts(args[0], W_o.weight, n_heads).detach()
            parts[name] = torch.cat([parts[name], rows], dim=-2) if name in parts else rows

        return hook

    hooks = [
        layer.W_o.register_forward_hook(watch(name, layer.n_heads))
        for name, layer in model.named_modules()
        if isinstance(layer, MultiHeadAttention)
    ]
    if not hooks:
        raise ValueError(f"{type(model).__name__} has no multi-head attention to record")
    try:
        yield parts
    finally:
        for hook in hooks:
            hook.remove()


def _parts(
    joined: Float[Tensor, "*B T D"], W_o: Float[Tensor, "D D"], n_heads: int
) -> Float[Tensor, "*B H T D"]:
    answers = joined.unflatten(-1, (n_heads, -1)).transpose(-3, -2)  # (*B, H, T, K)
    columns = W_o.T.unflatten(0, (n_heads, -1))  # (H, K, D)
    return answers @ columns
