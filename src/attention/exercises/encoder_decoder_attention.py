"""Exercises of the chapter *Encoder-decoder attention*."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.exercises.self_attention_math import W_K
from attention.exercises.self_attention_math import X as MEMORY
from attention.functional import causal_mask, padding_mask
from attention.layers.attention import EncoderDecoderAttention
from attention.shapes import Bool, Float, Tensor

__all__ = [
    "Forgetful",
    "check_cross_attention",
    "check_cross_attention_test",
    "check_source_mask",
    "check_zone_row",
]

Layer = TypeVar("Layer", bound=EncoderDecoderAttention)

# The numbers that the chapter works with by hand; the memory is the sentence of self-attention.
X = torch.tensor([[0.0, 1.0], [1.0, 0.0]])  # <s>, la
ZONE = torch.tensor([-1.0, 0.0])
W_Q = torch.tensor([[-4.0, -1.0], [1.0, -4.0]])
ROUNDED = 0.0065  # how far off a number may be that was rounded to two digits, once on the way
SLIPPED = 0.016  # and how far off it is after a slip of one in the last digit


class Forgetful(EncoderDecoderAttention):
    """A mistake to catch: it takes a memory, and never looks at it."""

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T K"]:
        """Mix the target's own values."""
        return super().forward(x, x)

    def attention_weights(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"],
        mask: Bool[Tensor, "*#B #T S"] | None = None,
    ) -> Float[Tensor, "*B T T"]:
        """How much each target word looks at each target word."""
        return super().attention_weights(x, x)


def check_zone_row(row: Any) -> None:
    """Check where *zone* looks, computed by hand to two digits.

    Args:
        row: Its three weights, for *the*, *European* and *Area*.

    Raises:
        Hint: They are something else.
    """
    scores = (ZONE @ W_Q) @ (MEMORY @ W_K).T
    expected = (scores / math.sqrt(2)).softmax(-1)
    mistakes = [
        ((-scores / math.sqrt(2)).softmax(-1), "That is the row of la. The vector of zone is "
         "(-1, 0), so its query is (4, 1), with the opposite signs."),
        (expected.flip(0), "The right numbers, in the opposite order: the, European, Area."),
        (100 * expected, "These are percentages. Give shares of 1, as softmax does: 0.5 for 50%."),
        (scores, "These are the products. Divide by √2, raise e to each, divide by the total."),
        (scores / math.sqrt(2), "These are scores. Raise e to each, and divide by the total."),
        (scores.softmax(-1), "You forgot to divide the products by √2."),
        ((scores / 2).softmax(-1), "You divide by d_k = 2. Divide by its root, √2."),
        ((scores / math.sqrt(2)).exp(), "Their total is not 1 yet: divide each by it."),
        ((ZONE @ W_Q.T @ (MEMORY @ W_K).T / math.sqrt(2)).softmax(-1), "The vector stands on the "
         "left, as a row: its first number multiplies the first row of W_q, not the column."),
    ]  # fmt: skip
    if row is None or row is ...:
        raise Hint("row gives nothing back yet.")
    try:
        found = torch.as_tensor(row, dtype=torch.float32, device=expected.device).flatten()
    except (TypeError, ValueError, RuntimeError):
        raise Hint("Give three numbers: the weights of the, European and Area.") from None
    if found.shape != expected.shape:
        raise Hint(f"There are three words to look at, so give three numbers, not {len(found)}.")
    if (found - expected).abs().max() > ROUNDED:
        for wrong, hint in mistakes:
            if (found - wrong).abs().max() <= ROUNDED * max(1.0, float(wrong.abs().max())):
                raise Hint(hint)
        if (found - expected).abs().max() <= SLIPPED:
            raise Hint("Nearly: a last digit is off. Keep three digits on the way, and round once, "
                       "at the end.")  # fmt: skip
    compare("row", found if (found - expected).abs().max() > ROUNDED else expected, expected)
    right("after the noun comes its adjective, so zone looks at European.")


