"""The figure of *Positional encodings*."""

from __future__ import annotations

from attention.layers.positions import sinusoidal_positions
from attention.tokenizers.words import split_words
from images.style import LABEL, Drawing, number

SENTENCE = "The agreement on the European Economic Area was signed in August 1992 ."
SHADES = 20  # steps from clear, -1, to full, 1


def encodings() -> Drawing:
    """The encodings of the running sentence, a row for each token."""
    tokens = split_words(SENTENCE)
    d_model, left, top, cell, tall = 16, 140, 58, 25, 24
    drawing = Drawing(
        top + tall * len(tokens) + 12,
        "The positional encodings of a sentence",
        "A row of sixteen shaded cells for each token of the running example. In the left columns "
        "the shade changes from each row to the next; in the right ones it hardly changes at all.",
    )
    drawing.text(left + cell * d_model / 2, 14, "component", "soft", LABEL)
    drawing.text(8, 40, "position", "soft", LABEL, "start")
    for column in range(0, d_model, 2):
        drawing.text(left + cell * (column + 0.5), 40, str(column), "soft", LABEL)
    shades: dict[int, list[str]] = {}
    for row, values in enumerate(sinusoidal_positions(len(tokens), d_model).tolist()):
        y = top + tall * row
        drawing.text(28, y + tall / 2, str(row), "soft", LABEL, "end")
        drawing.text(42, y + tall / 2, tokens[row], "source", LABEL, "start")
        for column, value in enumerate(values):
            shade = round((value + 1) / 2 * SHADES)
            square = f"M{left + cell * column} {y}h{cell - 1}v{tall - 1}h{1 - cell}z"
            shades.setdefault(shade, []).append(square)
    for shade, squares in sorted(shades.items()):
        opacity = number(0.04 + 0.96 * shade / SHADES)
        drawing.shape("path", "ink solid", d="".join(squares), opacity=opacity)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figure of the chapter, by its name."""
    return {"positions-fig1": encodings()}
