"""The figure of *BERT*: what a masked position attends to, in both directions and in one.

It shows real tensors: the page's model is trained here once more.
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from attention import record_attention
from attention.data import toy
from attention.data.batching import pad
from attention.models.bert import BERT, BERTConfig
from attention.tasks.masked_lm import fill_mask, mask_tokens
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.losses import masked_lm_loss
from images.style import CHIP, LABEL, TEXT, WIDTH, Drawing, text_width

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCE = ["[MASK]", "zone", "économique", "européenne", "a", "été", "créée"]


def trained() -> tuple[BERT, WordPieceTokenizer]:
    """The bidirectional model, and its tokenizer."""
    french = [pair.target for pair in toy.pairs("train", 12_000)]
    short = [text for text in french if len(text.split()) <= 8 and "'" not in text]
    texts = [text for text in short if text.startswith(("Le ", "La "))]
    words = sorted({word for text in texts for word in text.split()})
    base = Tokenizer(WordPiece({w: i for i, w in enumerate([*SPECIAL_TOKENS, *words])}))
    base.add_special_tokens(SPECIAL_TOKENS)
    base.pre_tokenizer = BertPreTokenizer()
    around = [("[CLS]", 2), ("[SEP]", 3)]
    base.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    tokenizer = WordPieceTokenizer(base)
    ids = pad([tokenizer.encode(text) for text in texts])

    torch.manual_seed(0)
    config = BERTConfig(len(tokenizer), d_model=64, n_heads=4, n_layers=2, d_ff=64, max_len=16)
    model = BERT(config).double()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=400)
    for _ in range(400):
        batch = ids[torch.randint(len(ids), (32,))]
        corrupted, chosen = mask_tokens(batch, tokenizer.maskable, tokenizer.mask_id, 0.3)
        logits = model.head(model.encode(corrupted)[chosen], model.embedding.tokens.weight)
        loss = masked_lm_loss(logits, batch[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval(), tokenizer


def two_contexts() -> Drawing:
    """Figure 1: the context of a masked token, on both sides and on the left."""
    drawing = Drawing(
        452,
        "Context on both sides",
        "The sentence La zone économique européenne a été créée, its first token masked. In a "
        "bidirectional model, the masked position attends to zone and to européenne, and the "
        "prediction is La. In a causal model no line leads to the right.",
    )
    model, tokenizer = trained()
    text = " ".join([*SENTENCE, "."])
    ids = torch.tensor([tokenizer.encode(text, allow_special=True)])
    with record_attention(model) as weights:
        model(ids)
    row = weights["layers.1.self_attention"][0, :, 1, 1:8]  # (H, S), from [MASK] on
    [predictions] = fill_mask(model, tokenizer, text, top=2)

    widths = [text_width(word) + 9 for word in SENTENCE]
    space = (WIDTH - 4 - sum(widths)) / (len(widths) - 1)
    middles = [2 + sum(widths[:i]) + space * i + width / 2 for i, width in enumerate(widths)]
    drawing.text(2, 14, "bidirectional", "ink bold", at="start")
    for word, middle, width in zip(SENTENCE, middles, widths, strict=True):
        drawing.chip(middle, 34, word, "key", width)
    for head in (2, 1):
        for middle, weight in zip(middles, row[head].tolist(), strict=True):
            if weight > 0.1:
                drawing.link(middles[0], 158, middle, 74, "weights", 1 + 8 * weight)
    for head, position in ((2, 1), (1, 3)):
        label = f"head {head + 1}: {100 * row[head, position].item():.0f}%"
        drawing.text(middles[position] + 10, 94, label, "weights", LABEL, "start")
    drawing.chip(middles[0], 160, "[MASK]", "query", widths[0])
    predicted = ", ".join(f"{one.token} {100 * one.probability:.0f}%" for one in predictions)
    drawing.text(middles[0] + 54, 160 + CHIP / 2, f"prediction: {predicted}", "ink", TEXT, "start")

    top = 246
    drawing.path(f"M2 {top - 24}L{WIDTH - 2} {top - 24}", "line gap")
    drawing.text(2, top + 8, "causal", "ink bold", at="start")
    drawing.chip(middles[0], top + 28, "[MASK]", "key", widths[0])
    for word, middle, width in zip(SENTENCE[1:], middles[1:], widths[1:], strict=True):
        drawing.box(middle - width / 2, top + 28, width, CHIP, "line gap")
        drawing.text(middle, top + 28 + CHIP / 2, word, "soft")
    drawing.link(middles[0], top + 152, middles[0], top + 68, "weights", 9)
    drawing.text(middles[1], top + 92, "masked out, whatever is there", "soft", LABEL, "start")
    drawing.chip(middles[0], top + 154, "[MASK]", "query", widths[0])
    drawing.text(
        middles[0] + 54, top + 154 + CHIP / 2, "prediction: Le or La?", "ink", TEXT, "start"
    )
    return drawing


def draw() -> dict[str, Drawing]:
    """Draw the figure of the chapter."""
    return {"bert-fig1": two_contexts()}
