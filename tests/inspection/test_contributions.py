"""What the heads add must be all that their layer puts out."""

import pytest
import torch
from torch import nn

from attention.functional import padding_mask
from attention.inspection.contributions import record_contributions
from attention.layers.attention import MultiHeadAttention, SelfAttention


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("bias", [False, True])
def test_the_parts_sum_to_the_output_less_the_bias(kv_heads: int, bias: bool) -> None:
    torch.manual_seed(0)
    layer = MultiHeadAttention(8, 4, kv_heads, bias).double()
    x, memory = torch.randn(2, 5, 8).double(), torch.randn(2, 3, 8).double()
    mask = padding_mask(torch.tensor([[7, 8, 9], [7, 0, 0]]))
    with record_contributions(layer) as parts:
        output = layer(x, memory, mask)
    assert parts[""].shape == (2, 4, 5, 8)
    rest = output - (layer.W_o.bias if bias else 0)
    torch.testing.assert_close(parts[""].sum(1), rest, atol=1e-12, rtol=0)


def test_a_part_is_what_is_left_when_all_other_heads_are_silent() -> None:
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 4).double(), torch.randn(5, 8).double()
    with record_contributions(layer) as parts:
        layer(x)
    for head in range(4):
        alone = MultiHeadAttention(8, 4).double()
        alone.load_state_dict(layer.state_dict())
        with torch.no_grad():
            alone.W_v.weight.view(4, 2, 8)[torch.arange(4) != head] = 0
        torch.testing.assert_close(parts[""][head], alone(x), atol=1e-12, rtol=0)


def test_words_written_one_by_one_join_in_order() -> None:
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 2).double(), torch.randn(3, 8).double()
    with record_contributions(layer) as whole:
        layer(x)
    with record_contributions(layer) as steps:
        for t in range(3):
            layer(x[t : t + 1], x)
    torch.testing.assert_close(steps[""], whole[""], atol=1e-12, rtol=0)


def test_afterwards_nobody_watches() -> None:
    model = nn.Sequential(MultiHeadAttention(4, 2), MultiHeadAttention(4, 2))
    with record_contributions(model) as parts:
        model(torch.randn(3, 4))
    assert list(parts) == ["0", "1"]
    assert not parts["0"].requires_grad
    before = parts["0"]
    model(torch.randn(3, 4))
    assert parts["0"] is before


def test_one_head_alone_has_no_parts() -> None:
    watching = record_contributions(SelfAttention(4))
    with pytest.raises(ValueError, match="SelfAttention has no multi-head attention"), watching:
        pass
