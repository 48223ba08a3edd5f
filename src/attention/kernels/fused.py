"""The seam between the layers and the fast kernels: attention without its weights."""

import torch
from torch.nn import functional as F

from attention.functional import combine_causal
from attention.shapes import Bool, Float, Tensor

__all__ = ["fused_attention"]


def fused_attention(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "... S K"],
    v: Float[Tensor, "... S _"],
    mask: Bool[Tensor, "*#B #T S"] | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Float[Tensor, "*B T _"]:
    """Scaled dot-product attention by torch's fused kernels, which never store the weights.

    Equal to the outputs of `scaled_dot_product_attention`, for any mask.

    Args:
        q: The queries; their last batch axis is that of the heads, where there are several.
        k: The keys; or fewer of them along the axis of the heads, each shared by a group of
            neighbouring heads (grouped-query attention).
        v: The values, as many as keys.
        mask: True where a query may attend to a key. A fully masked query gets zeros.
        causal: The same as the mask `combine_causal(mask, q, k)`, but faster where there is no
            other mask, because the kernels skip the masked half.
        dropout: Probability with which each attention weight is dropped.
    """
    t, s = q.size(-2), k.size(-2)
    grouped = q.shape[:-2] != k.shape[:-2]
    causal = causal and t > 1  # a single query is at the last position and attends to every key
    if mask is None and (t == s or not causal):
        return F.scaled_dot_product_attention(
            q, k, v, is_causal=causal, dropout_p=dropout, enable_gqa=grouped
        )
    if mask is None or causal:
        mask = combine_causal(mask, q, k)
    fully_masked = ~mask.any(dim=-1, keepdim=True)
    output = F.scaled_dot_product_attention(
        q, k, v, attn_mask=mask | fully_masked, dropout_p=dropout, enable_gqa=grouped
    )
    return torch.where(fully_masked, 0.0, output)  # keeps the layout; masked_fill copies twice
