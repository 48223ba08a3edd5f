"""Frames 5 to 15 of the Introduction: a model encodes an English sentence and generates French.

All frames share one layout, so that nothing moves from one to the next: English tokens, encoder,
a vector for each token, decoder, French tokens. The values are those of a trained model.
"""

from __future__ import annotations

from typing import NamedTuple

from images.style import CHIP, LABEL, WIDTH, Drawing, text_width

SHOWN = 5  # English tokens in view; the dots after them stand for the rest of the sentence
HEIGHT = 446
ENCODER, VECTORS, DECODER, FRENCH = 70, 134, 342, 404  # where each row of the layout begins
BAR = 38
CELL_WIDTH, CELL_HEIGHT = 24, 13


class Reading(NamedTuple):
    """What a trained translator did with one sentence.

    Attributes:
        source: The English tokens.
        target: The French tokens that it generated.
        vectors: A few components of each English token's vector, from -1 to 1.
        sentence: A few components of a single vector for the whole sentence.
        attention: For each French token, its weight on each English token.
    """

    source: list[str]
    target: list[str]
    vectors: list[list[float]]
    sentence: list[float]
    attention: list[list[float]]

    def words(self) -> list[str]:
        """Give the English tokens in view, and the dots."""
        return [*self.source[:SHOWN], "…"]

    def middle(self, slot: int) -> float:
        """Give the middle of a token in view: they fill the figure with even gaps."""
        widths = [text_width(word) + 14 for word in self.words()]
        gap = (WIDTH - 16 - sum(widths)) / (len(widths) - 1)
        return round(8 + sum(widths[:slot]) + gap * slot + widths[slot] / 2, 1)


def bar(drawing: Drawing, y: float, name: str, kind: str, both_ways: bool) -> None:
    """Draw the encoder or the decoder, with arrows for the direction in which it works."""
    drawing.box(8, y, WIDTH - 16, BAR, f"{kind} box")
    drawing.text(WIDTH / 2, y + BAR / 2, name, kind)
    side = text_width(name) / 2 + 10
    drawing.arrow(WIDTH / 2 + side, y + BAR / 2, WIDTH - 22, y + BAR / 2, f"{kind} stroke")
    if both_ways:
        drawing.arrow(WIDTH / 2 - side, y + BAR / 2, 22, y + BAR / 2, f"{kind} stroke")


def words(drawing: Drawing, y: float, reading: Reading, now: int | None = None) -> None:
    """Set the English tokens over the encoder; the current one stands out."""
    for slot, word in enumerate(reading.words()):
        x = reading.middle(slot)
        drawing.chip(x, y, word, "source strong" if slot == now else "source")
        drawing.arrow(x, y + CHIP + 4, x, y + CHIP + 22, "source stroke")


def stage(reading: Reading, title: str, description: str, vectors: int, now: int | None) -> Drawing:
    """Draw what all frames have: tokens, encoder, and as many vectors as there are by now."""
    drawing = Drawing(HEIGHT, title, description)
    words(drawing, 8, reading, now)
    bar(drawing, ENCODER, "encoder", "source", both_ways=True)
    for slot in range(SHOWN):
        x, left = reading.middle(slot), reading.middle(slot) - CELL_WIDTH / 2
        if slot < vectors:
            kind = "source stroke" if slot == now or now is None else "line stroke"
            drawing.arrow(x, ENCODER + BAR + 4, x, VECTORS - 4, kind)
            drawing.cells(left, VECTORS, reading.vectors[slot], "source", CELL_WIDTH, CELL_HEIGHT)
        else:
            drawing.box(left, VECTORS, CELL_WIDTH, 8 * CELL_HEIGHT, "line gap")
    if vectors >= SHOWN:
        drawing.text(reading.middle(SHOWN), VECTORS + 4 * CELL_HEIGHT, "…", "source")
    return drawing


def one_vector_or_many(reading: Reading) -> Drawing:
    """Frame 5: a whole sentence in one vector, or a vector for each token."""
    drawing = Drawing(
        HEIGHT,
        "One vector per sentence, or one vector per token",
        "Above, the encoder turns the sentence into a single vector; below, into a vector for "
        "each token.",
    )
    for y, heading in [
        (0, "one vector for the whole sentence"),
        (232, "one vector for each token"),
    ]:
        drawing.text(8, y + 12, heading, "soft", LABEL, "start")
        words(drawing, y + 28, reading)
        bar(drawing, y + 88, "encoder", "source", both_ways=True)
    drawing.arrow(WIDTH / 2, 130, WIDTH / 2, 148, "source stroke")
    drawing.cells(WIDTH / 2 - 12, 152, reading.sentence, "source", CELL_WIDTH, 7)
    for slot in range(SHOWN):
        x = reading.middle(slot)
        drawing.arrow(x, 362, x, 380, "source stroke")
        drawing.cells(x - 12, 384, reading.vectors[slot], "source", CELL_WIDTH, 7)
    drawing.text(reading.middle(SHOWN), 412, "…", "source")
    return drawing


