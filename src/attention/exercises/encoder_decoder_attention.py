"""Exercises of the chapter *Encoder-decoder attention*."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.exercises.self_attention_math import W_K
from attention.exercises.self_attention_math import X as MEMORY
from attention.functional import causal_mask, padding_mask, scaled_dot_product_attention
from attention.layers.attention import EncoderDecoderAttention
from attention.shapes import Bool, Float, Tensor

__all__ = [
    "IgnoresMemory",
    "check_cross_attention",
    "check_cross_attention_test",
    "check_source_mask",
    "check_zone_row",
]

Layer = TypeVar("Layer", bound=EncoderDecoderAttention)

# The example that the chapter works by hand; its memory is the sentence of self-attention.
X = torch.tensor([[0.0, 1.0], [1.0, 0.0]])  # <s>, la
ZONE = torch.tensor([-1.0, 0.0])
W_Q = torch.tensor([[-4.0, -1.0], [1.0, -4.0]])
ROUNDED = 0.0065  # how far off a weight may be that was rounded to two digits, once on the way
SLIPPED = 0.016  # and how far off it is after a slip of one in the last digit
CAUSAL = "You use a causal mask, but the whole source is known before the first token is predicted."


class IgnoresMemory(EncoderDecoderAttention):
    """A broken layer: it takes a memory, but attends to the target itself."""

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T K"]:
        """Return weighted sums of the target's own values."""
        return super().forward(x, x)

    def attention_weights(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T T"]:
        """The weight that each target position puts on each target position."""
        return super().attention_weights(x, x)


def check_zone_row(row: Any) -> None:
    """Check the attention weights of *zone*, computed by hand to two digits.

    Args:
        row: Its three weights, for *the*, *European* and *Area*.

    Raises:
        Hint: They are something else.
    """
    query, keys = ZONE @ W_Q, MEMORY @ W_K
    scores, products = _scores(query, keys), _scores(query, keys, 1.0)
    expected = scores.softmax(-1)
    column = _scores(ZONE @ W_Q.T, keys).softmax(-1)
    sign = "Your query is (4, -1): a sign is off, or you multiplied a column of W_q, not a row."
    token = "That is another token's row. The vector of zone is (-1, 0), so its query is (4, 1)."
    scale = "Divide the dot products by √d_k = √2 before softmax."
    mistakes = [
        *((other, token) for other in _scores(X @ W_Q, keys).softmax(-1)),
        (100 * expected, "These are percentages. Weights sum to 1: write 0.5 for 50%."),
        (products, "These are the dot products. Divide by √2, then apply softmax."),
        (scores, "These are scores. Raise e to each, and divide by the total."),
        *((wrong.softmax(-1), scale) for wrong in (products, products / 2)),
        (column, sign),
    ]
    try:
        found = torch.as_tensor(row, dtype=torch.float32, device=expected.device).flatten()
    except (TypeError, ValueError, RuntimeError):
        raise Hint("Give three weights: of the, European and Area.") from None
    if found.shape != expected.shape:
        raise Hint(f"There are three keys, so give three weights, not {len(found)}.")
    off = (found - expected).abs().max()
    if off > ROUNDED:
        for wrong, hint in mistakes:
            if (found - wrong).abs().max() <= ROUNDED * max(1.0, float(wrong.abs().max())):
                raise Hint(hint)
        if (found.sort()[0] - expected.sort()[0]).abs().max() <= ROUNDED:
            raise Hint("The right weights in another order. The columns are the, European, Area.")
        if (found.sum() - 1).abs() > SLIPPED:
            total = f"Weights sum to 1, and yours to {found.sum():.2f}"
            raise Hint(f"{total}: divide each of the three powers of e by their total.")
        if off <= SLIPPED:
            raise Hint("Nearly: a last digit is off. Keep three digits on the way, and round once.")
        compare("row", found, expected)
    right("after the noun comes its adjective, so zone attends to European.")


def check_cross_attention(cross: Callable[..., Any]) -> None:
    """Check encoder-decoder attention, written with bare matrices.

    Args:
        cross: From the target's vectors `(B, T, D)`, a memory `(B, S, D)` and the matrices `W_q`,
            `W_k` and `W_v` of shape `(D, K)`, the output `(B, T, K)`.

    Raises:
        Hint: It is something else.
    """
    what = "cross(x, memory, W_q, W_k, W_v)"
    x, long, W_q, W_k, W_v = _random((2, 4, 6), (2, 5, 6), (6, 3), (6, 3), (6, 3))
    short = long[:, :4]  # at equal lengths, a hint can tell which side is wrong
    q, k, v = x @ W_q, short @ W_k, short @ W_v
    other_q, own_k, own_v = short @ W_q, x @ W_k, x @ W_v
    mixed = "A side is mixed up: the queries come from x, the keys and values from memory."
    scale = "Divide the scores by √d_k, the root of the dimension of a query and a key: here √3."
    axis = "Softmax goes over the last axis, the source positions of one sentence."
    mistakes = [
        (_attend(q, own_k, own_v), "This is self-attention: take keys and values from memory."),
        *((_attend(q, *sides), mixed) for sides in ((own_k, v), (k, own_v))),
        *((_attend(other_q, *sides), mixed) for sides in ((own_k, own_v), (k, v))),
        (_attend(q, v, k), "Keys and values are swapped: you average the keys."),
        *((_attend(q, k, v, wrong), scale) for wrong in (1.0, 2.0, 3.0, math.sqrt(6))),
        *((_attend(q, k, v, dim=dim), axis) for dim in (0, 1)),
        (_scores(q, k) @ v, "Softmax is missing: turn the scores into weights first."),
        (_scores(q, k).softmax(-1), "These are the weights: the weighted sum is missing."),
        (scaled_dot_product_attention(q, k, v, causal_mask(4))[0], CAUSAL),
    ]
    hint = "Transpose the last two axes: k.transpose(-2, -1). x and memory may differ in length."
    for memory in (short, long):
        found = answer(what, cross, x, memory, W_q, W_k, W_v, hint=hint)
        compare(what, found, _attend(q, memory @ W_k, memory @ W_v), mistakes)
    right("queries from the target, keys and values from the memory, whatever their lengths.")


def check_source_mask(attend: Callable[..., Any]) -> None:
    """Check that every token of the source is attended to, and none of its padding.

    Args:
        attend: From an `EncoderDecoderAttention`, the target's vectors `(B, T, D)`, a memory
            `(B, S, D)`, and the token ids of source `(B, S)` and target `(B, T)`, the output.

    Raises:
        Hint: The output depends on something else.
    """
    what = "attend(layer, x, memory, source, target)"
    layer = _new(_ChecksMask, 6).requires_grad_(False)
    batches = [  # at equal lengths first, where the wrong mask passes unnoticed
        ([[4, 6, 0, 0], [4, 5, 6, 3]], [[2, 7, 8, 9], [2, 7, 8, 0]]),
        ([[4, 5, 6, 3, 8], [4, 3, 0, 0, 0]], [[2, 7, 8], [2, 7, 0]]),
    ]
    lengths = "The last axis of the mask is that of the keys, so it has the source's length."
    own = "The keys come from the source, so make the mask from the source's token ids alone."
    queries = "You mask queries: the target's padding. Mask keys alone: the padding of the source."
    for source, target in (map(torch.tensor, batch) for batch in batches):
        x, memory = _random((*target.shape, 6), (*source.shape, 6))
        mask, target_mask = padding_mask(source), padding_mask(target)
        unpadded = target_mask.mT.expand(-1, -1, source.size(1))
        earlier = torch.ones(target.size(1), source.size(1), dtype=torch.bool).tril()
        masks = [
            (None, "The layer gets no mask, or one that hides nothing, so it attends to padding."),
            (~mask, "The mask is inverted: True means that a query may attend there."),
            *((wrong, CAUSAL) for wrong in (earlier, earlier & mask)),
            *((wrong, queries) for wrong in (unpadded, unpadded & mask)),
        ]
        if source.shape == target.shape:
            masks += [(target_mask, own), (target_mask & mask, own)]
        found = answer(what, attend, layer, x, memory, source, target, hint=lengths)
        mistakes = [(layer(x, memory, wrong), hint) for wrong, hint in masks]
        compare(what, found, layer(x, memory, mask), mistakes)
    right("every target position attends to the whole source, and to none of its padding.")


def check_cross_attention_test(test: Callable[..., Any]) -> None:
    """Check a test: it must pass for correct encoder-decoder attention, and fail for broken ones.

    Args:
        test: Raises `AssertionError` unless its layer takes queries from one side, and keys and
            values from the other. All layers take vectors of two components.

    Raises:
        Hint: It passes for a broken layer, or fails for a correct one.
    """
    probe = _new(_Probe, 2)
    if failure := _failure(test, probe):
        if probe.shifted():
            raise Hint("Softmax is shift-invariant: change one token of the memory, not all alike.")
        fails = f"Your test fails on a correct layer ({failure})"
        raise Hint(f"{fails}. A memory token changes every row, a target token only its own.")
    if not probe.memories:
        raise Hint("Your test never calls the layer, so it passes for any layer at all.")
    one_input = "You use one input on both sides, where this layer is self-attention. Give it two."
    for kind, hint in BROKEN.items():
        if not _failure(test, _new(kind, 2)):
            raise Hint(f"Your test passes for a layer that {hint}" if probe.differed else one_input)
    right("your test passes for correct attention, and fails for three broken layers.")


class _Altered(EncoderDecoderAttention):
    """Attends with other inputs than those that it is given."""

    def inputs(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return x, memory

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(*self.inputs(x, memory))

    def attention_weights(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().attention_weights(*self.inputs(x, memory))


class _Swapped(_Altered):
    def inputs(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return memory, x


class _Averaged(_Altered):
    def inputs(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return x + x.mean(-2, keepdim=True), memory


BROKEN: dict[type[EncoderDecoderAttention], str] = {
    IgnoresMemory: "ignores its memory. Change a token of the memory: the weights must change.",
    _Swapped: "swaps its inputs. Use different lengths, and assert the shape of the weights.",
    _Averaged: "lets target tokens affect each other. Change one: the other rows must stay.",
}


class _Probe(_Altered):
    """Correct, and remembers its inputs."""

    def __init__(self, d_model: int) -> None:
        super().__init__(d_model)
        self.memories: list[Tensor] = []
        self.differed = False

    def inputs(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        self.memories.append(memory.detach().clone())
        self.differed |= not same(x, memory)
        return x, memory

    def shifted(self) -> bool:
        """Whether two of its memories differ by one vector, the same for every token."""
        first, *others = self.memories or [torch.empty(0)]
        changes = [other - first for other in others if other.shape == first.shape]
        return any(bool(c.any()) and same(c, c[..., :1, :].expand_as(c)) for c in changes)


class _ChecksMask(EncoderDecoderAttention):
    """Correct, and says what is wrong with the axes of a mask."""

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        if isinstance(mask, Tensor):
            if mask.dtype != torch.bool:
                raise Hint(f"Your mask is {mask.dtype}. Make it boolean: compare ids with 0.")
            if mask.size(-1) == 1 or (mask.dim() == 2 and len(mask) == len(memory)):
                shape = f"Your mask has the shape {tuple(mask.shape)}, not (B, 1, S)"
                raise Hint(f"{shape}: insert the axis of the queries, unsqueeze(-2).")
        return super().forward(x, memory, mask)


def _failure(test: Callable[..., Any], layer: EncoderDecoderAttention) -> str:
    """Why a test fails: its message, or that of the layer that could not go on."""
    try:
        returned = test(layer)
    except AssertionError as error:
        return str(error) or "AssertionError"
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    if returned is not None:
        raise Hint("Your test returns something, which nobody reads. Use assert.")
    return ""


def _scores(q: Tensor, k: Tensor, scale: float | None = None) -> Tensor:
    return q @ k.transpose(-2, -1) / (scale or math.sqrt(k.size(-1)))


def _attend(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None, dim: int = -1) -> Tensor:
    return _scores(q, k, scale).softmax(dim) @ v


def _random(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def _new(kind: type[Layer], d_model: int) -> Layer:
    """Make a layer with the same initial weights every time, and leave the random seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(d_model)
