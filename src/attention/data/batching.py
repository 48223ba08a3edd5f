"""Sentences side by side: padded to one length, and grouped so that little is padding."""

from collections.abc import Sequence

import torch

from attention.shapes import Int, Tensor
from attention.tokenizers.special_tokens import PAD

__all__ = ["batches_by_length", "pad"]


def pad(rows: Sequence[Sequence[int]]) -> Int[Tensor, "B T"]:
    """One row a sentence, filled up at the end with padding."""
    width = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows], dtype=torch.long)


def batches_by_length(
    lengths: Sequence[int], tokens: int, generator: torch.Generator
) -> list[list[int]]:
    """Split `range(len(lengths))` into batches of about `tokens` tokens, padding included.

    Sentences of like length sit together, in an order that differs from epoch to epoch: each
    length is first blurred by a random part of a token, so that equals are shuffled.

    Args:
        lengths: Tokens in each sentence.
        tokens: The most tokens in a batch; a longer sentence gets a batch of its own.
        generator: Source of all randomness.
    """
    blurred = torch.tensor(lengths, dtype=torch.float64)
    blurred += torch.rand(len(lengths), generator=generator, dtype=torch.float64)
    batches: list[list[int]] = []
    batch: list[int] = []
    for i in blurred.argsort().tolist():  # ascending: the newest sentence is the longest
        if batch and lengths[i] * (len(batch) + 1) > tokens:
            batches.append(batch)
            batch = []
        batch.append(i)
    if batch:
        batches.append(batch)
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
