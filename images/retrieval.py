"""The figure of *Retrieval with BERT*: what a contrastive loss does to cosines.

It shows real tensors: the page's model is trained here once more.
"""

from __future__ import annotations

from copy import deepcopy

import torch

from attention.data import toy
from attention.data.batching import pad
from attention.models.bert import BERT
from attention.shapes import Tensor
from attention.tasks.masked_lm import MaskedLM, masked_lm_trainer
from attention.tasks.retrieval import TextEncoder, mean_pool
from attention.training.losses import contrastive_loss, cosine_similarity
from attention.training.trainer import TrainingConfig
from images.style import LABEL, Drawing

NOUNS = [f"le {noun}" for noun in ("traité", "rapport", "projet", "contrat", "budget")]
NOUNS += [f"la {noun}" for noun in ("loi", "lettre", "décision", "réforme", "réponse")]
VERBS = ["signé", "adopté", "rejeté", "préparé", "défendu", "critiqué"]
PAIRS = [
    (
        f"La reine a {verb} {noun} .",
        f"{noun.capitalize()} a été {verb}{'e' if noun.startswith('la') else ''} .",
    )
    for noun in NOUNS
    for verb in VERBS
]
NAMES = [f"{verb} {noun}" for noun in NOUNS for verb in VERBS][::4]
HELD_OUT = PAIRS[::4]


def pretrained() -> MaskedLM:
    """A BERT that was trained by masked language modelling alone."""
    french = [pair.target for pair in toy.pairs("train", 12_000)]
    short = [text for text in french if len(text.split()) <= 8 and text.startswith(("Le ", "La "))]
    sizes = {"d_model": 64, "n_heads": 4, "n_layers": 2, "d_ff": 64, "dropout": 0.0}
    masked_lm = MaskedLM.new("bert", short, **sizes)
    config = TrainingConfig(steps=300, tokens_per_batch=320, lr=0.005)
    for _ in masked_lm_trainer(
        masked_lm.model.double(), masked_lm.tokenizer, short, config
    ).steps():
        pass
    return masked_lm


def train(masked_lm: MaskedLM) -> BERT:
    """The same, trained further by the contrastive loss on the pairs that are not held out."""
    torch.manual_seed(0)
    searcher = deepcopy(masked_lm.model)
    optimizer = torch.optim.Adam(searcher.parameters(), lr=0.003)
    pairs = [pair for pair in PAIRS if pair not in HELD_OUT]
    encode = masked_lm.tokenizer.encode
    sides = [pad([encode(text) for text in side]) for side in zip(*pairs, strict=True)]
    for _ in range(100):
        batch = torch.randperm(len(pairs))[:16]
        q, k = (mean_pool(searcher.encode(side[batch]), side[batch] != 0) for side in sides)
        optimizer.zero_grad()
        contrastive_loss(q, k, temperature=0.05).backward()
        optimizer.step()
    return searcher


def cosines() -> tuple[Tensor, Tensor]:
    """The cosines of five held-out pairs, before and after contrastive training."""
    masked_lm = pretrained()

    def measured(model: BERT) -> Tensor:
        encoder = TextEncoder(model, masked_lm.tokenizer)
        actives, passives = (encoder.embed(side) for side in zip(*HELD_OUT[:5], strict=True))
        return cosine_similarity(actives, passives)

    return measured(masked_lm.model), measured(train(masked_lm))


def two_tables() -> Drawing:
    """Figure 1: the cosines of pairs, before and after contrastive training."""
    drawing = Drawing(
        518,
        "What a contrastive loss does",
        "Two tables of the cosines of five active sentences with five passive ones. Before "
        "contrastive training, all are alike. After it, those on the diagonal are the largest.",
    )
    before, after = cosines()
    left, width, height = 190, 72, 34
    for top, title, table in ((0, "before", before), (264, "after", after)):
        drawing.text(2, top + 14, f"{title} contrastive training", "ink bold", at="start")
        drawing.text(2, top + 44, "query (active)", "query", LABEL, "start")
        drawing.text(left + width * 2.5, top + 38, "key (passive)", "key", LABEL)
        for column in range(5):
            drawing.text(left + width * (column + 0.5), top + 60, str(column + 1), "key", LABEL)
        for line, (name, values) in enumerate(zip(NAMES, table.tolist(), strict=False)):
            y = top + 76 + height * line
            drawing.text(2, y + height / 2, f"{line + 1}  {name}", "query", LABEL, "start")
            for column, value in enumerate(values):
                x, opacity = left + width * column, 0.04 + 0.5 * max(0.0, value)
                drawing.shape("rect", "weights solid", x=x + 1, y=y + 1, width=width - 2,
                              height=height - 2, rx=4, opacity=opacity)  # fmt: skip
                kind = "ink bold" if column == line else "ink"
                shown = f"{value + 0.0:.2f}".replace("-", "−")
                drawing.text(x + width / 2, y + height / 2, shown, kind, LABEL)
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figure of the chapter."""
    return {"retrieval-fig1": two_tables()}
