"""Record the attention weights of any model, without changing the model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from attention.shapes import Float, Tensor

__all__ = ["record_attention"]


@contextmanager
def record_attention(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Record the attention weights of every layer of `model` while the block runs.

    Each layer that has a method `attention_weights` is asked for its weights after each call, with
    the arguments of that call, so the weights are those of the readable formula (before attention
    dropout), and a model that isn't recorded pays nothing. Where a layer is called several times,
    as in generation, with or without a KV cache, the rows of all calls are concatenated; weights
    on keys that an earlier call didn't have yet are zero. In beam search, the rows of a call are
    those of the hypotheses that were alive then.

    Yields:
        For each layer's dotted name its weights, detached: `(*B, T, S)`, or `(*B, H, T, S)` for
        several heads. Filled as the model runs, and still there after the block.

    Raises:
        ValueError: `model` has no attention layer.
    """
    weights: dict[str, Tensor] = {}

    def recorder(name: str) -> Any:
        def hook(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            with torch.no_grad():
                rows = layer.attention_weights(*args, **kwargs).detach()
            weights[name] = _concatenate(weights[name], rows) if name in weights else rows

        return hook

    hooks = [
        layer.register_forward_hook(recorder(name), with_kwargs=True)
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


def _concatenate(
    earlier: Float[Tensor, "... T _"], rows: Float[Tensor, "... #T S"]
) -> Float[Tensor, "... _ S"]:
    """Append the rows of later queries, and zeros to the earlier ones where there are more keys."""
    new_keys = max(0, rows.size(-1) - earlier.size(-1))
    return torch.cat([F.pad(earlier, (0, new_keys)), rows], dim=-2)
