"""Padding, and bucketing by length."""

import torch

from attention.data.batching import batches_by_length, pad


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_padding_stands_at_the_end():
    assert pad([[5], [6, 7, 8]]).tolist() == [[5, 0, 0], [6, 7, 8]]


def test_every_sentence_is_in_exactly_one_batch():
    lengths = [3, 9, 4, 4, 8, 2] * 20
    batches = batches_by_length(lengths, 30, generator())
    assert sorted(i for batch in batches for i in batch) == list(range(120))


def test_no_batch_exceeds_its_tokens_and_little_is_padding():
    lengths = [3, 9, 4, 4, 8, 2] * 20
    for batch in batches_by_length(lengths, 30, generator()):
        longest = max(lengths[i] for i in batch)
        assert longest * len(batch) <= 30
    spread = [
        max(lengths[i] for i in b) - min(lengths[i] for i in b)
        for b in batches_by_length(lengths, 30, generator())
    ]
    assert sum(spread) / len(spread) < 1


def test_a_long_sentence_has_a_batch_of_its_own():
    assert [1] in batches_by_length([3, 99, 3], 30, generator())


def test_the_order_depends_on_the_generator_alone():
    lengths = [3, 9, 4, 4, 8, 2] * 20
    first = batches_by_length(lengths, 30, generator())
    assert batches_by_length(lengths, 30, generator()) == first
    assert batches_by_length(lengths, 30, generator(1)) != first
