"""Masked language modelling: a BERT with its tokenizer, its training objective, and its use."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from attention.data.batching import batches_by_length, pad
from attention.data.prose import Paragraph
from attention.errors import BadInput
from attention.models.bert import BERT, BERTConfig
from attention.shapes import Bool, Float, Int, Tensor
from attention.tokenizers.wordpiece import MASK, WordPieceTokenizer
from attention.training.losses import masked_lm_loss
from attention.training.trainer import Trainer, TrainingConfig

__all__ = ["MaskedLM", "Prediction", "fill_mask", "mask_tokens", "masked_lm_trainer"]

SIZES = {"n_layers": 1, "max_len": 64, "dropout": 0.1}  # where they differ from `BERTConfig`'s


class MaskedLM:
    """A masked language model: a BERT with its tokenizer.

    Attributes:
        arch: The name of its architecture, a key of `LANGUAGE_MODELS`.
        model: The BERT, in evaluation mode.
        tokenizer: Its WordPiece tokenizer.

    Raises:
        BadInput: The tokenizer has more tokens than the model has embeddings.
    """

    arch = "bert"

    def __init__(self, model: BERT, tokenizer: WordPieceTokenizer) -> None:
        if len(tokenizer) > model.config.vocab_size:
            raise BadInput(
                f"the tokenizer has {len(tokenizer):,} tokens, but the model has embeddings for "
                f"{model.config.vocab_size:,}: they don't belong together"
            )
        self.model, self.tokenizer = model.eval(), tokenizer
        self.model.tokenizer = tokenizer.tokenizer

    @classmethod
    def new(
        cls,
        arch: str,
        texts: Iterable[str | Paragraph],
        seed: int = 0,
        subwords: int | None = None,
        **sizes: Any,
    ) -> "MaskedLM":
        """An untrained BERT, and a tokenizer trained on `texts`.

        Args:
            arch: `bert`, the only one.
            texts: Training data of the tokenizer.
            seed: Seed of the initial weights.
            subwords: Size of the vocabulary; 3000 if not given.
            sizes: Arguments of `BERTConfig`, which has its defaults but for these: 1 layer, texts
                of up to 64 tokens, and a dropout of 0.1.
        """
        tokenizer = WordPieceTokenizer.train(map(str, texts), subwords or 3000)
        torch.manual_seed(seed)
        return cls(BERT(BERTConfig(len(tokenizer), **(SIZES | sizes))), tokenizer)

    def save(self, folder: Path | str) -> None:
        """Save the model and its tokenizer in Hugging Face's layout."""
        self.model.save_pretrained(Path(folder))

    @classmethod
    def load(cls, path_or_name: str | os.PathLike[str]) -> "MaskedLM":
        """Load a model that `save` has written, or any BERT in Hugging Face's layout.

        Args:
            path_or_name: The folder, or a model's name on the hub, such as `bert-base-uncased`.

        Raises:
            BadInput: It can't be found, is damaged, has no tokenizer, or is not a BERT.
        """
        model = BERT.from_pretrained(path_or_name)
        if model.tokenizer is None:
            raise BadInput(f"{path_or_name}: no tokenizer.json, so texts can't be tokenized")
        return cls(model, WordPieceTokenizer(model.tokenizer, model.config.vocab_size))


