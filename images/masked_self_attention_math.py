"""The figures of *The matrix math of masked self-attention*: the mask in numbers, and two masks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from attention import causal_mask, masked_softmax, padding_mask
from attention.exercises.masked_self_attention_math import SCORES
from images.style import LABEL, Drawing

WORDS = ["the", "European", "Area"]
CELL = 66  # wide; two thirds of it high
TALL = 44


def written(value: float) -> str:
    """Write a number as the chapter does."""
    if math.isinf(value):
        return "−∞"
    return (f"{value:.0f}" if value == round(value) else f"{value:.2f}").replace("-", "−")


def table(
    drawing: Drawing, x: float, y: float, name: str, values: Tensor, kind: str = "ink"
) -> None:
    """Draw a matrix with its name above it; what the mask forbids is shaded."""
    mask = causal_mask(3)
    drawing.text(x + 1.5 * CELL, y - 44, name, f"{kind} bold")
    for column, word in enumerate(WORDS):
        drawing.text(x + (column + 0.5) * CELL, y - 16, word, "key", LABEL)
    for row, numbers in enumerate(values.tolist()):
        for column, value in enumerate(numbers):
            left, top = x + column * CELL, y + row * TALL
            shade = "" if mask[row, column] else "soft solid"
            if shade:
                drawing.shape("rect", shade, x=left, y=top, width=CELL, height=TALL,
                              opacity="0.18")  # fmt: skip
            drawing.shape("rect", "line stroke", x=left, y=top, width=CELL, height=TALL)
            quiet = "soft" if not mask[row, column] else kind
            drawing.text(left + CELL / 2, top + TALL / 2, written(value), quiet, LABEL)


def steps() -> Drawing:
    """Figure 1: scores, plus the mask, is the masked scores; softmax makes them weights."""
    mask = causal_mask(3)
    add = torch.zeros(3, 3).masked_fill(~mask, -math.inf)
    drawing = Drawing(
        452,
        "The mask, added before the softmax",
        "Scores of three words, plus 0 on and below the diagonal and minus infinity above it, are "
        "the masked scores. Softmax makes weights of them: 1, 0, 0 for the first word; 0.80, 0.20, "
        "0 for the second; 0.19, 0.77, 0.05 for the third.",
    )
    left, right, above, below = 104, 348, 74, 310
    for top in (above, below):
        for row, word in enumerate(WORDS):
            drawing.text(left - 10, top + (row + 0.5) * TALL, word, "query", LABEL, "end")
    table(drawing, left, above, "scores", SCORES)
    drawing.text(325, above + 1.5 * TALL, "+")
    table(drawing, right, above, "mask M", add)
    drawing.text(left - 10, below - 44, "=", "ink", at="end")
    table(drawing, left, below, "masked scores", SCORES + add)
    drawing.arrow(310, below + 1.5 * TALL, 340, below + 1.5 * TALL, "soft stroke")
    table(drawing, right, below, "softmax: weights", masked_softmax(SCORES, mask), "weights")
    return drawing


def places(drawing: Drawing, x: float, y: float, name: str, mask: Tensor) -> None:
    """Draw a mask: what may be looked at is filled."""
    side = 40
    drawing.text(x + 1.5 * side, y - 18, name, "ink", LABEL)
    for row, line in enumerate(mask.tolist()):
        for column, may_look in enumerate(line):
            left, top = x + column * side, y + row * side
            if may_look:
                drawing.shape("rect", "soft solid", x=left, y=top, width=side, height=side,
                              opacity="0.55")  # fmt: skip
            drawing.shape("rect", "line stroke", x=left, y=top, width=side, height=side)


def two_masks() -> Drawing:
    """Figure 2: the causal mask and padding, at the end and at the front."""
    drawing = Drawing(
        356,
        "Two masks at once",
        "The causal mask and the padding mask make the mask that both allow. With padding at the "
        "end, every row has something to look at. With padding at the front, the first row has "
        "nothing.",
    )
    causal = causal_mask(3)
    cases = [(40, ["the", "Area", "<pad>"], [4, 6, 0]), (222, ["<pad>", "the", "Area"], [0, 4, 6])]
    for top, words, ids in cases:
        padding = padding_mask(torch.tensor(ids))
        both = causal & padding
        for row, word in enumerate(words):
            drawing.text(72, top + 40 * row + 20, word, "query", LABEL, "end")
        for x, name, mask in [
            (84, "causal", causal),
            (248, "padding", padding.expand(3, 3)),
            (412, "both", both),
        ]:
            places(drawing, x, top, name, mask)
        drawing.text(226, top + 60, "&")
        drawing.text(390, top + 60, "=")
        for row, sees in enumerate(both.any(dim=-1).tolist()):
            if not sees:
                y = top + 40 * row
                drawing.box(408, y - 4, 128, 48, "target gap")
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    return {
        "masked-self-attention-math-fig1": steps(),
        "masked-self-attention-math-fig2": two_masks(),
    }
