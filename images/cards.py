"""The pictures that are shown where somebody shares a page's address: one for each part.

They are PNG, for no place that shows them takes SVG. The emblems are those of the home page.
"""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Patch, PathPatch
from matplotlib.path import Path

from images.course_map import ATTENTION, BEFORE, MODELS, SIDE, Stop
from images.home import START, strip
from images.style import COLOURS, WIDTH

BOOK = "Attention in Transformers with PyTorch"
SIZE = (1200, 630)
EDGE = 32  # around what a figure of the book holds
PARTS: dict[str, tuple[str, str, list[Stop]]] = {  # by the folder of their pages
    "": ("Start here", "Why attention was invented, and a model that you train", START),
    "before-attention": ("Before attention", "From IBM Model 1 to Bahdanau and Luong", BEFORE),
    "attention": ("Attention", "The idea, the mathematics, the code", ATTENTION),
    "models": ("Models", "The Transformer, BERT, GPT and Llama, built and trained", MODELS),
}
CORNERS = {"M": [Path.MOVETO], "L": [Path.LINETO], "Q": [Path.CURVE3] * 2, "C": [Path.CURVE4] * 3}


def words(part: str) -> str:
    """Say what the card of a part shows."""
    title, about, stops = PARTS[part]
    return f"{BOOK}. {title}: {about}. {strip(stops, title).description}"


def card(part: str) -> bytes:
    """Draw the card of a part as PNG."""
    title, about, stops = PARTS[part]
    width = WIDTH + 2 * EDGE
    height = width * SIZE[1] / SIZE[0]
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-EDGE, width - EDGE), ylim=(height - EDGE, -EDGE))
    axes.set_axis_off()
    unit = SIZE[0] / width * 72 / 100  # of the book's figures, in points
    for y, text, size, kind in (
        (18, BOOK, 20, "soft"),
        (84, title, 48, "ink"),
        (138, about, 19, "soft"),
    ):
        weight = "bold" if size > 40 else "normal"
        axes.text(8, y, text, color=COLOURS[kind][0], size=size * unit, va="center", weight=weight)
    paint(axes, strip(stops, title).shapes, height - 2 * EDGE - SIDE - 24, unit)
    with io.BytesIO() as file:
        figure.savefig(file, format="png", metadata={"Software": None})
        return file.getvalue()


def paint(axes: Axes, shapes: list[str], down: float, unit: float) -> None:
    """Paint the shapes of a drawing, in light colours, `down` below the top."""
    for shape in map(ElementTree.fromstring, shapes):
        patch = outline(shape, down)
        kinds = shape.get("class", "").split()
        red, green, blue = (int(COLOURS[kinds[0]][0][at : at + 2], 16) / 255 for at in (1, 3, 5))
        opacity = float(shape.get("opacity", 1))
        filled = {"solid": 1, "strong": 0.22, "box": 0.09}
        share = next((filled[kind] for kind in filled if kind in kinds), 0)
        line = 0 if "solid" in kinds else 1
        wide = re.search(r"stroke-width:([\d.]+)", shape.get("style", ""))
        patch.set(
            facecolor=(red, green, blue, share * opacity),
            edgecolor=(red, green, blue, line * opacity),
            linewidth=line * float(wide[1] if wide else 1.5) * unit,
            linestyle=(0, (3, 5)) if "gap" in kinds else "solid",
        )
        axes.add_patch(patch)


def outline(shape: ElementTree.Element, down: float) -> Patch:
    """Turn an element of SVG into a patch of matplotlib."""
    given = {
        name: float(shape.get(name, 0))
        for name in ("x", "y", "width", "height", "rx", "cx", "cy", "r")
    }
    if shape.tag == "circle":
        return Circle((given["cx"], given["cy"] + down), given["r"])
    if shape.tag == "rect":
        style = f"round,pad=0,rounding_size={given['rx']}" if given["rx"] else "square,pad=0"
        corner = (given["x"], given["y"] + down)
        return FancyBboxPatch(corner, given["width"], given["height"], boxstyle=style)
    corners: list[tuple[float, float]] = []
    codes: list[int] = []
    for letter, rest in re.findall(r"([A-Z])([^A-Z]*)", shape.get("d", "")):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", rest)]
        if letter in "HV":  # a straight line to another x, or y
            x, y = corners[-1]
            corners.append((numbers[0], y) if letter == "H" else (x, numbers[0] + down))
            codes.append(int(Path.LINETO))
            continue
        points = [(x, y + down) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        corners += points
        codes += [int(code) for code in CORNERS[letter]] * (len(points) // len(CORNERS[letter]))
    return PathPatch(Path(corners, codes), capstyle="round", joinstyle="round")
