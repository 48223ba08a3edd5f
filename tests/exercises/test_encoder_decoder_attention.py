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
        (None, "gives nothing back yet"),
        ([0.11, 0.00, 0.89], "That is the row of la"),
        ([0.87, 0.10, 0.03], "That is the row of <s>"),
        ([-1, 4, -4], "These are the dot products"),
        ([-0.71, 2.83, -2.83], "These are scores"),
        ([0.01, 0.99, 0.00], "forgot to divide"),
        ([0.07, 0.91, 0.02], "Divide by its root"),
        ([3, 97, 0], "percentages"),
        ([2.8, 96.9, 0.3], "percentages"),
        ([0.00, 0.97, 0.03], "opposite order"),
        ([0.02, 0.98, 0.00], "a last digit is off"),
        ([0.49, 16.92, 0.06], "Their total is not 1"),
        ([0.11, 0.89, 0.00], "not the column"),
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


def weights(q, k):
    return (q @ k.transpose(-2, -1) / 3**0.5).softmax(-1)


def causal(q, k):
    allowed = torch.ones(q.size(1), k.size(1), dtype=torch.bool).tril()
    scores = q @ k.transpose(-2, -1) / 3**0.5
    return scores.masked_fill(~allowed, -torch.inf).softmax(-1)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, m, Q, K, V: attend(x @ Q, x @ K, x @ V), "This is self-attention"),
        (lambda x, m, Q, K, V: attend(x @ Q, x @ K, m @ V), "The keys come from x"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, x @ V), "The values come from x"),
        (lambda x, m, Q, K, V: attend(m @ Q, x @ K, x @ V), "two sides are swapped"),
        (lambda x, m, Q, K, V: attend(m @ Q, m @ K, m @ V), "x plays no part"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ V, m @ K), "values are swapped"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 1), r"Divide the scores by √d_k"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 3), "You divide by d_k"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 6**0.5), "the model dimension"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, dim=-2), "columns sum to one"),
        (
            lambda x, m, Q, K, V: (x @ Q @ (m @ K).transpose(1, 2) / 3**0.5).softmax(-1),
            "weighted sum of the values is missing",
        ),
        (lambda x, m, Q, K, V: x @ Q @ (m @ K).transpose(1, 2) / 3**0.5, "These are the scores"),
        (
            lambda x, m, Q, K, V: x @ Q @ (m @ K).movedim(0, 2),
            r"transpose the last two axes only",
        ),
        (
            lambda x, m, Q, K, V: causal(x @ Q, m @ K) @ m @ V,
            "You use a causal mask",
        ),
        (
            lambda x, m, Q, K, V: (attend(x @ Q, m @ K, m @ V), weights(x @ Q, m @ K)),
            "You return the weights, too",
        ),
        (
            lambda x, m, Q, K, V: list(attend(x @ Q, m @ K, m @ V)),
            "You return a list",
        ),
        (lambda x, m, Q, K, V: attend(x @ Q.T, m @ K, m @ V), "raises an error"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, dim=0), "goes over the batch"),
        (
            lambda x, m, Q, K, V: x @ Q @ (m @ K).transpose(1, 2) / 3**0.5 @ m @ V,
            "Softmax is missing",
        ),
        (
            lambda x, m, Q, K, V: (x @ Q @ (m @ K).transpose(1, 2) / 3**0.5).exp() @ m @ V,
            "don't divide by the total",
        ),
        (
            lambda x, m, Q, K, V: (x @ Q @ (m @ K).transpose(1, 2)).softmax(-1) / 3**0.5 @ m @ V,
            "You divide the weights",
        ),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, 3**-0.5), "You multiply the scores"),
        (lambda x, m, Q, K, V: attend(x @ Q, m @ K, m @ V, m.size(1) ** 0.5), "number of source"),
        (lambda x, m, Q, K, V: m @ V, "cross"),
        (lambda x, m, Q, K, V: 7, "cross"),
    ],
)
def test_wrong_cross_attention(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_cross_attention(wrong)


def square(x, m, Q, K, V):
    """Right as long as both sides are equally long."""
    scores = (x @ Q @ (m @ K).transpose(1, 2)).view(2, x.size(1), x.size(1))
    return (scores / 3**0.5).softmax(-1) @ m @ V


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
        (lambda source, target: (source == 0).unsqueeze(-2), "mask is inverted"),
        (lambda source, target: not_padding(target), "made from the target's token ids"),
        (
            lambda source, target: not_padding(target) & not_padding(source),
            "masks tokens of the source",
        ),
        (queries, "You mask the queries"),
        (
            lambda source, target: not_padding(source) & queries(source, target),
            "those rows are zeros",
        ),
        (
            lambda source, target: (
                not_padding(source)
                & torch.ones(target.size(1), source.size(1), dtype=torch.bool).tril()
            ),
            "no causal mask here",
        ),
        (
            lambda source, target: torch.ones(target.size(1), source.size(1)).tril() > 0,
            "You use a causal mask",
        ),
        (lambda source, target: source != 0, r"the shape \(2, 4\)\. The scores"),
        (lambda source, target: not_padding(source).transpose(1, 2), r"not unsqueeze\(-1\)"),
        (lambda source, target: not_padding(source) & (source != 6).unsqueeze(-2), "attend"),
    ],
)
def test_wrong_masks(mask, hint):
    def attend(layer, x, memory, source, target):
        return layer(x, memory, mask(source, target))

    with pytest.raises(Hint, match=hint):
        check_source_mask(attend)


@pytest.mark.parametrize(
    ("attend", "hint"),
    [
        (lambda layer, x, m, ids, _: layer(x, m * not_padding(ids).mT), "padding of the memory to"),
        (lambda layer, x, m, ids, _: layer(m, x, not_padding(ids)), "x and memory are swapped"),
        (
            lambda layer, x, m, ids, _: layer.attention_weights(x, m, not_padding(ids)),
            "the weights, rightly masked",
        ),
    ],
)
def test_a_mask_that_is_right_and_an_answer_that_is_not(attend, hint):
    with pytest.raises(Hint, match=hint):
        check_source_mask(attend)


def test_a_memory_cut_to_its_shortest_sentence():
    def attend(layer, x, memory, source, target):
        return layer(x, memory[:, : (source != 0).sum(-1).min()])

    with pytest.raises(Hint, match="You cut the memory"):
        check_source_mask(attend)


def test_a_mask_that_fits_only_where_lengths_agree():
    def attend(layer, x, memory, source, target):
        ids = target if source.shape != target.shape else source
        return layer(x, memory, not_padding(ids))

    with pytest.raises(Hint, match="its length must be that of the source"):
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
        (shape, "averages the target"),
        (nothing_changes, "fails on a correct layer"),
        (shifts, "softmax is shift-invariant"),
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
