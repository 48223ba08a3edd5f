"""The figures of *Multi-head attention*: two heads in numbers, and the shapes of split and join."""

from __future__ import annotations

import torch

from attention.exercises.multi_head_attention import KEYS, QUERIES, VALUES
from images.first_attention import WORDS, vector
from images.style import LABEL, WIDTH, Drawing

W_O = torch.tensor([[1.0, -1.0], [1.0, 1.0]])


def two_heads() -> Drawing:
    """Figure 1: "the" asks two questions, and each head answers one."""
    drawing = Drawing(
        456,
        "Two heads, two questions",
        "The word the asks the, European and Area twice. In head 1 most weight goes to Area, in "
        "head 2 to the itself. Both answers stand side by side, and a matrix mixes them.",
    )
    answers = []
    for head, left in enumerate((0, WIDTH / 2)):
        middle = left + WIDTH / 4
        weights = (QUERIES[0, head] * KEYS[:, head]).softmax(dim=-1)
        answer = (weights @ VALUES[:, head]).item()
        answers.append(answer)
        drawing.text(middle, 20, f"head {head + 1}", "ink bold")
        question = "which is my noun?" if head == 0 else "am I an article?"
        drawing.text(middle, 46, question, "soft", LABEL)
        places = [middle - 96, middle - 12, middle + 82]
        for word, x, weight in zip(WORDS, places, weights.tolist(), strict=True):
            drawing.chip(x, 66, word, "key", 54 if word != "European" else 96)
            drawing.link(x, 104, middle, 208, "weights", 1 + 9 * weight)
            side = {places[0]: -8, places[1]: 16, places[2]: 10}[x]
            at = "end" if x == places[0] else "start"
            drawing.text(x + side, 122, f"{100 * weight:.0f}%", "weights", LABEL, at)
        query = f"the asks {QUERIES[0, head].item():.0f}".replace("-", "−")
        drawing.chip(middle, 210, query, "query", 130)
        drawing.arrow(middle, 250, middle, 272, "soft stroke")
        drawing.chip(middle, 276, f"{answer:.2f}", "value", 90)
        inner = WIDTH / 2 + (-24 if head == 0 else 24)
        drawing.link(middle, 314, inner, 344, "soft")
    drawing.chip(WIDTH / 2, 346, f"side by side {vector(answers, 2)}", "value", 260)
    drawing.arrow(WIDTH / 2, 386, WIDTH / 2, 408, "soft stroke")
    output = (torch.tensor(answers) @ W_O).tolist()
    drawing.chip(WIDTH / 2, 412, f"mixed {vector(output, 2)}", "ink", 200)
    return drawing


def split_and_join() -> Drawing:
    """Figure 2: the shapes on the way."""
    drawing = Drawing(
        210,
        "Split and join",
        "Shapes: X and Q are T by D, that is 5 by 8. Split, the queries are 2 by 5 by 4. So are "
        "the answers. Joined they are 5 by 8 again, and so is the output.",
    )
    boxes = [
        ("X", [8], "5 × 8", "ink"),
        ("Q", [8], "5 × 8", "query"),
        ("split", [4, 4], "2 × 5 × 4", "query"),
        ("answers", [4, 4], "2 × 5 × 4", "value"),
        ("joined", [8], "5 × 8", "value"),
        ("output", [8], "5 × 8", "ink"),
    ]
    steps = ["project", "split", "attend", "join", "mix"]
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
        "multi-head-attention-fig2": split_and_join(),
    }