def check_cross_attention(cross: Callable[..., Any]) -> None:
    """Check encoder-decoder attention, written with bare matrices.

    Args:
        cross: From target words `(B, T, D)`, a memory `(B, S, D)` and the matrices `W_q`, `W_k` and
            `W_v` of shape `(D, K)`, the output `(B, T, K)`.

    Raises:
        Hint: It is something else.
    """
    what = "cross(x, memory, W_q, W_k, W_v)"
    for target, source in ((4, 4), (3, 5)):  # the first lets through what mixes up the sides
        numbers = torch.Generator().manual_seed(7)
        x, memory = _random(numbers, 2, target, 6), _random(numbers, 2, source, 6)
        W_q, W_k, W_v = (_random(numbers, 6, 2) for _ in "qkv")
        q, k, v = x @ W_q, memory @ W_k, memory @ W_v
        own_k, own_v = x @ W_k, x @ W_v
        expected = _mix(q, k, v)
        mistakes = [
            (_mix(q, own_k, own_v), "This is self-attention: the keys and values come from x. "
             "They belong to the words that were read, so take them from memory."),
            (_mix(memory @ W_q, own_k, own_v), "The sides are the wrong way round. The words being "
             "written ask, so the queries come from x, and keys and values from memory."),
            (_mix(memory @ W_q, k, v), "This is the memory's self-attention: x plays no part. "
             "The queries come from x."),
            (_mix(q, v, k), "Keys and values have changed places: you average the keys."),
            (_mix(q, k, v, scale=1.0), "Divide the scores by √d_k, here √2."),
            (_mix(q, k, v, scale=2.0), "You divide by d_k. Divide by its root."),
            (_mix(q, k, v, scale=math.sqrt(6)), "You divide by √6, the root of the model's width. "
             "What counts is the width of a query and a key: √2."),
            (_mix(q, k, v, dim=-2), "Your columns add up to one. Each target word needs its own "
             "average: softmax over the last axis, the source words."),
            (_scores(q, k).softmax(-1), "These are the weights. Average the values with them."),
            (_scores(q, k), "These are the scores: softmax and the average are missing."),
        ]  # fmt: skip
        if source == target:
            mistakes += [
                (_mix(q, own_k, v), "The keys come from x. The weights then never see the memory."),
                (_mix(q, k, own_v), "The values come from x. Nothing of the memory is handed on."),
            ]
        found = answer(what, cross, x, memory, W_q, W_k, W_v)
        compare(what, found, expected, mistakes)
    right("the target asks, the memory answers, whatever their lengths.")


def check_source_mask(look: Callable[..., Any]) -> None:
    """Check that nobody looks at the padding of the source, and at all of its words.

    Args:
        look: From an `EncoderDecoderAttention`, target words `(B, T, D)`, a memory `(B, S, D)`, and
            the word numbers of source `(B, S)` and target `(B, T)`, the layer's output.

    Raises:
        Hint: The output depends on something else.
    """
    what = "look(layer, x, memory, source, target)"
    layer = _new(_Masked, 4).requires_grad_(False)
    batches = [  # two sentences each, and never two words, so that no axis passes for another
        ([[4, 6, 0], [4, 5, 6]], [[2, 7, 8], [2, 7, 0]]),
        ([[4, 5, 6, 3], [4, 3, 0, 0]], [[2, 7, 8], [2, 7, 0]]),
    ]
    for source, target in (map(torch.tensor, batch) for batch in batches):
        numbers = torch.Generator().manual_seed(3)
        x, memory = _random(numbers, *target.shape, 4), _random(numbers, *source.shape, 4)
        mask = padding_mask(source)
        expected = layer(x, memory, mask)
        asking = (target != 0).unsqueeze(-1).expand(-1, -1, source.size(1))
        mistakes = [
            (layer(x, memory), "No mask arrives at the layer: it looks at the padding."),
            (layer(x, memory, ~mask), "It is the wrong way round: True means that a query may look "
             "there, and yours look at nothing but padding."),
            (layer(x, memory, asking), "You hide the queries of the target's "
             "padding. Nobody reads those rows anyway. What must be hidden is keys: the padding of "
             "the source."),
            (layer(x, memory, mask & asking), "The padding of the source is "
             "hidden, good. But the target's padding is none of this layer's business: those rows "
             "are zeros now, and nobody reads them anyway."),
        ]  # fmt: skip
        if source.shape == target.shape:
            target_mask, causal = padding_mask(target), causal_mask(source.size(1))
            mistakes += [
                (layer(x, memory, target_mask), "The mask comes from the target's numbers. The "
                 "keys are the source words, so it must come from the source's. Only because "
                 "both are equally long here does torch let it pass."),
                (layer(x, memory, target_mask & mask), "The target's padding hides words of the "
                 "source that stand at the same places. Take the source's mask alone."),
                (layer(x, memory, causal & mask), "You hide the source's later words. All of the "
                 "source was read before the first word is written: no causal mask here."),
            ]  # fmt: skip
        found = answer(what, look, layer, x, memory, source, target)
        compare(what, found, expected, mistakes)
    right("every target word sees every word of its source, and no padding.")


