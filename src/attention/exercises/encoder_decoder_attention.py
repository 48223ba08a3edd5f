"""Exercises of the chapter *Encoder-decoder attention*."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.exercises.self_attention_math import W_K
from attention.exercises.self_attention_math import X as MEMORY
from attention.functional import padding_mask
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
    keys = MEMORY @ W_K
    products = (ZONE @ W_Q) @ keys.T
    scores = products / math.sqrt(2)
    expected = scores.softmax(-1)
    start, la = (X @ W_Q @ keys.T / math.sqrt(2)).softmax(-1)
    mistakes = [
        (la, "That is the row of la. The vector of zone is (-1, 0), so its query is (4, 1)."),
        (start, "That is the row of <s>. The vector of zone is (-1, 0)."),
        (expected.flip(0), "The right weights in the opposite order: the, European, Area."),
        (100 * expected, "These are percentages. Weights sum to 1: write 0.5 for 50%."),
        (products, "These are the dot products. Divide by √2, then apply softmax."),
        (scores, "These are scores. Raise e to each, and divide by the total."),
        (products.softmax(-1), "You forgot to divide the dot products by √2."),
        ((products / 2).softmax(-1), "You divide by d_k = 2. Divide by its root, √2."),
        (scores.exp(), "Their total is not 1 yet: divide each by it."),
        ((ZONE @ W_Q.T @ keys.T / math.sqrt(2)).softmax(-1), "The vector stands on the left of "
         "W_q, as a row: its first component multiplies the first row of W_q, not the column."),
    ]  # fmt: skip
    if row is None or row is ...:
        raise Hint("row gives nothing back yet.")
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
            raise Hint(f"Weights sum to 1, and yours to {found.sum():.2f}: divide each of the "
                       "three powers of e by their total.")  # fmt: skip
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
    for target, source in ((4, 4), (4, 5)):  # at equal lengths, a hint can tell which side is wrong
        generator = torch.Generator().manual_seed(7)
        x, memory = _random(generator, 2, target, 6), _random(generator, 2, source, 6)
        W_q, W_k, W_v = (_random(generator, 6, 3) for _ in "qkv")
        q, k, v = x @ W_q, memory @ W_k, memory @ W_v
        own_k, own_v = x @ W_k, x @ W_v
        later = ~torch.ones(target, source, dtype=torch.bool).tril()
        causal = _scores(q, k).masked_fill(later, -torch.inf).softmax(-1)
        expected, weights = _attend(q, k, v), _scores(q, k).softmax(-1)
        mistakes = [
            (_attend(q, own_k, own_v), "This is self-attention: the keys and values come from x. "
             "The decoder attends to the source, so take them from memory."),
            (_attend(memory @ W_q, own_k, own_v), "The two sides are swapped. The queries come "
             "from x, the keys and values from memory."),
            (_attend(memory @ W_q, k, v), "This is the memory's self-attention: x plays no part. "
             "The queries come from x."),
            (_attend(q, v, k), "Keys and values are swapped: you average the keys."),
            (_attend(q, k, v, scale=1.0), "Divide the scores by √d_k, here √3."),
            (_attend(q, k, v, scale=3.0), "You divide by d_k. Divide by its root."),
            (_attend(q, k, v, scale=math.sqrt(6)), "You divide by √6, the root of the model "
             "dimension. What counts is the dimension of a query and a key: √3."),
            (_attend(q, k, v, dim=-2), "Your columns sum to one. Each target position needs its "
             "own weighted sum: softmax over the last axis, the source positions."),
            (_attend(q, k, v, dim=0), "Your softmax goes over the batch. It goes over the last "
             "axis, the source positions of one sentence."),
            (_scores(q, k) @ v, "Softmax is missing: turn the scores into weights first."),
            (_scores(q, k).exp() @ v, "You raise e to each score, but don't divide by the total "
             "of the row. softmax does both."),
            (_scores(q, k, 1.0).softmax(-1) / math.sqrt(3) @ v, "You divide the weights by √d_k. "
             "Divide the scores, before softmax, so that the weights sum to 1."),
            (_attend(q, k, v, scale=1 / math.sqrt(3)), "You multiply the scores by √d_k. Divide."),
            (_attend(q, k, v, scale=math.sqrt(source)), f"You divide by √{source}, the root of "
             "the number of tokens. What counts is the dimension of a key: √3."),
            (weights, "These are the weights. The weighted sum of the values is missing."),
            (_scores(q, k), "These are the scores. Softmax and the weighted sum are missing."),
            (causal @ v, "You use a causal mask. The whole source is known before the first token "
             "is predicted, so no source position is hidden."),
            ((expected, weights), "You return the weights, too. Return the output alone."),
            (list(expected), "You return a list. Compute the whole batch at once: one tensor."),
        ]  # fmt: skip
        if source == target:
            mistakes += [
                (_attend(q, own_k, v), "The keys come from x, so the weights ignore the memory."),
                (_attend(q, k, own_v), "The values come from x, so the output has nothing of the "
                 "memory in it."),
            ]  # fmt: skip
        found = answer(what, cross, x, memory, W_q, W_k, W_v, hint=TRANSPOSED)
        compare(what, found, expected, mistakes)
    right("queries from the target, keys and values from the memory, whatever their lengths.")


TRANSPOSED = (
    "With a batch, transpose the last two axes only: k.transpose(-2, -1), or k.mT. And remember "
    "that x and memory may differ in length."
)


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
    for source, target in (map(torch.tensor, batch) for batch in batches):
        generator = torch.Generator().manual_seed(3)
        x, memory = _random(generator, *target.shape, 6), _random(generator, *source.shape, 6)
        mask = padding_mask(source)
        expected = layer(x, memory, mask)
        queries = (target != 0).unsqueeze(-1).expand(-1, -1, source.size(1))
        later = torch.ones(target.size(1), source.size(1), dtype=torch.bool).tril()
        mistakes = [
            (layer(x, memory), "The layer gets no mask, so it attends to the padding."),
            (layer(x, memory, later), "You use a causal mask. The whole source is known before the "
             "first token is predicted: mask its padding instead."),
            (layer(x, memory * mask.transpose(-2, -1)), "You set the padding of the memory to "
             "zero. Its scores are then 0, and e⁰ is 1, so it still gets weight: pass a mask."),
            (layer.attention_weights(x, memory, mask), "These are the weights, rightly masked. "
             "Return the output of the layer."),
            (layer(x, memory, ~mask), "The mask is inverted: True means that a query may attend "
             "there, so yours attend to nothing but padding."),
            (layer(x, memory, queries), "You mask the queries at the target's padding, whose "
             "outputs nobody uses. Mask keys: the padding of the source."),
            (layer(x, memory, mask & queries), "The padding of the source is masked, good. But "
             "you mask the target's padding as well: those rows are zeros now. Leave them."),
            (layer(x, memory[:, :2]), "You cut the memory down to its shortest sentence, so the "
             "other one loses tokens. Keep the whole memory, and mask its padding."),
            (layer(x, memory, later & mask), "You mask later source positions. The whole source "
             "is known before the first token is predicted: no causal mask here."),
        ]  # fmt: skip
        if source.shape == target.shape:
            target_mask = padding_mask(target)
            mistakes += [
                (layer(memory, x, mask), "x and memory are swapped: the layer takes x first."),
                (layer(x, memory, target_mask), "The mask is made from the target's token ids. "
                 "The keys come from the source, so the mask must, too. PyTorch raises no error "
                 "only because both have the same length here."),
                (layer(x, memory, target_mask & mask), "The target's padding masks tokens of the "
                 "source at the same positions. Use the source's mask alone."),
            ]  # fmt: skip
        found = answer(what, attend, layer, x, memory, source, target, hint=LENGTHS)
        compare(what, found, expected, mistakes)
    right("every target position attends to the whole source, and to none of its padding.")


LENGTHS = "The last axis of the mask is that of the keys, so its length must be that of the source."


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
            raise Hint("Your test adds the same vector to the whole memory. That adds the same to "
                       "every score of a row, and softmax is shift-invariant, so the weights "
                       "stay. Change a single token of the memory.")  # fmt: skip
        raise Hint(
            f"Your test fails on a correct layer ({failure}). A changed token of the memory "
            "changes every row, a changed target token only its own; compare with torch.allclose."
        )
    if not probe.memories:
        raise Hint("Your test never calls the layer, so it passes for any layer at all.")
    for kind, hint in BROKEN.items():
        if not _failure(test, _new(kind, 2)):
            raise Hint(hint if probe.differed else ONE_INPUT)
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
    IgnoresMemory: "Your test passes for a layer that ignores its memory. Change a token of the "
    "memory, and assert that the weights or the output change.",
    _Swapped: "Your test passes for a layer that swaps its inputs. Use different lengths and "
    "assert the shape, or change one target token and assert that the other rows stay.",
    _Averaged: "Your test passes for a layer that averages the target before it computes queries. "
    "Change one target token, and assert that the rows of the others stay as they were.",
}
ONE_INPUT = (
    "You use one input on both sides, where this layer is self-attention, correct or not. Give it "
    "two inputs, of different lengths."
)


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
            shape = f"Your mask has the shape {tuple(mask.shape)}"
            if mask.dtype != torch.bool:
                raise Hint(f"Your mask is {mask.dtype}. Make it boolean: compare ids with 0.")
            if mask.dim() == 2 and len(mask) == len(memory):  # not one for all sentences
                raise Hint(f"{shape}. The scores are (B, T, S): insert the axis of the queries, "
                           "unsqueeze(-2).")  # fmt: skip
            if mask.size(-1) == 1:
                raise Hint(f"{shape}, so it makes no difference between the keys, the last axis: "
                           "unsqueeze(-2), not unsqueeze(-1).")  # fmt: skip
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


def _random(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def _new(kind: type[Layer], d_model: int) -> Layer:
    """Make a layer with the same initial weights every time, and leave the random seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(d_model)
