"""Exercises of the lab *Coding encoder-decoder and multi-head attention*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import Hint, answer, compare, right
from attention.functional import scaled_dot_product_attention
from attention.kernels.fused import fused_attention
from attention.shapes import Tensor

__all__ = ["check_join_heads", "check_mask_kept", "check_repeat_heads", "check_split_heads"]


def check_split_heads(split_heads: Callable[..., Any]) -> None:
    """Check how a tensor is split into heads.

    Args:
        split_heads: From `(B, T, D)` and the number of heads, `(B, H, T, K)`: head h gets the h-th
            K components of every token. It takes `(T, D)`, too.

    Raises:
        Hint: A head gets other components, or the shape is wrong.
    """
    what = "split_heads(x, n_heads)"
    view = "view re-reads the storage in order. Cut the last axis alone, then transpose."
    swap = "The cut is right. Swap tokens and heads alone: axes -3 and -2 of (B, T, H, K)."
    order = "You cut into (K, H). A head has K neighbouring components: cut into (H, K)."
    batch = "Your heads come before the sentences: (H, B, T, K). The batch stays first."
    from_end = "Count axes from the end: unflatten(-1, …), then transpose(-3, -2)."
    for n_heads, length in ((2, 3), (3, 3), (4, 5)):  # at three heads and tokens, shapes agree
        x = torch.arange(2.0 * length * 12).view(2, length, 12)
        heads = x.unflatten(-1, (n_heads, -1))
        expected = heads.transpose(1, 2)
        every = x.unflatten(-1, (-1, n_heads))
        mistakes = [
            (x.view(2, n_heads, length, -1), view),
            *((wrong, swap) for wrong in (heads, heads.transpose(0, 1), heads.mT)),
            (expected.transpose(0, 1), batch),
            *((wrong, order) for wrong in (every, every.transpose(1, 2), every.mT.transpose(1, 2))),
        ]
        found = answer(what, split_heads, x, n_heads, hint="H times K is D, here 12.")
        compare(what, found, expected, mistakes)
    one = "split_heads(x, n_heads), with x of shape (T, D),"
    alone = answer(one, split_heads, x[0], n_heads, hint=from_end)
    if not isinstance(alone, Tensor) or alone.shape != expected[0].shape:
        raise Hint(f"It fails for one sentence (T, D). {from_end}")
    compare("split_heads(x[0], n_heads)", alone, expected[0])
    right("each head gets its own components of every token.")


def check_join_heads(join_heads: Callable[..., Any]) -> None:
    """Check how the head outputs are concatenated.

    Args:
        join_heads: From head outputs `(B, H, T, K)`, all of them for each token, `(B, T, H·K)`.

    Raises:
        Hint: They are in another order, or combined in another way.
    """
    what = "join_heads(heads)"
    swap = "Swap heads and tokens back, axes -3 and -2, before you join: (B, T, H, K)."
    cuts = "list(heads) cuts along the batch. The heads are axis 1: heads.unbind(1)."
    alternate = "The components of the heads alternate. Those of one head stay together."
    keep = "Keep all heads, concatenated: W_o combines them."
    hint = "After transpose, use reshape or flatten: view needs the order of the storage."
    for n_heads, length in ((2, 3), (3, 3), (4, 5)):
        heads = torch.arange(2.0 * n_heads * length * 6).view(2, n_heads, length, 6)
        by_token = heads.transpose(1, 2)
        expected = by_token.flatten(-2)
        mistakes = [
            (heads.reshape(2, length, -1), f"reshape alone re-reads the storage in order. {swap}"),
            (heads.flatten(1, 2), swap),
            *((wrong.flatten(-2), swap) for wrong in (heads, heads.mT, heads.transpose(0, 1))),
            (by_token, "The axes are right. Now join the last two: flatten(-2)."),
            (by_token.mT.flatten(-2), alternate),
            (torch.cat(list(heads), -1), cuts),
            *((wrong, keep) for wrong in (heads.mean(1), heads.sum(1))),
        ]
        found = answer(what, join_heads, heads, hint=hint)
        compare(what, found, expected, mistakes)
    right("each token has the outputs of all heads, concatenated.")


def check_mask_kept(attend: Callable[..., Any]) -> None:
    """Check that the mask of each sentence reaches all of its heads.

    Args:
        attend: From queries `(B, H, T, K)`, keys and values `(B, H, S, K)` and a mask that is
            `(B, 1, S)`, `(B, T, S)` or `(T, S)`, the head outputs `(B, H, T, K)`.

    Raises:
        Hint: A query attends to a masked key, or not to all others.
    """
    what = "attend(q, k, v, mask)"
    head_b = "Head b uses the mask of sentence b: insert an axis for the heads, mask.unsqueeze(-3)."
    axis = "Count the axis from the end: unsqueeze(-3). And ask whether mask is not None."
    padding = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]], dtype=torch.bool)
    causal = torch.ones(4, 5, dtype=torch.bool).tril()
    cases = [
        ("(B, 1, S), with as many sentences as heads", 3, padding.unsqueeze(1)),
        ("(B, T, S)", 3, padding.unsqueeze(1) & causal),
        ("(B, 1, S)", 2, padding.unsqueeze(1)),
        ("(T, S)", 2, causal),
    ]
    for name, n_heads, mask in cases:
        generator = torch.Generator().manual_seed(1)
        q, k, v = (torch.randn(3, n_heads, n, 2, generator=generator) for n in (4, 5, 5))
        allowed = mask if mask.dim() == 2 else mask.unsqueeze(1)
        expected = fused_attention(q, k, v, allowed)
        late = scaled_dot_product_attention(q, k, v)[1] * allowed @ v
        mistakes = [
            (fused_attention(q, k, v), "The mask gets lost: your output is the one without it."),
            (fused_attention(q, k, v, ~allowed), "The mask is inverted: True means may attend."),
            (late, "You mask after softmax, so the weights no longer sum to 1. Pass the mask on."),
        ]
        if n_heads == 3 and mask.dim() == 3:
            mistakes.append((fused_attention(q, k, v, mask), head_b))
        found = answer(f"{what} with a mask of shape {name}", attend, q, k, v, mask, hint=axis)
        compare(f"{what}, with a mask of shape {name},", found, expected, mistakes)
    q, k, v = (torch.ones(1, 2, 3, 2) for _ in "qkv")
    hint = "Without a mask, insert no axis: if mask is not None."
    unmasked = answer("attend(q, k, v, None)", attend, q, k, v, None, hint=hint)
    compare("attend(q, k, v, None)", unmasked, fused_attention(q, k, v))
    right("the mask of each sentence reaches all of its heads.")


def check_repeat_heads(repeat_heads: Callable[..., Any]) -> None:
    """Check how KV heads are repeated for the query heads.

    Args:
        repeat_heads: From keys `(B, G, S, K)` and the number of query heads H, keys
            `(B, H, S, K)`: neighbouring query heads share a KV head.

    Raises:
        Hint: A query head gets the keys of another KV head.
    """
    what = "repeat_heads(k, n_heads)"
    repeat = "repeat gives the order 0, 1, 0, 1. Query heads 0 and 1 share KV head 0: 0, 0, 1, 1."
    axis = "Repeat along axis -3, that of the heads. Without dim, repeat_interleave flattens first."
    for groups, n_heads in ((2, 4), (2, 6), (3, 3), (1, 4)):
        k = torch.arange(2.0 * groups * 5 * 7).view(2, groups, 5, 7)
        each = n_heads // groups
        expected = k.repeat_interleave(each, dim=1)
        mistakes = [
            (k.repeat(1, each, 1, 1), repeat),
            (k.repeat_interleave(n_heads, dim=1), "That makes G · H heads, not H."),
            (k.unsqueeze(2).expand(-1, -1, each, -1, -1), "Flatten the axes of groups and heads."),
            *((k.repeat_interleave(each, dim), axis) for dim in (None, 0, 2, 3)),
        ]
        found = answer(what, repeat_heads, k, n_heads, hint="Each KV head is repeated H / G times.")
        compare(what, found, expected, mistakes)
    right("neighbouring query heads share a KV head.")
