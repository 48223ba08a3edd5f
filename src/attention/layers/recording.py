"""Watch where a model looks, without changing the model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from attention.shapes import Tensor

__all__ = ["record_attention"]


@contextmanager
def record_attention(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect the attention weights of every layer of `model` while the block runs.

    Each layer that has a method `attention_weights` is asked for its weights with the arguments
    it was just called with, so what is recorded is the readable formula's answer, and a model
    that nobody watches pays nothing. A layer called once for each target word (a recurrent
    decoder) gets its rows joined in order.

    Yields:
        For each layer's dotted name its weights, detached: `(*B, T, S)`, or `(*B, H, T, S)` for
        several heads. Filled as the model runs, and still there after the block.

    Raises:
        ValueError: `model` has no attention to record.
    """
    weights: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            with torch.no_grad():
                rows = layer.attention_weights(*args, **kwargs).detach()
            weights[name] = torch.cat([weights[name], rows], dim=-2) if name in weights else rows

        return hook

    hooks = [
        layer.register_forward_hook(watch(name), with_kwargs=True)
        for name, layer in model.named_modules()
        if hasattr(layer, "attention_weights")
    ]
    if not hooks:
        raise ValueError(f"{type(model).__name__} has no attention layer to record")
    try:
        yield weights
    finally:
        for hook in hooks:
            hook.remove()