def embedding(reading: Reading, slot: int) -> Drawing:
    """Frames 6 to 10: the vectors come one by one, each of a token in its sentence."""
    word = reading.source[slot]
    count = f"{slot + 1} of {SHOWN} vectors"
    drawing = stage(
        reading,
        f"The vector of “{word}”",
        f"The encoder, which has read the sentence in both directions, gives out the vector of "
        f"“{word}”: {count} are there. The decoder waits.",
        slot + 1,
        slot,
    )
    drawing.box(8, DECODER, WIDTH - 16, BAR, "line gap")
    drawing.text(WIDTH / 2, DECODER + BAR / 2, "decoder", "soft")
    return drawing


def decoding(reading: Reading, title: str, description: str, generated: int, now: int) -> Drawing:
    """Draw the layout with the decoder generating the token in slot `now`."""
    drawing = stage(reading, title, description, SHOWN, None)
    bar(drawing, DECODER, "decoder", "target", both_ways=False)
    for slot in range(max(generated, now + 1)):
        x = reading.middle(slot)
        drawing.arrow(x, DECODER + BAR + 4, x, FRENCH - 4, "target stroke")
        if slot < generated:
            kind = "target strong" if slot == now else "target"
            drawing.chip(x, FRENCH, reading.target[slot], kind)
        else:
            drawing.box(x - 25, FRENCH, 50, CHIP, "target gap")
            drawing.text(x, FRENCH + CHIP / 2, "?", "target")
    for slot in range(max(generated, now + 1) - 1):
        right = reading.middle(slot) + text_width(reading.target[slot]) / 2 + 11
        turn, floor = (reading.middle(slot) + reading.middle(slot + 1)) / 2 + 4, FRENCH + CHIP / 2
        up = DECODER + BAR + 5
        drawing.path(
            f"M{right:.1f} {floor:g}H{turn - 8:g}Q{turn:g} {floor:g} {turn:g} {floor - 8:g}V{up:g}",
            "target stroke",
        )
        drawing.head(turn, up, -1.5708, "target stroke")
    return drawing


def memory(drawing: Drawing) -> None:
    """Show that the decoder receives all vectors."""
    y = VECTORS + 8 * CELL_HEIGHT + 12
    drawing.path(f"M20 {y}Q20 {y + 10} 30 {y + 10}H530Q540 {y + 10} 540 {y}", "source stroke")
    drawing.arrow(WIDTH / 2, y + 10, WIDTH / 2, DECODER - 5, "source stroke")


def first_word(reading: Reading) -> Drawing:
    """Frame 11: the decoder has all vectors, and generates one token."""
    drawing = decoding(
        reading,
        "The decoder generates a token",
        f"All vectors reach the decoder, which generates the first French token, "
        f"{reading.target[0]}.",
        generated=1,
        now=0,
    )
    memory(drawing)
    return drawing


def autoregressive(reading: Reading) -> Drawing:
    """Frame 12: each token that is generated is an input when the next is predicted."""
    first, second = reading.target[:2]
    drawing = decoding(
        reading,
        "The decoder is autoregressive",
        f"The decoder has generated {first} and {second}. Each goes back into the decoder, which "
        "is about to predict the next token.",
        generated=2,
        now=2,
    )
    memory(drawing)
    return drawing


def weighted(reading: Reading, now: int, generated: int, title: str, description: str) -> Drawing:
    """Draw the decoder's attention weights on the English tokens when it predicts a French one."""
    drawing = decoding(reading, title, description, generated, now)
    row = reading.attention[now]
    weights = [*row[:SHOWN], sum(row[SHOWN:])]
    top = VECTORS + 8 * CELL_HEIGHT
    for slot, weight in enumerate(weights):
        x = reading.middle(slot)
        thickness = 1.2 + 7 * weight
        drawing.link(x, top + 40, reading.middle(now), DECODER - 3, "weights weight", thickness)
        kind = "weights bold share" if weight == max(weights) else "weights share"
        drawing.text(x, top + 22, f"{100 * weight:.0f}%", kind, LABEL)
    return drawing


def all_weights(reading: Reading) -> Drawing:
    """Frame 13: before a token is predicted, every English token gets a weight."""
    return weighted(
        reading,
        now=0,
        generated=0,
        title="The decoder gives every source token a weight",
        description="Before the first French token, a line from each English token to the decoder "
        "is as wide as the weight that the decoder gives to that token.",
    )


def alignment(reading: Reading, now: int) -> Drawing:
    """Frames 14 and 15: the decoder attends to one English token, and generates a French one."""
    word, row = reading.target[now], reading.attention[now]
    attended = reading.source[row.index(max(row))]
    return weighted(
        reading,
        now,
        generated=now + 1,
        title=f"“{word}” attends to “{attended}”",
        description=f"The decoder generates {word}; its largest weight is on {attended}.",
    )


def frames(reading: Reading) -> dict[int, Drawing]:
    """Draw all eleven frames, under their numbers."""
    return {
        5: one_vector_or_many(reading),
        **{6 + slot: embedding(reading, slot) for slot in range(SHOWN)},
        11: first_word(reading),
        12: autoregressive(reading),
        13: all_weights(reading),
        14: alignment(reading, 0),
        15: alignment(reading, 1),
    }
