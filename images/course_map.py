"""The map of the course: figures 19 to 21 of the Introduction, a small emblem for each chapter."""

from __future__ import annotations

import math
from collections.abc import Callable

from images.style import LABEL, WIDTH, Drawing, number, text_width

PARTS = ["Before attention", "Attention", "Models", "At scale"]
SIDE, PITCH, TOP = 60, 82, 66.0

Emblem = Callable[[Drawing, float, float], None]
Stop = tuple[str, str, Emblem]


def course_map(parts: dict[str, list[Stop]], title: str, description: str) -> Drawing:
    """Draw some parts of the course: their chapters in order, joined by a line."""
    stops = [stop for part in parts.values() for stop in part]
    headings = len(parts) > 1
    height = TOP - 14 + PITCH * len(stops) + (36 * len(parts) + 10 if headings else 0)
    drawing = Drawing(height, title, description)
    contents(drawing, list(parts))
    y = TOP
    for index, (name, part) in enumerate(parts.items()):
        if headings:
            y += 10 if index else 0
            drawing.text(8, y + 10, name, "soft bold", LABEL, "start")
            y += 36
        for row, (chapter, about, emblem) in enumerate(part):
            if row:
                drawing.path(f"M{8 + SIDE / 2:g} {y - PITCH + SIDE:g}V{y:g}", "line stroke")
            drawing.box(8, y, SIDE, SIDE, "line box")
            emblem(drawing, 8, y)
            drawing.text(88, y + 19, chapter, "ink bold", at="start")
            drawing.text(88, y + 44, about, "soft", LABEL, "start")
            y += PITCH
    return drawing


def contents(drawing: Drawing, here: list[str]) -> None:
    """Name all parts in a row; those in the picture stand out."""
    widths = [text_width(name, LABEL) + 20 for name in PARTS]
    gap = (WIDTH - 16 - sum(widths)) / (len(PARTS) - 1)
    left = 8.0
    for name, width in zip(PARTS, widths, strict=True):
        drawing.box(left, 8, width, 34, "ink box strong" if name in here else "line gap")
        drawing.text(left + width / 2, 25, name, "ink" if name in here else "soft", LABEL)
        left += width + gap


def dots(drawing: Drawing, xs: list[float], y: float, kind: str) -> None:
    """Draw tokens as dots in a row."""
    for x in xs:
        drawing.shape("circle", f"{kind} solid", cx=x, cy=y, r=4)


def threads(
    drawing: Drawing, pairs: list[tuple[float, float]], top: float, bottom: float, kind: str
) -> None:
    """Join tokens above with tokens below."""
    for above, below in pairs:
        drawing.link(above, top, below, bottom, kind, 1.5)


