"""Exercises of the lab *Coding encoder-decoder and multi-head attention*."""

from collections.abc import Callable
from typing import Any

import torch

from attention.exercises.checking import Hint, answer, compare, right
from attention.kernels.fused import fused_attention
from attention.shapes import Tensor

__all__ = [
    "check_join_heads",
    "check_mask_kept",
    "check_repeat_heads",
    "check_split_heads",
]


def check_split_heads(split: Callable[..., Any]) -> None:
    """Check how a tensor is cut into heads.

    Args:
        split: From `(B, T, D)` and the number of heads, `(B, H, T, K)`: head h gets the h-th run of
            K numbers of every word. It takes `(T, D)`, too.

    Raises:
        Hint: A head gets other numbers, or the shape is another one.
    """
    what = "split(x, n_heads)"
    for n_heads, words in ((2, 3), (3, 3), (4, 5)):  # three heads and three words: shapes agree
        x = torch.arange(2.0 * words * 12).view(2, words, 12)
        heads = x.unflatten(-1, (n_heads, -1))
        expected = heads.transpose(1, 2)
        every = x.unflatten(-1, (-1, n_heads))
        mistakes = [
            (x.view(2, n_heads, words, -1), "view cuts the row of memory anew, and a head gets "
             "pieces of several words. Cut the last axis alone, (B, T, H, K), then transpose."),
            (heads, "The cut is right. Now exchange the axes of words and heads: (B, H, T, K)."),
            (every.permute(0, 3, 1, 2), "Your head takes every H-th number. It should take a run "
             "of neighbours: unflatten the last axis into (H, K), not into (K, H)."),
            (every.transpose(1, 2), "You cut into (K, H), and then call K the axis of heads."),
            (every, "You cut into (K, H). The heads come first: (H, K)."),
            (heads.permute(0, 2, 3, 1), "The words stand last: it is (B, H, T, K)."),
            (heads.permute(2, 0, 1, 3), "The heads stand before the batch. It is (B, H, T, K)."),
            (heads.transpose(1, 2).flatten(0, 1), "Batch and heads have run together."),
        ]  # fmt: skip
        compare(what, answer(what, split, x, n_heads), expected, mistakes)
    alone = answer("split(x, n_heads), with x of shape (T, D),", split, x[0], n_heads)
    if not isinstance(alone, Tensor) or alone.shape != expected[0].shape:
        raise Hint("It works for a batch, but not for one sentence (T, D). Count the axes from the "
                   "end: transpose(-3, -2).")  # fmt: skip
    compare("split(x[0], n_heads)", alone, expected[0])
    right("each head gets its own numbers of every word.")


def check_join_heads(join: Callable[..., Any]) -> None:
    """Check how the answers of the heads are put side by side.

    Args:
        join: From `(B, H, T, K)`, the numbers of all heads for each word, `(B, T, H·K)`.

    Raises:
        Hint: They stand elsewhere, or have been mixed.
    """
    what = "join(mixed)"
    for n_heads, words in ((2, 3), (3, 3), (4, 5)):
        mixed = torch.arange(2.0 * n_heads * words * 2).view(2, n_heads, words, 2)
        side_by_side = mixed.transpose(1, 2)
        expected = side_by_side.flatten(-2)
        mistakes = [
            (mixed.reshape(2, words, -1), "reshape alone cuts the row of memory anew, and mixes "
             "words and heads. Transpose back to (B, T, H, K) first."),
            (mixed.flatten(-2), "You join the words of a head. Join the heads of a word: exchange "
             "the axes of heads and words first."),
            (mixed.flatten(1, 2), "The heads stand below each other, as more words. Put them side "
             "by side, as more numbers of each word."),
            (side_by_side, "The axes are right. Now join the last two: flatten(-2)."),
            (mixed.permute(0, 2, 3, 1).flatten(-2), "The numbers of the heads alternate. Each "
             "head's stay together: (B, T, H, K) before you flatten."),
            (mixed.mean(1), "You average the heads. Keep them all, and let W_o decide."),
            (mixed.sum(1), "You add the heads up. Keep them all, and let W_o decide."),
        ]  # fmt: skip
        compare(what, answer(what, join, mixed), expected, mistakes)
    right("each word has the answers of all its heads, side by side.")


