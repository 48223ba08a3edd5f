"""The staircase of layers, against torch's own attention."""

import pytest
import torch
from torch import nn

from attention import (
    EncoderDecoderAttention,
    MaskedSelfAttention,
    MultiHeadAttention,
    SelfAttention,
    causal_mask,
    padding_mask,
)

D = 8


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def x(*batch: int, length: int = 5) -> torch.Tensor:
    return torch.randn(*batch, length, D, dtype=torch.float64)


def test_projections_are_made_in_the_order_of_the_course():
    assert [name for name, _ in SelfAttention(D).named_children()] == ["W_q", "W_k", "W_v"]
    torch.manual_seed(3)
    layer = SelfAttention(2)
    torch.manual_seed(3)
    for name in ("W_q", "W_k", "W_v"):
        expected = nn.Linear(2, 2, bias=False).weight
        assert torch.equal(getattr(layer, name).weight, expected)


@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
def test_every_layer_takes_any_leading_axes(batch):
    one, other = x(*batch), x(*batch, length=7)
    for layer in (SelfAttention(D), MaskedSelfAttention(D), MultiHeadAttention(D, 2)):
        assert layer.double()(one).shape == one.shape
    assert EncoderDecoderAttention(D, 3).double()(one, other).shape == (*batch, 5, 3)


