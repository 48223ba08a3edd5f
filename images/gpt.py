"""The figures of *GPT: predicting the next word*: a line and its shift, and where French looks."""

from __future__ import annotations

from functools import cache

import torch
from torch.nn import functional as F

from attention.data import toy
from attention.data.batching import batches_by_length, pad
from attention.layers.recording import record_attention
from attention.models.gpt import GPT, GPTConfig
from attention.shapes import Tensor
from attention.tokenizers.special_tokens import BOS, EOS, PAD
from attention.tokenizers.words import WordTokenizer
from attention.training.trainer import Trainer, TrainingConfig
from images.style import LABEL, WIDTH, Drawing, number

# The page's own model, trained once more with the same lines.
WORDS = """the he she we they i on of was were in and late early .
agreement treaty report law letter decision budget contract reform resolution
council fund parliament area union bank market commission
european economic social international national central monetary african
signed adopted rejected examined created financed supported defended
arrived left returned entered
january february march april may june july august september october november december
"""
WORLD = {*WORDS.split(), *map(str, range(1980, 2000))}
ENGLISH = "The European Economic Area was created in January 1994 ."
FRENCH = "La zone économique européenne a été créée en janvier 1994 ."


@cache
def trained() -> tuple[GPT, WordTokenizer]:
    """The model that the page trains."""
    pairs = [p for p in toy.pairs("train", 30_000) if set(p.source.lower().split()) <= WORLD]
    lines = [f"{p.source} = {p.target}" for p in pairs if len(p.source.split()) <= 13]
    tokenizer = WordTokenizer.train(lines, min_count=1)
    rows = [[BOS, *tokenizer.encode(line), EOS] for line in lines]

    def batches(epoch: int) -> list[Tensor]:
        chance = torch.Generator().manual_seed(epoch)
        chunks = batches_by_length([len(row) for row in rows], 250, chance)
        return [pad([rows[i] for i in chunk]) for chunk in chunks]

    def loss(ids: Tensor) -> Tensor:
        wanted = ids[:, 1:]
        each = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), wanted, ignore_index=PAD,
                               reduction="none")  # fmt: skip
        return each.sum() / (wanted != PAD).sum()

    torch.manual_seed(0)
    config = GPTConfig(len(tokenizer), d_model=64, n_heads=2, n_layers=2, d_ff=128, max_len=32)
    torch.set_default_dtype(torch.float64)
    model = GPT(config)
    torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight *= 4
    for _ in Trainer(model, batches, loss, TrainingConfig(700, lr=6e-3, warmup=60)).steps():
        pass
    return model, tokenizer


def shifted() -> Drawing:
    """Figure 1: what is given, and what is wanted."""
    given = ["<s>", "They", "arrived", "late", "=", "Ils", "sont", "arrivés", "en", "retard"]
    wanted = [*given[1:], "</s>"]
    drawing = Drawing(
        428,
        "The same line, shifted by one",
        "Ten rows. In each, a given word stands on the left, and an arrow leads to the next word "
        "on the right. Up to the equals sign the words are guesses, behind it a translation.",
    )
    left, right, top, pitch = 130, 320, 44, 38
    drawing.text(left, 18, "given", "soft", LABEL)
    drawing.text(right, 18, "wanted", "soft", LABEL)
    for row, (one, other) in enumerate(zip(given, wanted, strict=True)):
        y = top + pitch * row
        sides = [(left, one, row), (right, other, row + 1)]
        for x, word, place in sides:
            kind = "source" if place < 4 else "ink" if place == 4 else "target"
            drawing.box(x - 60, y, 120, 30, f"{kind} box")
            drawing.text(x, y + 15, word, kind)
        drawing.arrow(left + 64, y + 15, right - 64, y + 15, "soft stroke")
    for first, last, label in [(0, 3, "a guess"), (4, 9, "a translation")]:
        begin, end = top + pitch * first + 2, top + pitch * last + 28
        drawing.path(f"M394 {begin}h10V{end}h-10", "soft stroke")
        drawing.text(416, (begin + end) / 2, label, "soft", LABEL, "start")
    return drawing


def alignment() -> Drawing:
    """Figure 2: where the first head looks while it writes French."""
    model, tokenizer = trained()
    ids = torch.tensor([[BOS, *tokenizer.encode(f"{ENGLISH} = {FRENCH}")]])
    words = tokenizer.tokens(ids[0].tolist())
    with record_attention(model) as recorded:
        model(ids)
    first = words.index("=")
    table = recorded["layers.0.attention"][0, 0, first:-1, 1:first]
    columns, rows = words[1:first], words[first + 1 :]
    left, top, cell = 132, 128, 40
    drawing = Drawing(
        top + cell * len(rows) + 12,
        "Where the decoder looks while it writes French",
        "A table with a row for each French word and a column for each English one. Dark cells "
        "join zone with Area, économique with Economic, européenne with European, été with was, "
        "créée with created, janvier with January, and 1994 with 1994.",
    )
    drawing.text(8, 18, "query: the word written ↓", "query", LABEL, "start")
    drawing.text(WIDTH - 8, 18, "key: the word read →", "key", LABEL, "end")
    for column, word in enumerate(columns):
        x = left + cell * (column + 0.5)
        turn = f"rotate(-90 {number(x)} {top - 8})"
        drawing.shape(
            "text",
            "source",
            word,
            x=x,
            y=top - 8 + 0.35 * LABEL,
            font_size=LABEL,
            text_anchor="start",
            transform=turn,
        )
    for row, (word, weights) in enumerate(zip(rows, table.tolist(), strict=True)):
        y = top + cell * row
        drawing.text(left - 8, y + cell / 2, word, "target", LABEL, "end")
        for column, weight in enumerate(weights):
            x = left + cell * column
            drawing.shape("rect", "weights solid", x=x + 1, y=y + 1, width=cell - 2,
                          height=cell - 2, opacity=f"{0.04 + 0.96 * weight:.1f}")  # fmt: skip
    tall, wide = cell * len(rows), cell * len(columns)
    drawing.shape("rect", "line stroke", x=left, y=top, width=wide, height=tall, rx=2)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figures of the chapter."""
    return {"gpt-fig1": shifted(), "gpt-fig2": alignment()}
