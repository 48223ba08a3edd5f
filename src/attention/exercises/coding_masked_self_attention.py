"""Exercises of the lab *Coding masked self-attention*."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right
from attention.functional import causal_mask, masked_softmax, padding_mask
from attention.layers.attention import MaskedSelfAttention, SelfAttention
from attention.shapes import Tensor

__all__ = ["check_dependence_test", "check_leak_test", "check_masked_layer"]

Layer = TypeVar("Layer", bound=nn.Module)

D = 4  # the dimension of the token vectors that a reader's test is tried with


def check_masked_layer(layer_class: Any) -> None:
    """Check a class of masked self-attention: sentences, batches, any length, and padding.

    Args:
        layer_class: A subclass of `SelfAttention` whose `forward(x, mask=None)` masks the future,
            and whatever `mask` excludes as well.

    Raises:
        Hint: It is no such class, or attends to other keys.
    """
    if not isinstance(layer_class, type):
        raise Hint("Pass the class itself, without parentheses: check_masked_layer(Masked).")
    if not issubclass(layer_class, SelfAttention):
        raise Hint("Let your class inherit from SelfAttention. Only the mask is new.")
    layer = _new(layer_class, D, 6).double()
    padding = padding_mask(torch.tensor([[4, 5, 6, 7, 8], [4, 5, 6, 0, 0], [0, 0, 0, 4, 5]]))
    for what, shape, mask in [
        ("layer(x), with 5 tokens,", (5,), None),
        ("layer(x), with 7 tokens,", (7,), None),
        ("layer(x), with a single token,", (1,), None),
        ("layer(x), with a batch,", (2, 5), None),
        ("layer(x, mask), with a padded batch,", (3, 5), padding),
    ]:
        x = torch.randn(*shape, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        given = (x,) if mask is None else (x, mask)
        hint = "The mask is boolean, made for x.size(-2) tokens. `mask` may be None. Join with `&`."
        _compare_masked(layer, what, answer(what, layer, *given, hint=hint), x, mask)
    right("no future and no padding, for a sentence of any length, alone or in a batch.")


def check_dependence_test(test: Callable[..., Any]) -> None:
    """Check a test of what a masked layer must attend to.

    Args:
        test: Raises `AssertionError` unless each token's output depends on the token itself and on
            each token before it. It gets layers that take `(T, 4)` or `(B, T, 4)`.

    Raises:
        Hint: It accepts a layer that masks too much, or rejects a correct one.
    """
    advice = "Change a token in a copy, x.clone(): the rows from it on must change, and no others."
    _must_accept(test, {"masked self-attention": _new(MaskedSelfAttention, D)}, advice)
    _must_reject(test, TOO_STRICT)
    right("your test rejects layers that mask too much.")


def check_leak_test(test: Callable[..., Any]) -> None:
    """Check a leak test: it accepts causal layers, and rejects those that leak.

    Args:
        test: Raises `AssertionError` if the output at any position depends on later tokens. It
            gets layers that take `(T, 4)` or `(B, T, 4)`.

    Raises:
        Hint: It accepts a layer that leaks, or rejects a causal one.
    """
    layers = {
        "masked self-attention": _new(MaskedSelfAttention, D),
        "the readable formula": _masked(causal_mask),
        "each token attends to itself and to one before": ONE_BEFORE,
        "a GRU, which reads from left to right": _new(_Recurrent),
    }
    advice = "Look only at rows *before* the change. If you cut, use torch.allclose(…, atol=1e-5)."
    _must_accept(test, layers, advice)
    _must_reject(test, LEAKY)
    right(f"your test accepts causal layers, and rejects all {len(LEAKY)} that leak.")


class _Layer(nn.Module):
    """Self-attention by the readable formula, with an output that may be computed wrongly."""

    def __init__(self, output: Callable[["_Layer", Tensor], Tensor]) -> None:
        super().__init__()
        self.output = output
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.W_q, self.W_k, self.W_v = (nn.Linear(D, D, bias=False) for _ in range(3))
            for linear in (self.W_q, self.W_k):
                nn.init.normal_(linear.weight, std=0.8)  # scores that clearly differ

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self, x)

    def attend(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        mask = causal_mask(x.size(-2)) if mask is None else mask
        return masked_softmax(self.scores(x), mask) @ self.W_v(x)

    def scores(self, x: Tensor) -> Tensor:
        return self.W_q(x) @ self.W_k(x).transpose(-2, -1) / math.sqrt(D)


def _masked(mask: Callable[[int], Tensor]) -> _Layer:
    """Self-attention with the mask that this function makes for a length."""
    return _Layer(lambda layer, x: layer.attend(x, mask(x.size(-2))))


def _unmasked(condition: Callable[[Tensor], bool]) -> _Layer:
    """Self-attention that drops its causal mask for some inputs."""
    return _Layer(lambda layer, x: layer.attend(x, _square(x.size(-2)) if condition(x) else None))


def _square(n: int) -> Tensor:
    return torch.ones(n, n, dtype=torch.bool)


def _next_from(row: int) -> _Layer:
    """Self-attention in which, from this row on, each token may attend to the next one as well."""
    return _masked(lambda n: torch.cat([causal_mask(n)[:row], _square(n).tril(1)[row:]]))


def _over_queries(layer: _Layer, x: Tensor) -> Tensor:
    scores = layer.scores(x).masked_fill(~causal_mask(x.size(-2)), -math.inf)
    return scores.softmax(dim=-2) @ layer.W_v(x)


ONE_BEFORE = _masked(lambda n: causal_mask(n).triu(-1))
# What is wrong with each layer, and what a test that accepts it should do.
TOO_STRICT: dict[str, tuple[nn.Module, str]] = {
    "is off by one: a token may attend to the tokens before it, but not to itself": (
        _masked(lambda n: _square(n).tril(-1)), "So change each token in turn, the first included, "
        "and look at its own row. (From the third row on, its query alone makes a difference.)"),
    "lets each token attend only to itself": (
        _masked(lambda n: torch.eye(n, dtype=torch.bool)),
        "So change a token, and look at the rows of the tokens after it."),
    "lets each token attend to itself and to one token before it": (
        ONE_BEFORE, "So look at the rows far behind the changed token, too."),
    "lets each token attend to itself and to the first, but not to those between": (
        _masked(lambda n: torch.eye(n, dtype=torch.bool) | (torch.arange(n) == 0)),
        "So change each token in turn, not only the first, and each in a new copy, x.clone()."),
}  # fmt: skip

EVERY_ROW = "So change each token in turn, in x.clone(), and compare *all* the rows before it."
OUTPUTS = "Later tokens have no weight in it, but count in the total. So compare its outputs."
LEAKY: dict[str, tuple[nn.Module, str]] = {
    "has no mask at all": (_masked(_square), EVERY_ROW),
    "is off by one: each token may attend to the next": (_next_from(0), EVERY_ROW),
    "has its mask the wrong way round": (_masked(lambda n: ~causal_mask(n)), EVERY_ROW),
    "has its mask transposed": (_masked(lambda n: causal_mask(n).T), EVERY_ROW),
    "masks after the softmax": (
        _Layer(lambda layer, x: layer.scores(x).softmax(dim=-1).tril() @ layer.W_v(x)), OUTPUTS),
    "takes the softmax over the queries": (_Layer(_over_queries), OUTPUTS),
    "drops its mask in batches": (
        _unmasked(lambda x: x.dim() > 2), "So try a batch, too: x of the shape (2, T, 4)."),
    "drops its mask where there is no batch": (
        _unmasked(lambda x: x.dim() == 2), "So try a single sentence, too: x of the shape (T, 4)."),
    "leaks in late rows only, from the fifth on": (
        _next_from(4), "So test at every position t, not only at one."),
    "drops its mask if there are more than 8 tokens": (
        _unmasked(lambda x: x.size(-2) > 8), "So try a longer sentence, too, with 12 tokens."),
    "leaks before the attention: it subtracts the mean of the sentence from each token": (
        _Layer(lambda layer, x: layer.attend(x - x.mean(dim=-2, keepdim=True))),
        "The mean depends on later tokens. So compare its outputs."),
    "leaks without a gradient: it adds later tokens that it has detached": (
        _Layer(lambda layer, x: layer.attend(x) + (x.sum(-2, True) - x.cumsum(-2)).detach()),
        "So change later tokens, too, and compare its outputs."),
    "leaks a millionth of the next token": (
        _Layer(lambda layer, x: layer.attend(x) + 1e-6 * F.pad(x[..., 1:, :], (0, 0, 0, 1))),
        "So change later tokens, too: the rows before must be *equal*, without a tolerance."),
    "divides by the length of the sentence": (
        _Layer(lambda layer, x: layer.attend(x) / x.size(-2)), "So process the first t tokens "
        "alone, too: they must get the same rows as in the whole sentence."),
}  # fmt: skip


def _must_accept(test: Callable[..., Any], layers: Mapping[str, nn.Module], advice: str) -> None:
    for name, layer in layers.items():
        if _rejects(test, layer, name):
            raise Hint(f"Your test rejects a correct layer ({name}). {advice}")


def _must_reject(test: Callable[..., Any], layers: Mapping[str, tuple[nn.Module, str]]) -> None:
    for name, (layer, advice) in layers.items():
        if not _rejects(test, layer, name):
            raise Hint(f"Your test accepts a layer that {name}. {advice}")


def _rejects(test: Callable[..., Any], layer: nn.Module, name: str) -> bool:
    try:
        found = test(layer)
    except AssertionError:
        return True
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise Hint(f"On a layer ({name}), your test stops with {said}") from error
    if found is not None:
        raise Hint("Your test returns something, which nobody reads. A test reports by assert.")
    return False


def _compare_masked(
    layer: SelfAttention, what: str, found: object, x: Tensor, mask: Tensor | None
) -> None:
    """Compare with the formula, and with the formula that has one thing wrong."""
    q, k, v = layer.W_q(x), layer.W_k(x), layer.W_v(x)
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
    square, causal = _square(x.size(-2)), causal_mask(x.size(-2))
    allowed = causal if mask is None else causal & mask

    def attend(allowed: Tensor) -> Tensor:
        return masked_softmax(scores, allowed) @ v

    unscaled = masked_softmax(scores * math.sqrt(k.size(-1)), allowed) @ v
    mistakes = [
        (attend(square), "Nothing is masked, not even the future."),
        (attend(~causal), "The mask is the wrong way round: True means “may attend”."),
        (attend(causal.T), "The mask is the other triangle: tril keeps the past, triu the future."),
        (attend(square.tril(-1)), "A token may attend to itself: keep the diagonal."),
        (attend(square.tril(1)), "Off by one: each token attends to the one after it."),
        ((scores.softmax(-1) * allowed) @ v, "You mask after the softmax. Mask the scores."),
        (unscaled, "The scores are not divided by the square root of the head dimension."),
    ]
    if mask is not None:
        finite = scores.masked_fill(~allowed, -1e9).softmax(-1) @ v
        mistakes += [
            (finite, "A finite score can't mask a whole row: it gives equal weights there."),
            (attend(causal), "You ignore the mask that is passed, so queries attend to padding."),
            (attend(square & mask), "If a mask is passed, you drop your own. It takes both: `&`."),
            (attend(causal | mask), "Both masks must allow it: `&`, and not `|`."),
        ]
    if isinstance(found, Tensor) and found.isnan().any():
        raise Hint(f"{what} gives NaN. In a fully masked row? super().forward returns zeros there.")
    compare(what, found, attend(allowed), mistakes)


def _new(kind: Callable[..., Layer], *sizes: int) -> Layer:
    """Make a layer with the same random parameters every time; the reader's seed is unchanged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(*sizes)


class _Recurrent(nn.Module):
    """Reads from left to right, and attends to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(D, D, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0]
