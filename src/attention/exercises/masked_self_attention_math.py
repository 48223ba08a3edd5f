"""Exercises of the chapter *The matrix math of masked self-attention*."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.functional import causal_mask, masked_softmax, padding_mask
from attention.shapes import Tensor

__all__ = [
    "check_additive_mask",
    "check_causal_mask",
    "check_combined_mask",
    "check_fixed_mask",
    "check_masked_weights",
]

# Two sentences, three queries, four keys. In each sentence, one query is fully masked.
MASK = torch.tensor(
    [
        [[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]],
        [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1]],
    ],
    dtype=torch.bool,
)

INVERTED = "It is the wrong way round: True means that a query may attend to a key."
LATE = "You mask after the softmax, so the rows sum to less than one. Mask the scores before it."


def check_causal_mask(causal: Callable[..., Any]) -> None:
    """Check a causal mask.

    Args:
        causal: From a number of tokens, booleans `(T, T)`: True where a query may attend to a key.

    Raises:
        Hint: It masks something else.
    """
    for length in (4, 1):
        square = torch.ones(length, length, dtype=torch.bool)
        mistakes = [
            (square, "Nothing is masked. The later tokens must be."),
            (square.tril(-1), "A token may attend to itself, too, so the diagonal is True."),
            (square.triu(1), INVERTED),
            (square.triu(), "This is the other triangle. Rows are queries, columns are keys."),
            (square.tril(1), "Off by one: each token may attend to the next one."),
        ]
        what = f"causal({length})"
        found = answer(what, causal, length, hint="length is an integer, the number of tokens.")
        _compare_mask(what, found, causal_mask(length), mistakes)
    right("each token may attend to itself and to the tokens before it.")


def check_additive_mask(additive: Callable[..., Any]) -> None:
    """Check an additive mask.

    Args:
        additive: From booleans of any shape that are True where a query may attend to a key, the
            values to add to the scores, of the same shape.

    Raises:
        Hint: It would mask something else, or leave some weight.
    """
    zeros = torch.zeros(MASK.shape)
    unchanged = "These are still booleans, or 1 and 0. Added to the scores, they mask nothing."
    mistakes = [
        (zeros.masked_fill(MASK, -math.inf), "It is the wrong way round: −∞ excludes a key."),
        ((zeros + 1).masked_fill(~MASK, -math.inf), "Add 0, not 1, where a query may attend."),
        (zeros, "Nothing is masked. masked_fill returns a new tensor: return that one."),
        (MASK, unchanged),
        (~MASK, unchanged),
        (zeros + 1, "There are only ones in it: booleans can't hold −∞. Start from zeros."),
    ]
    hint = "~mask negates booleans. Only floats can hold −∞: start from torch.zeros(mask.shape)."
    found = answer("additive(mask)", additive, MASK, hint=hint)
    if isinstance(found, Tensor) and found.shape == MASK.shape and found.is_floating_point():
        if found.isnan().any():
            raise Hint("There is NaN in it: 0 times infinity. Don't multiply: use masked_fill.")
        if found.isfinite().all() and (found[~MASK] < -1000).all():
            raise Hint(f"{found.min():.4g} is finite: it can't mask a whole row. Use -math.inf.")
    compare("additive(mask)", found, zeros.masked_fill(~MASK, -math.inf), mistakes)
    right("zero where a query may attend to a key, and minus infinity elsewhere.")


def check_fixed_mask(attend: Callable[..., Any]) -> None:
    """Check a function that once took a mask the wrong way round.

    Args:
        attend: From queries `(B, T, K)`, keys and values `(B, S, K)` and booleans `(B, T, S)` that
            are True where a key is *excluded*, the weighted sums of the values.

    Raises:
        Hint: It attends to other keys.
    """
    q, k, v = _random((2, 3, 6), (2, 4, 6), (2, 4, 6))
    excluded = ~MASK[:, [0, 2, 2]]  # no fully masked rows: those are another question
    excluded[1, 0] = torch.tensor([True, True, False, True])
    weights = (q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))).softmax(-1)

    def attention(mask: Tensor | None) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    added = "Converted to floats, the booleans are *added* to the scores. That masks nothing."
    mistakes = [
        (attention(excluded), "It still attends to exactly the excluded keys. In attn_mask, True "
         "means “may attend”, but in `excluded` it means “may not”."),
        (attention(None), "Now nothing is masked: the mask is gone."),
        (attention(excluded.to(v.dtype)), added),
        (attention((~excluded).to(v.dtype)), added),
        (weights.masked_fill(excluded, 0.0) @ v, LATE),
    ]  # fmt: skip
    what, given = "attend(q, k, v, excluded)", excluded.clone()
    hint = "To negate booleans, use ~excluded: a minus doesn't work, nor does 1 - excluded."
    # The lambda passes the mask itself, because answer() would copy it and hide a change in place.
    found = answer(what, lambda *qkv: attend(*qkv, given), q, k, v, hint=hint)
    compare(what, found, attention(~excluded), mistakes)
    if not torch.equal(given, excluded):
        raise Hint("The answer is right, but you have changed the caller's mask: use ~excluded.")
    right("what is excluded has no weight.")


def check_combined_mask(both: Callable[..., Any]) -> None:
    """Check the mask of a padded batch in a decoder: causal, and without padding.

    Args:
        both: From token ids `(B, T)`, of which 0 is padding, booleans `(B, T, T)`.

    Raises:
        Hint: It masks something else, or has another shape.
    """
    ids = torch.tensor([[4, 5, 6, 7], [4, 6, 0, 0], [0, 0, 4, 6]])
    causal, real = causal_mask(4), padding_mask(ids)
    queries = real.transpose(1, 2)  # (B, T, 1): the queries that aren't padding
    only_causal = "This is the causal mask alone: queries may attend to padding."
    only_padding = "This is the padding mask alone: queries may attend to the future."
    wrong_triangles = causal.T, ~causal, causal.tril(-1), torch.ones_like(causal).tril(1)
    mistakes = [
        *((mask, only_causal) for mask in (causal, causal.expand(3, 4, 4))),
        *((mask, only_padding) for mask in (real, ids != 0, real.expand(3, 4, 4))),
        (causal & ids.unsqueeze(1), "These are numbers, not booleans. Compare first: ids != 0."),
        (causal | real, "*Both* masks must allow it: `&`. With `|`, one is enough."),
        (causal & queries, "You mask the rows of padding, its queries. Mask its columns, the keys: "
         "the new axis is in the middle, unsqueeze(1)."),
        (causal & real & queries, "You mask too much: the queries of padding do no harm."),
        (~(causal & real), INVERTED),
        (causal & ~real, "The padding part is the wrong way round: 0 is padding."),
        *((mask & real, "The causal part is wrong: it is the lower triangle, with the diagonal.")
          for mask in wrong_triangles),
    ]  # fmt: skip
    hint = "Give the padding mask a new axis, (B, 1, T). Masks combine with `&`, not with `and`."
    found = answer("both(ids)", both, ids, hint=hint)
    _compare_mask("both(ids)", found, causal & real, mistakes)
    right("no query attends to the future, and none to padding.")


def check_masked_weights(weights: Callable[..., Any]) -> None:
    """Check a masked softmax with fully masked rows, and its gradient.

    Args:
        weights: From scores `(*B, T, S)` and booleans `(*B, T, S)` that are True where a query may
            attend to a key, the weights. A fully masked query gets zeros.

    Raises:
        Hint: The weights are others, or their gradients are.
    """
    scores, value = _random((2, 3, 4), (2, 3, 4))
    filled = scores.masked_fill(~MASK, -math.inf)
    fully_masked = ~MASK.any(-1, keepdim=True)
    unmasked = scores.masked_fill(~(MASK | fully_masked), -math.inf)
    axis = "Your columns sum to one. The keys are the last axis."
    zeroed = (scores * MASK).softmax(-1)
    zeros = "A score of 0 masks nothing, because e to the power of 0 is 1. Use −∞."
    mistakes = [
        (scores.masked_fill(~MASK, -1e9).softmax(-1), "Your fully masked query attends to every "
         "key alike: a large negative score can't mask a whole row. Give it zeros."),
        (zeroed, zeros),
        (zeroed * MASK, zeros),
        (scores.softmax(-1) * MASK, LATE),
        (unmasked.softmax(-2).masked_fill(fully_masked, 0.0), axis),
        (unmasked.softmax(-1), "A fully masked query has weights. Zero its row after softmax."),
        (scores.softmax(-1), "Nothing is masked."),
        (masked_softmax(scores, ~MASK), INVERTED),
        (masked_softmax(scores, ~MASK).masked_fill(fully_masked, 0.0), INVERTED),
        (filled, "These are the masked scores. The softmax is still to come."),
    ]  # fmt: skip
    what, given = "weights(scores, mask)", scores.clone()
    hint = "mask.any(dim=-1) is (B, T). With keepdim=True it is (B, T, 1), and broadcasts."
    found = answer(what, lambda mask: weights(given, mask), MASK, hint=hint)
    if isinstance(found, Tensor):
        if found.isnan().any(dim=-1, keepdim=True).equal(fully_masked):
            raise Hint("There is NaN in the fully masked row: 0 is divided by 0. Give it zeros.")
        if same(found.nan_to_num(), filled.softmax(-2).nan_to_num()):
            raise Hint(axis)
    compare(what, found, masked_softmax(scores, MASK), mistakes)
    if not torch.equal(given, scores):
        raise Hint("The weights are right, but you have overwritten the caller's scores.")

    def gradient(function: Callable[..., Any]) -> Tensor:
        leaf = scores.clone().requires_grad_()
        found = function(leaf, MASK.clone())
        if found.requires_grad:
            (found * value).sum().backward()
        if leaf.grad is None:
            raise Hint("The weights are right, but no gradient flows back to the scores.")
        return leaf.grad

    what = "The gradient of weights(scores, mask)"
    hint = "The weights are right. If you write into the softmax's output, use masked_fill."
    slope = answer(what, gradient, weights, hint=hint)
    if slope.isnan().any():
        raise Hint(
            "The weights are right, but their gradient is NaN: the softmax still has it, behind "
            "your zeros. Let the fully masked rows through unmasked, and zero them afterwards."
        )
    compare(what, slope, gradient(masked_softmax))
    right("zeros where a query is fully masked, and no NaN in the gradients.")


def _compare_mask(
    what: str, found: object, expected: Tensor, mistakes: Sequence[tuple[object, str]]
) -> None:
    """Compare a mask, which must be boolean."""
    if isinstance(found, Tensor) and found.is_floating_point() and (found < 0).any():
        raise Hint("This is an additive mask. Here, return one of True and False.")
    compare(what, found, expected, mistakes)
    if isinstance(found, Tensor) and found.dtype != torch.bool:
        raise Hint(f"The positions are right, but a mask is boolean, and yours is {found.dtype}.")


def _random(*shapes: tuple[int, ...]) -> list[Tensor]:
    """The same random values every time, and the reader's seed unchanged."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]
