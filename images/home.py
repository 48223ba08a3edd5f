"""The figures of the home page: the emblems of each part's chapters, in the order of the course."""

from __future__ import annotations

from images.course_map import ATTENTION, BEFORE, MODELS, SIDE, Stop, alignment, towers
from images.style import WIDTH, Drawing


def descent(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: steps of gradient descent, down a curve to its lowest point."""
    drawing.path(
        f"M{x + 10:g} {y + 10:g}Q{x + 30:g} {y + 86:g} {x + 50:g} {y + 10:g}", "ink stroke"
    )
    for away, down in ((12, 18), (17, 32), (23, 43), (30, 48)):
        drawing.shape("circle", "weights solid", cx=x + away, cy=y + down, r=4)


START: list[Stop] = [
    ("Primer", "tensors and training", descent),
    ("Introduction", "why translators needed attention", alignment),
    ("Lab", "train a translator", towers(1, 1)),
]
PARTS = {"Start": START, "Before attention": BEFORE, "Attention": ATTENTION, "Models": MODELS}


def strip(part: list[Stop], title: str) -> Drawing:
    """Draw the emblems of a part in a row, joined by a line."""
    drawing = Drawing(SIDE + 16, title, f"An emblem for each chapter: {_names(part)}.")
    most = max(len(stops) for stops in PARTS.values())  # the same pitch for all parts
    pitch = (WIDTH - 16 - SIDE) / (most - 1)
    for place, (_, _, emblem) in enumerate(part):
        x = 8 + place * pitch
        if place:
            drawing.path(f"M{x - pitch + SIDE:g} {8 + SIDE / 2:g}H{x:g}", "line stroke")
        drawing.box(x, 8, SIDE, SIDE, "line box")
        emblem(drawing, x, 8)
    return drawing


def _names(part: list[Stop]) -> str:
    return ", ".join(name for name, _, _ in part)


def draw() -> dict[str, Drawing]:
    """Draw the figures of the home page, by name."""
    return {
        f"home-fig{number}": strip(part, title)
        for number, (title, part) in enumerate(PARTS.items(), start=1)
    }
