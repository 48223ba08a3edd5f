"""The figures of *The matrix math of masked self-attention*: the additive mask, and two masks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from attention import causal_mask, masked_softmax, padding_mask
from attention.exercises.self_attention_math import W_K, W_Q, X
from images.style import LABEL, Drawing

TOKENS = ["the", "European", "Area"]
SCORES = (X @ W_Q) @ (X @ W_K).T / math.sqrt(2)
WIDTH, HEIGHT = 66, 44  # of a cell


def written(value: float) -> str:
    """Write a value as the chapter does."""
    if math.isinf(value):
        return "−∞"
    return (f"{value:.0f}" if value == round(value) else f"{value:.2f}").replace("-", "−")


def table(
    drawing: Drawing, x: float, y: float, name: str, values: Tensor, kind: str = "ink"
) -> None:
    """Draw a matrix with its name above it, and shade the masked cells."""
    mask = causal_mask(3)
    drawing.text(x + 1.5 * WIDTH, y - 44, name, f"{kind} bold")
    for column, token in enumerate(TOKENS):
        drawing.text(x + (column + 0.5) * WIDTH, y - 16, token, "key", LABEL)
    for row, entries in enumerate(values.tolist()):
        for column, value in enumerate(entries):
            left, top = x + column * WIDTH, y + row * HEIGHT
            shade = "" if mask[row, column] else "soft solid"
            if shade:
                drawing.shape("rect", shade, x=left, y=top, width=WIDTH, height=HEIGHT,
                              opacity="0.18")  # fmt: skip
            drawing.shape("rect", "line stroke", x=left, y=top, width=WIDTH, height=HEIGHT)
            quiet = "soft" if not mask[row, column] else kind
            drawing.text(left + WIDTH / 2, top + HEIGHT / 2, written(value), quiet, LABEL)


def steps() -> Drawing:
    """Figure 1: the scores plus the mask are the masked scores; softmax makes them weights."""
    mask = causal_mask(3)
    add = torch.zeros(3, 3).masked_fill(~mask, -math.inf)
    drawing = Drawing(
        452,
        "The mask, added before the softmax",
        "The scaled scores of three tokens, plus 0 on and below the diagonal and minus infinity "
        "above it, are the masked scores. Softmax turns them into weights: 1, 0, 0 for the first "
        "token; 0.80, 0.20, 0 for the second; 0.19, 0.77, 0.05 for the third.",
    )
    left, right, above, below = 104, 348, 74, 310
    for top in (above, below):
        for row, token in enumerate(TOKENS):
            drawing.text(left - 10, top + (row + 0.5) * HEIGHT, token, "query", LABEL, "end")
    table(drawing, left, above, "scaled scores", SCORES)
    drawing.text(325, above + 1.5 * HEIGHT, "+")
    table(drawing, right, above, "mask M", add)
    drawing.text(left - 10, below - 44, "=", "ink", at="end")
    table(drawing, left, below, "masked scores", SCORES + add)
    drawing.arrow(310, below + 1.5 * HEIGHT, 340, below + 1.5 * HEIGHT, "soft stroke")
    table(drawing, right, below, "softmax: weights", masked_softmax(SCORES, mask), "weights")
    return drawing


def grid(drawing: Drawing, x: float, y: float, name: str, mask: Tensor) -> None:
    """Draw a mask: a cell is filled where the query may attend to the key."""
    side = 40
    drawing.text(x + 1.5 * side, y - 18, name, "ink", LABEL)
    for row, line in enumerate(mask.tolist()):
        for column, may_attend in enumerate(line):
            left, top = x + column * side, y + row * side
            if may_attend:
                drawing.shape("rect", "soft solid", x=left, y=top, width=side, height=side,
                              opacity="0.55")  # fmt: skip
            drawing.shape("rect", "line stroke", x=left, y=top, width=side, height=side)


def two_masks() -> Drawing:
    """Figure 2: the causal mask and padding, at the end and at the front."""
    drawing = Drawing(
        356,
        "Two masks at once",
        "The causal mask and the padding mask are combined: a query may attend to a key if both "
        "allow it. With padding at the end, every query may attend to some key. With padding at "
        "the front, the first row is fully masked.",
    )
    causal = causal_mask(3)
    cases = [(40, ["the", "Area", "<pad>"], [4, 6, 0]), (222, ["<pad>", "the", "Area"], [0, 4, 6])]
    for top, tokens, ids in cases:
        padding = padding_mask(torch.tensor(ids))
        both = causal & padding
        for row, token in enumerate(tokens):
            drawing.text(72, top + 40 * row + 20, token, "query", LABEL, "end")
        for x, name, mask in [
            (84, "causal", causal),
            (248, "padding", padding.expand(3, 3)),
            (412, "both", both),
        ]:
            grid(drawing, x, top, name, mask)
        drawing.text(226, top + 60, "&")
        drawing.text(390, top + 60, "=")
        for row, attends in enumerate(both.any(dim=-1).tolist()):
            if not attends:
                y = top + 40 * row
                drawing.box(408, y - 4, 128, 48, "target gap")
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    return {
        "masked-self-attention-math-fig1": steps(),
        "masked-self-attention-math-fig2": two_masks(),
    }
