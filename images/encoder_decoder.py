"""The figures of *The encoder-decoder and its bottleneck*: a context vector, and a compass of
tokens."""

from __future__ import annotations

import math
from itertools import pairwise

from images.style import CHIP, LABEL, WIDTH, Drawing, text_width

# What the chapter computes (a test compares), rounded: the hidden state at each token, and the
# decoder's readout after "en".
ENCODING = {"They": (0.38, 0.00), "arrived": (0.06, 0.43), "late": (0.53, 0.72)}
GENERATING = {
    "Ils": (0.76, 0.76),
    "sont": (0.88, -0.10),
    "arrivés": (0.81, -0.55),
    "en": (-0.08, -0.77),
    "retard": (0.19, 0.12),
    "</s>": (-0.40, 0.38),
}
OUTPUT_VECTORS = {
    "Ils": (4, 0),
    "sont": (3, -3),
    "arrivés": (0, -4),
    "en": (-3, -3),
    "</s>": (-4, 0),
    "avance": (-3, 3),
    "retard": (3, 3),
}
READOUTS = {"early": (-0.59, 4.10), "late": (0.19, 4.12)}
CELL = 26  # the side of a cell; a hidden state has two


def middles(words: list[str]) -> list[float]:
    """Spread words over the whole width with even gaps, and say where the middle of each is."""
    widths = [text_width(word) + 14 for word in words]
    gap = (WIDTH - 16 - sum(widths)) / (len(words) - 1)
    return [round(8 + sum(widths[:i]) + gap * i + widths[i] / 2) for i in range(len(words))]


def states(
    drawing: Drawing, xs: list[float], y: float, values: list[tuple[float, float]], kind: str
) -> None:
    """Draw a chain of hidden states, each of which leads to the next."""
    for x, value in zip(xs, values, strict=True):
        drawing.cells(x - CELL / 2, y, value, kind, CELL, CELL)
    for x, following in pairwise(xs):
        left, right = x + CELL / 2 + 4, following - CELL / 2 - 8
        drawing.arrow(left, y + CELL, right, y + CELL, f"{kind} stroke")


def one_vector() -> Drawing:
    """Figure 1: one context vector connects the encoder and the decoder."""
    drawing = Drawing(
        404,
        "Encoder, context vector, decoder",
        "The encoder reads They, arrived, late, and has a hidden state of two components after "
        "each. The last, c, leads to each of six steps of the decoder, which generate Ils, sont, "
        "arrivés, en, retard and the end-of-sentence token. Each leads into the next step.",
    )
    top, bus, steps, words = 66.0, 168.0, 198.0, 300.0
    drawing.text(8, 8 + CHIP / 2, "encoder", "source bold", at="start")
    start, *written = middles(["<s>", *GENERATING])
    read = [written[4] - 140.0 * left for left in (2, 1, 0)]
    for x, word in zip(read, ENCODING, strict=True):
        drawing.chip(x, 8, word, "source")
        drawing.arrow(x, 8 + CHIP + 3, x, top - 8, "source stroke")
    states(drawing, read, top, list(ENCODING.values()), "source")
    drawing.box(read[-1] - CELL / 2 - 6, top - 6, CELL + 12, 2 * CELL + 12, "source gap")
    drawing.text(read[-1] + 32, top + CELL, "c", "source bold", at="start")

    drawing.path(f"M{read[-1]:g} {top + 2 * CELL + 8:g}V{bus:g}", "source stroke")
    drawing.path(f"M{written[0]:g} {bus:g}H{written[-1]:g}", "source stroke")
    for x in written:
        drawing.arrow(x, bus, x, steps - 3, "source stroke")
    states(drawing, written, steps, list(GENERATING.values()), "target")
    for x, word in zip([start, *written], ["<s>", *GENERATING], strict=True):
        drawing.chip(x, words, word, "target")
    for x in written:
        drawing.arrow(x, steps + 2 * CELL + 4, x, words - 4, "target stroke")
    for x, following in pairwise([start, *written]):
        end = following - CELL / 2 - 2
        drawing.arrow(x + 9, words - 5, end, steps + 2 * CELL - 1, "soft stroke")
    drawing.text(8, 366, "decoder", "target bold", at="start")
    drawing.text(WIDTH - 8, 366, "each token is the input of the next step", "soft", LABEL, "end")
    return drawing


def compass() -> Drawing:
    """Figure 2: the output vectors of French tokens, and two readouts."""
    drawing = Drawing(
        388,
        "A compass of French tokens",
        "The output vector of Ils points east; clockwise follow sont, arrivés, en, the "
        "end-of-sentence token, avance in the north-west and retard in the north-east. After en, "
        "the readout points north: a little to the east for They arrived late, a little to the "
        "west for They arrived early.",
    )
    x, y, unit = WIDTH / 2, 208.0, 32.0
    for word, (right, up) in OUTPUT_VECTORS.items():
        tip = x + unit * right, y - unit * up
        drawing.arrow(x, y, *tip, "target stroke")
        beside = math.copysign(text_width(word) / 2 + 12, right) if right else 0
        drawing.chip(tip[0] + beside, tip[1] + (-CHIP / 2 if right else 6), word, "target")
    for word, (right, up) in READOUTS.items():
        tip = x + unit * right, y - unit * up
        drawing.path(f"M{x:g} {y:g}L{tip[0]:.2f} {tip[1]:.2f}", "source stroke",
                     style="stroke-width:3")  # fmt: skip
        drawing.arrow(x, y, *tip, "source stroke")
        at = "start" if right > 0 else "end"
        drawing.text(tip[0] + math.copysign(10, right), 60, f"… {word}", "source bold", at=at)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    return {"encoder-decoder-fig1": one_vector(), "encoder-decoder-fig2": compass()}
