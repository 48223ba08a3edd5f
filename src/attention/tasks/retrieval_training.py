"""Training objectives of a text encoder: pairs of texts, or texts and keywords drawn from them."""

from collections.abc import Sequence

import torch

from attention.data.batching import pad
from attention.data.prose import Paragraph
from attention.errors import BadInput
from attention.models.bert import BERT
from attention.shapes import Float, Tensor
from attention.tasks.masked_lm import MaskedLM, mask_tokens, masked_lm_logits
from attention.tasks.retrieval import mean_pool
from attention.tokenizers.special_tokens import PAD
from attention.tokenizers.wordpiece import WordPieceTokenizer
from attention.training.losses import contrastive_loss, masked_lm_loss
from attention.training.trainer import Trainer, TrainingConfig

__all__ = ["contrastive_trainer", "keywords", "retrieval_trainer"]

MASKED_LM_WEIGHT = 0.3  # of the masked-language-modelling loss, beside the contrastive loss


def contrastive_trainer(
    model: BERT,
    tokenizer: WordPieceTokenizer,
    pairs: Sequence[tuple[str, str]],
    config: TrainingConfig,
    batch_size: int = 32,
    temperature: float = 0.05,
) -> Trainer[list[int]]:
    """A trainer that pulls the embeddings of each pair together, and pushes all others apart.

    Args:
        model: A BERT, best one that was trained on masked language modelling.
        tokenizer: Its tokenizer.
        pairs: Texts that belong together: a question and its answer, neighbouring paragraphs, a
            sentence and its translation. Or each text twice: then the two embeddings differ by the
            model's dropout alone (SimCSE, Gao et al. 2021, section 3).
        config: How to train; `tokens_per_batch` is ignored. `accumulate` adds no negatives: they
            are those of a batch.
        batch_size: Pairs in each batch. The others' texts are the negatives of each.
        temperature: See `contrastive_loss`.

    Raises:
        BadInput: There are fewer than two pairs, so no negatives.

    Source: Henderson et al. 2017, section 4.4, multiple negatives.
    """
    if len(pairs) < 2:
        raise BadInput(f"{len(pairs)} pairs of texts: at least two are needed, to have negatives")
    max_len = model.config.max_len
    sides = [
        [tokenizer.windows(text, max_len)[0] for text in side] for side in zip(*pairs, strict=True)
    ]

    def batches(epoch: int) -> list[list[int]]:
        return _shuffled(len(pairs), max(2, batch_size), config.seed, epoch)

    def loss(rows: list[int]) -> Tensor:
        queries, keys = (_embed(model, [side[i] for i in rows]) for side in sides)
        return contrastive_loss(queries, keys, temperature)

    return Trainer(model, batches, loss, config)


def retrieval_trainer(
    masked_lm: MaskedLM, texts: Sequence[str | Paragraph], config: TrainingConfig
) -> Trainer[list[int]]:
    """A trainer that teaches a BERT to predict masked tokens and to be searched, on the same texts.

    The loss is a sum: the contrastive loss between a few keywords of each text and the whole text,
    and the masked-language-modelling loss of the text, weighted by 0.3.

    Args:
        masked_lm: Any, best an untrained one whose tokenizer was trained on these texts.
        texts: The best to train on are those that will be searched.
        config: How to train.

    Raises:
        BadInput: There are fewer than two texts, so no negatives.
    """
    model, tokenizer = masked_lm.model, masked_lm.tokenizer
    windows = [w for text in texts for w in tokenizer.windows(str(text), model.config.max_len)]
    if len(windows) < 2:
        raise BadInput("too little text to train on: at least two paragraphs are needed")
    mean_length = sum(map(len, windows)) / len(windows)
    batch_size = max(2, round(config.tokens_per_batch / mean_length))

    def batches(epoch: int) -> list[list[int]]:
        # Not grouped by length: a search has to tell long texts from short ones, too.
        return _shuffled(len(windows), batch_size, config.seed, epoch)

    def loss(rows: list[int]) -> Tensor:
        device = model.embedding.tokens.weight.device
        ids = pad([windows[i] for i in rows])
        corrupted, chosen = mask_tokens(ids, tokenizer.maskable, tokenizer.mask_id)
        cloze = [keywords(windows[i]) for i in rows]
        states = model.encode(corrupted.to(device))
        logits = masked_lm_logits(model, states, chosen.to(device))
        masked = masked_lm_loss(logits, ids[chosen].to(device), config.label_smoothing)
        keys = mean_pool(states, (ids != PAD).to(device))
        return contrastive_loss(_embed(model, cloze), keys) + MASKED_LM_WEIGHT * masked

    def n_tokens(rows: list[int]) -> int:
        return sum(len(windows[i]) for i in rows)

    trainer = Trainer(model, batches, loss, config, n_tokens)
    trainer.encoded = windows
    return trainer


def keywords(window: Sequence[int], generator: torch.Generator | None = None) -> list[int]:
    """A few tokens of a text, as somebody might type them who searches for it.

    They are sampled from a span of the text, and keep their order. From a short span they are a
    quotation, from a long one a summary.

    Args:
        window: The token ids of a text, the first and the last of them special tokens, which stay.
        generator: Source of randomness, on any device; torch's own if not given.

    Source: after the inverse cloze task of Lee et al. 2019, section 4, whose queries are sentences.
    """
    device = None if generator is None else generator.device

    def draw(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator, device=device))

    first, *tokens, last = window
    count = draw(min(3, len(tokens)), min(12, len(tokens)))
    span = draw(count, len(tokens))
    start = draw(0, len(tokens) - span)
    positions = torch.randperm(span, generator=generator, device=device)
    return [first, *(tokens[start + i] for i in sorted(positions[:count].tolist())), last]


def _shuffled(n: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """An epoch's batches. A last batch of one would have no negatives, and is left out."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(n, generator=generator, device=generator.device)
    return [rows.tolist() for rows in order.split(batch_size) if len(rows) > 1]


def _embed(model: BERT, windows: Sequence[Sequence[int]]) -> Float[Tensor, "B D"]:
    ids = pad(windows).to(model.embedding.tokens.weight.device)
    return mean_pool(model.encode(ids), ids != PAD)
