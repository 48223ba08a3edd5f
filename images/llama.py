"""The figures of *Llama*: what was exchanged, and how pairs of numbers turn."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from attention.layers.positions import RotaryEmbedding
from images.style import CHIP, LABEL, WIDTH, Drawing, number, text_width

LEFT, RIGHT, BOX = 142.0, 418.0, 236.0


def exchanged() -> Drawing:
    """Figure 1: a GPT and a Llama side by side, from the words below to the scores above."""
    drawing = Drawing(
        492,
        "A GPT and a Llama side by side",
        "Two towers with the same parts, read from below: embedding, norm, attention, plus, norm, "
        "feed-forward, plus, norm, scores. In the Llama all parts but the embedding and the two "
        "plus signs are others: RMSNorm, heads that are turned and share keys, SwiGLU, a table of "
        "its own. GPT adds positions to the embedding; Llama adds none.",
    )
    # From above to below: what stands in GPT, and in Llama.
    rows = [
        ("scores: embedding", "scores: own table"),
        ("LayerNorm", "RMSNorm"),
        ("+", "+"),
        ("GELU", "SwiGLU"),
        ("LayerNorm", "RMSNorm"),
        ("+", "+"),
        ("attention", "attention, turned"),
        ("LayerNorm", "RMSNorm"),
        ("positions added", ""),
        ("embedding", "embedding"),
    ]
    for middle, title in ((LEFT, "GPT"), (RIGHT, "Llama")):
        drawing.text(middle, 14, title, "ink bold")
    tops, y = [], 34.0
    for place, row in enumerate(rows):
        y += 10 if place in (2, 8) else 0  # room around the layer
        tops.append(y)
        y += 30 if row[0] == "+" else CHIP + 10
    for middle, column in ((LEFT, 0), (RIGHT, 1)):
        drawing.box(middle - 136, tops[2] - 10, 272, tops[8] - tops[2] + 4, "line gap")
        ends = [top + (20 if row[0] == "+" else CHIP) for top, row in zip(tops, rows, strict=True)]
        present = [place for place, row in enumerate(rows) if row[column]]
        for above, below in pairwise(present):
            steps = f"M{number(middle)} {number(tops[below])}V{number(ends[above])}"
            drawing.path(steps, "line stroke")
        for plus, norm in ((2, 4), (5, 7)):  # around what is added
            start, side = ends[norm] + 4, middle - 127
            way = [number(v) for v in (middle, start, side, tops[plus] + 10, middle - 10)]
            drawing.path("M{} {}H{}V{}H{}".format(*way), "line stroke")
        for top, row in zip(tops, rows, strict=True):
            part = row[column]
            if part == "+":
                drawing.shape("circle", "soft box", cx=middle, cy=top + 10, r=10)
                drawing.text(middle, top + 10, "+", "soft", LABEL)
            elif part:
                changed = row[0] != row[1]
                drawing.chip(middle, top, part, "ink strong" if changed else "soft", BOX)
    return drawing


def dial(drawing: Drawing, x: float, y: float, radius: float) -> None:
    """A circle with its centre."""
    drawing.shape("circle", "line stroke", cx=x, cy=y, r=radius)
    drawing.shape("circle", "line solid", cx=x, cy=y, r=2.5)


def hand(
    drawing: Drawing, x: float, y: float, angle: float, radius: float, kind: str, label: str
) -> None:
    """An arrow from the centre, anticlockwise from three o'clock, and a label beyond its tip."""
    cos, sin = math.cos(angle), -math.sin(angle)
    drawing.arrow(x, y, x + radius * cos, y + radius * sin, f"{kind} stroke")
    away = radius + 8 + text_width(label, LABEL) / 2 * abs(cos) + 8 * abs(sin)
    if label:
        drawing.text(x + away * cos, y + away * sin, label, kind, LABEL)


def turning() -> Drawing:
    """Figure 2: the same angle at the same distance, and pairs of different speed."""
    drawing = Drawing(
        500,
        "Pairs of numbers turn",
        "Above, two dials. At positions 3 and 1, and again at positions 5 and 3, the query stands "
        "as far from its key: the angle between them is the same. Below, three dials for the "
        "three pairs of a vector, each with a hand for the positions 0 to 4. The hands of the "
        "first pair lie far apart, those of the second close, those of the third nearly together.",
    )
    speeds = RotaryEmbedding(6, theta=100.0).inverse_frequencies()
    query, key = 0.9, 0.0  # where they stand at position 0
    for x, t, u in ((140.0, 3, 1), (400.0, 5, 3)):
        drawing.text(x, 14, f"query at {t}, key at {u}", "ink bold")
        y, radius = 136.0, 74.0
        dial(drawing, x, y, radius)
        first, last = key + u, query + t
        start, end = [(x + 30 * math.cos(a), y - 30 * math.sin(a)) for a in (first, last)]
        big = int((last - first) % (2 * math.pi) > math.pi)
        arc = f"M{number(start[0])} {number(start[1])}A30 30 0 {big} 0 "
        drawing.path(f"{arc}{number(end[0])} {number(end[1])}", "weights stroke")
        hand(drawing, x, y, last, radius, "query", "query")
        hand(drawing, x, y, first, radius, "key", "key")
    drawing.text(WIDTH / 2, 252, "the same angle: the same score", "weights", LABEL)
    y, radius = 384.0, 62.0
    for i, x in enumerate((88.0, 264.0, 436.0)):
        drawing.text(x, 288, f"pair {i}", "ink bold")
        dial(drawing, x, y, radius)
        angles = (torch.arange(5) * speeds[i]).tolist()
        for t, angle in enumerate(angles):
            label = [str(t), str(t) if t in (0, 4) else "", "0–4" if t == 2 else ""][i]
            hand(drawing, x, y, angle, radius, "ink", label)
        drawing.text(x, 478, f"{speeds[i].item():.2f} a word", "soft", LABEL)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figures of the chapter."""
    return {"llama-fig1": exchanged(), "llama-fig2": turning()}
