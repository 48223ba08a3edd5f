"""Soft alignments: the attention weights of a translator, teacher-forced on given translations."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from attention.data.batching import pad
from attention.layers.recording import record_attention
from attention.models.ibm_model_1 import IBMModel1
from attention.shapes import Float, Int, Tensor
from attention.tokenizers.special_tokens import BOS

__all__ = ["batches_of_sources", "has_alignment", "soft_alignments"]

SHORT = 64  # tokens; below them, the work on a sentence grows with its length, not with its square
WORK = 2**22  # of a batch: sentences x tokens x tokens


def has_alignment(model: Any) -> bool:
    """Whether a translation model aligns target tokens with source tokens."""
    return isinstance(model, IBMModel1) or bool(model.alignment_layer)


def batches_of_sources(
    sources: Sequence[Sequence[int]], batch_size: int, device: torch.device, copies: int = 1
) -> Iterator[tuple[list[int], Int[Tensor, "B S"]]]:
    """Padded batches of sources of similar length, the shortest first, leaving out empty ones.

    A long source doesn't delay short ones, which would be decoded for as many steps as it needs:
    the longest of a batch has at most twice as many tokens as the shortest, and ten more.

    Args:
        batch_size: The most sources in a batch; fewer long ones, whose attention weights need
            memory.
        copies: Hypotheses that the search keeps of each.

    Yields:
        The indices of the sources in the batch, and their token ids.
    """
    batch: list[int] = []
    for i in sorted((i for i, s in enumerate(sources) if s), key=lambda i: len(sources[i])):
        length = len(sources[i])
        work = (len(batch) + 1) * copies * length * max(length, SHORT)
        too_long = batch and length > 2 * len(sources[batch[0]]) + 10
        if batch and (len(batch) == batch_size or work > WORK or too_long):
            yield batch, pad([sources[j] for j in batch]).to(device)
            batch = []
        batch.append(i)
    if batch:
        yield batch, pad([sources[j] for j in batch]).to(device)


@torch.inference_mode()
def soft_alignments(
    model: Any,
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    batch_size: int,
    device: torch.device,
) -> list[Float[Tensor, "T S"]]:
    """The weights that each target token (row) gives to the source tokens, for every pair.

    They are the attention weights of the model's alignment layer, averaged over its heads, in the
    step that predicts the token; the posterior probabilities of an `IBMModel1`.

    Args:
        model: One that `has_alignment`.
        sources: Token ids of the source sentences.
        targets: Token ids of their translations, without special tokens.
        device: Of the model. The weights are returned on the CPU.
    """
    sizes = ((len(t), len(s)) for s, t in zip(sources, targets, strict=True))
    alignments = [torch.zeros(size, device="cpu") for size in sizes]
    for rows, source in batches_of_sources(sources, batch_size, device):
        target = pad([[BOS, *targets[i]] for i in rows]).to(device)
        if isinstance(model, IBMModel1):
            weights = model.align(source, target[:, 1:])
        else:
            with record_attention(model) as recorded:
                model(source, target)
            weights = recorded[model.alignment_layer]
            weights = weights.mean(dim=1) if weights.dim() == 4 else weights
        for i, row in zip(rows, weights.cpu(), strict=True):
            alignments[i] = row[: len(targets[i]), : len(sources[i])]
    return alignments
