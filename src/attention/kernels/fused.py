"""The seam between the layers and the fast kernels: one function, the formula's output alone."""

import torch
from torch.nn import functional as F

from attention.functional import combine_causal
from attention.shapes import Bool, Float, Tensor

__all__ = ["fused_attention"]


def fused_attention(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*G S K"],
    v: Float[Tensor, "*G S V"],
    mask: Bool[Tensor, "*#B #T S"] | None = None,
    causal: bool = False,
) -> Float[Tensor, "*B T V"]:
    """Scaled dot-product attention by torch's fused kernels, which never store the weights.

    Equal to the first result of `scaled_dot_product_attention`, for any mask.

    Args:
        k: Like `q`; or fewer in the axis of the heads, each shared by neighbouring heads.
        v: As many as `k`.
        mask: True where a query may look at a key. A query that may look nowhere gets zeros.
        causal: The same as the mask `combine_causal(mask, q, k)`, and faster where there is no
            other, because the kernels skip the masked half.
    """
    t, s, shared = q.size(-2), k.size(-2), q.shape[:-2] != k.shape[:-2]
    if mask is None and (not causal or t in (1, s)):  # a single query stands last, and sees all
        causal = causal and t > 1
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=shared)
    if mask is None or causal:
        mask = combine_causal(mask, q, k)
    blind = ~mask.any(dim=-1, keepdim=True)
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | blind, enable_gqa=shared)
    return torch.where(blind, 0.0, mixed)  # keeps the layout, where masked_fill would copy twice