def mask_tokens(
    ids: Int[Tensor, "B T"],
    maskable: Bool[Tensor, " V"],
    mask_id: int,
    mask_rate: float = 0.15,
    generator: torch.Generator | None = None,
) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """Corrupt texts for masked language modelling, by BERT's 80/10/10 rule.

    Of the tokens that are chosen for prediction, 80% become `[MASK]`, 10% another token, drawn at
    random, and 10% stay as they are. Because the model can't tell which tokens are correct, it must
    keep a representation of every one.

    Args:
        ids: The texts, padded.
        maskable: True for each token id that may be chosen, and inserted: all but the special
            tokens, so padding is never chosen.
        mask_id: The id of `[MASK]`.
        mask_rate: Proportion of each text's maskable tokens to choose, rounded; at least one.
        generator: Source of randomness, on any device; torch's own, on that of `ids`, if not given.

    Returns:
        The corrupted texts, and True at each position that was chosen for prediction.

    Source: Devlin et al. 2018, section 3.1, task 1.
    """
    where = ids.device if generator is None else generator.device
    maskable = maskable.to(ids.device)
    candidates = maskable[ids]
    draws = torch.rand(ids.shape, generator=generator, device=where).to(ids.device)
    draws = draws.masked_fill(~candidates, 2.0)
    count = (mask_rate * candidates.sum(dim=1, keepdim=True)).round().clamp(min=1)
    chosen = (draws.argsort(dim=1).argsort(dim=1) < count) & candidates  # the lowest draws
    fate = torch.rand(ids.shape, generator=generator, device=where).to(ids.device)
    token_ids = maskable.nonzero().squeeze(1)
    others = torch.randint(len(token_ids), ids.shape, generator=generator, device=where)
    others = token_ids[others.to(ids.device)]
    corrupted = torch.where(chosen & (fate < 0.8), mask_id, ids)
    return torch.where(chosen & (fate >= 0.9), others, corrupted), chosen


def masked_lm_logits(
    model: BERT, states: Float[Tensor, "B T D"], chosen: Bool[Tensor, "B T"]
) -> Float[Tensor, "N V"]:
    """Logits at the chosen positions only: the head is most of the work of a small model.

    Raises:
        BadInput: The model has no head.
    """
    if model.head is None:
        raise BadInput("this BERT has no masked-language-modelling head to be trained")
    return model.head(states[chosen], model.embedding.tokens.weight)


def masked_lm_trainer(
    model: BERT, tokenizer: WordPieceTokenizer, texts: Sequence[str], config: TrainingConfig
) -> Trainer[list[int]]:
    """A trainer for masked language modelling alone; it trains when `steps()` is iterated.

    Texts longer than the model's maximum length are split into windows.
    """
    windows = [w for text in texts for w in tokenizer.windows(text, model.config.max_len)]
    lengths = [len(window) for window in windows]

    def batches(epoch: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        return batches_by_length(lengths, config.tokens_per_batch, generator)

    def loss(rows: list[int]) -> Tensor:
        ids = pad([windows[i] for i in rows])
        corrupted, chosen = mask_tokens(ids, tokenizer.maskable, tokenizer.mask_id)
        device = model.embedding.tokens.weight.device
        states = model.encode(corrupted.to(device))
        logits = masked_lm_logits(model, states, chosen.to(device))
        return masked_lm_loss(logits, ids[chosen].to(device), config.label_smoothing)

    def n_tokens(rows: list[int]) -> int:
        return sum(len(windows[i]) for i in rows)

    return Trainer(model, batches, loss, config, n_tokens)


class Prediction(NamedTuple):
    """A token that could replace a `[MASK]`, and its probability."""

    token: str
    probability: float


@torch.inference_mode()
def fill_mask(
    model: BERT, tokenizer: WordPieceTokenizer, text: str, top: int = 5
) -> list[list[Prediction]]:
    """The `top` most probable tokens for each `[MASK]` in a text, the most probable first.

    Each `[MASK]` is predicted on its own, with all others still masked.

    Raises:
        BadInput: There is no `[MASK]`, the text is too long, or the model has no head.
    """
    device = model.embedding.tokens.weight.device
    ids = torch.tensor([tokenizer.encode(text, allow_special=True)], device=device)
    masks = (ids[0] == tokenizer.mask_id).nonzero().squeeze(1)
    if not len(masks):
        raise BadInput(f"no {MASK} in the text: write {MASK} where a token is to be predicted")
    logits = model(ids)[0, masks].float()
    best = logits[:, : len(tokenizer)].softmax(dim=-1).topk(min(top, len(tokenizer)))
    rows = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [[Prediction(tokenizer.token(i), p) for i, p in zip(*row, strict=True)] for row in rows]
