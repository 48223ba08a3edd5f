"""The figures of the Introduction.

The diagrams come from this script alone. The frames of the stepper (5 to 15) show the encoder's
vectors and the attention weights of a trained translator, the one that the chapter's lab
trains and saves. Its files are kept with the lab's outputs until the package or the lab changes.
"""

from __future__ import annotations

import math

import torch

from attention import Translator
from images import course_map
from images.frames import Reading, frames
from images.style import LABEL, TEXT, WIDTH, Drawing, text_width
from tools import lab_runs, labs

LAB = labs.ROOT / "docs" / "introduction-lab.py"
SENTENCE = "The European Economic Area was created in January 1994 ."


def sentence(drawing: Drawing, y: float, words: list[str], kind: str) -> list[float]:
    """Set a sentence in chips, centred in the figure, and return the middle of each word."""
    widths = [text_width(word) + 20 for word in words]
    gap = 9
    left = (WIDTH - sum(widths) - gap * (len(words) - 1)) / 2
    middles = []
    for word, width in zip(words, widths, strict=True):
        drawing.chip(left + width / 2, y, word, kind, width)
        middles.append(left + width / 2)
        left += width + gap
    return middles


def word_order() -> Drawing:
    """Figure 1: the same four words, in another order."""
    drawing = Drawing(
        188,
        "Word order differs",
        "The European Economic Area was, above la zone économique européenne a été; "
        "lines join the words that correspond, and three of them cross.",
    )
    english = sentence(drawing, 8, ["the", "European", "Economic", "Area", "was"], "source")
    french = ["la", "zone", "économique", "européenne", "a", "été"]
    target = sentence(drawing, 144, french, "target")
    for row, column in [(0, 0), (4, 4), (4, 5)]:
        drawing.link(english[row], 46, target[column], 142, "line", 2)
    for row, column in [(1, 3), (2, 2), (3, 1)]:
        drawing.link(english[row], 46, target[column], 142, "weights", 3)
    return drawing


def lengths() -> Drawing:
    """Figure 2: three English words, five French ones."""
    drawing = Drawing(
        188,
        "Lengths differ",
        "They arrived late, three words, above Ils sont arrivés en retard, five words; "
        "arrived and late each correspond to two French words.",
    )
    english = sentence(drawing, 8, ["They", "arrived", "late"], "source")
    target = sentence(drawing, 144, ["Ils", "sont", "arrivés", "en", "retard"], "target")
    for row, column in [(0, 0), (1, 1), (1, 2), (2, 3), (2, 4)]:
        drawing.link(english[row], 46, target[column], 142, "weights" if row else "line", 2.5)
    drawing.text(WIDTH - 10, 26, "3 words", "soft", LABEL, "end")
    drawing.text(WIDTH - 10, 162, "5 words", "soft", LABEL, "end")
    return drawing


def paper() -> Drawing:
    """Figure 16: the paper of 2017, as a card of our own."""
    authors = [
        "Ashish Vaswani · Noam Shazeer",
        "Niki Parmar · Jakob Uszkoreit",
        "Llion Jones · Aidan N. Gomez",
        "Łukasz Kaiser · Illia Polosukhin",
    ]
    drawing = Drawing(
        292,
        "Attention Is All You Need",
        "A card with the paper's title, its eight authors and its date, June 2017.",
    )
    drawing.box(66, 8, 428, 276, "line box")
    drawing.text(WIDTH / 2, 54, "Attention Is All You Need", "ink bold", 26)
    drawing.path("M252 86H308", "weights stroke", style="stroke-width:3")
    for row, line in enumerate(authors):
        drawing.text(WIDTH / 2, 122 + 30 * row, line, "ink", TEXT)
    drawing.text(WIDTH / 2, 252, "June 2017", "soft", TEXT)
    return drawing


def scaling() -> Drawing:
    """Figure 17: sequential against parallel computation."""
    words = ["The", "European", "Economic", "Area", "was"]
    drawing = Drawing(
        306,
        "Recurrence is sequential, attention is parallel",
        "Two grids of tokens by time. A recurrent network fills one cell a step, down a diagonal, "
        "in five steps; attention fills a whole column, in one step.",
    )
    pitch, top, side = 38, 66, 32
    for row, word in enumerate(words):
        drawing.text(104, top + pitch * (row + 0.5), word, "source", TEXT, "end")
    panels = [(118, "sequential", "5 steps"), (354, "parallel", "1 step")]
    for panel, (left, heading, count) in enumerate(panels):
        middle = left + pitch * 2.5
        drawing.text(middle, 18, "attention" if panel else "recurrence", "ink bold")
        drawing.text(middle, 43, heading, "soft", LABEL)
        for row in range(5):
            for step in range(5):
                if panel == 0 and step == row + 1:
                    continue  # where the arrow passes
                busy = step == (0 if panel else row)
                kind = "line gap" if not busy else "weights solid" if panel else "source solid"
                drawing.box(left + pitch * step + 3, top + pitch * row + 3, side, side, kind)
        for row in range(0 if panel else 4):
            x, y = left + pitch * (row + 1), top + pitch * (row + 0.5)
            drawing.path(f"M{x + 1:g} {y:g}H{x + 9:g}q10 0 10 10V{y + 18:g}", "soft stroke")
            drawing.head(x + 19, y + 19, math.pi / 2, "soft stroke")
        bottom = top + pitch * 5
        drawing.arrow(left + 3, bottom + 12, left + pitch * 5 - 3, bottom + 12, "soft stroke")
        drawing.text(left + 3, bottom + 34, "time", "soft", LABEL, "start")
        drawing.text(left + pitch * 5 - 3, bottom + 34, count, "ink", LABEL, "end")
    return drawing