def test_batch_equals_single_even_when_batch_length_and_dimension_agree():
    square = torch.randn(D, D, D, dtype=torch.float64)
    for layer in (SelfAttention(D), MaskedSelfAttention(D), MultiHeadAttention(D, 2)):
        layer = layer.double()
        singles = torch.stack([layer(sentence) for sentence in square])
        torch.testing.assert_close(layer(square), singles, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer", [MaskedSelfAttention(D), MaskedSelfAttention(D, 3)])
def test_no_query_attends_to_the_future(layer):
    layer = layer.double()
    sentence = x(2).requires_grad_()
    for t in range(5):
        (gradient,) = torch.autograd.grad(layer(sentence)[:, t].sum(), sentence)
        assert not gradient[:, t + 1 :].any()
        assert gradient[:, : t + 1].any()
    assert not layer.attention_weights(sentence).triu(1).any()


def test_a_mask_never_unmasks_the_future():
    layer = MaskedSelfAttention(D)
    everything = torch.ones(5, 5, dtype=torch.bool)
    sentence = torch.randn(5, D)
    torch.testing.assert_close(layer(sentence, everything), layer(sentence))


def test_padding_changes_nothing():
    sentence, garbage = x(length=4), 1e3 * x(length=3)
    padded = torch.cat([sentence, garbage]).unsqueeze(0)
    mask = padding_mask(torch.tensor([[1, 1, 1, 1, 0, 0, 0]]))
    for layer in (SelfAttention(D), MaskedSelfAttention(D)):
        layer = layer.double()
        torch.testing.assert_close(layer(padded, mask)[0, :4], layer(sentence), rtol=0, atol=1e-12)
    heads = MultiHeadAttention(D, 2).double()
    torch.testing.assert_close(heads(padded, mask=mask)[0, :4], heads(sentence), rtol=0, atol=1e-12)
    cross, queries = EncoderDecoderAttention(D).double(), x(1, length=2)
    torch.testing.assert_close(
        cross(queries, padded, mask), cross(queries, sentence.unsqueeze(0)), rtol=0, atol=1e-12
    )


def test_cross_attention_depends_on_the_memory():
    layer, queries, memory = EncoderDecoderAttention(D).double(), x(), x(length=7)
    changed = memory.clone()
    changed[3] += 1
    assert not torch.allclose(layer(queries, memory), layer(queries, changed))
    assert not torch.allclose(
        layer.attention_weights(queries, memory), layer.attention_weights(queries, changed)
    )


def twin(ours: MultiHeadAttention) -> nn.MultiheadAttention:
    """torch's layer with our weights."""
    theirs = nn.MultiheadAttention(D, ours.n_heads, batch_first=True).double()
    parts = [ours.W_q, ours.W_k, ours.W_v]
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
    theirs.out_proj.load_state_dict(ours.W_o.state_dict())
    return theirs


@pytest.mark.parametrize("n_heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_multi_head_attention_equals_torch_with_gradients(n_heads, masked):
    ours = MultiHeadAttention(D, n_heads, bias=True).double()
    theirs = twin(ours)
    inputs = [x(3).requires_grad_(), x(3, length=7).requires_grad_()]
    copies = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    ids = torch.tensor([[1] * 7, [1] * 5 + [0] * 2, [1] + [0] * 6])
    mask = padding_mask(ids) if masked else None

    output = ours(*inputs, mask=mask)
    # torch's key_padding_mask has the opposite polarity: True masks a key.
    hidden = (ids == 0) if masked else None
    expected, weights = theirs(
        copies[0], copies[1], copies[1], key_padding_mask=hidden, average_attn_weights=False
    )
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        ours.attention_weights(*inputs, mask=mask), weights, rtol=0, atol=1e-12
    )
    output.sin().sum().backward()
    expected.sin().sum().backward()
    for mine, peer in zip(inputs, copies, strict=True):
        torch.testing.assert_close(mine.grad, peer.grad, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        ours.W_o.weight.grad, theirs.out_proj.weight.grad, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
def test_grouped_query_attention_equals_torch_with_gradients(n_kv_heads):
    layer, sentence, mask = MultiHeadAttention(D, 4, n_kv_heads).double(), x(3), causal_mask(5)
    q = layer.W_q(sentence).unflatten(-1, (4, 2)).transpose(1, 2)
    k, v = layer.keys_values(sentence, None, None)
    assert k.shape == v.shape == (3, n_kv_heads, 5, 2)
    mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    expected = layer.W_o(mixed.transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(sentence, mask=mask), expected, rtol=0, atol=1e-12)
    output = layer(sentence, mask=mask)
    parameters = list(layer.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(output.sin().sum(), parameters),
        torch.autograd.grad(expected.sin().sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_every_query_head_of_a_group_has_its_own_weights():
    layer, sentence = MultiHeadAttention(D, 4, 1).double(), x()
    weights = layer.attention_weights(sentence)
    assert weights.shape == (4, 5, 5)
    assert not torch.allclose(weights[0], weights[1])


@pytest.mark.parametrize("batch", [(), (2,)])
def test_causal_is_the_causal_mask_and_combines_with_another(batch):
    layer, sentence = MultiHeadAttention(D, 4, 2).double(), x(*batch)
    real = padding_mask(torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]])[: len(batch) + 1])
    real = real if batch else real[0]
    for mask, whole in ((None, causal_mask(5)), (real, causal_mask(5) & real)):
        for ask in (layer, layer.attention_weights):
            torch.testing.assert_close(
                ask(sentence, mask=mask, causal=True), ask(sentence, mask=whole), rtol=0, atol=1e-12
            )
    if batch:
        assert not layer(sentence, mask=real, causal=True)[1, 0].any(), (
            "left padding is fully masked"
        )


@pytest.mark.on_cpu(reason="refuses before it computes")
def test_heads_must_divide_the_dimension():
    with pytest.raises(ValueError, match="3 heads cannot divide a dimension of 8"):
        MultiHeadAttention(D, 3)
    with pytest.raises(ValueError, match="4 heads cannot share 3 KV heads"):
        MultiHeadAttention(D, 4, 3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_every_float_dtype(dtype):
    sentence = torch.randn(2, 5, D).to(dtype)
    for layer in (SelfAttention(D), MaskedSelfAttention(D), MultiHeadAttention(D, 2)):
        output = layer.to(dtype)(sentence)
        assert output.dtype == dtype
        assert output.isfinite().all()


@pytest.mark.parametrize("layer", [SelfAttention, MaskedSelfAttention, EncoderDecoderAttention])
@pytest.mark.parametrize("padded", [False, True])
def test_a_single_head_equals_torch_with_gradients(layer, padded):
    layer, words, memory = layer(D, 3).double(), x(3).requires_grad_(), x(3).requires_grad_()
    asked = memory if isinstance(layer, EncoderDecoderAttention) else words
    mask = padding_mask(torch.tensor([[1] * 5, [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]))
    causal = causal_mask(5) if isinstance(layer, MaskedSelfAttention) else torch.ones(5, 5) > 0
    given = (words, memory) if asked is memory else (words,)

    output = layer(*given, mask=mask) if padded else layer(*given)
    q, k, v = (words @ layer.W_q.weight.T, *(asked @ w.weight.T for w in (layer.W_k, layer.W_v)))
    expected = nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=(mask & causal) if padded else causal
    )
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)
    inputs = [*given, *layer.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(output.sin().sum(), inputs),
        torch.autograd.grad(expected.sin().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
