"""The figures of *Encoder-decoder attention*: two queries and three keys, and three masks."""

from __future__ import annotations

import torch

from attention.exercises.encoder_decoder_attention import MEMORY, W_Q, X
from attention.exercises.self_attention_math import W_K, W_V
from attention.functional import causal_mask, scaled_dot_product_attention
from images.style import CHIP, LABEL, Drawing

SOURCE = ["the", "European", "Area"]
TARGET = ["<s>", "la"]
PREDICTED = ["la", "zone"]


def crossing() -> Drawing:
    """Figure 1: the target attends to the source."""
    weights = scaled_dot_product_attention(X @ W_Q, MEMORY @ W_K, MEMORY @ W_V)[1]
    drawing = Drawing(
        318,
        "Two queries and three keys",
        "The memory: the, European, Area. The decoder: the start token, and la. Wide lines lead "
        "from the start token to the, 87 per cent, and from la to Area, 89 per cent; thin ones to "
        "the others. At the start token la is predicted, and at la zone.",
    )
    above, below = [150, 300, 450], [200, 400]
    drawing.text(8, 26, "memory", "source", LABEL, "start")
    drawing.text(8, 240, "decoder", "target", LABEL, "start")
    for t, query in enumerate(below):
        for s, key in enumerate(above):
            weight = float(weights[t, s])
            drawing.link(query, 194, key, 84, "weights", 1 + 9 * weight)
    for middle, token in zip(above, SOURCE, strict=True):
        drawing.chip(middle, 8, token, "source", 112)
        drawing.text(middle - 4, 62, "key", "key", LABEL, "end")
        drawing.text(middle + 4, 62, "value", "value", LABEL, "start")
    drawing.text(138, 120, f"{100 * float(weights[0, 0]):.0f}%", "weights", LABEL, "end")
    drawing.text(466, 120, f"{100 * float(weights[1, 2]):.0f}%", "weights", LABEL, "start")
    for middle, token, predicted in zip(below, TARGET, PREDICTED, strict=True):
        drawing.text(middle, 208, "query", "query", LABEL)
        drawing.chip(middle, 222, token, "target", 112)
        drawing.arrow(middle, 222 + CHIP + 3, middle, 282, "soft stroke")
        drawing.text(middle, 300, f"predicts {predicted}", "target", LABEL)
    return drawing


def masks() -> Drawing:
    """Figure 2: what a query may attend to, in the three attentions of a translator."""
    T, S = len(TARGET), len(SOURCE)
    everything = torch.ones(T, S, dtype=torch.bool)
    columns = [
        ("encoder", "self-attention", "English", "English", torch.ones(S, S, dtype=torch.bool)),
        ("decoder", "masked", "French", "French", causal_mask(T)),
        ("decoder to encoder", "encoder-decoder", "French", "English", everything),
    ]
    drawing = Drawing(
        246,
        "The masks of a translator",
        "Three tables. Self-attention in the encoder: three by three, all filled. Masked "
        "self-attention in the decoder: two by two, the upper right cell empty. Encoder-decoder "
        "attention: two French rows by three English columns, all filled.",
    )
    side = 38
    for middle, (where, name, query, key, mask) in zip([94, 268, 458], columns, strict=True):
        drawing.text(middle, 16, name, "ink bold", LABEL)
        drawing.text(middle, 40, where, "soft", LABEL)
        rows, width = mask.shape
        left = middle - side * width / 2
        for t in range(rows):
            for s in range(width):
                kind = "weights box strong" if mask[t, s] else "line gap"
                drawing.box(left + side * s + 2, 62 + side * t + 2, side - 4, side - 4, kind)
        drawing.text(middle, 204, f"query ({query})", "query", LABEL)
        drawing.text(middle, 228, f"key ({key})", "key", LABEL)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    figures = [crossing(), masks()]
    return {
        f"encoder-decoder-attention-fig{n}": figure for n, figure in enumerate(figures, start=1)
    }