def lookup(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: each word has one translation, straight below it."""
    columns = [x + 14, x + 30, x + 46]
    threads(drawing, [(c, c) for c in columns], y + 14, y + 46, "line")
    dots(drawing, columns, y + 14, "source")
    dots(drawing, columns, y + 46, "target")


def bottleneck(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: all tokens through one vector."""
    columns = [x + 14, x + 30, x + 46]
    threads(drawing, [(c, x + 30) for c in columns], y + 12, y + 26, "line")
    threads(drawing, [(x + 30, c) for c in columns], y + 34, y + 48, "line")
    drawing.shape("rect", "ink solid", x=x + 25, y=y + 25, width=10, height=10, rx=2)
    dots(drawing, columns, y + 12, "source")
    dots(drawing, columns, y + 48, "target")


def alignment(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: each French token is aligned with an English one, wherever it stands."""
    columns = [x + 12, x + 24, x + 36, x + 48]
    pairs = list(zip(columns, [columns[i] for i in (0, 3, 2, 1)], strict=True))
    threads(drawing, pairs, y + 14, y + 46, "weights")
    dots(drawing, columns, y + 14, "source")
    dots(drawing, columns, y + 46, "target")


def question(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: one query, several keys, with different weights."""
    columns = [x + 12, x + 24, x + 36, x + 48]
    for column, width in zip(columns, [1, 4, 1.5, 2.5], strict=True):
        drawing.link(x + 30, y + 14, column, y + 46, "weights", width)
    dots(drawing, [x + 30], y + 14, "query")
    dots(drawing, columns, y + 46, "key")


def sinusoids(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: a fast sinusoid above a slow one."""
    for middle, turns in [(20, 3), (42, 1)]:
        steps = [(x + 8 + s, y + middle - 8 * math.sin(turns * math.tau * s / 44))
                 for s in range(45)]  # fmt: skip
        points = "L".join(f"{number(across)} {number(down)}" for across, down in steps)
        drawing.path(f"M{points}", "ink stroke")


def grid(rows: list[str], size: float = 9, corner: tuple[float, float] | None = None) -> Emblem:
    """Make an emblem of attention weights: a digit for each cell, 9 dark and 0 masked."""

    def emblem(drawing: Drawing, x: float, y: float) -> None:
        wide, tall = len(rows[0]) * size, len(rows) * size
        left, top = corner or ((SIDE - wide) / 2, (SIDE - tall) / 2)
        for r, row in enumerate(rows):
            for c, digit in enumerate(row):
                where = {"x": x + left + c * size + 0.75, "y": y + top + r * size + 0.75}
                side = {"width": size - 1.5, "height": size - 1.5, "rx": 1.5}
                if digit == "0":
                    drawing.shape("rect", "line stroke", style="stroke-width:.75", **where, **side)
                else:
                    opacity = number(int(digit) / 9)
                    drawing.shape("rect", "weights solid", opacity=opacity, **where, **side)

    return emblem


def heads(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: four heads, each with weights of its own."""
    patterns = [["92", "29"], ["29", "92"], ["99", "22"], ["29", "29"]]
    for index, rows in enumerate(patterns):
        corner = (8 + 25 * (index % 2), 8 + 25 * (index // 2))
        grid(rows, 9.5, corner)(drawing, x, y)


def towers(source: int, target: int) -> Emblem:
    """Make an emblem of a model: its encoder's layers, its decoder's, and what joins them."""

    def emblem(drawing: Drawing, x: float, y: float) -> None:
        both = bool(source and target)
        for layers, kind, left in [(source, "source", 9), (target, "target", 34)]:
            left = left if both else 21
            pitch = min(10, 48 / max(1, layers))
            for layer in range(layers):
                top = y + SIDE / 2 + (layer - layers / 2) * pitch + pitch * 0.15
                drawing.shape("rect", f"{kind} solid", x=x + left, y=top, width=18,
                              height=pitch * 0.7, rx=min(2, pitch / 4))  # fmt: skip
        if both:
            drawing.path(f"M{x + 27:g} {y + 30:g}H{x + 34:g}", "ink stroke")

    return emblem


def nearest(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: a query among the embeddings of texts, joined to the nearest."""
    drawing.link(x + 27, y + 30, x + 40, y + 21, "weights", 3)
    for across, down in ((40, 21), (14, 14), (15, 44), (33, 50), (48, 41)):
        dots(drawing, [x + across], y + down, "key")
    dots(drawing, [x + 27], y + 30, "query")


def dial(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: a query and a key, rotated by their positions."""
    drawing.shape("circle", "line stroke", cx=x + 30, cy=y + 30, r=22)
    for kind, angle in (("query", 2.0), ("key", 0.5)):
        tip = x + 30 + 21 * math.cos(angle), y + 30 - 21 * math.sin(angle)
        drawing.arrow(x + 30, y + 30, *tip, f"{kind} stroke")


def tiles(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: a matrix in tiles, of which one is worked on."""
    for row in range(3):
        for column in range(3):
            kind = "weights solid" if row == column == 1 else "soft stroke"
            drawing.shape("rect", kind, x=x + 9 + 15 * column, y=y + 9 + 15 * row, width=12,
                          height=12, rx=2)  # fmt: skip


def machines(drawing: Drawing, x: float, y: float) -> None:
    """Emblem: four GPUs, joined in a ring."""
    drawing.path(f"M{x + 18:g} {y + 18:g}h24v24h-24z", "soft stroke")
    for column in (10, 34):
        for row in (10, 34):
            drawing.shape("rect", "value solid", x=x + column, y=y + row, width=16, height=16, rx=3)


BEFORE: list[Stop] = [
    ("Word by word", "one word in, one word out", lookup),
    ("The encoder-decoder and its bottleneck", "a whole sentence in one vector", bottleneck),
    ("The first attention", "Bahdanau 2014, Luong 2015", alignment),
]
ATTENTION: list[Stop] = [
    ("Main ideas", "queries, keys and values", question),
    ("Positions", "sines and cosines for the order", sinusoids),
    ("Self-attention", "the math, then the code", grid(["7241", "1813", "2372", "1327"], 11)),
    ("Masked self-attention", "no position attends to later ones",
     grid(["9000", "3700", "2350", "1324"], 11)),
    ("Encoder-decoder attention", "French queries, English keys",
     grid(["92111", "11291", "12811"], 10)),
    ("Multi-head attention", "several heads in parallel", heads),
]  # fmt: skip
MODELS: list[Stop] = [
    ("The Transformer", "an encoder and a decoder", towers(4, 4)),
    ("BERT", "the encoder alone", towers(4, 0)),
    ("Retrieval", "texts found by their embeddings", nearest),
    ("GPT", "the decoder alone", towers(0, 4)),
    ("Inside a GPT", "an induction head copies",
     grid(["90000", "54000", "33300", "19110", "11911"], 9.5)),
    ("Rotary position embedding", "positions as rotations", dial),
    ("Llama", "the decoder, grown to 126 layers", towers(0, 12)),
]  # fmt: skip
SCALE: list[Stop] = [
    ("Attention on a GPU", "kernels, and how fast they are", tiles),
    ("Training on many GPUs", "one model, many machines", machines),
]


def _list(stops: list[Stop]) -> str:
    return ", ".join(name for name, _, _ in stops)


def before_attention() -> Drawing:
    """Figure 19: part 1 of the course."""
    return course_map(
        {PARTS[0]: BEFORE}, "The course, part 1: before attention", f"Chapters: {_list(BEFORE)}."
    )


def attention() -> Drawing:
    """Figure 20: part 2 of the course."""
    return course_map(
        {PARTS[1]: ATTENTION}, "The course, part 2: attention", f"Chapters: {_list(ATTENTION)}."
    )


def models() -> Drawing:
    """Figure 21: part 3 of the course, and what comes after it."""
    return course_map(
        {PARTS[2]: MODELS, PARTS[3]: SCALE},
        "The course, part 3: models, and attention at scale",
        f"Chapters: {_list(MODELS)}; at scale: {_list(SCALE)}.",
    )