def transformer() -> Drawing:
    """Figure 18: the Transformer's two halves."""
    drawing = Drawing(
        414,
        "The Transformer: an encoder and a decoder",
        "The encoder, six layers of self-attention and feed-forward, passes its vectors to the "
        "encoder-decoder attention of the decoder, six layers of masked self-attention, "
        "encoder-decoder attention and feed-forward, which predicts the next French token.",
    )
    encoder = [["self-attention"], ["feed-forward"]]
    decoder = [["masked", "self-attention"], ["encoder-decoder", "attention"], ["feed-forward"]]
    end, _ = tower(drawing, 8, "source", "Encoder", "The European …", encoder)
    last, middles = tower(drawing, 302, "target", "Decoder", "La zone …", decoder)
    turn, into = end + 44, middles[1]
    drawing.path(
        f"M133 {end + 4:g}V{turn - 8:g}q0 8 8 8H272q8 0 8 -8V{into + 8:g}q0 -8 8 -8H313",
        "source stroke",
    )
    drawing.head(314, into, 0, "source stroke")
    drawing.text(200, turn + 20, "one vector per token", "soft", LABEL)
    drawing.arrow(427, last + 4, 427, last + 22, "target stroke")
    drawing.chip(427, last + 26, "économique", "target strong")
    return drawing


def tower(
    drawing: Drawing, left: float, kind: str, name: str, words: str, parts: list[list[str]]
) -> tuple[float, list[float]]:
    """Draw half of the Transformer, and return its bottom edge and the middle of each part."""
    centre = left + 125
    heights = [22 + 22 * len(lines) for lines in parts]
    tall = 40 + sum(heights) + 10 * len(parts) + 6
    drawing.chip(centre, 8, words, kind)
    drawing.arrow(centre, 48, centre, 68, f"{kind} stroke")
    drawing.box(left, 72, 250, tall, f"{kind} gap")
    drawing.text(left + 18, 94, name, f"{kind} bold", at="start")
    drawing.text(left + 232, 94, "× 6", "soft", at="end")
    y, middles = 114.0, []
    for lines, height in zip(parts, heights, strict=True):
        attention = lines[-1].endswith("attention")
        drawing.box(left + 16, y, 218, height, f"{'weights' if attention else 'soft'} box")
        for row, line in enumerate(lines):
            drawing.text(centre, y + 22 + 22 * row, line)
        middles.append(y + height / 2)
        y += height + 10
    return 72 + tall, middles


DIAGRAMS = {
    1: word_order,
    2: lengths,
    16: paper,
    17: scaling,
    18: transformer,
    19: course_map.before_attention,
    20: course_map.attention,
    21: course_map.models,
}


def trained_translator() -> Translator:
    """Load the translator that the chapter's lab trains; execute the lab first, if need be."""
    torch.set_num_threads(1)  # more round differently, and train other parameters
    if not lab_runs.kept(LAB).exists():
        print(f"Executing {LAB.name}, which trains the translator: one or two minutes", flush=True)
    return Translator.load(lab_runs.execute(LAB).with_suffix("") / "translator")


def read(translator: Translator) -> Reading:
    """Translate the sentence of the frames, and record the vectors and the attention weights.

    A token's vector is shown by four components of its forward half, which depends on the tokens
    before it, and four of its backward half, which depends on those after it; the sentence's by
    eight of the backward half at the first token, which depends on the whole sentence.
    """
    [translation] = translator.translate([SENTENCE])
    ids = torch.tensor([translator.source_tokenizer.encode(SENTENCE)])
    with torch.inference_mode():
        memory = translator.model.encoder(ids)[0]
    half = memory.size(-1) // 2
    assert translation.attention is not None  # Bahdanau's translator attends
    return Reading(
        translation.source,
        translation.target,
        torch.cat([memory[:, :4], memory[:, half : half + 4]], dim=-1).tolist(),
        memory[0, half : half + 8].tolist(),
        translation.attention.tolist(),
    )


def diagrams() -> dict[str, Drawing]:
    """Draw the figures that need no trained model, by name."""
    return {f"intro-fig{n}": diagram() for n, diagram in DIAGRAMS.items()}


def draw() -> dict[str, Drawing]:
    """Draw all figures of the chapter, by name."""
    stepper = frames(read(trained_translator()))
    return diagrams() | {f"intro-fig{n}": frame for n, frame in stepper.items()}
