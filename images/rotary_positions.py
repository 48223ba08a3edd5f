"""The figure of *Rotary position embedding*: how pairs of components rotate."""

from __future__ import annotations

import math

import torch

from attention.layers.positions import RotaryEmbedding
from images.style import LABEL, WIDTH, Drawing, number, text_width


def dial(drawing: Drawing, x: float, y: float, radius: float) -> None:
    """A circle with its centre."""
    drawing.shape("circle", "line stroke", cx=x, cy=y, r=radius)
    drawing.shape("circle", "line solid", cx=x, cy=y, r=2.5)


def pointer(
    drawing: Drawing, x: float, y: float, angle: float, radius: float, kind: str, label: str
) -> None:
    """An arrow from the centre, anticlockwise from three o'clock, and a label beyond its tip."""
    cos, sin = math.cos(angle), -math.sin(angle)
    drawing.arrow(x, y, x + radius * cos, y + radius * sin, f"{kind} stroke")
    away = radius + 8 + text_width(label, LABEL) / 2 * abs(cos) + 8 * abs(sin)
    if label:
        drawing.text(x + away * cos, y + away * sin, label, kind, LABEL)


def rotations() -> Drawing:
    """Figure 1: the same angle at the same distance, and pairs of different frequency."""
    drawing = Drawing(
        500,
        "Pairs of components rotate",
        "Above, two dials. At positions 3 and 1, and again at positions 5 and 3, the distance of "
        "query and key is the same, and so is the angle between them. Below, three dials for the "
        "three pairs of a vector, each with an arrow for the positions 0 to 4. The arrows of the "
        "first pair lie far apart, those of the second close, those of the third nearly together.",
    )
    frequencies = RotaryEmbedding(6, theta=100.0).inverse_frequencies()
    query, key = 0.9, 0.0  # their angles at position 0
    for x, t, u in ((140.0, 3, 1), (400.0, 5, 3)):
        drawing.text(x, 14, f"query at {t}, key at {u}", "ink bold")
        y, radius = 136.0, 74.0
        dial(drawing, x, y, radius)
        first, last = key + u, query + t
        start, end = [(x + 30 * math.cos(a), y - 30 * math.sin(a)) for a in (first, last)]
        big = int((last - first) % (2 * math.pi) > math.pi)
        arc = f"M{number(start[0])} {number(start[1])}A30 30 0 {big} 0 "
        drawing.path(f"{arc}{number(end[0])} {number(end[1])}", "weights stroke")
        pointer(drawing, x, y, last, radius, "query", "query")
        pointer(drawing, x, y, first, radius, "key", "key")
    drawing.text(WIDTH / 2, 252, "the same angle: the same score", "weights", LABEL)
    y, radius = 384.0, 62.0
    for i, x in enumerate((88.0, 264.0, 436.0)):
        drawing.text(x, 288, f"pair {i}", "ink bold")
        dial(drawing, x, y, radius)
        angles = (torch.arange(5) * frequencies[i]).tolist()
        for t, angle in enumerate(angles):
            label = [str(t), str(t) if t in (0, 4) else "", "0–4" if t == 2 else ""][i]
            pointer(drawing, x, y, angle, radius, "ink", label)
        drawing.text(x, 478, f"{frequencies[i].item():.2f} rad a token", "soft", LABEL)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figure of the chapter."""
    return {"rotary-positions-fig1": rotations()}
