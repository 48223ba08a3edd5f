"""Exercises of the chapter *The matrix math of masked self-attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, compare, right
from attention.functional import causal_mask, masked_softmax, padding_mask
from attention.shapes import Tensor

__all__ = [
    "check_additive_mask",
    "check_causal_mask",
    "check_combined_mask",
    "check_masked_weights",
    "check_mended_mask",
]

# The numbers that the chapter works with by hand: the, European, Area.
X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
W_Q = torch.tensor([[-2.0, -1.0], [-2.0, 0.0]])
W_K = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
W_V = torch.tensor([[1.0, 1.0], [0.0, -2.0]])
SCORES = (X @ W_Q) @ (X @ W_K).T / math.sqrt(2)

# Two sentences, three queries, four keys. In each sentence, one query may look nowhere.
MASK = torch.tensor(
    [
        [[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]],
        [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1]],
    ],
    dtype=torch.bool,
)


def check_causal_mask(causal: Callable[..., Any]) -> None:
    """Check the mask of a sentence that is being written.

    Args:
        causal: From a number of words, booleans `(T, T)`: True where a query may look.

    Raises:
        Hint: It hides something else.
    """
    for length in (4, 1):
        expected = causal_mask(length)
        add = torch.zeros(length, length).masked_fill(~expected, -math.inf)
        everything = torch.ones(length, length, dtype=torch.bool)
        mistakes = [
            (everything, "Nothing is hidden: the words that come later must be."),
            (
                everything.tril(-1),
                "A word may look at itself, too: the diagonal is True. Else the first word would "
                "have nowhere to look.",
            ),
            (
                everything.triu(1),
                "It is the wrong way round: True means that a query may look there.",
            ),
            (
                everything.triu(),
                "Rows are queries: the first word may look at itself alone, and the last at all. "
                "Yours are the other triangle.",
            ),
            (everything.tril(1), "One too many: each word sees the word that comes after it."),
            (add, "This is the matrix to add. Here, give the one of True and False."),
        ]
        found = causal(length)
        compare(f"causal({length})", found, expected, mistakes)
        _must_be_boolean(found)
    right("each word looks at itself and at the words before it.")


def check_mended_mask(look: Callable[..., Any]) -> None:
    """Check a function that once took a mask the wrong way round.

    Args:
        look: From queries `(B, T, K)`, keys and values `(B, S, K)` and booleans `(B, T, S)` that
            are True where a query may *not* look, the averaged values.

    Raises:
        Hint: It looks elsewhere.
    """
    q, k, v = _random((2, 3, 4), (2, 4, 4), (2, 4, 4))
    hidden = ~MASK[:, [0, 2, 2]]  # no blind rows: who may look nowhere is another question
    hidden[1, 0] = torch.tensor([True, True, False, True])
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=~hidden)
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
    mistakes = [
        (
            F.scaled_dot_product_attention(q, k, v, attn_mask=hidden),
            "It still looks where it must not, and nowhere else. F.scaled_dot_product_attention "
            "takes True for “may look”, and in `hidden` True means “may not look”.",
        ),
        (
            F.scaled_dot_product_attention(q, k, v),
            "Now nothing is hidden at all: the mask is gone.",
        ),
        (
            F.scaled_dot_product_attention(q, k, v, attn_mask=hidden.to(v.dtype)),
            "Booleans turned to numbers are added to the scores: 1 where it must not look, and 0 "
            "elsewhere. That hides nothing.",
        ),
        (
            F.scaled_dot_product_attention(q, k, v, attn_mask=(~hidden).to(v.dtype)),
            "Booleans turned to numbers are added to the scores: 1 where it may look, and 0 "
            "elsewhere. That hides nothing.",
        ),
        (
            scores.softmax(-1).masked_fill(hidden, 0.0) @ v,
            "You mask after softmax, so that the weights no longer add up to one.",
        ),
        (
            F.scaled_dot_product_attention(q, k, v, is_causal=True),
            "This hides the future, but not what `hidden` says.",
        ),
    ]
    given = hidden.clone()
    compare("look(q, k, v, hidden)", look(q, k, v, given), expected, mistakes)
    if not torch.equal(given, hidden):
        raise Hint("The answer is right, but you have changed the caller's mask: use ~hidden.")
    right("what was hidden stays hidden, whoever reads the mask.")


def check_additive_mask(additive: Callable[..., Any]) -> None:
    """Check a mask in the form that is added to the scores.

    Args:
        additive: From booleans `(*B, T, S)` that are True where a query may look, the numbers to
            add, of the same shape.

    Raises:
        Hint: It would hide something else, or not quite hide it.
    """
    expected = torch.zeros(MASK.shape).masked_fill(~MASK, -math.inf)
    mistakes = [
        (
            torch.zeros(MASK.shape).masked_fill(MASK, -math.inf),
            "It is the wrong way round: 0 where a query may look, and −∞ where it may not.",
        ),
        (
            torch.ones(MASK.shape).masked_fill(~MASK, -math.inf),
            "Add 0, not 1, where a query may look. (Softmax would not notice, but readers do.)",
        ),
        (MASK.double(), "These are still True and False, or 1 and 0, which would hide nothing."),
        ((~MASK).double(), "These are True and False, or 1 and 0, which would hide nothing."),
    ]
    found = additive(MASK.clone())
    if isinstance(found, Tensor) and found.shape == MASK.shape and found.is_floating_point():
        if found.isnan().any():
            raise Hint(
                "There is NaN in it: 0 times infinity is not a number. Don't multiply; put −∞ "
                "where it belongs, with masked_fill or torch.where."
            )
        if found.isfinite().all() and (found[~MASK] < -1000).all():
            raise Hint(
                f"{found.min():.4g} is a large negative number, and not −∞: a query that may look "
                "nowhere would look everywhere. Use -math.inf."
            )
    compare("additive(mask)", found, expected, mistakes)
    right("zero where a query may look, and minus infinity where it may not.")


def check_combined_mask(both: Callable[..., Any]) -> None:
    """Check the mask of a batch that is being written: no future, and no padding.

    Args:
        both: From word numbers `(B, T)`, of which 0 is padding, booleans `(B, T, T)`.

    Raises:
        Hint: It hides something else, or has another shape.
    """
    ids = torch.tensor([[4, 5, 6, 7], [4, 6, 0, 0], [0, 0, 4, 6]])
    causal, real = causal_mask(4), padding_mask(ids)
    asking = real.transpose(1, 2)  # (B, T, 1) the queries that are words
    expected = causal & real
    mistakes = [
        (causal, "This is the causal mask alone: padding may be looked at."),
        (causal.expand(3, 4, 4), "This is the causal mask alone: padding may be looked at."),
        (real, "This is the padding mask alone: the future may be looked at."),
        (real.expand(3, 4, 4), "This is the padding mask alone: the future may be looked at."),
        (
            causal | real,
            "A query may look where *both* masks allow it: `&`. With `|`, one is enough.",
        ),
        (
            causal & asking,
            "You hide the rows of padding. It is to be hidden as a key: its columns are. Put the "
            "new axis in the middle: unsqueeze(1), and not unsqueeze(2).",
        ),
        (
            causal & real & asking,
            "Too much: only keys are hidden. What padding itself looks at does no harm.",
        ),
        (~expected, "It is the wrong way round: True means that a query may look there."),
        (~causal & real, "The causal half is the wrong way round, or one off: see its diagonal."),
        (causal & ~real, "The half about padding is the wrong way round: 0 is padding."),
        (causal.T & real, "The causal half is the other triangle: rows are queries."),
    ]
    found = both(ids)
    compare("both(ids)", found, expected, mistakes)
    _must_be_boolean(found)
    right("no query sees the future, and none sees padding.")


def check_masked_weights(weights: Callable[..., Any]) -> None:
    """Check a softmax under a mask, with queries that may look nowhere, forward and backward.

    Args:
        weights: From scores `(*B, T, S)` and booleans `(*B, T, S)` that are True where a query may
            look, the weights. A query that may look nowhere gets zeros.

    Raises:
        Hint: The weights are others, or their gradients are.
    """
    scores, value = _random((2, 3, 4), (2, 3, 4))
    expected = masked_softmax(scores, MASK)
    seen = MASK.any(dim=-1, keepdim=True)
    flat = scores.masked_fill(~MASK, -1e9).softmax(-1)
    down = torch.nan_to_num(scores.masked_fill(~MASK, -math.inf).softmax(-2))
    mistakes = [
        (
            flat,
            "The query that may look nowhere looks everywhere, with the same weight. A large "
            "negative number can't say “nowhere”: its row must be zeros.",
        ),
        (
            scores.softmax(-1) * MASK,
            "You mask after softmax: your rows add up to less than one. Mask the scores before.",
        ),
        (down, "Your columns add up to one. Softmax runs over the keys, the last axis."),
        (scores.softmax(-1), "Nothing is masked."),
        (
            scores.softmax(-1) * seen,
            "Only the rows that may look nowhere are masked. The others have forbidden places, too",
        ),
        (
            masked_softmax(scores, ~MASK),
            "It is the wrong way round: True means that a query may look there.",
        ),
    ]
    given = scores.clone()
    found = weights(given, MASK.clone())
    if isinstance(found, Tensor) and found.isnan().any():
        raise Hint(
            "There is NaN in the row of the query that may look nowhere: softmax divides 0 by 0 "
            "there. Find these rows with mask.any(dim=-1), and give them zeros."
        )
    compare("weights(scores, mask)", found, expected, mistakes)
    if not torch.equal(given, scores):
        raise Hint("The weights are right, but you have overwritten the caller's scores.")
    _check_gradient(weights, scores, value)
    right("where a query may look nowhere, zeros, and gradients without NaN.")


def _check_gradient(weights: Callable[..., Any], scores: Tensor, value: Tensor) -> None:
    """The gradient of masked weights is that of the package."""

    def gradient(function: Callable[..., Any]) -> Tensor:
        leaf = scores.clone().requires_grad_()
        found = function(leaf, MASK.clone())
        if not found.requires_grad:
            raise Hint("The weights are right, but no gradient flows back to the scores.")
        (found * value).sum().backward()
        if leaf.grad is None:
            raise Hint("The weights are right, but no gradient flows back to the scores.")
        return leaf.grad

    found = gradient(weights)
    if found.isnan().any():
        raise Hint(
            "The weights are right, and their gradient is NaN: the NaN that you wrote zeros over "
            "is still behind them. Let the blind rows through softmax unmasked, and zero them then."
        )
    compare("The gradient of weights(scores, mask)", found, gradient(masked_softmax))


def _must_be_boolean(found: object) -> None:
    if isinstance(found, Tensor) and found.dtype != torch.bool:
        raise Hint(f"The places are right, but a mask is boolean, and yours is {found.dtype}.")


def _random(*shapes: tuple[int, ...]) -> list[Tensor]:
    """The same random numbers every time, and none from the reader's seed."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]
