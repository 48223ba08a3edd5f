"""Exercises of the lab *Coding masked self-attention*."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from attention.exercises.checking import Hint, compare, right
from attention.functional import causal_mask, masked_softmax, padding_mask
from attention.layers.attention import MaskedSelfAttention, SelfAttention
from attention.shapes import Tensor

__all__ = ["check_leak_test", "check_masked_layer", "check_sight_test"]

Layer = TypeVar("Layer", bound=nn.Module)

D = 4  # the width of a word's vector in all layers that a reader's test is tried on


def check_masked_layer(layer_class: Any) -> None:
    """Check a class of masked self-attention: sentences, batches, any length, and padding.

    Args:
        layer_class: A subclass of `SelfAttention` whose `forward(x, mask=None)` hides the future,
            and what `mask` forbids besides.

    Raises:
        Hint: It is no such class, or looks elsewhere.
    """
    if not isinstance(layer_class, type):
        raise Hint("Give the class itself, without parentheses: check_masked_layer(Masked).")
    if not issubclass(layer_class, SelfAttention):
        raise Hint(
            "Let your class inherit from SelfAttention: its projections are made there, and only "
            "the mask is new."
        )
    layer = _new(layer_class, D, 3).double()
    for length in (5, 7, 1):
        words = _words(length)
        found = _call(layer, words, f"{length} words of {D} numbers, without a batch")
        _compare_masked(layer, f"layer(x) with {length} words", found, words, None)
    batch = _words(2, 5)
    found = _call(layer, batch, "a batch of shape (2, 5, 4)")
    _compare_masked(layer, "layer(x) with a batch", found, batch, None)
    mask = padding_mask(torch.tensor([[4, 5, 6, 7, 8], [4, 5, 6, 0, 0], [0, 0, 0, 4, 5]]))
    batch = _words(3, 5)
    found = _call(layer, batch, "a batch and a mask of shape (3, 1, 5)", mask.clone())
    _compare_masked(layer, "layer(x, mask) with padding", found, batch, mask)
    right("no future and no padding, for a sentence of any length, alone or in a batch.")


def check_sight_test(test: Callable[..., Any]) -> None:
    """Check a test of what a masked layer must see: green for sound layers, red for blind ones.

    Args:
        test: Raises `AssertionError` unless each word's output depends on the word itself and on
            each word before it. It gets layers that take `(T, 4)` or `(B, T, 4)`.

    Raises:
        Hint: It lets a blind layer pass, or a sound one fail.
    """
    _must_be_green(
        test,
        {"masked self-attention": _new(MaskedSelfAttention, D)},
        "Nudge a word, and look at its row and at the rows after it: they must change. The rows "
        "before it must not, and the last decimals don't count.",
    )
    blind = {
        "is off by one: a word may look at the words before it, and not at itself": (
            _Masked(lambda length: causal_mask(length).tril(-1)),
            "So change a word, and look at the row of this same word.",
        ),
        "lets each word see itself alone": (
            _Masked(lambda length: torch.eye(length, dtype=torch.bool)),
            "So change a word, and look at the rows of the words that come after it.",
        ),
        "lets each word see itself and one word before it": (
            _Masked(lambda length: causal_mask(length).triu(-1)),
            "So look at the rows far behind the word that you change as well.",
        ),
        "lets all words see themselves and the first, but not what is between": (
            _Masked(_first_and_self),
            "So change each word in turn, not only the first.",
        ),
    }
    _must_be_red(test, blind)
    right("your test catches layers that see too little.")


def check_leak_test(test: Callable[..., Any]) -> None:
    """Check a leak test: green for layers that keep the future out, and red for those that leak.

    Args:
        test: Raises `AssertionError` if the output at any place depends on what comes later. It
            gets layers that take `(T, 4)` or `(B, T, 4)`.

    Raises:
        Hint: It lets a leaky layer pass, or a sound one fail.
    """
    sound = {
        "masked self-attention": _new(MaskedSelfAttention, D),
        "the readable formula": _Masked(causal_mask),
        "a word sees itself and one word before": _Masked(lambda n: causal_mask(n).triu(-1)),
        "a GRU, which reads from left to right": _new(_Recurrent),
    }
    _must_be_green(
        test,
        sound,
        "Change words, and look only at the rows *before* the first word that you changed. If you "
        "compare sentences of different lengths, use torch.allclose(..., atol=1e-5): their sums "
        "are rounded in another way.",
    )
    leaky = {
        "has no mask at all": (
            _new(SelfAttention, D),
            "Change the last words, and see whether the rows before them stay as they were.",
        ),
        "is off by one: each word sees the next": (
            _Masked(lambda length: causal_mask(length + 1)[1:, :-1]),
            "So look at *all* rows before the word that you change, also at the one right before.",
        ),
        "has its mask the wrong way round: each word sees the future alone": (
            _Masked(lambda length: ~causal_mask(length)),
            "Change the last words, and compare all rows before them.",
        ),
        "has its mask on the wrong axis (transposed): each word sees itself and the future": (
            _Masked(lambda length: causal_mask(length).T),
            "Change the last words, and compare all rows before them.",
        ),
        "masks after softmax: the future has no weight, but counts in the total": (
            _Late(),
            "Weights above the diagonal are 0 here. So compare outputs, and not weights.",
        ),
        "takes softmax over the queries: later queries count in the total": (
            _Down(),
            "Weights above the diagonal are 0 here. So compare outputs, and not weights.",
        ),
        "drops its mask in batches": (
            _Dropped(),
            "A sentence alone is safe with it. So try a batch, too: x of shape (2, T, 4).",
        ),
        "leaks before the attention: it normalises each number over the sentence": (
            _Normalising(),
            "The mean of the sentence knows the future. So compare the layer's outputs.",
        ),
        "leaks without a gradient: it takes from the future what it has detached": (
            _Detached(),
            "The gradient is zero, and the output changes all the same. So change the future, too.",
        ),
        "divides by the length of the sentence": (
            _ByLength(),
            "Whatever word you put in the future, the length stays. So run the first n words "
            "alone: they must get the same rows as in the whole sentence.",
        ),
    }
    _must_be_red(test, leaky)
    right(f"your test lets sound layers pass, and catches all {len(leaky)} that leak.")


def _must_be_green(test: Callable[..., Any], layers: Mapping[str, nn.Module], advice: str) -> None:
    for name, layer in layers.items():
        if _is_red(test, layer, name):
            raise Hint(f"Your test goes red on a sound layer ({name}). {advice}")


def _must_be_red(test: Callable[..., Any], layers: Mapping[str, tuple[nn.Module, str]]) -> None:
    for name, (layer, advice) in layers.items():
        if not _is_red(test, layer, name):
            raise Hint(f"One slipped through your test, a layer that {name}. {advice}")


def _is_red(test: Callable[..., Any], layer: nn.Module, name: str) -> bool:
    try:
        answer = test(layer)
    except AssertionError:
        return True
    except Exception as error:
        raise Hint(
            f"On a layer ({name}), your test stops with {type(error).__name__}: {error}"
        ) from error
    if answer is not None:
        raise Hint("Your test gives back an answer, and nobody reads it. A test speaks by assert.")
    return False


def _compare_masked(
    layer: SelfAttention, what: str, found: object, x: Tensor, mask: Tensor | None
) -> None:
    """Compare with the formula, and know what the likely mistakes look like."""
    q, k, v = layer.W_q(x), layer.W_k(x), layer.W_v(x)
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
    length = x.size(-2)
    causal = causal_mask(length)
    allowed = causal if mask is None else causal & mask
    everything = torch.ones(length, length, dtype=torch.bool)

    def mixed(where: Tensor) -> Tensor:
        return masked_softmax(scores, where) @ v

    mistakes = [
        (mixed(everything), "The future is not hidden: nothing is."),
        (mixed(~causal), "The mask is the wrong way round: True means “may look”."),
        (mixed(causal.T), "The mask is the other triangle: tril keeps the past, triu the future."),
        (mixed(everything.tril(-1)), "A word may look at itself: keep the diagonal."),
        (mixed(everything.tril(1)), "Off by one: each word sees the word that comes after it."),
        (
            (scores.softmax(-1) * allowed) @ v,
            "You mask after softmax, so that the weights no longer add up to one.",
        ),
        (
            (q @ k.transpose(-2, -1)).masked_fill(~causal, -math.inf).softmax(-1) @ v,
            "The scores are not divided by the square root of the head's width.",
        ),
    ]
    if mask is not None:
        mistakes = [
            (mixed(causal), "The mask that is given is left out: padding is looked at."),
            (
                mixed(mask),
                "With a mask given, you drop your own: the future is looked at. It takes both, &.",
            ),
            (mixed(causal | mask), "Both masks must allow a look: `&`, and not `|`."),
            (mixed(causal & ~mask), "The mask that is given is turned round on the way."),
            *mistakes,
        ]
    if isinstance(found, Tensor) and found.isnan().any():
        raise Hint(
            f"{what} gives NaN: some word may look nowhere. super().forward(x, mask) copes with it."
        )
    compare(what, found, mixed(allowed), mistakes)


def _call(layer: nn.Module, x: Tensor, what: str, mask: Tensor | None = None) -> object:
    try:
        return layer(x) if mask is None else layer(x, mask)
    except Exception as error:
        raise Hint(
            f"With {what}, your layer stops with {type(error).__name__}: {error} "
            "The mask is made for the words at hand: x.size(-2) says how many there are."
        ) from error


def _words(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, D, dtype=torch.float64, generator=generator)


def _new(kind: Callable[..., Layer], *sizes: int) -> Layer:
    """Make a layer with the same random numbers every time, and leave the reader's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(*sizes)


