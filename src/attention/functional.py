"""Scaled dot-product attention and its masks, as pure functions.

Masks are boolean, and True means *may attend*, everywhere in this package.
"""

import math

import torch

from attention.shapes import Bool, Float, Int, Tensor

__all__ = [
    "causal_mask",
    "combine_causal",
    "masked_softmax",
    "padding_mask",
    "scaled_dot_product_attention",
]


def scaled_dot_product_attention(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    v: Float[Tensor, "*B S _"],
    mask: Bool[Tensor, "*#B #T S"] | None = None,
) -> tuple[Float[Tensor, "*B T _"], Float[Tensor, "*B T S"]]:
    """Attend from each query to all keys, and return the weighted sums of the values.

    Args:
        q: The queries.
        k: The keys, compared with the queries.
        v: The values, one for each key; their dimension, that of the outputs, may differ.
        mask: True where a query may attend to a key. A fully masked query gets zeros.

    Returns:
        The outputs, and the attention weights, whose rows sum to one.

    Source: Vaswani et al. 2017, equation 1.
    """
    # Half precision would overflow in the product and round the weights, so float32 it is.
    wide = torch.promote_types(q.dtype, torch.float32)
    q, k = q.to(wide) / math.sqrt(q.size(-1)), k.to(wide)
    weights = masked_softmax(q @ k.transpose(-2, -1), mask)  # (*B, T, S)
    return (weights @ v.to(wide)).to(v.dtype), weights.to(v.dtype)


def masked_softmax(
    scores: Float[Tensor, "*B T S"], mask: Bool[Tensor, "*#B #T S"] | None = None
) -> Float[Tensor, "*B T S"]:
    """Turn each query's scores into attention weights, which are positive and sum to one.

    Args:
        scores: Any real values, one for each query and key.
        mask: True where a query may attend to a key; elsewhere the weight is exactly zero.
            A fully masked row is all zeros instead of NaN, and so is its gradient.
    """
    if mask is None:
        return scores.softmax(dim=-1)
    fully_masked = ~mask.any(dim=-1, keepdim=True)  # (*B, T, 1)
    # A fully masked row goes through the softmax unmasked and is zeroed afterwards, so that no NaN
    # arises. Zeros written over NaN would leave it in the gradient of the softmax.
    scores = scores.masked_fill(~(mask | fully_masked), -math.inf)
    return scores.softmax(dim=-1).masked_fill(fully_masked, 0.0)


def causal_mask(length: int, device: torch.device | None = None) -> Bool[Tensor, "T T"]:
    """Let each position attend to itself and to earlier positions: row `t` is True up to `t`."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def combine_causal(
    mask: Bool[Tensor, "*#B #T S"] | None, q: Float[Tensor, "*B T _"], k: Float[Tensor, "*G S _"]
) -> Bool[Tensor, "*#B T S"]:
    """Combine `mask` with the causal mask for these queries and keys.

    The queries are at the last positions of the sequence that has keys: at all of them, or, with
    a KV cache, at those of the new tokens.
    """
    t, s = q.size(-2), k.size(-2)
    causal = torch.ones(t, s, dtype=torch.bool, device=q.device).tril(s - t)
    return causal if mask is None else causal & mask


def padding_mask(ids: Int[Tensor, "*B S"], pad: int = 0) -> Bool[Tensor, "*B 1 S"]:
    """Let every query attend to every token that isn't padding.

    Args:
        ids: Token ids, padded with `pad`.
    """
    return (ids != pad).unsqueeze(-2)
