"""The figures of *The main ideas*: self-attention, and the whole model."""

from __future__ import annotations

import torch

from images.first_attention import WORDS, vector
from images.style import CHIP, LABEL, TEXT, Drawing, number

VECTORS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # the, European, Area


def similarity() -> Drawing:
    """Figure 1: each output is a weighted sum of all the embeddings."""
    weights = (VECTORS @ VECTORS.T).softmax(dim=-1)
    outputs = weights @ VECTORS
    drawing = Drawing(
        334,
        "Every token attends to every token",
        "The embeddings of the, European and Area are above, and three outputs below. Nine lines "
        "join them; the wider the line, the larger the weight. The output for European weights the "
        "by 24 per cent, European by 67 per cent and Area by 9 per cent.",
    )
    middles, chosen = [102, 280, 458], 1
    for word, middle, numbers in zip(WORDS, middles, VECTORS.tolist(), strict=True):
        drawing.chip(middle, 8, word, "source", 120)
        drawing.chip(middle, 50, vector(numbers), "source", 120)
    for row in (0, 2, chosen):  # the chosen one on top
        kind = "weights" if row == chosen else "line"
        for column in range(3):
            weight = float(weights[row, column])
            drawing.link(middles[column], 120, middles[row], 244, kind, 1 + 9 * weight)
    for middle, weight in zip(middles, weights[chosen].tolist(), strict=True):
        drawing.text(middle, 104, f"{100 * weight:.0f}%", "weights", LABEL)
    for row, (word, middle) in enumerate(zip(WORDS, middles, strict=True)):
        kind = "weights" if row == chosen else "ink"
        drawing.chip(middle, 250, vector(outputs[row].tolist(), 2), kind, 140)
        drawing.text(middle, 306, f"output for “{word}”", "soft", LABEL)
    return drawing


def whole() -> Drawing:
    """Figure 2: a Transformer for translation, with all its parts."""
    encoder = [["self-attention"], ["feed-forward"]]
    decoder = [["masked", "self-attention"], ["encoder-decoder", "attention"], ["feed-forward"]]
    drawing = Drawing(
        664,
        "A map of the Transformer",
        "Two towers. English tokens get embeddings and positions, and pass the encoder's six "
        "layers: self-attention and feed-forward, each with a residual connection. The encoder's "
        "outputs go into the second of three parts in each of the decoder's six layers: masked "
        "self-attention, encoder-decoder attention, feed-forward, each with a residual connection. "
        "The decoder ends with logits and softmax, and the next token is économique.",
    )
    end, _ = tower(drawing, 8, "source", "Encoder", "The European …", encoder)
    last, into = tower(drawing, 304, "target", "Decoder", "<s> La zone", decoder)
    side, turn = 282, end + 24
    drawing.path(
        f"M{8 + 142} {number(end + 4)}V{number(turn - 8)}q0 8 8 8H{side - 8}q8 0 8 -8"
        f"V{number(into[1] + 8)}q0 -8 8 -8H{304 + 49}",
        "source stroke",
    )
    drawing.head(304 + 51, into[1], 0, "source stroke")
    drawing.text(140, turn + 22, "one vector for each token", "soft", LABEL)
    middle = 304 + 142
    drawing.arrow(middle, last + 4, middle, last + 20, "target stroke")
    drawing.box(middle - 88, last + 24, 176, CHIP, "soft box")
    drawing.text(middle, last + 24 + CHIP / 2, "logits, softmax")
    drawing.arrow(middle, last + 64, middle, last + 80, "target stroke")
    drawing.chip(middle, last + 84, "économique", "target strong", 140)
    return drawing


def tower(
    drawing: Drawing, left: float, kind: str, name: str, words: str, parts: list[list[str]]
) -> tuple[float, list[float]]:
    """Draw half of the Transformer, and return where it ends and the middle of each part.

    The line beside each part is its residual connection, which ends at the plus sign below it.
    """
    middle, wide = left + 142, 176
    drawing.chip(middle, 8, words, kind, 176)
    drawing.arrow(middle, 46, middle, 60, f"{kind} stroke")
    drawing.box(middle - wide / 2, 64, wide, 58, f"{kind} box")
    drawing.text(middle, 82, "embeddings")
    drawing.text(middle, 104, "+ positions")
    heights = [14 + 22 * len(lines) for lines in parts]
    frame = 174.0
    drawing.arrow(middle, 126, middle, 136, f"{kind} stroke")
    tall = 34 + sum(heights) + 64 * len(parts) + 4
    drawing.box(left, 140, 248, tall, f"{kind} gap")
    drawing.text(left + 14, 159, name, f"{kind} bold", at="start")
    drawing.text(left + 234, 159, "× 6", "soft", at="end")
    y, middles = frame, []
    for lines, height in zip(parts, heights, strict=True):
        attention = lines[-1].endswith("attention")
        drawing.arrow(middle, y, middle, y + 16, f"{kind} stroke")
        drawing.box(middle - wide / 2, y + 18, wide, height,
                    f"{'weights' if attention else 'soft'} box")  # fmt: skip
        for row, line in enumerate(lines):
            drawing.text(middle, y + 18 + 18 + 22 * row, line, "ink", TEXT)
        middles.append(y + 18 + height / 2)
        plus = y + 18 + height + 24
        drawing.arrow(middle, plus - 23, middle, plus - 12, f"{kind} stroke")
        drawing.path(
            f"M{number(middle)} {number(y + 4)}H{number(left + 30)}q-8 0 -8 8"
            f"V{number(plus - 8)}q0 8 8 8H{number(middle - 14)}",
            "ink stroke",
        )
        drawing.head(middle - 12, plus, 0, "ink stroke")
        drawing.shape("circle", "ink stroke", cx=middle, cy=plus, r=10)
        drawing.path(f"M{number(middle - 5)} {number(plus)}h10m-5 -5v10", "ink stroke")
        drawing.path(f"M{number(middle)} {number(plus + 10)}V{number(plus + 22)}", f"{kind} stroke")
        y = plus + 22
    return 140 + tall, middles


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    figures = [similarity(), whole()]
    return {f"main-ideas-fig{n}": figure for n, figure in enumerate(figures, start=1)}
