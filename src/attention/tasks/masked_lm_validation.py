"""Validation of a masked language model."""

from collections.abc import Callable, Sequence

import torch

from attention.data.batching import batches_by_length, pad
from attention.data.prose import Paragraph
from attention.tasks.masked_lm import MaskedLM, mask_tokens, masked_lm_logits
from attention.training.losses import masked_lm_loss

__all__ = ["masked_lm_validation"]


def masked_lm_validation(
    masked_lm: MaskedLM, texts: Sequence[str | Paragraph], tokens_per_batch: int = 2000
) -> Callable[[], float]:
    """Measures the mean cross-entropy per masked token on these texts.

    The tokens are masked once, by a generator of its own, so that all validations of all runs
    predict the same tokens, and leave the random draws of training as they are.
    """
    model, tokenizer = masked_lm.model, masked_lm.tokenizer
    windows = [w for text in texts for w in tokenizer.windows(str(text), model.config.max_len)]
    generator = torch.Generator().manual_seed(0)
    batches = []
    for rows in batches_by_length(list(map(len, windows)), tokens_per_batch, generator):
        ids = pad([windows[i] for i in rows])
        mask = mask_tokens(ids, tokenizer.maskable, tokenizer.mask_id, generator=generator)
        batches.append((ids, *mask))

    @torch.no_grad()
    def validate() -> float:
        total = count = 0.0
        device = model.embedding.tokens.weight.device
        for ids, corrupted, chosen in batches:
            logits = masked_lm_logits(model, model.encode(corrupted.to(device)), chosen.to(device))
            n_chosen = int(chosen.sum())
            total += n_chosen * float(masked_lm_loss(logits, ids[chosen].to(device)))
            count += n_chosen
        return total / max(1, count)

    return validate
