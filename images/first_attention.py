"""The figures of *The first attention*: a step in numbers, an encoder, two decoders, a window."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

import torch

from attention.exercises.first_attention import MEMORY, QUERIES, U_A, V_A, W_A
from images.style import CHIP, LABEL, WIDTH, Drawing, number

WORDS = ["the", "European", "Area"]


def vector(numbers: list[float], digits: int = 0) -> str:
    """Write a vector as the chapter does."""
    return "(" + ", ".join(f"{n:.{digits}f}".replace("-", "−") for n in numbers) + ")"


def step() -> Drawing:
    """Figure 1: the decoder has written "la", and attends before its next word."""
    query = QUERIES[0]
    weights = (torch.tanh(W_A @ query + MEMORY @ U_A.T) @ V_A).softmax(dim=-1)
    context = weights @ MEMORY
    drawing = Drawing(
        330,
        "One step of the decoder",
        "The hidden state (1, 0) is the query; the encoder's outputs are those of the, European "
        "and Area. A wide line, 89 per cent, leads from Area to the context vector, and thin ones "
        "from the others. State and context make the new state, which predicts the word zone.",
    )
    for word, middle, numbers, weight in zip(
        WORDS, [222, 356, 490], MEMORY.tolist(), weights.tolist(), strict=True
    ):
        drawing.chip(middle, 8, word, "source", 112)
        drawing.chip(middle, 50, vector(numbers), "source", 112)
        drawing.link(middle, 88, 356, 184, "weights", 1 + 9 * weight)
        side, at = (-10, "end") if word == "the" else (14, "start")
        drawing.text(middle + side, 106, f"{100 * weight:.0f}%", "weights", LABEL, at)
    drawing.chip(80, 186, f"state {vector(query.tolist())}", "query", 140)
    drawing.path("M80 182V76Q80 68 88 68H158", "query stroke")
    drawing.head(160, 68, 0, "query stroke")
    drawing.text(112, 50, "query", "query", LABEL)
    drawing.chip(356, 186, f"context {vector(context.tolist(), 2)}", "weights", 236)
    drawing.path("M80 226V270Q80 278 88 278H266", "soft stroke")
    drawing.head(268, 278, 0, "soft stroke")
    drawing.arrow(356, 226, 356, 256, "soft stroke")
    drawing.chip(356, 260, "new state", "query", 170)
    drawing.arrow(445, 278, 468, 278, "soft stroke")
    drawing.chip(508, 260, "zone", "target", 72)
    drawing.text(80, 308, "previous word: la", "target", LABEL)
    drawing.path("M160 308H190Q198 308 198 300V282", "soft stroke")
    return drawing


def _update(state: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
    """The smallest recurrent network, for the values of the figure."""
    return torch.tanh(embedding + state / 2)


def both_ways() -> Drawing:
    """Figure 2: a bidirectional encoder, and the outputs at three words."""
    drawing = Drawing(
        356,
        "A bidirectional encoder",
        "Three words, the, European, Area. Each leads to a state of the forward network, whose "
        "arrows run from left to right, and to one of the backward network, whose arrows run from "
        "right to left. The two states of a word are concatenated in its output.",
    )
    middles, side, cell = [196, 332, 468], 30, 20
    ahead, back = [
        [h.tolist() for h in accumulate(words, _update, initial=torch.zeros(2))][1:]
        for words in (MEMORY, MEMORY.flip(0))
    ]
    rows = [("forward", -side, 154.0, ahead), ("backward", side, 232.0, back[::-1])]
    drawing.text(8, 48, "outputs", "source bold", LABEL, "start")
    for x, halves in zip(middles, zip(ahead, back[::-1], strict=True), strict=True):
        drawing.cells(x - cell / 2, 8, [*halves[0], *halves[1]], "source", cell, cell)
    for name, shift, y, states in rows:
        drawing.text(8, y + cell, name, "ink", LABEL, "start")
        for x, word, state in zip(middles, WORDS, states, strict=True):
            drawing.arrow(x + shift, 308, x + shift, y + 2 * cell + 6, "soft stroke")
            drawing.cells(x + shift - cell / 2, y, state, "source", cell, cell)
            drawing.arrow(x + shift, y - 5, x + shift / 3, 96, "source stroke")
            if shift > 0:
                drawing.chip(x, 312, word, "source", 112)
        for left, right in pairwise(middles):
            ends = left + shift + cell / 2 + 5, right + shift - cell / 2 - 5
            start, end = ends if shift < 0 else ends[::-1]
            drawing.arrow(start, y + cell, end, y + cell, "source stroke")
    return drawing


def orders() -> Drawing:
    """Figure 3: what comes first, attention or the update of the hidden state."""
    drawing = Drawing(
        470,
        "Attend, then update; or update, then attend",
        "Two columns. Bahdanau: the previous state attends, the context goes into the GRU, which "
        "gives the new state, and the word. Luong: the GRU gives the new state, which attends; "
        "context and new state make the attentional state, which predicts the word and goes back "
        "into the next GRU.",
    )
    columns = [
        (134, "Bahdanau 2014", [
            ("previous state", "query"), ("attention", "weights"), ("context", "weights"),
            ("GRU", "soft"), ("new state", "ink"), ("word", "target"),
        ]),
        (400, "Luong 2015", [
            ("previous state", "ink"), ("GRU", "soft"), ("new state", "query"),
            ("attention", "weights"), ("context", "weights"), ("attentional state", "ink"),
            ("word", "target"),
        ]),
    ]  # fmt: skip
    for middle, name, boxes in columns:
        drawing.text(middle, 14, name, "ink bold")
        for row, (label, kind) in enumerate(boxes):
            y = 36 + 62 * row
            drawing.chip(middle, y, label, f"{kind} strong" if label == "attention" else kind, 160)
            if row < len(boxes) - 1:
                drawing.arrow(middle, y + CHIP + 3, middle, y + 59, "soft stroke")
    # Bahdanau's new state takes the old one along; Luong's attentional state takes the new one.
    drawing.path("M52 54H34Q26 54 26 62V232Q26 240 34 240H48", "soft stroke")
    drawing.head(50, 240, 0, "soft stroke")
    drawing.path("M318 178H300Q292 178 292 186V356Q292 364 300 364H314", "soft stroke")
    drawing.head(316, 364, 0, "soft stroke")
    # Input feeding.
    drawing.path("M482 364H500Q508 364 508 356V124Q508 116 500 116H486", "soft gap")
    drawing.head(484, 116, math.pi, "soft stroke")
    drawing.text(518, 226, "next", "soft", LABEL, "start")
    drawing.text(518, 248, "step", "soft", LABEL, "start")
    return drawing


def window() -> Drawing:
    """Figure 4: the window of the second query, and the Gaussian inside it."""
    centre, half_width, sigma = 1.8, 1, 0.5

    def x(position: float) -> float:
        return 70 + 150 * position

    def y(factor: float) -> float:
        return 206 - 140 * factor

    def gaussian(position: float) -> float:
        return math.exp(-((position - centre) ** 2) / (2 * sigma**2))

    drawing = Drawing(
        280,
        "A window with a Gaussian",
        "Three words on a line, at positions 0, 1 and 2. A window reaches from 0.8 to 2.8, and "
        "a Gaussian curve in it has its peak at 1.8. Its value is 0.28 at European, near the left "
        "edge, and 0.92 at Area; the is outside.",
    )
    left, right = centre - half_width, centre + half_width
    drawing.box(x(left), 40, x(right) - x(left), y(0) - 40, "query gap")
    drawing.text((x(left) + x(right)) / 2, 18, "window", "query", LABEL)
    drawing.path(f"M20 {number(y(0))}H540", "line stroke")
    curve = [left + 2 * half_width * i / 60 for i in range(61)]
    points = "L".join(f"{number(x(p))} {number(y(gaussian(p)))}" for p in curve)
    drawing.path(f"M{points}", "weights stroke", style="stroke-width:2.5")
    for position, word in enumerate(WORDS):
        drawing.chip(x(position), 222, word, "source", 112)
        drawing.text(x(position), 270, str(position), "soft", LABEL)
        if left <= position <= right:
            height = gaussian(position)
            drawing.path(f"M{number(x(position))} {number(y(0))}V{number(y(height))}",
                         "weights stroke", style="stroke-width:5")  # fmt: skip
            drawing.text(x(position) + 14, 190, f"{height:.2f}", "weights", LABEL, "start")
    drawing.text(WIDTH - 60, 270, "position", "soft", LABEL)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    figures = [step(), both_ways(), orders(), window()]
    return {f"first-attention-fig{n}": figure for n, figure in enumerate(figures, start=1)}
