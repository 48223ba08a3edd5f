"""The figures of *Word by word*: a circle with a way in, and the links that it finds."""

from __future__ import annotations

from itertools import islice

from attention.models.word_by_word import model_1
from images.style import LABEL, WIDTH, Drawing, text_width

ENGLISH = ["", "the", "house", "car", "a"]  # the empty word has number 0
FRENCH = ["", "la", "maison", "voiture", "une"]
PAIRS = [([1, 2], [1, 2]), ([1, 3], [1, 3]), ([4, 2], [4, 2])]
Table = dict[tuple[int, int], float]


def circle() -> Drawing:
    """Figure 1: the dictionary and the links, each of which would give the other."""
    drawing = Drawing(
        250,
        "The dictionary and the links",
        "Two boxes, the dictionary and the links, with an arrow from each to the other: who knows "
        "the dictionary can share out the words, and who knows the links can count.",
    )
    for left, kind, name, line in [
        (16, "ink", "dictionary", "the → la?"),
        (344, "weights", "links", "la ← the?"),
    ]:
        drawing.box(left, 78, 200, 94, f"{kind} box")
        drawing.text(left + 100, 108, name, f"{kind} bold")
        drawing.text(left + 100, 142, line, "soft", LABEL)
    drawing.path("M116 74V44Q116 34 126 34H434Q444 34 444 44V68", "soft stroke")
    drawing.head(444, 73, 1.5708, "soft stroke")
    drawing.path("M444 176V206Q444 216 434 216H126Q116 216 116 206V182", "soft stroke")
    drawing.head(116, 177, -1.5708, "soft stroke")
    drawing.text(WIDTH / 2, 16, "share each French word out", "ink", LABEL)
    drawing.text(WIDTH / 2, 238, "count what each English word was given", "ink", LABEL)
    return drawing


def tables(rounds: int) -> list[Table]:
    """What `model_1` believes after each round, the even start first."""
    learned = islice(model_1(*zip(*PAIRS, strict=True)), rounds)
    known = [
        {(s, t): p for (s, t), p in zip(d.entries.tolist(), d.probability.tolist(), strict=True)}
        for _, d in learned
    ]
    return [dict.fromkeys(known[0], 1.0), *known]


def links(drawing: Drawing, left: float, y: float, pair: int, table: Table) -> float:
    """Draw one pair of sentences, with lines as wide as the shares, and say where it ends."""
    source, target = PAIRS[pair]
    rows = [[ENGLISH[s] for s in source], [FRENCH[t] for t in target]]
    widths = [max(text_width(row[place]) for row in rows) + 14 for place in range(2)]
    middles = [left + widths[0] / 2, left + widths[0] + 8 + widths[1] / 2]
    for word, middle in zip(rows[0], middles, strict=True):
        drawing.chip(middle, y, word, "source")
    for word, middle in zip(rows[1], middles, strict=True):
        drawing.chip(middle, y + 106, word, "target")
    for t, below in zip(target, middles, strict=True):
        total = sum(table[s, t] for s in [0, *source])
        for s, above in zip(source, middles, strict=True):
            share = table[s, t] / total
            drawing.link(above, y + 38, below, y + 104, "weights", 0.4 + 8 * share)
    return left + sum(widths) + 8


def rounds() -> Drawing:
    """Figure 2: the links of three pairs, from even to sure."""
    drawing = Drawing(
        606,
        "Three pairs find their links",
        "The house, la maison; the car, la voiture; a house, une maison. First each French word is "
        "linked to both English words alike. After two rounds the right links are wider, and after "
        "twenty only they are left.",
    )
    after = tables(20)
    y = 8.0
    for count, heading in [(0, "At first"), (2, "After two rounds"), (20, "After twenty rounds")]:
        drawing.text(10, y + 12, heading, "ink bold", LABEL, "start")
        left = 10.0
        for pair in range(3):
            left = links(drawing, left, y + 34, pair, after[count]) + 34
        y += 202
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    return {"word-by-word-fig1": circle(), "word-by-word-fig2": rounds()}
