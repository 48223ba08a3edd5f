"""Additive, multiplicative and local attention."""

import pytest
import torch

from attention import AdditiveAttention
from attention.layers.recurrent_attention import LocalAttention, MultiplicativeAttention

LAYER = AdditiveAttention(d_query=3, d_key=4, d_align=5).double()


def inputs(*batch: int):
    generator = torch.Generator().manual_seed(0)
    shapes = [(*batch, 2, 3), (*batch, 6, 4)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def test_the_score_is_the_papers_feed_forward_network():
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


def test_precomputed_keys_change_nothing():
    query, memory = inputs(3)
    torch.testing.assert_close(
        LAYER(query, memory, keys=LAYER.keys(memory)), LAYER(query, memory), rtol=0, atol=0
    )


def test_no_query_attends_to_padding():
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


def test_a_fully_masked_query_gets_zeros():
    query, memory = inputs(1)
    assert not LAYER(query, memory, torch.zeros(1, 1, 6, dtype=torch.bool)).any()


def test_dot_and_general_scores_are_the_products_of_the_paper():
    query, memory = inputs()
    general = MultiplicativeAttention(3, 4, "general").double()
    scores = query @ general.W_a.weight @ memory.T
    torch.testing.assert_close(
        general.attention_weights(query, memory), scores.softmax(-1), rtol=0, atol=1e-12
    )
    dot = MultiplicativeAttention(4, 4)
    torch.testing.assert_close(
        dot(memory, memory), (memory @ memory.T).softmax(-1) @ memory, rtol=0, atol=1e-12
    )


@pytest.mark.on_cpu(reason="refuses before it computes")
def test_a_dot_product_needs_equal_dimensions():
    with pytest.raises(ValueError, match="query of dimension 3 and a key of dimension 4"):
        MultiplicativeAttention(3, 4)


def local(kind: str, half_width: int = 1) -> LocalAttention:
    torch.manual_seed(0)
    return LocalAttention(MultiplicativeAttention(3, 4, "general"), 3, kind, half_width).double()


def test_a_monotonic_window_moves_with_the_target_and_stays_at_the_end():
    query, memory = inputs(1)
    mask = torch.tensor([[[True] * 5 + [False]]])
    weights = local("monotonic").attention_weights(query, memory, mask, torch.tensor([[1, 9]]))
    assert (weights[0] > 0).tolist() == [
        [True, True, True, False, False, False],
        [False, False, False, True, True, False],
    ]
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 2, dtype=torch.double))


def test_a_predictive_window_is_a_gaussian_around_the_position_it_predicts():
    query, memory = inputs(1)
    mask, position = torch.ones(1, 1, 6, dtype=torch.bool), torch.zeros(1, 2, dtype=torch.long)
    layer = local("predictive", half_width=2)
    weights = layer.attention_weights(query, memory, mask, position)
    for t in range(2):
        centre = 6 * torch.sigmoid(layer.v_p.weight[0] @ torch.tanh(layer.W_p.weight @ query[0, t]))
        distance = torch.arange(6) - centre
        inside = distance.abs() <= 2
        scores = query[0, t] @ layer.scorer.W_a.weight @ memory[0].T
        expected = scores.masked_fill(~inside, float("-inf")).softmax(-1)
        expected = expected * torch.exp(-(distance**2) / (2 * 1.0**2))  # sigma: half_width / 2
        torch.testing.assert_close(weights[0, t], expected, rtol=0, atol=1e-12)
