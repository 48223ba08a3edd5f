"""The hand that draws every figure of the book: one palette, one line weight, one type, one box.

A figure is a `Drawing`: 560 units wide, so that its text stays readable on a phone, on a
transparent background, with colours that follow the reader's light or dark scheme. Words are real
text in the reader's own font; every place for them has room for the widest common one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

IMAGES = Path(__file__).resolve().parent
WIDTH = 560
TEXT = 18  # words and titles; labels are one size below
LABEL = 16.5
CHIP = 36  # the height of the box around a word

# Okabe and Ito's colours, darkened for text on white and lightened for text on black.
COLOURS = {
    "ink": ("#27262b", "#eeebf0"),
    "soft": ("#5c5962", "#bdb9c2"),
    "line": ("#a3a0aa", "#77737f"),
    "query": ("#0072b2", "#56b4e9"),
    "key": ("#b35900", "#e69f00"),
    "value": ("#00795c", "#2cc79b"),
    "weights": ("#a3437f", "#e08bc0"),
    "source": ("#4b5ba6", "#9aa8f0"),
    "target": ("#9c2f2f", "#f2918c"),
}
FONT = (
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',"
    "'Liberation Sans',Arial,sans-serif"
)


def style() -> str:
    """Write the style sheet that every figure carries inside itself."""
    light, dark = (
        "".join(f".{name}{{color:{pair[scheme]}}}" for name, pair in COLOURS.items())
        for scheme in (0, 1)
    )
    return (
        f"text{{font-family:{FONT};fill:currentColor}}.bold{{font-weight:600}}"
        ".box,.stroke,.gap{stroke:currentColor;stroke-width:1.5;stroke-linecap:round;"
        "stroke-linejoin:round}.box{fill:currentColor;fill-opacity:.09}.strong{fill-opacity:.22}"
        ".stroke,.gap{fill:none}.gap{stroke-dasharray:3 5}.solid{fill:currentColor}"
        f"{light}@media (prefers-color-scheme:dark){{{dark}.strong{{fill-opacity:.3}}}}"
    )


def text_width(text: str, size: float = TEXT) -> float:
    """Say how wide a text may get, in the widest of the fonts that readers have (DejaVu, Verdana).

    Source: the advance widths of DejaVu Sans, gathered into five classes.
    """
    classes = {"ijl|.,:;'’ ·": 0.34, "rtf()-I": 0.42, "mwMW…": 0.99, "ABCDEGHKLNOPQRTUVX": 0.76}
    return size * sum(
        next((em for letters, em in classes.items() if letter in letters), 0.635) for letter in text
    )


def number(value: float) -> str:
    """Write a coordinate with at most two decimals."""
    return f"{round(value, 2) + 0.0:g}"


class Drawing:
    """A figure on its way to becoming SVG; shapes are painted in the order they are added."""

    def __init__(self, height: float, title: str, description: str) -> None:
        self.height = height
        self.title = title
        self.description = description
        self.shapes: list[str] = []

    def shape(self, tag: str, kind: str, content: str = "", /, **attributes: float | str) -> None:
        """Add one element, in the colour and manner that the words of `kind` name."""
        written = "".join(
            f" {name.replace('_', '-')}="
            + quoteattr(value if isinstance(value, str) else number(value))
            for name, value in attributes.items()
        )
        end = f">{content}</{tag}>" if content else "/>"
        self.shapes.append(f'<{tag} class="{kind}"{written}{end}')

    def text(
        self, x: float, y: float, text: str, kind: str = "ink", size: float = TEXT, at: str = ""
    ) -> None:
        """Write a line whose middle is `y`; `x` is its centre, or its start or end by `at`."""
        attributes: dict[str, float | str] = {"x": x, "y": y + 0.35 * size, "font_size": size}
        attributes["text_anchor"] = at or "middle"
        self.shape("text", kind, escape(text), **attributes)

    def box(self, x: float, y: float, width: float, height: float, kind: str = "line box") -> None:
        """Draw a rounded box from its top left corner."""
        self.shape("rect", kind, x=x, y=y, width=width, height=height, rx=min(8, height / 4))

    def chip(self, x: float, y: float, word: str, kind: str, width: float = 0) -> float:
        """Draw a word in its box, centred on `x`, and give the width of the box."""
        width = width or text_width(word) + 14
        self.box(x - width / 2, y, width, CHIP, f"{kind} box")
        self.text(x, y + CHIP / 2, word, kind.split()[0])
        return width

    def path(self, points: str, kind: str = "line stroke", **attributes: float | str) -> None:
        """Draw a path written in SVG's own language."""
        self.shape("path", kind, d=points, **attributes)

    def arrow(self, x1: float, y1: float, x2: float, y2: float, kind: str = "line stroke") -> None:
        """Draw a straight arrow."""
        self.path(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", kind)
        self.head(x2, y2, math.atan2(y2 - y1, x2 - x1), kind)

    def head(self, x: float, y: float, angle: float, kind: str = "line stroke") -> None:
        """Draw the head of an arrow that points along `angle` and ends at (x, y)."""
        sides = [angle + turn for turn in (2.6, -2.6)]
        (ax, ay), (bx, by) = [(x + 8 * math.cos(a), y + 8 * math.sin(a)) for a in sides]
        corners = [number(v) for v in (ax, ay, x, y, bx, by)]
        self.path("M{} {}L{} {}L{} {}".format(*corners), kind)

    def link(
        self, x1: float, y1: float, x2: float, y2: float, kind: str, width: float = 1.5
    ) -> None:
        """Draw a soft curve that leaves and arrives vertically."""
        bend = [number(v) for v in (x1, y1, x1, (y1 + y2) / 2, x2, (y1 + y2) / 2, x2, y2)]
        points = "M{} {}C{} {} {} {} {} {}".format(*bend)
        self.path(points, f"{kind} stroke", style=f"stroke-width:{number(width)}")

    def cells(
        self, x: float, y: float, values: Sequence[float], kind: str, width: float, height: float
    ) -> None:
        """Draw a vector as a column of cells, its left top at (x, y): -1 is clear, 1 is full."""
        for row, value in enumerate(values):
            opacity = number(0.04 + 0.96 * (value + 1) / 2)
            self.shape("rect", f"{kind} solid cell", x=x, y=y + row * height, width=width,
                       height=height, opacity=opacity)  # fmt: skip
        tall = len(values) * height
        self.shape("rect", f"{kind} stroke", x=x, y=y, width=width, height=tall, rx=2)

    def __str__(self) -> str:
        """Write the whole figure as SVG."""
        size = f"{WIDTH} {number(self.height)}"
        width, height = size.split()
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{width}" '
            f'height="{height}" role="img">',
            f"<title>{escape(self.title)}</title>",
            f"<desc>{escape(self.description)}</desc>",
            f"<style>{style()}</style>",
            *self.shapes,
            "</svg>\n",
        ])  # fmt: skip


def save(figures: dict[str, Drawing], folder: Path) -> None:
    """Write each figure under its name, and say so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in figures.items():
        path = folder / f"{name}.svg"
        path.write_text(str(drawing), encoding="utf-8", newline="\n")
        print(f"{path}: {drawing.title}")