def check_mask_kept(look: Callable[..., Any]) -> None:
    """Check that the mask of each sentence arrives at all of its heads.

    Args:
        look: From queries `(B, H, T, K)`, keys and values `(B, H, S, K)` and a mask that is
            `(B, 1, S)`, `(B, T, S)` or `(T, S)`, the mixed values `(B, H, T, K)`.

    Raises:
        Hint: A query sees what it may not, or doesn't see what it may.
    """
    what = "look(q, k, v, mask)"
    words = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]], dtype=torch.bool)
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    cases = [
        ("(B, 1, S), with as many sentences as heads", 3, words.unsqueeze(1)),
        ("(B, T, S)", 3, words.unsqueeze(1) & causal),
        ("(B, 1, S)", 2, words.unsqueeze(1)),
        ("(T, S)", 2, causal),
    ]
    for name, n_heads, mask in cases:
        numbers = torch.Generator().manual_seed(1)
        q, k, v = (torch.randn(3, n_heads, 5, 2, generator=numbers) for _ in "qkv")
        seen = mask if mask.dim() == 2 else mask.unsqueeze(1)
        expected = fused_attention(q, k, v, seen)
        scores = q @ k.transpose(-2, -1) / 2**0.5
        mistakes = [
            (fused_attention(q, k, v), "The mask is dropped on the way: your answer is the one "
             "without it."),
            (fused_attention(q, k, v, ~seen), "The mask is inverted: True means that a query may "
             "attend to a key."),
            ((scores.softmax(-1) * seen) @ v, "You mask after softmax, so the weights no longer "
             "add up to one. Put minus infinity before it, or hand it to the formula."),
            ((scores * seen).softmax(-1) @ v, "You multiply the scores by the mask. A score of 0 "
             "is a score: put minus infinity there, or hand it to the formula."),
        ]  # fmt: skip
        if n_heads == 3 and mask.dim() == 3:
            mistakes.append((fused_attention(q, k, v, mask), "The mask of sentence b has gone to "
                             "head b. (B, 1, S) meets (B, H, T, S), axes are matched from the "
                             "end, and so the sentences stand where the heads are. Insert their "
                             "axis: mask.unsqueeze(-3)."))  # fmt: skip
        found = answer(f"{what} with a mask of shape {name}", look, q, k, v, mask)
        compare(f"{what}, with a mask of shape {name},", found, expected, mistakes)
    q, k, v = (torch.ones(1, 2, 3, 2) for _ in "qkv")
    nothing = answer("look(q, k, v, None)", look, q, k, v, None)
    compare("look(q, k, v, None)", nothing, fused_attention(q, k, v))
    right("the mask of each sentence reaches all of its heads.")


def check_repeat_heads(spread: Callable[..., Any]) -> None:
    """Check how a few keys are handed to many queries.

    Args:
        spread: From keys `(B, G, S, K)` and the number of query heads H, keys `(B, H, S, K)`:
            neighbouring query heads share a head of keys.

    Raises:
        Hint: A query head gets the keys of another group.
    """
    what = "spread(k, n_heads)"
    for groups, n_heads in ((2, 4), (2, 6), (3, 3), (1, 4)):
        k = torch.arange(2.0 * groups * 5 * 2).view(2, groups, 5, 2)
        each = n_heads // groups
        expected = k.repeat_interleave(each, dim=1)
        mistakes = [
            (k.repeat(1, each, 1, 1), "repeat gives the heads 0, 1, 0, 1: query head 1 gets the "
             "keys of group 1, though it belongs to group 0. repeat_interleave gives 0, 0, 1, 1."),
            (k, "These are the keys as they came: each must be there for H / G query heads."),
            (k.repeat_interleave(each, dim=0), "You repeat the sentences. The heads are axis -3."),
            (k.repeat_interleave(each, dim=2), "You repeat the words. The heads are axis -3."),
            (k.repeat_interleave(each, dim=3), "You repeat the numbers. The heads are axis -3."),
            (k.repeat_interleave(n_heads, dim=1), "That makes G · H heads. Each of the G heads is "
             "there H / G times."),
        ]  # fmt: skip
        compare(what, answer(what, spread, k, n_heads), expected, mistakes)
    right("neighbouring query heads share their keys.")
