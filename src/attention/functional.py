"""The formula of attention and its masks, as pure functions.

Masks are boolean and True means *may look*, everywhere in this package.
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
    v: Float[Tensor, "*B S V"],
    mask: Bool[Tensor, "*#B #T S"] | None = None,
) -> tuple[Float[Tensor, "*B T V"], Float[Tensor, "*B T S"]]:
    """Average the values, weighting each by how well its key answers the query.

    Args:
        q: What each position is looking for.
        k: What each position offers to be found by.
        v: What each position has to say once it is found.
        mask: True where a query may look at a key. A query that may look nowhere gets zeros.

    Returns:
        The averaged values, and the weights, whose rows sum to one.

    Source: Vaswani et al. 2017, equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))  # (*B, T, S)
    weights = masked_softmax(scores, mask)
    return weights @ v, weights


def masked_softmax(
    scores: Float[Tensor, "*B T S"], mask: Bool[Tensor, "*#B #T S"] | None = None
) -> Float[Tensor, "*B T S"]:
    """Turn each query's scores into weights that are positive and sum to one.

    Args:
        scores: Any real numbers, one for each query and key.
        mask: True where a query may look at a key; elsewhere the weight is exactly zero.
            A row that may look nowhere is all zeros instead of NaN, and so is its gradient.
    """
    if mask is None:
        return scores.softmax(dim=-1)
    blind = ~mask.any(dim=-1, keepdim=True)  # (*B, T, 1) the queries that may look nowhere
    # A blind row is let through the softmax unmasked and zeroed afterwards: minus infinity in
    # every place would make NaN, whose gradient survives any later multiplication by zero.
    scores = scores.masked_fill(~(mask | blind), -math.inf)
    return scores.softmax(dim=-1).masked_fill(blind, 0.0)


def causal_mask(length: int, device: torch.device | None = None) -> Bool[Tensor, "T T"]:
    """Each position may look at itself and at what came before it: row `t` is True up to `t`."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def combine_causal(
    mask: Bool[Tensor, "*#B #T S"] | None, q: Float[Tensor, "*B T _"], k: Float[Tensor, "*G S _"]
) -> Bool[Tensor, "*#B T S"]:
    """What `mask` allows, as far as it does not lie in a query's future.

    The queries stand last of the words that have keys: all of them, or those that are new.
    """
    t, s = q.size(-2), k.size(-2)
    causal = torch.ones(t, s, dtype=torch.bool, device=q.device).tril(s - t)
    return causal if mask is None else causal & mask


def padding_mask(ids: Int[Tensor, "*B S"], pad: int = 0) -> Bool[Tensor, "*B 1 S"]:
    """Every query may look at every real word, and at no padding.

    Args:
        ids: Word numbers, padded at the end with `pad`.
    """
    return (ids != pad).unsqueeze(-2)