def check_cross_attention_test(test: Callable[..., Any]) -> None:
    """Check a test: it must be green for sound encoder-decoder attention, and red for broken ones.

    Args:
        test: Raises `AssertionError` unless its layer takes queries from one side, and keys and
            values from the other. All layers take vectors of two numbers.

    Raises:
        Hint: It lets a broken layer pass, or a sound one fail.
    """
    probe = _new(_Probe, 2)
    red = _is_red(test, probe)
    if red:
        raise Hint(
            f"Your test goes red on a sound layer ({red}). A changed memory changes every row, and "
            "a changed target word its own row alone; compare with torch.allclose."
        )
    if not probe.calls:
        raise Hint("Your test never calls the layer: it stays green on whatever it gets.")
    if not _is_red(test, _new(Forgetful, 2)):
        if not probe.differed:
            raise Hint(
                "You feed one input on both sides, and with one input this layer is "
                "self-attention, sound or not. Give it two inputs, of different lengths."
            )
        raise Hint(
            "Your test stays green on a layer that never looks at its memory. Change the memory, "
            "and assert that weights or output change."
        )
    if not _is_red(test, _new(_Swapped, 2)):
        raise Hint(
            "Your test stays green on a layer that has its sides swapped: the memory asks, and the "
            "target answers. Use different lengths and assert the shape, or change one "
            "target word and assert that the other rows stay."
        )
    if not _is_red(test, _new(_Blurred, 2)):
        raise Hint(
            "Your test stays green on a layer that mixes the target words before they ask. Change "
            "one target word, and assert that the rows of the others stay as they were."
        )
    right("your test lets sound attention pass, and catches three that are broken.")


class _Probe(EncoderDecoderAttention):
    """Sound, and notes what it is asked."""

    calls = 0
    differed = False

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        self._note(x, memory)
        return super().forward(x, memory, mask)

    def attention_weights(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        self._note(x, memory)
        return super().attention_weights(x, memory, mask)

    def _note(self, x: Tensor, memory: Tensor) -> None:
        self.calls += 1
        self.differed |= not same(x, memory)


class _Masked(EncoderDecoderAttention):
    """Sound, and says what is wrong with the axes of a mask."""

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        if isinstance(mask, Tensor):
            if mask.shape == memory.shape[:2]:
                raise Hint(
                    f"Your mask has the shape {tuple(mask.shape)}: sentences, keys. The scores "
                    "have the queries in between, so give it an axis there: unsqueeze(-2)."
                )
            if mask.dim() == 3 and mask.size(-1) == 1:
                raise Hint(
                    f"Your mask has the shape {tuple(mask.shape)}. The last axis is that of the "
                    "keys, and there it makes no difference between them: unsqueeze(-2), not "
                    "unsqueeze(-1)."
                )
        return super().forward(x, memory, mask)


class _Swapped(EncoderDecoderAttention):
    """The memory asks, and the target answers."""

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(memory, x)

    def attention_weights(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().attention_weights(memory, x)


class _Blurred(EncoderDecoderAttention):
    """Each target word asks what all of them would ask."""

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(x + x.mean(-2, keepdim=True), memory, mask)

    def attention_weights(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().attention_weights(x + x.mean(-2, keepdim=True), memory, mask)


def _is_red(test: Callable[..., Any], layer: nn.Module) -> str:
    """Why a test is red: its message, or that of the layer that could not go on."""
    try:
        said = test(layer)
    except AssertionError as error:
        return str(error) or "AssertionError"
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    if said is not None:
        raise Hint("Your test gives back an answer, and nobody reads it. A test speaks by assert.")
    return ""


def _scores(q: Tensor, k: Tensor, scale: float | None = None) -> Tensor:
    return q @ k.transpose(-2, -1) / (scale or math.sqrt(k.size(-1)))


def _mix(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None, dim: int = -1) -> Tensor:
    return _scores(q, k, scale).softmax(dim) @ v


def _random(numbers: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=numbers)


def _new(kind: type[Layer], width: int) -> Layer:
    """Make a layer with the same random numbers every time, and leave the reader's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(width)
