"""Batches: token ids padded to one length, and bucketing by length so that little is padding."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TypeVar

import torch

from attention.errors import BadInput
from attention.shapes import Int, Tensor
from attention.tokenizers.special_tokens import PAD

__all__ = ["batch_stream", "batches_by_length", "pad"]

Batch = TypeVar("Batch")


def pad(rows: Sequence[Sequence[int]]) -> Int[Tensor, "B T"]:
    """One row of token ids for each sentence, padded at the end to the length of the longest."""
    length = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[PAD] * (length - len(row))] for row in rows], dtype=torch.long)


def batches_by_length(
    lengths: Sequence[int],
    tokens_per_batch: int,
    generator: torch.Generator,
    source_lengths: Sequence[int] | None = None,
) -> list[list[int]]:
    """Split `range(len(lengths))` into batches of sentences of similar length, in random order.

    Sorting by length would put the same sentences together in every epoch. So a random number
    below 1 is added to each length, which shuffles the sentences of equal length.

    Args:
        lengths: Tokens in each sentence.
        tokens_per_batch: The most tokens in a batch, padding included; a longer sentence gets a
            batch of its own.
        generator: Source of all randomness.
        source_lengths: For pairs, whose `lengths` are those of the targets: tokens in each source.
            A batch has at most twice `tokens_per_batch` of them, padding included, so that a long
            source with a short target does not make all others of its batch as long.

    Returns:
        The indices of the sentences in each batch.
    """
    keys = torch.tensor(lengths, dtype=torch.float64, device=generator.device)
    keys += torch.rand(keys.shape, generator=generator, dtype=keys.dtype, device=keys.device)
    batches: list[list[int]] = []
    batch: list[int] = []
    longest_source = 0
    for i in keys.argsort().tolist():  # ascending, so sentence i is the longest of its batch
        source_length = source_lengths[i] if source_lengths else 0
        longest_source, size = max(longest_source, source_length), len(batch) + 1
        too_large = lengths[i] * size > tokens_per_batch
        if batch and (too_large or longest_source * size > 2 * tokens_per_batch):
            batches.append(batch)
            batch, longest_source = [], source_length
        batch.append(i)
    if batch:
        batches.append(batch)
    order = torch.randperm(len(batches), generator=generator, device=generator.device)
    return [batches[i] for i in order.tolist()]


def batch_stream(batches: Callable[[int], Sequence[Batch]], skip: int = 0) -> Iterator[Batch]:
    """Batches without end, epoch after epoch.

    Args:
        batches: The batches of an epoch, given its number.
        skip: Batches at the start that are left out, because they have been trained on already.

    Raises:
        BadInput: An epoch has no batches.
    """
    for epoch in count():
        of_epoch = batches(epoch)
        if not of_epoch:
            raise BadInput("there is nothing to train on: an epoch has no batches")
        yield from of_epoch[skip:]
        skip = max(0, skip - len(of_epoch))
