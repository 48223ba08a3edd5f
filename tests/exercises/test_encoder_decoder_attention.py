"""The checks of *Encoder-decoder attention* accept right answers, and name what is wrong."""

import pytest
import torch

from attention import EncoderDecoderAttention
from attention.exercises import (
    Hint,
    check_cross_attention,
    check_cross_attention_test,
    check_source_mask,
    check_zone_row,
)
from attention.exercises.encoder_decoder_attention import MEMORY, IgnoresMemory, X


@pytest.mark.parametrize(
    "row", [(0.03, 0.97, 0.0), [[0.028, 0.969, 0.003]], torch.tensor([0.03, 0.97, 0.0])]
)
def test_a_row_may_be_rounded_and_be_a_list_or_a_tensor(row):
    check_zone_row(row)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (None, "Give three weights"),
        ([0.11, 0.00, 0.89], "another token's row"),
        ([0.87, 0.10, 0.03], "another token's row"),
        ([-1, 4, -4], "These are the dot products"),
        ([-0.71, 2.83, -2.83], "These are scores"),
        ([0.01, 0.99, 0.00], "Divide the dot products by √d_k"),
        ([0.07, 0.91, 0.02], "Divide the dot products by √d_k"),
        ([3, 97, 0], "percentages"),
        ([0.00, 0.97, 0.03], "in another order"),
        ([0.02, 0.98, 0.00], "a last digit is off"),
        ([0.49, 16.92, 0.06], "yours to 17.47: divide each"),
        ([0.11, 0.89, 0.00], r"Your query is \(4, -1\)"),
        ([0.97, 0.03], "give three weights, not 2"),
        ("European", "Give three weights"),
        ([0.97, 0.03, 0.0], "in another order"),
        ([0.1, 0.9, 0.4], "Weights sum to 1, and yours to 1.40"),
        ([0.3, 0.3, 0.4], "row should be something else"),
    ],
)
def test_wrong_rows(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_zone_row(wrong)


def attend(q, k, v, scale=3**0.5, dim=-1):
    return (q @ k.transpose(-2, -1) / scale).softmax(dim) @ v


def scores(q, k):
    return q @ k.transpose(-2, -1) / 3**0.5


def causal(q, k):
    allowed = torch.ones(q.size(1), k.size(1), dtype=torch.bool).tril()
    return scores(q, k).masked_fill(~allowed, -torch.inf).softmax(-1)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, m, Q, K, V: attend(x @ Q, x @ K, x @ V), "This is self-attention"),
        (lambda x, m, Q, K, V: attend(x @ Q, x @ K, m @ V), "A side is mixed up"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, x @ V), "A side is mixed up"),
        (lambda x, m, Q, K, V: attend(m @ Q, x @ K, x @ V), "A side is mixed up"),
        (lambda x, m, Q, K, V: attend(m @ Q, m @ K, m @ V), "A side is mixed up"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ V, m @ K), "values are swapped"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 1), r"Divide the scores by √d_k"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 2), r"Divide the scores by √d_k"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 3), r"Divide the scores by √d_k"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 6**0.5), r"Divide the scores by √d_k"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, dim=-2), "Softmax goes over the last"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, dim=0), "Softmax goes over the last"),
        (lambda x, m, Q, K, V: scores(x @ Q, m @ K) @ m @ V, "Softmax is missing"),
        (lambda x, m, Q, K, V: scores(x @ Q, m @ K).softmax(-1), "weighted sum is missing"),
        (lambda x, m, Q, K, V: causal(x @ Q, m @ K) @ m @ V, "You use a causal mask"),
        (lambda x, m, Q, K, V: x @ Q @ (m @ K).movedim(0, 2), "Transpose the last two axes"),
        (lambda x, m, Q, K, V: attend(x @ Q.T, m @ K, m @ V), "raises an error"),
        (lambda x, m, Q, K, V: scores(x @ Q, m @ K), r"of the shape \(2, 4, 3\), but yours"),
        (lambda x, m, Q, K, V: list(attend(x @ Q, m @ K, m @ V)), "yours is a list of 2"),
        (lambda x, m, Q, K, V: scores(x @ Q, m @ K).exp() @ m @ V, "something else"),
        (lambda x, m, Q, K, V: m @ V, "cross"),
        (lambda x, m, Q, K, V: 7, "cross"),
    ],
)
def test_wrong_cross_attention(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_cross_attention(wrong)


def square(x, m, Q, K, V):
    """Right as long as both sides are equally long."""
    return scores(x @ Q, m @ K).view(2, x.size(1), x.size(1)).softmax(-1) @ m @ V


def test_unequal_lengths_are_tried_too():
    with pytest.raises(
        Hint, match=r"raises an error for tensors of the shapes \(2, 4, 6\), \(2, 5, 6\)"
    ):
        check_cross_attention(square)


def not_padding(ids):
    return (ids != 0).unsqueeze(-2)


def queries(source, target):
    return (target != 0).unsqueeze(-1).expand(-1, -1, source.size(1))


@pytest.mark.parametrize(
    ("mask", "hint"),
    [
        (lambda source, target: None, "gets no mask"),
        (
            lambda source, target: torch.ones(len(source), 1, source.size(1)) > 0,
            "or one that hides nothing",
        ),
        (lambda source, target: (source == 0).unsqueeze(-2), "mask is inverted"),
        (lambda source, target: not_padding(target), "from the source's token ids alone"),
        (
            lambda source, target: not_padding(target) & not_padding(source),
            "from the source's token ids alone",
        ),
        (queries, "You mask queries"),
        (
            lambda source, target: not_padding(source) & queries(source, target),
            "You mask queries",
        ),
        (
            lambda source, target: (
                not_padding(source)
                & torch.ones(target.size(1), source.size(1), dtype=torch.bool).tril()
            ),
            "You use a causal mask",
        ),
        (
            lambda source, target: torch.ones(target.size(1), source.size(1)).tril() > 0,
            "You use a causal mask",
        ),
        (lambda source, target: source != 0, r"the shape \(2, 4\), not \(B, 1, S\)"),
        (lambda source, target: not_padding(source).transpose(1, 2), r"\(2, 4, 1\), not"),
        (lambda source, target: not_padding(source).float(), "Make it boolean"),
        (lambda source, target: not_padding(source) & (source != 6).unsqueeze(-2), "attend"),
    ],
)
def test_wrong_masks(mask, hint):
    def attend(layer, x, memory, source, target):
        return layer(x, memory, mask(source, target))

    with pytest.raises(Hint, match=hint):
        check_source_mask(attend)


@pytest.mark.parametrize(
    "attend",
    [
        lambda layer, x, m, ids, _: layer(x, m * not_padding(ids).mT),
        lambda layer, x, m, ids, _: layer(m, x, not_padding(ids)),
        lambda layer, x, m, ids, _: layer.attention_weights(x, m, not_padding(ids)),
        lambda layer, x, m, ids, _: layer(x, m[:, : (ids != 0).sum(-1).min()]),
    ],
)
def test_a_mask_that_is_right_and_an_answer_that_is_not(attend):
    with pytest.raises(Hint, match=r"should be (something else|a tensor)"):
        check_source_mask(attend)


def test_a_mask_that_fits_only_where_lengths_agree():
    def attend(layer, x, memory, source, target):
        ids = target if source.shape != target.shape else source
        return layer(x, memory, not_padding(ids))

    with pytest.raises(Hint, match="so it has the source's length"):
        check_source_mask(attend)


OTHER = torch.tensor([[2.0, 1.0], [1.0, 0.0]])  # another first target word
LONG = torch.tensor([[2.0, 1.0], [1.0, 0.0], [0.0, 1.0]])


def one_input(layer):
    assert layer(X, X).shape == (2, 2)


def sums(layer):
    weights = layer.attention_weights(X, MEMORY)
    assert torch.allclose(weights.sum(-1), torch.ones(len(weights)))


def memory_matters(layer):
    assert not torch.allclose(layer(LONG, MEMORY), layer(LONG, 2 * MEMORY))


def shape(layer):
    assert layer.attention_weights(X, MEMORY).shape == (2, 3)


def nothing_changes(layer):
    assert torch.allclose(layer(X, MEMORY), layer(X, 2 * MEMORY))


def shifts(layer):
    weights = layer.attention_weights(X, MEMORY)
    assert not torch.allclose(layer.attention_weights(X, MEMORY + 1), weights)


def unpacked(layer):
    _output, _weights, _more = layer(X, MEMORY)


def returns(layer):
    return bool(layer(X, MEMORY).any())


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda layer: None, "never calls the layer"),
        (one_input, "You use one input"),
        (sums, "ignores its memory"),
        (memory_matters, "swaps its inputs"),
        (shape, "lets target tokens affect each other"),
        (nothing_changes, "fails on a correct layer"),
        (shifts, "Softmax is shift-invariant"),
        (unpacked, r"fails on a correct layer \(ValueError: not enough"),
        (returns, "Use assert"),
    ],
)
def test_wrong_tests(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_cross_attention_test(wrong)


def test_a_layer_that_ignores_its_memory_is_self_attention_whatever_it_is_given():
    layer = IgnoresMemory(2)
    assert torch.equal(layer(X, MEMORY), layer(X, X))
    correct = EncoderDecoderAttention(2)
    correct.load_state_dict(layer.state_dict())
    assert torch.equal(correct(X, X), layer(X, MEMORY))
    assert not torch.equal(correct(X, MEMORY), layer(X, MEMORY))


def test_a_check_leaves_the_readers_seed_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    for check in (check_cross_attention, check_source_mask, check_cross_attention_test):
        with pytest.raises(Hint):
            check(lambda *given: None)
    assert torch.equal(torch.rand(1), expected)
