"""The figures of *GPT: predicting the next token*: inputs and targets, and an alignment."""

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

ENGLISH = "The European Economic Area was created in January 1994 ."
FRENCH = "La zone économique européenne a été créée en janvier 1994 ."


@cache
def trained() -> tuple[GPT, WordTokenizer]:
    """The model that the page trains, trained once more by the same steps."""
    lines = [f"{pair.source} = {pair.target}" for pair in toy.small_world("train", 30_000)]
    tokenizer = WordTokenizer.train(lines, min_count=1)
    rows = [[BOS, *tokenizer.encode(line), EOS] for line in lines]

    def batches(epoch: int) -> list[Tensor]:
        random = torch.Generator().manual_seed(epoch)
        chunks = batches_by_length([len(row) for row in rows], 250, random)
        return [pad([rows[i] for i in chunk]) for chunk in chunks]

    def loss(ids: Tensor) -> Tensor:
        targets = ids[:, 1:]
        each = F.cross_entropy(
            model(ids[:, :-1]).transpose(1, 2), targets, ignore_index=PAD, reduction="none"
        )
        return each.sum() / (targets != PAD).sum()

    torch.manual_seed(4)
    sizes = {"d_model": 64, "n_heads": 2, "n_layers": 2, "d_ff": 128, "max_len": 32}
    model = GPT(GPTConfig(len(tokenizer), **sizes, init_std=0.08)).double()
    for _ in Trainer(model, batches, loss, TrainingConfig(700, lr=6e-3, warmup=60)).steps():
        pass
    return model, tokenizer


def shifted() -> Drawing:
    """Figure 1: inputs and targets."""
    inputs = ["<s>", "They", "arrived", "late", "=", "Ils", "sont", "arrivés", "en", "retard"]
    targets = [*inputs[1:], "</s>"]
    drawing = Drawing(
        428,
        "The same line, shifted by one",
        "Ten rows. In each, an input token stands on the left, and an arrow leads to its target, "
        "the next token, on the right. Up to the equals sign the targets are guesses, after it a "
        "translation.",
    )
    left, right, top, pitch = 130, 320, 44, 38
    drawing.text(left, 18, "input", "soft", LABEL)
    drawing.text(right, 18, "target", "soft", LABEL)
    for row, (token, following) in enumerate(zip(inputs, targets, strict=True)):
        y = top + pitch * row
        for x, word, position in [(left, token, row), (right, following, row + 1)]:
            kind = "source" if position < 4 else "ink" if position == 4 else "target"
            drawing.box(x - 60, y, 120, 30, f"{kind} box")
            drawing.text(x, y + 15, word, kind)
        drawing.arrow(left + 64, y + 15, right - 64, y + 15, "soft stroke")
    for first, last, label in [(0, 3, "a guess"), (4, 9, "a translation")]:
        begin, end = top + pitch * first + 2, top + pitch * last + 28
        drawing.path(f"M394 {begin}h10V{end}h-10", "soft stroke")
        drawing.text(416, (begin + end) / 2, label, "soft", LABEL, "start")
    return drawing


def alignment() -> Drawing:
    """Figure 2: what a head attends to where French is predicted."""
    model, tokenizer = trained()
    ids = torch.tensor([[BOS, *tokenizer.encode(f"{ENGLISH} = {FRENCH}")]])
    words = tokenizer.tokens(ids[0].tolist())
    with record_attention(model) as recorded:
        model(ids)
    first = words.index("=")
    table = recorded["layers.0.attention"][0, 1, first:-1, 1:first]
    columns, rows = words[1:first], words[first + 1 :]
    left, top, cell = 132, 128, 40
    drawing = Drawing(
        top + cell * len(rows) + 12,
        "An alignment in the self-attention of a decoder",
        "A heat map with a row for each French token, where it is predicted, and a column for each "
        "English one. Dark cells "
        "join zone with Area, économique with Economic, européenne with European, été with was, "
        "créée with created, janvier with January, and 1994 with 1994.",
    )
    drawing.text(8, 18, "query (predicts) ↓", "query", LABEL, "start")
    drawing.text(WIDTH - 8, 18, "key (English) →", "key", LABEL, "end")
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
