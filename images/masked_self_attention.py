"""The figures of *Self-attention and masked self-attention*: the mask, and what its lack does."""

from __future__ import annotations

from itertools import pairwise

import torch

from attention import causal_mask, scaled_dot_product_attention
from attention.exercises.self_attention_math import W_K, W_Q, W_V, X
from images.style import CHIP, LABEL, Drawing, text_width

TOKENS = ["the", "European", "Area"]
SENTENCE = ["They", "arrived", "late", "."]


def weights(masked: bool) -> torch.Tensor:
    """The weights of the three tokens, with the matrices that the chapters share."""
    mask = causal_mask(len(TOKENS)) if masked else None
    return scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V, mask)[1]


def two_kinds() -> Drawing:
    """Figure 1: which query may attend to which key, without a mask and with it."""
    drawing = Drawing(
        274,
        "Self-attention and masked self-attention",
        "Two diagrams with the tokens the, European, Area above, as keys, and below, as queries. "
        "Without a mask, nine lines lead from every query to every key. With it, there are six: "
        "none leads to a key after its query.",
    )
    widths = [text_width(token) + 14 for token in TOKENS]
    gap = 12.0
    half = sum(widths) + 2 * gap
    for left, title, masked in [
        (6.0, "self-attention", False),
        (554 - half, "masked self-attention", True),
    ]:
        drawing.text(left + half / 2, 14, title, "ink bold")
        middles = [left + sum(widths[:i]) + gap * i + width / 2 for i, width in enumerate(widths)]
        rows = weights(masked).tolist()
        for query, row in zip(middles, rows, strict=True):
            for key, weight in zip(middles, row, strict=True):
                if weight > 0:
                    drawing.link(query, 206, key, 88, "weights", 1.2 + 8 * weight)
        for token, middle, width in zip(TOKENS, middles, widths, strict=True):
            drawing.chip(middle, 48, token, "key", width)
            drawing.chip(middle, 210, token, "query", width)
    drawing.text(280, 66, "key", "key", LABEL)
    drawing.text(280, 228, "query", "query", LABEL)
    drawing.text(280, 262, "wider: a larger weight", "weights", LABEL)
    return drawing


def copying() -> Drawing:
    """Figure 2: in training, the target is the next input; in generation, there is none yet."""
    drawing = Drawing(
        404,
        "Copying the next input",
        "In training, the input is the special token for the beginning, They, arrived, late and "
        "the full stop. The target is They, arrived, late, the full stop and the special token "
        "for the end. An arrow leads from each input to the position before it, where it is the "
        "target. In generation, the input is the first special token and They. Three positions "
        "are empty, and the model predicts They again.",
    )
    columns = [62.0, 176.0, 290.0, 404.0, 502.0]
    width = 96.0
    inputs, targets = ["<s>", *SENTENCE], [*SENTENCE, "</s>"]

    drawing.text(8, 14, "in training", "ink bold", at="start")
    drawing.text(554, 14, "target", "target", LABEL, at="end")
    for middle, token in zip(columns, targets, strict=True):
        drawing.chip(middle, 32, token, "target strong", _wide(middle, columns, width))
    for middle, token in zip(columns, inputs, strict=True):
        drawing.chip(middle, 140, token, "target", _wide(middle, columns, width))
    for middle, following in pairwise(columns):
        drawing.arrow(following, 136, middle + 8, 74, "weights stroke")
    drawing.text(554, 190, "input", "target", LABEL, at="end")
    drawing.text(8, 190, "each target but </s> is the next input", "weights", LABEL, "start")

    drawing.text(8, 234, "in generation", "ink bold", at="start")
    drawing.chip(columns[1], 252, "They", "target strong", width)
    for middle, token in zip(columns, [*inputs[:2], "", "", ""], strict=True):
        box = _wide(middle, columns, width)
        if token:
            drawing.chip(middle, 344, token, "target", box)
        else:
            drawing.box(middle - box / 2, 344, box, CHIP, "line gap")
    drawing.path(f"M{columns[2]:g} 340L{columns[1] + 20:g} 296", "line gap")
    drawing.arrow(columns[1], 340, columns[1], 294, "weights stroke")
    drawing.text(columns[2] - 12, 312, "no token here yet", "soft", LABEL, at="start")
    drawing.text(columns[1] - 12, 312, "so it copies this one", "weights", LABEL, at="end")
    return drawing


def _wide(middle: float, columns: list[float], width: float) -> float:
    """The last column has short tokens only."""
    return 72.0 if middle == columns[-1] else width


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    figures = [two_kinds(), copying()]
    return {f"masked-self-attention-fig{n}": figure for n, figure in enumerate(figures, start=1)}
