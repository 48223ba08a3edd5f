"""Additive attention."""

import torch

from attention import AdditiveAttention

LAYER = AdditiveAttention(d_query=3, d_key=4, d_align=5).double()


def inputs(*batch: int):
    generator = torch.Generator().manual_seed(0)
    shapes = [(*batch, 2, 3), (*batch, 6, 4)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def test_score_is_the_small_network_of_the_paper():
    query, memory = inputs()
    weights = LAYER.attention_weights(query, memory)
    scores = torch.tensor(
        [
            [
                (
                    LAYER.v_a.weight[0] @ torch.tanh(LAYER.W_a.weight @ s + LAYER.U_a.weight @ h)
                ).item()
                for h in memory
            ]
            for s in query
        ],
        dtype=torch.float64,
    )
    torch.testing.assert_close(weights, scores.softmax(dim=-1), rtol=0, atol=1e-12)
    torch.testing.assert_close(LAYER(query, memory), weights @ memory, rtol=0, atol=1e-12)


def test_kept_keys_change_nothing():
    query, memory = inputs(3)
    torch.testing.assert_close(
        LAYER(query, memory, keys=LAYER.keys(memory)), LAYER(query, memory), rtol=0, atol=0
    )


def test_padding_is_never_looked_at():
    query, memory = inputs(1)
    mask = torch.tensor([[[True, True, True, True, False, False]]])
    weights = LAYER.attention_weights(query, memory, mask)
    assert not weights[..., 4:].any()
    torch.testing.assert_close(
        LAYER(query, memory, mask), LAYER(query, memory[:, :4]), rtol=0, atol=1e-12
    )


def test_weights_depend_on_the_encoder_and_on_the_query():
    query, memory = (tensor.requires_grad_() for tensor in inputs())
    weights = LAYER.attention_weights(query, memory)
    for tensor in (query, memory):
        (gradient,) = torch.autograd.grad(weights[:, 0].sum(), tensor, retain_graph=True)
        assert gradient.any()


def test_a_query_that_may_look_nowhere_gets_zeros():
    query, memory = inputs(1)
    assert not LAYER(query, memory, torch.zeros(1, 1, 6, dtype=torch.bool)).any()