def _first_and_self(length: int) -> Tensor:
    mask = torch.eye(length, dtype=torch.bool)
    mask[:, 0] = True
    return mask


class _Masked(nn.Module):
    """Self-attention under any mask, by the readable formula.

    Args:
        mask: From a length, the mask.
    """

    def __init__(self, mask: Callable[[int], Tensor] = causal_mask) -> None:
        super().__init__()
        self.mask = mask
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.W_q, self.W_k, self.W_v = (nn.Linear(D, D, bias=False) for _ in range(3))
            for linear in (self.W_q, self.W_k):
                nn.init.normal_(linear.weight, std=0.8)  # scores that differ well

    def forward(self, x: Tensor) -> Tensor:
        return self.weights(x, self.mask(x.size(-2))) @ self.W_v(x)

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        return masked_softmax(self.scores(x), mask)

    def scores(self, x: Tensor) -> Tensor:
        return self.W_q(x) @ self.W_k(x).transpose(-2, -1) / math.sqrt(D)


class _Late(_Masked):
    """Masks after softmax."""

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.scores(x).softmax(dim=-1) * mask


class _Down(_Masked):
    """Softmax over the queries."""

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.scores(x).masked_fill(~mask, -math.inf).softmax(dim=-2)


class _Dropped(_Masked):
    """Knows its mask only where there is no batch."""

    def weights(self, x: Tensor, mask: Tensor) -> Tensor:
        return super().weights(x, mask if x.dim() == 2 else torch.ones_like(mask))


class _Normalising(_Masked):
    """Takes the mean of the sentence out of every word before it looks."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(dim=-2, keepdim=True))


class _Detached(_Masked):
    """Adds something of the future, through a step that no gradient comes back through."""

    def forward(self, x: Tensor) -> Tensor:
        later = x.flip(-2).cumsum(dim=-2).flip(-2) - x
        return super().forward(x) + 0.5 * later.detach()


class _ByLength(_Masked):
    """Divides by the number of words, those of the future too."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / x.size(-2)


class _Recurrent(nn.Module):
    """Reads from left to right, and attends to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(D, D, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0]
