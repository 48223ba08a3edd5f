"""The alignment error rate against cases worked by hand; the other scores are sacrebleu's."""

import pytest
import torch

from attention.evaluation import alignment_error_rate, hard_alignment

LINKS = frozenset({(0, 0), (1, 1), (2, 1)})


def test_hard_alignment_takes_the_largest_weight_of_each_row():
    weights = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    assert hard_alignment(weights) == LINKS


def test_alignment_error_rate_by_hand():
    gold = [LINKS, frozenset({(0, 0)})]
    assert alignment_error_rate(gold, gold) == 0
    # 4 gold links, 4 found, 3 agreed: 1 - 2*3/8.
    found = [LINKS, frozenset({(0, 1)})]
    assert alignment_error_rate(found, gold) == pytest.approx(0.25)
    assert alignment_error_rate([frozenset({(5, 5)})], [LINKS]) == 1
