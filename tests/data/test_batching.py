"""Padding, and bucketing by length."""

from itertools import islice

import pytest
import torch

from attention.data.batching import batch_stream, batches_by_length, pad
from attention.errors import BadInput


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


def test_a_long_source_does_not_make_its_whole_batch_long():
    lengths, sources = [5] * 60, [6] * 59 + [100]
    batches = batches_by_length(lengths, 100, generator(), sources)
    assert sorted(i for batch in batches for i in batch) == list(range(60))
    for batch in batches:
        assert len(batch) == 1 or max(sources[i] for i in batch) * len(batch) <= 200
    (with_the_long_one,) = [batch for batch in batches if 59 in batch]
    assert len(with_the_long_one) <= 2
    assert len(batches) <= 5


def test_sources_about_as_long_as_their_targets_change_no_batch():
    lengths = [3, 9, 4, 4, 8, 2] * 20
    sources = [length + 1 for length in lengths]
    expected = batches_by_length(lengths, 30, generator())
    assert batches_by_length(lengths, 30, generator(), sources) == expected


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize("skip", [0, 1, 3, 7, 8])
def test_a_stream_of_batches_goes_on_where_it_stopped(skip):
    def batches(epoch: int) -> list[tuple[int, int]]:
        return [(epoch, i) for i in range(3 + epoch % 2)]

    whole = list(islice(batch_stream(batches), 20))
    assert whole[:8] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]
    assert list(islice(batch_stream(batches, skip), 20 - skip)) == whole[skip:]


@pytest.mark.on_cpu(reason="numbers of Python only")
def test_an_epoch_without_batches_is_refused():
    with pytest.raises(BadInput, match="nothing to train on"):
        next(batch_stream(lambda epoch: []))
