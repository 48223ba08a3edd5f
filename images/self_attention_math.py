"""The figures of *The matrix math of self-attention*: two lookups, and the whole calculation."""

from __future__ import annotations

import math

import torch

from attention.exercises.self_attention_math import W_K, W_Q, W_V, X
from images.style import LABEL, Drawing

WORDS = ["the", "European", "Area"]
ROW = 36


def written(value: float, digits: int = 0) -> str:
    """Write a number as the chapter does, with a real minus."""
    return f"{value:.{digits}f}".replace("-", "−")


def vector(numbers: torch.Tensor, digits: int = 0) -> str:
    """Write a vector as the chapter does."""
    return "(" + ", ".join(written(n, digits) for n in numbers.tolist()) + ")"


def calculation() -> dict[str, torch.Tensor]:
    """Every step of self-attention for the three tokens."""
    q, k, v = X @ W_Q, X @ W_K, X @ W_V
    scores = q @ k.T
    scaled = scores / math.sqrt(k.size(-1))
    weights = scaled.softmax(dim=-1)
    return {"Q": q, "K": k, "V": v, "scores": scores, "scaled": scaled, "weights": weights,
            "output": weights @ v}  # fmt: skip


def look_ups() -> Drawing:
    """Figure 1: a database returns one value, attention a weighted sum of all."""
    steps = calculation()
    keys, values, weights = steps["K"], steps["V"], steps["weights"][0]
    drawing = Drawing(
        446,
        "A database and attention",
        "Above, a database: the query Area equals the third of three keys, and its value, zone, "
        "is returned. Below, attention: the query of the is compared with three keys, and the "
        "output is the sum of the values, weighted by 32, 4 and 64 per cent.",
    )
    for top, name, key, value in [(14, "a database", 236, 386), (218, "attention", 222, 354)]:
        drawing.text(10, top, name, "ink bold", at="start")
        drawing.text(key, top, "key", "key", LABEL)
        drawing.text(value, top, "value", "value", LABEL)
    french = ["la", "européenne", "zone"]
    for y, word, value in zip([36, 82, 128], WORDS, french, strict=True):
        found = word == "Area"
        drawing.chip(236, y, word, "key strong" if found else "key", 112)
        drawing.chip(386, y, value, "value strong" if found else "value", 128)
        if found:
            drawing.chip(70, y, word, "query", 100)
            drawing.text(70, y - 16, "query", "query", LABEL)
            drawing.arrow(124, y + 18, 176, y + 18, "soft stroke")
            drawing.text(150, y + 2, "=", "soft")
            drawing.arrow(296, y + 18, 318, y + 18, "soft stroke")
            drawing.arrow(454, y + 18, 482, y + 18, "soft stroke")
            drawing.text(488, y + 18, value, "value bold", at="start")
    rows = [240, 312, 384]
    drawing.chip(70, rows[1], vector(steps["Q"][0]), "query", 100)
    drawing.text(70, rows[1] - 16, "query of “the”", "query", LABEL)
    for y, word, key, value, weight in zip(
        rows, WORDS, keys, values, weights.tolist(), strict=True
    ):
        drawing.path(f"M122 {rows[1] + 18}L178 {y + 18}", "soft gap")
        drawing.chip(222, y, vector(key), "key", 84)
        drawing.text(222, y + 50, word, "soft", LABEL)
        drawing.text(288, y + 18, f"{100 * weight:.0f}%", "weights", LABEL)
        drawing.chip(354, y, vector(value), "value", 84)
        drawing.path(f"M399 {y + 18}L440 {rows[1] + 18}", "weights stroke",
                     style=f"stroke-width:{1 + 9 * weight:.2f}")  # fmt: skip
    drawing.chip(500, rows[1], vector(steps["output"][0], 2), "weights", 114)
    drawing.text(500, rows[1] - 16, "weighted sum", "weights", LABEL)
    return drawing


def matrix(
    drawing: Drawing, x: float, y: float, name: str, numbers: torch.Tensor, kind: str,
    digits: int = 0, width: float = 44,
) -> None:  # fmt: skip
    """Draw a matrix, its name above it; weights are shaded."""
    rows, columns = numbers.shape
    if name:
        drawing.text(x + columns * width / 2, y - 14, name, f"{kind} bold")
    if kind == "weights" and columns == 3:
        for t, row in enumerate(numbers.tolist()):
            for s, weight in enumerate(row):
                drawing.shape("rect", "weights solid", x=x + s * width, y=y + t * ROW, width=width,
                              height=ROW, opacity=0.4 * weight)  # fmt: skip
    drawing.shape(
        "rect", f"{kind} stroke", x=x, y=y, width=columns * width, height=rows * ROW, rx=3
    )
    for t, row in enumerate(numbers.tolist()):
        for s, value in enumerate(row):
            drawing.text(x + (s + 0.5) * width, y + (t + 0.5) * ROW, written(value, digits), "ink",
                         LABEL)  # fmt: skip


def words(drawing: Drawing, y: float, kind: str = "source") -> None:
    """Write the three tokens before the rows of a matrix."""
    for t, word in enumerate(WORDS):
        drawing.text(96, y + (t + 0.5) * ROW, word, kind, LABEL, "end")


def whole() -> Drawing:
    """Figure 2: the whole calculation, from the embeddings to the output."""
    steps = calculation()
    drawing = Drawing(
        866,
        "Self-attention of three tokens, every step",
        "From above: the matrix X with a row for each of the, European and Area; the matrices Q, K "
        "and V computed from it; the scaled score of each query and each key; the weights; and the "
        "output.",
    )
    tops = [30, 212, 418, 582, 746]
    matrix(drawing, 112, tops[0], "X", X, "source")
    words(drawing, tops[0])
    drawing.arrow(156, tops[0] + 116, 156, tops[1] - 34, "soft stroke")
    drawing.text(
        176, tops[0] + 130, "multiply by each of the three matrices", "soft", LABEL, "start"
    )
    for x, name, kind in [(112, "Q", "query"), (252, "K", "key"), (392, "V", "value")]:
        matrix(drawing, x, tops[1], name, steps[name], kind)
    words(drawing, tops[1])
    drawing.arrow(156, tops[1] + 116, 156, tops[2] - 58, "soft stroke")
    drawing.text(176, tops[1] + 130, "scores: Q Kᵀ, divided by √2", "soft", LABEL, "start")
    for top, name, kind in [(tops[2], "scaled", "ink"), (tops[3], "weights", "weights")]:
        matrix(drawing, 112, top, "", steps[name], kind, 2, 92)
        words(drawing, top, "query")
        drawing.arrow(156, top + 116, 156, top + 148, "soft stroke")
    for s, word in enumerate(WORDS):
        drawing.text(112 + (s + 0.5) * 92, tops[2] - 14, word, "key", LABEL)
    drawing.text(176, tops[2] + 130, "softmax of each row", "soft", LABEL, "start")
    for top, name, kind in [(tops[2], "scores", "ink"), (tops[3], "weights", "weights")]:
        drawing.text(402, top + 1.5 * ROW, name, f"{kind} bold", at="start")
    drawing.text(176, tops[3] + 130, "weighted sum of the values", "soft", LABEL, "start")
    matrix(drawing, 112, tops[4], "", steps["output"], "weights", 2, 92)
    drawing.text(310, tops[4] + 1.5 * ROW, "output", "weights bold", at="start")
    words(drawing, tops[4], "query")
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    return {"self-attention-math-fig1": look_ups(), "self-attention-math-fig2": whole()}
