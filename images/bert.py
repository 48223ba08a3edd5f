"""The figures of *BERT*: where a gap looks, and what a contrastive loss does to cosines.

Both show real tensors: the page's model is trained here once more.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from attention import record_attention
from attention.data import toy
from attention.data.batching import pad
from attention.models.bert import BERT, BERTConfig
from attention.shapes import Tensor
from attention.tasks.masked_lm import fill_mask, mask_tokens
from attention.tasks.retrieval import TextEncoder, mean_pool
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.losses import contrastive_loss, cosine_similarity, masked_lm_loss
from images.style import CHIP, LABEL, TEXT, WIDTH, Drawing, text_width

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCE = ["[MASK]", "zone", "économique", "européenne", "a", "été", "créée"]
NOUNS = [f"le {noun}" for noun in ("traité", "rapport", "projet", "contrat", "budget")]
NOUNS += [f"la {noun}" for noun in ("loi", "lettre", "décision", "réforme", "réponse")]
VERBS = ["signé", "adopté", "rejeté", "préparé", "défendu", "critiqué"]


@cache
def trained() -> tuple[BERT, WordPieceTokenizer]:
    """The bidirectional model, and its tokenizer."""
    french = [pair.target for pair in toy.pairs("train", 12_000)]
    short = [one for one in french if len(one.split()) <= 8 and "'" not in one]
    to_learn = [one for one in short if one.startswith(("Le ", "La "))]
    words = sorted({word for sentence in to_learn for word in sentence.split()})
    base = Tokenizer(WordPiece({w: i for i, w in enumerate([*SPECIAL_TOKENS, *words])}))
    base.add_special_tokens(SPECIAL_TOKENS)
    base.pre_tokenizer = BertPreTokenizer()
    around = [("[CLS]", 2), ("[SEP]", 3)]
    base.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    tokenizer = WordPieceTokenizer(base)
    ids = pad([tokenizer.encode(sentence) for sentence in to_learn])

    torch.manual_seed(0)
    config = BERTConfig(len(tokenizer), d_model=64, n_heads=4, n_layers=2, d_ff=64, max_len=16)
    model = BERT(config).double()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=400)
    for _ in range(400):
        batch = ids[torch.randint(len(ids), (32,))]
        corrupted, chosen = mask_tokens(batch, tokenizer.maskable, tokenizer.mask_id, 0.3)
        logits = model.head(model.encode(corrupted)[chosen], model.embedding.tokens.weight)
        loss = masked_lm_loss(logits, batch[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        slower.step()
    return model.eval(), tokenizer


def cosines() -> tuple[list[str], Tensor, Tensor]:
    """Five held-out pairs, and their cosines before and after contrastive training."""
    model, tokenizer = deepcopy(trained())
    encoder = TextEncoder(model, tokenizer)
    said = [(verb, noun) for noun in NOUNS for verb in VERBS]
    pairs = [
        (f"La reine a {verb} {noun} .", f"{noun.capitalize()} a été {verb}{_ending(noun)} .")
        for verb, noun in said
    ]
    held_out = pairs[::4]
    to_train = [pair for pair in pairs if pair not in held_out]

    def measured() -> Tensor:
        actives, passives = (encoder.embed(side) for side in zip(*held_out, strict=True))
        return cosine_similarity(actives, passives)[:5, :5]

    before = measured()
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    sides = [pad([tokenizer.encode(text) for text in side]) for side in zip(*to_train, strict=True)]
    for _ in range(100):
        some = torch.randperm(len(to_train))[:16]
        q, k = (mean_pool(model.encode(side[some]), side[some] != 0) for side in sides)
        optimizer.zero_grad()
        contrastive_loss(q, k).backward()
        optimizer.step()
    return [f"{verb} {noun}" for verb, noun in said[::4][:5]], before, measured()


def _ending(noun: str) -> str:
    return "e" if noun.startswith("la") else ""


def a_gap() -> Drawing:
    """Figure 1: what a gap sees, of both sides and of one."""
    drawing = Drawing(
        452,
        "A gap has two sides",
        "The sentence La zone économique européenne a été créée, its first word hidden. A gap "
        "that looks both ways looks at zone and at européenne, and is La. A gap that looks back "
        "sees nothing but itself.",
    )
    model, tokenizer = trained()
    text = " ".join([*SENTENCE, "."])
    ids = torch.tensor([tokenizer.encode(text, allow_special=True)])
    with record_attention(model) as weights:
        model(ids)
    row = weights["layers.1.self_attention"][0, :, 1, 1:8]  # (H, S), from the gap on
    [predictions] = fill_mask(model, tokenizer, text, top=2)

    widths = [text_width(word) + 9 for word in SENTENCE]
    gap = (WIDTH - 4 - sum(widths)) / (len(widths) - 1)
    middles = [2 + sum(widths[:i]) + gap * i + width / 2 for i, width in enumerate(widths)]
    drawing.text(2, 14, "reads both ways", "ink bold", at="start")
    for word, middle, width in zip(SENTENCE, middles, widths, strict=True):
        drawing.chip(middle, 34, word, "key", width)
    for head in (2, 1):
        for middle, weight in zip(middles, row[head].tolist(), strict=True):
            if weight > 0.1:
                drawing.link(middles[0], 158, middle, 74, "weights", 1 + 8 * weight)
    for head, place in ((2, 1), (1, 3)):
        label = f"head {head + 1}: {100 * row[head, place].item():.0f}%"
        drawing.text(middles[place] + 10, 94, label, "weights", LABEL, "start")
    drawing.chip(middles[0], 160, "[MASK]", "query", widths[0])
    said = ", ".join(f"{one.token} {100 * one.probability:.0f}%" for one in predictions)
    drawing.text(middles[0] + 54, 160 + CHIP / 2, f"guess: {said}", "ink", TEXT, "start")

    top = 246
    drawing.path(f"M2 {top - 24}L{WIDTH - 2} {top - 24}", "line gap")
    drawing.text(2, top + 8, "looks back", "ink bold", at="start")
    drawing.chip(middles[0], top + 28, "[MASK]", "key", widths[0])
    for word, middle, width in zip(SENTENCE[1:], middles[1:], widths[1:], strict=True):
        drawing.box(middle - width / 2, top + 28, width, CHIP, "line gap")
        drawing.text(middle, top + 28 + CHIP / 2, word, "soft")
    drawing.link(middles[0], top + 152, middles[0], top + 68, "weights", 9)
    drawing.text(middles[1], top + 92, "out of sight, whatever it says", "soft", LABEL, "start")
    drawing.chip(middles[0], top + 154, "[MASK]", "query", widths[0])
    drawing.text(middles[0] + 54, top + 154 + CHIP / 2, "guess: Le, or La?", "ink", TEXT, "start")
    return drawing


def two_tables() -> Drawing:
    """Figure 2: the cosines of pairs, before training for search and after it."""
    drawing = Drawing(
        470,
        "What a contrastive loss does",
        "Two tables of the cosines of five active sentences with five passive ones. Before, all "
        "are alike. After, those on the diagonal are the largest.",
    )
    names, before, after = cosines()
    left, width, height = 190, 72, 34
    for top, title, table in ((0, "before", before), (240, "after", after)):
        drawing.text(2, top + 14, title, "ink bold", at="start")
        for column in range(5):
            drawing.text(left + width * (column + 0.5), top + 38, str(column + 1), "key", LABEL)
        for line, (name, values) in enumerate(zip(names, table.tolist(), strict=True)):
            y = top + 54 + height * line
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
    """Draw the figures of the chapter."""
    return {"bert-fig1": a_gap(), "bert-fig2": two_tables()}
