"""Exercises of the lab *Coding masked self-attention*."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

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
        raise Hint("Let your class inherit from SelfAttention, which makes the projections. Only "
                   "the mask is new.")  # fmt: skip
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
        hint = "The mask is boolean, and made for the tokens at hand: x.size(-2) is their number. "
        hint += "Where none is passed, `mask` is None; two masks combine with `&`, not with `and`."
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
    _must_accept(
        test,
        {"masked self-attention": _new(MaskedSelfAttention, D)},
        "Change a token, and look at its row and at the rows after it: these must change. The rows "
        "before it must not, so don't require that. Change a copy, x.clone().",
    )
    _must_reject(test, {
        "is off by one: a token may attend to the tokens before it, but not to itself": (
            _masked(lambda n: causal_mask(n).tril(-1)),
            "So change a token, and look at the row of this same token.",
        ),
        "lets each token attend only to itself": (
            _masked(lambda n: torch.eye(n, dtype=torch.bool)),
            "So change a token, and look at the rows of the tokens after it.",
        ),
        "lets each token attend to itself and to one token before it": (
            _masked(lambda n: causal_mask(n).triu(-1)),
            "So look at the rows far behind the token that you change as well.",
        ),
        "lets each token attend to itself and to the first, but not to those between": (
            _masked(lambda n: torch.eye(n, dtype=torch.bool) | (torch.arange(n) == 0)),
            "So change each token in turn, not only the first.",
        ),
    })  # fmt: skip
    right("your test rejects layers that mask too much.")


def check_leak_test(test: Callable[..., Any]) -> None:
    """Check a leak test: it accepts causal layers, and rejects those that leak.

    Args:
        test: Raises `AssertionError` if the output at any position depends on later tokens. It
            gets layers that take `(T, 4)` or `(B, T, 4)`.

    Raises:
        Hint: It accepts a layer that leaks, or rejects a causal one.
    """
    _must_accept(
        test,
        {
            "masked self-attention": _new(MaskedSelfAttention, D),
            "the readable formula": _masked(causal_mask),
            "each token attends to itself and to one before": _masked(
                lambda n: causal_mask(n).triu(-1)
            ),
            "a GRU, which reads from left to right": _new(_Recurrent),
        },
        "Change tokens, and look only at the rows *before* the first token that you changed. If "
        "you compare sentences of different lengths, use torch.allclose(..., atol=1e-5), because "
        "their sums are rounded differently.",
    )
    _must_reject(test, LEAKY)
    right(f"your test accepts causal layers, and rejects all {len(LEAKY)} that leak.")


class _Layer(nn.Module):
    """Self-attention by the readable formula, and an output that may be computed wrongly from it.

    Args:
        output: From this layer and token vectors, the output.
    """

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


def _mask_unless(x: Tensor, leaks: bool) -> Tensor:
    return torch.ones(x.size(-2), x.size(-2), dtype=torch.bool).tril(x.size(-2) if leaks else 0)


def _late_rows(n: int) -> Tensor:
    """Causal, but from the fifth row on, a token may attend to the next one."""
    return torch.cat([causal_mask(n)[:4], causal_mask(n + 1)[1:, :-1][4:]])


def _detached(layer: _Layer, x: Tensor) -> Tensor:
    later = x.flip(-2).cumsum(dim=-2).flip(-2) - x
    return layer.attend(x) + 0.5 * later.detach()


def _over_queries(layer: _Layer, x: Tensor) -> Tensor:
    scores = layer.scores(x).masked_fill(~causal_mask(x.size(-2)), -math.inf)
    return scores.softmax(dim=-2) @ layer.W_v(x)


NEXT = (0, 0, 0, 1)  # a row of zeros at the end, for the last token, which has no next one
EVERY_ROW = "So change each token in turn, and compare *all* the rows before it."
OUTPUTS = "The weights above the diagonal are 0 here. So compare outputs, and not weights."
LEAKY: dict[str, tuple[nn.Module, str]] = {
    "has no mask at all": (
        _masked(lambda n: torch.ones(n, n, dtype=torch.bool)),
        "Change the last tokens, in x.clone(), and see whether the rows before them stay the same.",
    ),
    "is off by one: each token may attend to the next": (
        _masked(lambda n: causal_mask(n + 1)[1:, :-1]),
        "So compare *all* the rows before the token that you change, also the one right before it.",
    ),
    "has its mask the wrong way round: each token attends only to later ones": (
        _masked(lambda n: ~causal_mask(n)),
        EVERY_ROW,
    ),
    "has its mask transposed: each token attends to itself and to later ones": (
        _masked(lambda n: causal_mask(n).T),
        EVERY_ROW,
    ),
    "masks after the softmax: later tokens have no weight, but count in the total": (
        _Layer(lambda layer, x: layer.scores(x).softmax(dim=-1).tril() @ layer.W_v(x)),
        OUTPUTS,
    ),
    "takes the softmax over the queries: later queries count in the total": (
        _Layer(_over_queries),
        OUTPUTS,
    ),
    "drops its mask in batches": (
        _Layer(lambda layer, x: layer.attend(x, _mask_unless(x, x.dim() > 2))),
        "A single sentence is safe with it. So try a batch, too: x of the shape (2, T, 4).",
    ),
    "drops its mask where there is no batch": (
        _Layer(lambda layer, x: layer.attend(x, _mask_unless(x, x.dim() == 2))),
        "A batch is safe with it. So try a single sentence, too: x of the shape (T, 4).",
    ),
    "leaks in late rows only, from the fifth on": (
        _masked(_late_rows),
        "So test at every position t, not only at one.",
    ),
    "drops its mask if there are more than 8 tokens": (
        _Layer(lambda layer, x: layer.attend(x, _mask_unless(x, x.size(-2) > 8))),
        "So try a longer sentence, too, with 12 tokens. (No test covers every length.)",
    ),
    "leaks before the attention: it subtracts the mean of the sentence from each token": (
        _Layer(lambda layer, x: layer.attend(x - x.mean(dim=-2, keepdim=True))),
        "The mean depends on later tokens. So compare the layer's outputs.",
    ),
    "leaks without a gradient: it adds later tokens that it has detached": (
        _Layer(_detached),
        "The gradient is zero, although the output changes. So change later tokens, too.",
    ),
    "leaks a millionth of the next token": (
        _Layer(lambda layer, x: layer.attend(x) + 1e-6 * nn.functional.pad(x[..., 1:, :], NEXT)),
        "A tolerance hides it. So change later tokens, too: the rows before them must be "
        "*equal*, to the last bit.",
    ),
    "divides by the length of the sentence": (
        _Layer(lambda layer, x: layer.attend(x) / x.size(-2)),
        "Whatever tokens you change, the length stays. So process the first t tokens alone, too: "
        "they must get the same rows as in the whole sentence.",
    ),
}


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
        raise Hint(
            f"On a layer ({name}), your test stops with {type(error).__name__}: {error}"
        ) from error
    if found is not None:
        raise Hint("Your test returns something, which nobody reads. A test reports by assert.")
    return False


def _compare_masked(
    layer: SelfAttention, what: str, found: object, x: Tensor, mask: Tensor | None
) -> None:
    """Compare with the formula, and with the formula that has one thing wrong."""
    q, k, v = layer.W_q(x), layer.W_k(x), layer.W_v(x)
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
    causal = causal_mask(x.size(-2))
    allowed = causal if mask is None else causal & mask
    square = torch.ones_like(causal)

    def attend(allowed: Tensor) -> Tensor:
        return masked_softmax(scores, allowed) @ v

    mistakes = [
        (attend(square), "Nothing is masked, not even the future."),
        (attend(~causal), "The mask is the wrong way round: True means “may attend”."),
        (attend(causal.T), "The mask is the other triangle: tril keeps the past, triu the future."),
        (attend(square.tril(-1)), "A token may attend to itself: keep the diagonal."),
        (attend(square.tril(1)), "Off by one: each token attends to the one after it."),
        ((scores.softmax(-1) * allowed) @ v, "You mask after the softmax, so the weights no longer "
         "sum to one."),
        (masked_softmax(scores * math.sqrt(k.size(-1)), allowed) @ v, "The scores are not divided "
         "by the square root of the head dimension."),
    ]  # fmt: skip
    if mask is not None:
        mistakes = [
            (attend(causal), "You ignore the mask that is passed, so queries attend to padding."),
            (attend(mask.expand(-1, x.size(-2), -1)), "If a mask is passed, you drop your own, so "
             "queries attend to the future. It takes both: `&`."),
            (attend(causal | mask), "Both masks must allow it: `&`, and not `|`."),
            (attend(causal & ~mask), "The mask that is passed is the wrong way round on its way."),
            *mistakes,
        ]  # fmt: skip
    if isinstance(found, Tensor) and found.isnan().any():
        raise Hint(f"{what} gives NaN, because a query is fully masked. super().forward(x, mask) "
                   "returns zeros for it.")  # fmt: skip
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
