"""Learning to read by filling gaps: words are hidden, and a BERT is asked what stood there."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional as F

from attention.data.batching import batches_by_length, pad
from attention.errors import BadInput
from attention.models.bert import BERT
from attention.shapes import Bool, Float, Int, Tensor
from attention.tokenizers.wordpiece import MASK, WordPieceTokenizer
from attention.training.trainer import Trainer, TrainingConfig

__all__ = ["Prediction", "fill", "hide", "masked_lm_loss", "masked_lm_trainer", "masking_loss"]


def hide(
    ids: Int[Tensor, "B T"],
    ordinary: Bool[Tensor, " V"],
    mask: int,
    share: float = 0.15,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """Choose words to be guessed; most of them become `[MASK]`, some another word, some stay.

    Because some stay, and some are wrong, a model must have an opinion about every word, and not
    only where it sees a `[MASK]`.

    Args:
        ids: The texts, on the processor.
        ordinary: True for each number that stands for a word; no other is touched.
        mask: The number of `[MASK]`.
        share: Of each text's words, to be guessed; rounded, but at least one word.
        generator: Source of all chance; torch's own unless given.

    Returns:
        The texts as the model sees them, and where it has to guess.

    Source: Devlin et al. 2018, section 3.1, task 1: 80% `[MASK]`, 10% random, 10% unchanged.
    """
    words = ordinary[ids]
    lots = torch.rand(ids.shape, generator=generator).masked_fill(~words, 2.0)
    wanted = (share * words.sum(dim=1, keepdim=True)).round().clamp(min=1)
    chosen = (lots.argsort(dim=1).argsort(dim=1) < wanted) & words  # the lowest lots
    fate = torch.rand(ids.shape, generator=generator)
    numbers = ordinary.nonzero().squeeze(1)
    others = numbers[torch.randint(len(numbers), ids.shape, generator=generator)]
    seen = torch.where(chosen & (fate < 0.8), mask, ids)
    return torch.where(chosen & (fate >= 0.9), others, seen), chosen


def masking_loss(
    model: BERT,
    seen: Int[Tensor, "B T"],
    ids: Int[Tensor, "B T"],
    chosen: Bool[Tensor, "B T"],
    smoothing: float = 0.0,
) -> Tensor:
    """Minus the log-likelihood of the words that had to be guessed; 0 where there are none.

    Args:
        model: A BERT with its head.
        seen: The texts with words hidden.
        ids: The texts as they are.
        chosen: Where the model has to guess.
        smoothing: Share of the probability that is given to all words alike.
    """
    return masked_lm_loss(model, model.encode(seen), ids, chosen, smoothing)


def masked_lm_loss(
    model: BERT,
    states: Float[Tensor, "B T D"],
    ids: Int[Tensor, "B T"],
    chosen: Bool[Tensor, "B T"],
    smoothing: float = 0.0,
) -> Tensor:
    """The same, from what the model made of the texts with words hidden: `model.encode(seen)`.

    Only the words that have to be guessed go through the head, which is most of a small model.

    Raises:
        BadInput: The model has no head.
    """
    if model.head is None:
        raise BadInput("this BERT came without its head, so it cannot learn to guess words")
    logits = model.head(states[chosen], model.embedding.tokens.weight)
    loss = F.cross_entropy(logits, ids[chosen], reduction="sum", label_smoothing=smoothing)
    return loss / chosen.sum().clamp(min=1)


def masked_lm_trainer(
    model: BERT, pieces: WordPieceTokenizer, texts: Sequence[str], config: TrainingConfig
) -> Trainer[list[int]]:
    """Make ready to teach `model` these texts; nothing is learned until `steps()` is walked.

    Texts that are longer than the model can read are learned in parts.
    """
    windows = [w for text in texts for w in pieces.windows(text, model.config.max_len)]
    lengths = [len(window) for window in windows]

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        return batches_by_length(lengths, config.tokens_per_batch, generator)

    def loss(rows: list[int]) -> Tensor:
        ids = pad([windows[i] for i in rows])
        seen, chosen = hide(ids, pieces.ordinary, pieces.mask)
        device = model.embedding.tokens.weight.device
        masked = seen.to(device), ids.to(device), chosen.to(device)
        return masking_loss(model, *masked, config.label_smoothing)

    return Trainer(model, batches, loss, config)


class Prediction(NamedTuple):
    """A word that could stand where one is hidden, and how probable the model finds it."""

    word: str
    probability: float


@torch.inference_mode()
def fill(
    model: BERT, pieces: WordPieceTokenizer, text: str, top: int = 5
) -> list[list[Prediction]]:
    """What could stand at each `[MASK]` of `text`: the `top` most probable pieces of words.

    Raises:
        BadInput: There is no `[MASK]`, the text is too long, or the model has no head.
    """
    ids = torch.tensor([pieces.encode(text, marks=True)])
    gaps = (ids[0] == pieces.mask).nonzero().squeeze(1)
    if not len(gaps):
        raise BadInput(f"no {MASK} in the text: put one where a word is to be guessed")
    logits = model(ids.to(model.embedding.tokens.weight.device))[0, gaps].float()
    best = logits[:, : len(pieces)].softmax(dim=-1).topk(min(top, len(pieces)))
    return [
        [Prediction(pieces.word(i), p) for i, p in zip(numbers, chances, strict=True)]
        for numbers, chances in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
