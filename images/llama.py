"""The figure of *Llama*: which components of a GPT it replaces."""

from __future__ import annotations

from itertools import pairwise

from images.style import CHIP, LABEL, Drawing, number

LEFT, RIGHT, BOX = 142.0, 418.0, 236.0


def replaced() -> Drawing:
    """Figure 1: a GPT and a Llama side by side, from token ids below to logits above."""
    drawing = Drawing(
        492,
        "A GPT and a Llama side by side",
        "Two stacks with the same architecture, read from below: embedding, then a block of norm, "
        "attention, residual sum, norm, feed-forward network, residual sum; then a norm and the "
        "logits. In the Llama, all components but the embedding and the two sums are replaced: "
        "RMSNorm, grouped-query attention with RoPE, SwiGLU, an untied LM head. The GPT adds "
        "position embeddings; the Llama has none.",
    )
    # From top to bottom: the components of a GPT, and those of a Llama.
    rows = [
        ("LM head, tied", "LM head, untied"),
        ("LayerNorm", "RMSNorm"),
        ("+", "+"),
        ("FFN with GELU", "FFN with SwiGLU"),
        ("LayerNorm", "RMSNorm"),
        ("+", "+"),
        ("attention", "GQA with RoPE"),
        ("LayerNorm", "RMSNorm"),
        ("+ positions", ""),
        ("embedding", "embedding"),
    ]
    for middle, title in ((LEFT, "GPT"), (RIGHT, "Llama")):
        drawing.text(middle, 14, title, "ink bold")
    tops, y = [], 34.0
    for index, row in enumerate(rows):
        y += 10 if index in (2, 8) else 0  # room around the block
        tops.append(y)
        y += 30 if row[0] == "+" else CHIP + 10
    for middle, column in ((LEFT, 0), (RIGHT, 1)):
        drawing.box(middle - 136, tops[2] - 10, 272, tops[8] - tops[2] + 4, "line gap")
        ends = [top + (20 if row[0] == "+" else CHIP) for top, row in zip(tops, rows, strict=True)]
        present = [index for index, row in enumerate(rows) if row[column]]
        for above, below in pairwise(present):
            steps = f"M{number(middle)} {number(tops[below])}V{number(ends[above])}"
            drawing.path(steps, "line stroke")
        for plus, norm in ((2, 4), (5, 7)):  # the residual connections
            start, side = ends[norm] + 4, middle - 127
            way = [number(v) for v in (middle, start, side, tops[plus] + 10, middle - 10)]
            drawing.path("M{} {}H{}V{}H{}".format(*way), "line stroke")
        for top, row in zip(tops, rows, strict=True):
            component = row[column]
            if component == "+":
                drawing.shape("circle", "soft box", cx=middle, cy=top + 10, r=10)
                drawing.text(middle, top + 10, "+", "soft", LABEL)
            elif component:
                changed = row[0] != row[1]
                drawing.chip(middle, top, component, "ink strong" if changed else "soft", BOX)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figures of the chapter."""
    return {"llama-fig1": replaced()}
