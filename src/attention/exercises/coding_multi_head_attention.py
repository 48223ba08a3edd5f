"""Exercises of the lab *Coding encoder-decoder and multi-head attention*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import Hint, answer, compare, right
from attention.functional import scaled_dot_product_attention
from attention.kernels.fused import fused_attention
from attention.shapes import Tensor

__all__ = [
    "check_join_heads",
    "check_mask_kept",
    "check_repeat_heads",
    "check_split_heads",
]


def check_split_heads(split_heads: Callable[..., Any]) -> None:
    """Check how a tensor is split into heads.

    Args:
        split_heads: From `(B, T, D)` and the number of heads, `(B, H, T, K)`: head h gets the h-th
            K components of every token. It takes `(T, D)`, too.

    Raises:
        Hint: A head gets other components, or the shape is wrong.
    """
    what = "split_heads(x, n_heads)"
    for n_heads, length in ((2, 3), (3, 3), (4, 5)):  # at three heads and tokens, shapes agree
        x = torch.arange(2.0 * length * 12).view(2, length, 12)
        heads = x.unflatten(-1, (n_heads, -1))
        expected = heads.transpose(1, 2)
        every = x.unflatten(-1, (-1, n_heads))
        mistakes = [
            (x.view(2, n_heads, length, -1), "view re-reads the storage in order, so a head gets "
             "components of several tokens. Cut the last axis only, (B, T, H, K), then transpose."),
            (heads, "The cut is right. Now swap the axes of tokens and heads: (B, H, T, K)."),
            (every.permute(0, 3, 1, 2), "Your head takes every H-th component. It should take K "
             "neighbours: unflatten the last axis into (H, K), not into (K, H)."),
            (every.transpose(1, 2), "You cut into (K, H), so K is now the axis of the heads."),
            (every, "You cut into (K, H). The heads come first: (H, K)."),
            (heads.permute(0, 2, 3, 1), "The tokens are the last axis. It is (B, H, T, K)."),
            (heads.permute(2, 0, 1, 3), "The heads come before the batch. It is (B, H, T, K)."),
            (heads.transpose(0, 1), "You swap batch and tokens. Swap tokens and heads: axes -3 "
             "and -2 of (B, T, H, K)."),
            (heads.transpose(-2, -1), "You swap the last two axes of (B, T, H, K). Swap tokens "
             "and heads: -3 and -2."),
            (x, "This is x unchanged."),
            (heads.transpose(1, 2).flatten(0, 1), "You flatten batch and heads into one axis."),
            (list(expected.unbind(1)), "You return a list of heads. Return one tensor."),
        ]  # fmt: skip
        found = answer(what, split_heads, x, n_heads, hint="H times K is D, here 12.")
        compare(what, found, expected, mistakes)
    alone = answer("split_heads(x, n_heads), with x of shape (T, D),", split_heads, x[0], n_heads)
    if not isinstance(alone, Tensor) or alone.shape != expected[0].shape:
        raise Hint("It works for a batch, but not for one sentence (T, D). Count the axes from the "
                   "end: transpose(-3, -2).")  # fmt: skip
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
    for n_heads, length in ((2, 3), (3, 3), (4, 5)):
        heads = torch.arange(2.0 * n_heads * length * 6).view(2, n_heads, length, 6)
        by_token = heads.transpose(1, 2)
        expected = by_token.flatten(-2)
        mistakes = [
            (heads.reshape(2, length, -1), "reshape alone re-reads the storage in order, which "
             "scrambles tokens and heads. Transpose back to (B, T, H, K) first."),
            (heads.flatten(-2), "You join the tokens of a head. Join the heads of a token: swap "
             "the axes of heads and tokens first."),
            (heads.flatten(1, 2), "You concatenate along the tokens. Concatenate along the last "
             "axis, so that each token gets more components."),
            (by_token, "The axes are right. Now join the last two: flatten(-2)."),
            (heads.permute(0, 2, 3, 1).flatten(-2), "The components of the heads alternate. Those "
             "of one head stay together: (B, T, H, K) before you flatten."),
            (heads.mean(1), "You average the heads. Keep them all: W_o combines them."),
            (heads.sum(1), "You add the heads. Keep them all: W_o combines them."),
            (by_token.flatten(1), "You join the tokens, too. Flatten the last two axes alone: "
             "flatten(-2)."),
            (heads.transpose(-2, -1).flatten(-2), "You swap tokens and components. Swap heads and "
             "tokens: axes -3 and -2."),
            (heads.transpose(0, 1).flatten(-2), "You swap batch and heads. Swap heads and tokens: "
             "axes -3 and -2."),
            (heads, "These are the heads unchanged."),
        ]  # fmt: skip
        found = answer(what, join_heads, heads, hint="After transpose, use reshape or flatten: "
                       "view needs tensors in the order of their storage.")  # fmt: skip
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
        scores = q @ k.transpose(-2, -1) / 2**0.5
        mistakes = [
            (fused_attention(q, k, v), "The mask gets lost: your output is the one without it."),
            (fused_attention(q, k, v, ~allowed), "The mask is inverted: True means may attend."),
            (_weights(q, k, allowed), "These are the weights. Return the weighted sums: the first "
             "of the two that scaled_dot_product_attention returns."),
            ((expected, _weights(q, k, allowed)), "You return the weights, too. Return the head "
             "outputs alone: the first of the two."),
            ((scores.softmax(-1) * allowed) @ v, "You mask after softmax, so the weights no "
             "longer sum to one. Use minus infinity before it, or pass the mask on."),
            ((scores * allowed).softmax(-1) @ v, "You multiply the scores by the mask. But "
             "e⁰ is 1, so a score of 0 gets a weight: use minus infinity, or pass the mask on."),
        ]  # fmt: skip
        if n_heads == 3 and mask.dim() == 3:
            mistakes.append((fused_attention(q, k, v, mask), "The mask of sentence b is used for "
                             "head b: (B, 1, S) and (B, H, T, S) are matched from the last axis "
                             "on, so the sentences meet the heads. Insert an axis for the heads: "
                             "mask.unsqueeze(-3)."))  # fmt: skip
        found = answer(f"{what} with a mask of shape {name}", attend, q, k, v, mask, hint=AXIS)
        compare(f"{what}, with a mask of shape {name},", found, expected, mistakes)
    q, k, v = (torch.ones(1, 2, 3, 2) for _ in "qkv")
    unmasked = answer("attend(q, k, v, None)", attend, q, k, v, None, hint="Without a mask, insert "
                      "no axis: if mask is not None.")  # fmt: skip
    compare("attend(q, k, v, None)", unmasked, fused_attention(q, k, v))
    right("the mask of each sentence reaches all of its heads.")


AXIS = (
    "Count the axis from the end, unsqueeze(-3): then it is right for (T, S), too. And ask whether "
    "mask is not None: a tensor of many entries is neither true nor false."
)


def check_repeat_heads(repeat_heads: Callable[..., Any]) -> None:
    """Check how KV heads are repeated for the query heads.

    Args:
        repeat_heads: From keys `(B, G, S, K)` and the number of query heads H, keys
            `(B, H, S, K)`: neighbouring query heads share a KV head.

    Raises:
        Hint: A query head gets the keys of another KV head.
    """
    what = "repeat_heads(k, n_heads)"
    for groups, n_heads in ((2, 4), (2, 6), (3, 3), (1, 4)):
        k = torch.arange(2.0 * groups * 5 * 7).view(2, groups, 5, 7)
        each = n_heads // groups
        expected = k.repeat_interleave(each, dim=1)
        mistakes = [
            (k.repeat(1, each, 1, 1), "repeat gives the order 0, 1, 0, 1, so query head 1 gets "
             "KV head 1 instead of KV head 0. repeat_interleave gives 0, 0, 1, 1."),
            (k, "These are the keys unchanged: repeat each KV head for its H / G query heads."),
            (k.repeat_interleave(each, dim=0), "You repeat the sentences. The heads are axis -3."),
            (k.repeat_interleave(each, dim=2), "You repeat the tokens. The heads are axis -3."),
            (k.repeat_interleave(each, dim=3), "You repeat the components. The heads are axis -3."),
            (k.repeat_interleave(n_heads, dim=1), "That makes G · H heads, not H."),
            (k.repeat_interleave(each), "Without dim, repeat_interleave flattens the tensor first. "
             "The heads are axis -3."),
            (k.repeat_interleave(2, dim=1), "You repeat each head twice. Repeat it for the H / G "
             "query heads of its group."),
            (k.unsqueeze(2).expand(-1, -1, each, -1, -1), "The groups have an axis of their own. "
             "Flatten it with that of the KV heads."),
            (k.repeat(each, 1, 1, 1), "You repeat the sentences. The heads are axis -3."),
        ]  # fmt: skip
        found = answer(what, repeat_heads, k, n_heads, hint="Each KV head is repeated H / G times.")
        compare(what, found, expected, mistakes)
    right("neighbouring query heads share a KV head.")


def _weights(q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
    return scaled_dot_product_attention(q, k, k, mask)[1]
