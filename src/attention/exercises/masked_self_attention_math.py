"""Exercises of the chapter *The matrix math of masked self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right
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
        expected = causal_mask(length)
        square = torch.ones(length, length, dtype=torch.bool)
        mistakes = [
            (square, "Nothing is masked. The later tokens must be."),
            (square.tril(-1), "A token may attend to itself, too, so the diagonal is True. "
             "Otherwise the first token could attend to nothing."),
            (square.triu(1), INVERTED),
            (square.triu(), "This is the other triangle. Rows are queries: the first token may "
             "attend only to itself, and the last to all."),
            (square.tril(1), "Off by one: each token may attend to the next one."),
            (expected[-1], "This is one row. The mask has a row for each query."),
        ]  # fmt: skip
        what = f"causal({length})"
        found = answer(what, causal, length, hint="length is an integer, the number of tokens.")
        if isinstance(found, list):
            raise Hint("Return a tensor. torch.tensor(...) makes one of a list of lists.")
        _must_not_be_added(found)
        if isinstance(found, Tensor) and found.shape != expected.shape and length == 1:
            raise Hint("The mask must have `length` rows and columns, whatever the length is.")
        compare(what, found, expected, mistakes)
        _must_be_boolean(found)
    right("each token may attend to itself and to the tokens before it.")


def check_additive_mask(additive: Callable[..., Any]) -> None:
    """Check an additive mask.

    Args:
        additive: From booleans of any shape that are True where a query may attend to a key, the
            values to add to the scores, of the same shape.

    Raises:
        Hint: It would mask something else, or leave some weight.
    """
    mistakes = [
        (torch.zeros(MASK.shape).masked_fill(MASK, -math.inf), "It is the wrong way round: 0 where "
         "a query may attend to a key, and −∞ elsewhere."),
        (torch.ones(MASK.shape).masked_fill(~MASK, -math.inf), "Add 0, not 1, where a query may "
         "attend to a key. (The softmax gives the same, but readers will wonder.)"),
        (MASK.double(), "These are still True and False, or 1 and 0, which would mask nothing."),
        ((~MASK).double(), "These are True and False, or 1 and 0, which would mask nothing."),
        (torch.ones(MASK.shape), "There are only ones in it. Booleans can't hold −∞: start from "
         "torch.zeros(mask.shape)."),
        (torch.zeros(MASK.shape).masked_fill(~MASK, math.inf), "Mind the sign: it takes *minus* "
         "infinity."),
    ]  # fmt: skip
    hint = "~mask negates booleans. Only floats can hold −∞: start from torch.zeros(mask.shape)."
    found = answer("additive(mask)", additive, MASK, hint=hint)
    if isinstance(found, Tensor) and found.shape == MASK.shape and found.is_floating_point():
        if found.isnan().any():
            raise Hint("There is NaN in it, because 0 times infinity is not a number. Don't "
                       "multiply: use masked_fill or torch.where.")  # fmt: skip
        if found.isfinite().all() and (found[~MASK] < -1000).all():
            raise Hint(
                f"{found.min():.4g} is finite. In most rows it masks as well as −∞, but a fully "
                "masked query would attend to every key alike, and nothing would tell you. Here, "
                "use -math.inf."
            )
    expected = torch.zeros(MASK.shape).masked_fill(~MASK, -math.inf)
    compare("additive(mask)", found, expected, mistakes)
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
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
    added = "Converted to floats, the booleans are *added* to the scores: 1 where a key is {}, and "
    added += "0 elsewhere. That masks nothing."

    def attention(mask: Tensor | None, is_causal: bool = False) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal)

    mistakes = [
        (attention(excluded), "It still attends to exactly the excluded keys. "
         "F.scaled_dot_product_attention reads True as “may attend”, but in `excluded` True means "
         "“may not”."),
        (attention(None), "Now nothing is masked: the mask is gone."),
        (attention(excluded.to(v.dtype)), added.format("excluded")),
        (attention((~excluded).to(v.dtype)), added.format("allowed")),
        (scores.softmax(-1).masked_fill(excluded, 0.0) @ v, LATE),
        (attention(None, is_causal=True), "This masks the future, but not what `excluded` says."),
    ]  # fmt: skip
    what, given = "attend(q, k, v, excluded)", excluded.clone()
    # The lambda passes the mask itself, because answer() would copy it and hide a change in place.
    found = answer(
        what,
        lambda *qkv: attend(*qkv, given),
        q,
        k,
        v,
        hint="To negate booleans, use ~excluded: a minus doesn't work, nor does 1 - excluded.",
    )
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
    expected = causal & real
    only_causal = "This is the causal mask alone: queries may attend to padding."
    only_padding = "This is the padding mask alone: queries may attend to the future."
    mistakes = [
        (causal, only_causal),
        (causal.expand(3, 4, 4), only_causal),
        (real, only_padding),
        (ids != 0, only_padding),
        (real.expand(3, 4, 4), only_padding),
        (causal | real, "A query may attend to a key if *both* masks allow it: `&`. With `|`, one "
         "is enough."),
        (causal & queries, "You mask the rows of padding, which are its queries. Mask its keys, "
         "which are columns: the new axis is in the middle, unsqueeze(1), not unsqueeze(2)."),
        (causal & real & queries, "You mask too much. Only the keys of padding have to be masked: "
         "its queries do no harm."),
        (~expected, INVERTED),
        (causal.tril(-1) & real, "A token may attend to itself, too: keep the diagonal."),
        (torch.ones_like(causal).tril(1) & real, "Off by one: each token may attend to the "
         "next one."),
        (~causal & real, "The causal part is the wrong way round, or off by one: look at its "
         "diagonal."),
        (causal & ~real, "The padding part is the wrong way round: 0 is padding."),
        (causal.T & real, "The causal part is the other triangle. Rows are queries."),
    ]  # fmt: skip
    hint = (
        "(T, T) combines with (B, 1, T), but not with (B, T): the padding mask needs a new axis. "
    )
    hint += "And tensors combine with `&`, not with `and`."
    found = answer("both(ids)", both, ids, hint=hint)
    _must_not_be_added(found)
    compare("both(ids)", found, expected, mistakes)
    _must_be_boolean(found)
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
    mistakes = [
        (scores.masked_fill(~MASK, -1e9).softmax(-1), "Your fully masked query attends to every "
         "key, with equal weights. A large negative score can't mask a whole row: it must be "
         "zeros."),
        *((zeroed, "A score of 0 masks nothing, because e to the power of 0 is 1. Use −∞.")
          for zeroed in ((scores * MASK).softmax(-1), (scores * MASK).softmax(-1) * MASK)),
        (scores.softmax(-1) * MASK, LATE),
        (filled.softmax(-2).nan_to_num(), "Your columns sum to one. The softmax runs over the "
         "keys, the last axis."),
        (scores.softmax(-1), "Nothing is masked."),
        (scores.softmax(-1) * MASK.any(dim=-1, keepdim=True), "You mask only the fully masked "
         "rows. The others have masked keys, too."),
        (masked_softmax(scores, ~MASK), INVERTED),
        (filled, "These are the masked scores. The softmax is still to come."),
    ]  # fmt: skip
    what, given = "weights(scores, mask)", scores.clone()
    found = answer(what, lambda mask: weights(given, mask), MASK, hint=KEEPDIM)
    if isinstance(found, Tensor) and found.isnan().any():
        raise Hint(
            "There is NaN in the fully masked row, where the softmax divides 0 by 0. Find these "
            "rows with mask.any(dim=-1, keepdim=True), and give them zeros."
        )
    compare(what, found, masked_softmax(scores, MASK), mistakes)
    if not torch.equal(given, scores):
        raise Hint("The weights are right, but you have overwritten the caller's scores.")
    _check_gradient(weights, scores, value)
    right("zeros where a query is fully masked, and no NaN in the gradients.")


KEEPDIM = (
    "mask.any(dim=-1) has the shape (B, T). With keepdim=True it is (B, T, 1), and broadcasts."
)


def _check_gradient(weights: Callable[..., Any], scores: Tensor, value: Tensor) -> None:
    """The gradient of masked weights is that of the package."""

    def gradient(function: Callable[..., Any]) -> Tensor:
        leaf = scores.clone().requires_grad_()
        found = function(leaf, MASK.clone())
        if found.requires_grad:
            (found * value).sum().backward()
        if leaf.grad is None:
            raise Hint("The weights are right, but no gradient flows back to the scores.")
        return leaf.grad

    found = gradient(weights)
    if found.isnan().any():
        raise Hint(
            "The weights are right, but their gradient is NaN. You replace the NaN in the output, "
            "and the gradient of the softmax still multiplies by it. Let the fully masked rows "
            "through the softmax unmasked, and set them to zero afterwards."
        )
    compare("The gradient of weights(scores, mask)", found, gradient(masked_softmax))


def _must_not_be_added(found: object) -> None:
    if isinstance(found, Tensor) and found.is_floating_point() and (found < 0).any():
        raise Hint("This is an additive mask. Here, return one of True and False.")


def _must_be_boolean(found: object) -> None:
    if isinstance(found, Tensor) and found.dtype != torch.bool:
        raise Hint(f"The positions are right, but a mask is boolean, and yours is {found.dtype}.")


def _random(*shapes: tuple[int, ...]) -> list[Tensor]:
    """The same random values every time, and the reader's seed unchanged."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]
