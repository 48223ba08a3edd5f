"""The figures of *Word by word*: expectation maximisation, and the links that it finds."""

from __future__ import annotations

from collections import defaultdict

from images.style import LABEL, WIDTH, Drawing, text_width

PAIRS = [
    (["the", "house"], ["la", "maison"]),
    (["the", "car"], ["la", "voiture"]),
    (["a", "house"], ["une", "maison"]),
]
Table = dict[tuple[str, str], float]


def circle() -> Drawing:
    """Figure 1: the translation table and the links, each of which would give the other."""
    drawing = Drawing(
        250,
        "The translation table and the links",
        "Two boxes, the translation table and the links, with an arrow from each to the other. The "
        "E-step links each French word in proportion to the table. The M-step counts the links and "
        "normalises the counts.",
    )
    for left, kind, name, line in [
        (16, "ink", "translation table", "the → la, or maison?"),
        (344, "weights", "links", "la ← the, or house?"),
    ]:
        drawing.box(left, 78, 200, 94, f"{kind} box")
        drawing.text(left + 100, 108, name, f"{kind} bold")
        drawing.text(left + 100, 142, line, "soft", LABEL)
    drawing.path("M116 74V44Q116 34 126 34H434Q444 34 444 44V68", "soft stroke")
    drawing.head(444, 73, 1.5708, "soft stroke")
    drawing.path("M444 176V206Q444 216 434 216H126Q116 216 116 206V182", "soft stroke")
    drawing.head(116, 177, -1.5708, "soft stroke")
    drawing.text(WIDTH / 2, 16, "E-step: link each French word, in proportion", "ink", LABEL)
    drawing.text(WIDTH / 2, 238, "M-step: count the links, and normalise", "ink", LABEL)
    return drawing


def posteriors(table: Table, source: list[str], word: str) -> list[float]:
    """The posterior probability that a French word translates each word of its source."""
    total = sum(table[english, word] for english in source)
    return [table[english, word] / total for english in source]


def after(iterations: int) -> Table:
    """The translation table after so many iterations of expectation maximisation."""
    table = {(s, t): 1.0 for source, target in PAIRS for s in source for t in target}
    for _ in range(iterations):
        counts: Table = defaultdict(float)
        for source, target in PAIRS:
            for t in target:
                for s, posterior in zip(source, posteriors(table, source, t), strict=True):
                    counts[s, t] += posterior
        totals: dict[str, float] = defaultdict(float)
        for (s, _), count in counts.items():
            totals[s] += count
        table = {(s, t): count / totals[s] for (s, t), count in counts.items()}
    return table


def links(drawing: Drawing, left: float, y: float, pair: int, table: Table) -> float:
    """Draw one pair of sentences, its lines as wide as the posteriors; return its right edge."""
    source, target = PAIRS[pair]
    widths = [max(map(text_width, words)) + 16 for words in zip(source, target, strict=True)]
    middles = [left + widths[0] / 2, left + widths[0] + 14 + widths[1] / 2]
    for english, french, middle in zip(source, target, middles, strict=True):
        drawing.chip(middle, y, english, "source")
        drawing.chip(middle, y + 106, french, "target")
    for french, below in zip(target, middles, strict=True):
        for posterior, above in zip(posteriors(table, source, french), middles, strict=True):
            drawing.link(above, y + 42, below, y + 100, "weights", 0.4 + 8 * posterior)
    return left + sum(widths) + 14


def iterations() -> Drawing:
    """Figure 2: the links of three pairs, from uniform to certain."""
    drawing = Drawing(
        606,
        "Three pairs find their links",
        "The house, la maison; the car, la voiture; a house, une maison. At first each French word "
        "is linked equally to both English words. After two iterations the links between "
        "translations are wider, and after ten hardly any other is left.",
    )
    y = 8.0
    for count, heading in [
        (0, "Before the first iteration"),
        (2, "After two iterations"),
        (10, "After ten iterations"),
    ]:
        drawing.text(10, y + 12, heading, "ink bold", LABEL, "start")
        table, left = after(count), 10.0
        for pair in range(3):
            left = links(drawing, left, y + 34, pair, table) + 52
        y += 202
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    return {"word-by-word-fig1": circle(), "word-by-word-fig2": iterations()}
