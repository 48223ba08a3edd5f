"""Watching where a model looks."""

import pytest
import torch
from torch import nn

from attention import (
    MultiHeadAttention,
    SelfAttention,
    record_attention,
    scaled_dot_product_attention,
)


def test_recorded_weights_are_the_readable_ones():
    torch.manual_seed(0)
    model = nn.Sequential(SelfAttention(4), SelfAttention(4))
    x = torch.randn(2, 3, 4)
    with record_attention(model) as weights:
        unwatched = model(x)
    first = model[0]
    expected = scaled_dot_product_attention(first.W_q(x), first.W_k(x), first.W_v(x))[1]
    assert list(weights) == ["0", "1"]
    torch.testing.assert_close(weights["0"], expected)
    torch.testing.assert_close(model(x), unwatched)


def test_heads_have_an_axis_of_their_own():
    model = MultiHeadAttention(8, 2)
    with record_attention(model) as weights:
        model(torch.randn(5, 8))
    assert weights[""].shape == (2, 5, 5)


def test_rows_of_a_layer_called_word_by_word_are_joined():
    layer = MultiHeadAttention(8, 2)
    memory = torch.randn(1, 6, 8)
    with record_attention(layer) as weights:
        for _ in range(3):
            layer(torch.randn(1, 1, 8), memory)
    assert weights[""].shape == (1, 2, 3, 6)


def test_nothing_is_left_behind():
    model = SelfAttention(4)
    with record_attention(model) as weights:
        model(torch.randn(3, 4))
    weights.clear()
    model(torch.randn(3, 4))
    assert not weights


def test_hooks_go_even_when_the_model_fails():
    model = SelfAttention(4)
    with pytest.raises(Exception, match=r"."), record_attention(model):
        model("not a tensor")
    assert not model._forward_hooks


def test_a_model_without_attention_is_refused():
    with (
        pytest.raises(ValueError, match="Linear has no attention"),
        record_attention(nn.Linear(2, 2)),
    ):
        pass
