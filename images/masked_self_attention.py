"""The figures of *Self-attention and masked self-attention*: who may look, and how one cheats."""

from __future__ import annotations

from itertools import pairwise

import torch

from attention import causal_mask, scaled_dot_product_attention
from attention.exercises.self_attention_math import W_K, W_Q, W_V, X
from images.style import CHIP, LABEL, Drawing, text_width

WORDS = ["the", "European", "Area"]
SENTENCE = ["They", "arrived", "late", "."]


def weights(masked: bool) -> torch.Tensor:
    """The weights of the three words, with the numbers that the chapters share."""
    mask = causal_mask(len(WORDS)) if masked else None
    return scaled_dot_product_attention(X @ W_Q, X @ W_K, X @ W_V, mask)[1]


def two_rules() -> Drawing:
    """Figure 1: which word may look where, with a mask and without."""
    drawing = Drawing(
        274,
        "Self-attention and masked self-attention",
        "Two pictures with the words the, European, Area above, as keys, and below, as queries. "
        "Without a mask, nine lines lead from each word below to each word above. With it, six "
        "lines: no word leads to one that comes after it.",
    )
    widths = [text_width(word) + 14 for word in WORDS]
    gap = 12.0
    half = sum(widths) + 2 * gap
    for left, title, masked in [
        (6.0, "self-attention", False),
        (554 - half, "masked self-attention", True),
    ]:
        drawing.text(left + half / 2, 14, title, "ink bold")
        middles = [left + sum(widths[:i]) + gap * i + width / 2 for i, width in enumerate(widths)]
        rows = weights(masked).tolist()
        for asks, row in zip(middles, rows, strict=True):
            for asked, weight in zip(middles, row, strict=True):
                if weight > 0:
                    drawing.link(asks, 206, asked, 88, "weights", 1.2 + 8 * weight)
        for word, middle, width in zip(WORDS, middles, widths, strict=True):
            drawing.chip(middle, 48, word, "key", width)
            drawing.chip(middle, 210, word, "query", width)
    drawing.text(280, 66, "key", "key", LABEL)
    drawing.text(280, 228, "query", "query", LABEL)
    drawing.text(280, 262, "wider: a larger weight", "weights", LABEL)
    return drawing


def cheating() -> Drawing:
    """Figure 2: in training the answer stands one place to the right; in writing nothing does."""
    drawing = Drawing(
        404,
        "Where the answer stands",
        "In training, the words given are the begin sign, They, arrived, late and the full stop. "
        "Wanted are They, arrived, late, the full stop and the end sign. An arrow leads from each "
        "word given to the place before it, where it is wanted. In writing, the begin sign and "
        "They are given, three places are empty, and They is said again.",
    )
    columns = [62.0, 176.0, 290.0, 404.0, 502.0]
    width = 96.0
    given, wanted = ["<s>", *SENTENCE], [*SENTENCE, "</s>"]

    drawing.text(8, 14, "in training", "ink bold", at="start")
    drawing.text(554, 14, "wanted", "target", LABEL, at="end")
    for middle, word in zip(columns, wanted, strict=True):
        drawing.chip(middle, 32, word, "target strong", _wide(middle, columns, width))
    for middle, word in zip(columns, given, strict=True):
        drawing.chip(middle, 140, word, "target", _wide(middle, columns, width))
    for middle, following in pairwise(columns):
        drawing.arrow(following, 136, middle + 8, 74, "weights stroke")
    drawing.text(554, 190, "given", "target", LABEL, at="end")
    drawing.text(8, 190, "each answer is given, one place to the right", "weights", LABEL, "start")

    drawing.text(8, 234, "in writing", "ink bold", at="start")
    drawing.chip(columns[1], 252, "They", "target strong", width)
    for middle, word in zip(columns, [*given[:2], "", "", ""], strict=True):
        box = _wide(middle, columns, width)
        if word:
            drawing.chip(middle, 344, word, "target", box)
        else:
            drawing.box(middle - box / 2, 344, box, CHIP, "line gap")
    drawing.path(f"M{columns[2]:g} 340L{columns[1] + 20:g} 296", "line gap")
    drawing.arrow(columns[1], 340, columns[1], 294, "weights stroke")
    drawing.text(columns[2] - 12, 312, "nothing to copy here", "soft", LABEL, at="start")
    drawing.text(columns[1] - 12, 312, "so it copies this", "weights", LABEL, at="end")
    return drawing


def _wide(middle: float, columns: list[float], width: float) -> float:
    """The last column holds short words only."""
    return 72.0 if middle == columns[-1] else width


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    figures = [two_rules(), cheating()]
    return {f"masked-self-attention-fig{n}": figure for n, figure in enumerate(figures, start=1)}
