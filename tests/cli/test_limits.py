"""Models that don't fit into memory are refused before they are built."""

import pytest

from attention.cli import limits
from attention.errors import BadInput
from attention.tasks.architectures import ARCHITECTURES


@pytest.mark.parametrize(("gigabytes", "refused"), [(1.6, True), (1.7, False)])
def test_the_parameters_of_a_model_are_counted_exactly(gigabytes, refused, monkeypatch):
    """A Transformer of 2,048 dimensions: four attentions and two FFNs of 256 in two blocks each."""
    monkeypatch.setattr(limits.os, "sysconf", lambda name: (gigabytes * 1e9) ** 0.5)
    sizes = {"d_model": 2048, "min_count": 2}
    if not refused:
        limits.check_memory("transformer", ARCHITECTURES["transformer"], sizes)
        return
    with pytest.raises(BadInput, match=r"--d-model 2048: with --arch transformer 0\.1 billion"):
        limits.check_memory("transformer", ARCHITECTURES["transformer"], sizes)


def test_what_is_impossible_anyway_is_left_to_its_maker():
    sizes = {"d_model": 4096, "n_heads": 3}
    limits.check_memory("transformer", ARCHITECTURES["transformer"], sizes)
