"""The figures of *Multi-head attention*: two heads by hand, and the shapes of their tensors."""

from __future__ import annotations

import torch

from attention.exercises.multi_head_attention import KEYS, QUERIES, VALUES
from images.first_attention import WORDS, vector
from images.style import LABEL, WIDTH, Drawing

W_O = torch.tensor([[1.0, -1.0], [1.0, 1.0]])


def two_heads() -> Drawing:
    """Figure 1: "the" attends to its noun in one head, and to itself in the other."""
    drawing = Drawing(
        456,
        "Two heads",
        "The weights of the token the in two heads. In head 1 most weight goes to Area, in head 2 "
        "to the itself. The head outputs are concatenated and multiplied by the matrix W o.",
    )
    heads = []
    for head, left in enumerate((0, WIDTH / 2)):
        middle = left + WIDTH / 4
        weights = (QUERIES[0, head] * KEYS[:, head]).softmax(dim=-1)
        output = (weights @ VALUES[:, head]).item()
        heads.append(output)
        drawing.text(middle, 20, f"head {head + 1}", "ink bold")
        target = "attends to the noun" if head == 0 else "attends to the article"
        drawing.text(middle, 46, target, "soft", LABEL)
        positions = [middle - 96, middle - 12, middle + 82]
        for word, x, weight in zip(WORDS, positions, weights.tolist(), strict=True):
            drawing.chip(x, 66, word, "key", 54 if word != "European" else 96)
            drawing.link(x, 104, middle, 208, "weights", 1 + 9 * weight)
            side = {positions[0]: -8, positions[1]: 16, positions[2]: 10}[x]
            at = "end" if x == positions[0] else "start"
            drawing.text(x + side, 122, f"{100 * weight:.0f}%", "weights", LABEL, at)
        query = f"query {QUERIES[0, head].item():.0f}".replace("-", "−")
        drawing.chip(middle, 210, query, "query", 130)
        drawing.arrow(middle, 250, middle, 272, "soft stroke")
        drawing.chip(middle, 276, f"output {output:.2f}", "value", 130)
        inner = WIDTH / 2 + (-24 if head == 0 else 24)
        drawing.link(middle, 314, inner, 344, "soft")
    drawing.chip(WIDTH / 2, 346, f"concatenated {vector(heads, 2)}", "value", 260)
    drawing.arrow(WIDTH / 2, 386, WIDTH / 2, 408, "soft stroke")
    result = (torch.tensor(heads) @ W_O).tolist()
    drawing.chip(WIDTH / 2, 412, f"times Wₒ: {vector(result, 2)}", "ink", 250)
    return drawing


def split_and_concatenate() -> Drawing:
    """Figure 2: the shapes from the input to the output."""
    drawing = Drawing(
        210,
        "Split and concatenate",
        "Shapes: X and Q are T by D, that is 5 by 8. Split, the queries are 2 by 5 by 4. So are "
        "the head outputs. Concatenated they are 5 by 8 again, and so is the output.",
    )
    boxes = [
        ("X", [8], "5 × 8", "ink"),
        ("Q", [8], "5 × 8", "query"),
        ("split", [4, 4], "2 × 5 × 4", "query"),
        ("heads", [4, 4], "2 × 5 × 4", "value"),
        ("concat", [8], "5 × 8", "value"),
        ("output", [8], "5 × 8", "ink"),
    ]
    steps = ["project", "split", "attend", "concat", "project"]
    pitch, cell, top = WIDTH / 6, 7, 70
    for i, (name, widths, shape, kind) in enumerate(boxes):
        middle = pitch * (i + 0.5)
        drawing.text(middle, 40, name, kind, LABEL)
        offset = 0 if len(widths) == 1 else -7
        for part, width in enumerate(widths):
            x = middle - width * cell / 2 + offset + 14 * part
            y = top + (22 * part if len(widths) > 1 else 11)
            drawing.box(x, y, width * cell, 5 * cell, f"{kind} box")
        drawing.text(middle, 146, shape, "soft", LABEL)
        if i < len(steps):
            drawing.arrow(pitch * (i + 1) - 13, 98, pitch * (i + 1) + 13, 98, "soft stroke")
            drawing.text(pitch * (i + 1), 184, steps[i], "soft", LABEL)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figures of the chapter."""
    return {
        "multi-head-attention-fig1": two_heads(),
        "multi-head-attention-fig2": split_and_concatenate(),
    }
