"""Head contributions: they sum to the output of their layer."""

import pytest
import torch
from torch import nn

from attention.functional import padding_mask
from attention.inspection.contributions import record_contributions
from attention.layers.attention import MultiHeadAttention, SelfAttention


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("bias", [False, True])
def test_contributions_sum_to_the_output_less_the_bias(kv_heads: int, bias: bool) -> None:
    torch.manual_seed(0)
    layer = MultiHeadAttention(8, 4, kv_heads, bias).double()
    x, memory = torch.randn(2, 5, 8).double(), torch.randn(2, 3, 8).double()
    mask = padding_mask(torch.tensor([[7, 8, 9], [7, 0, 0]]))
    with record_contributions(layer) as contributions:
        output = layer(x, memory, mask)
    assert contributions[""].shape == (2, 4, 5, 8)
    rest = output - (layer.W_o.bias if bias else 0)
    torch.testing.assert_close(contributions[""].sum(1), rest, atol=1e-12, rtol=0)


def test_a_contribution_is_the_output_when_all_other_heads_are_ablated() -> None:
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 4).double(), torch.randn(5, 8).double()
    with record_contributions(layer) as contributions:
        layer(x)
    for head in range(4):
        alone = MultiHeadAttention(8, 4).double()
        alone.load_state_dict(layer.state_dict())
        with torch.no_grad():
            alone.W_v.weight.view(4, 2, 8)[torch.arange(4) != head] = 0
        torch.testing.assert_close(contributions[""][head], alone(x), atol=1e-12, rtol=0)


def test_the_steps_of_a_decoding_are_concatenated_in_order() -> None:
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 2).double(), torch.randn(3, 8).double()
    with record_contributions(layer) as whole:
        layer(x)
    with record_contributions(layer) as steps:
        for t in range(3):
            layer(x[t : t + 1], x)
    torch.testing.assert_close(steps[""], whole[""], atol=1e-12, rtol=0)


def test_nothing_is_recorded_after_the_block() -> None:
    model = nn.Sequential(MultiHeadAttention(4, 2), MultiHeadAttention(4, 2))
    with record_contributions(model) as contributions:
        model(torch.randn(3, 4))
    assert list(contributions) == ["0", "1"]
    assert not contributions["0"].requires_grad
    before = contributions["0"]
    model(torch.randn(3, 4))
    assert contributions["0"] is before


def test_single_head_attention_is_refused() -> None:
    recording = record_contributions(SelfAttention(4))
    with pytest.raises(ValueError, match="SelfAttention has no multi-head attention"), recording:
        pass
