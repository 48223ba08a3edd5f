"""The checks of *Encoder-decoder attention* know right answers, and name what is wrong."""

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
from attention.exercises.encoder_decoder_attention import MEMORY, Forgetful, X


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
        ([-1, 4, -4], "These are the products"),
        ([-0.71, 2.83, -2.83], "These are scores"),
        ([0.01, 0.99, 0.00], "forgot to divide"),
        ([0.07, 0.91, 0.02], "Divide by its root"),
        ([3, 97, 0], "percentages"),
        ([2.8, 96.9, 0.3], "percentages"),
        ([0.00, 0.97, 0.03], "opposite order"),
        ([0.02, 0.98, 0.00], "a last digit is off"),
        ([0.49, 16.92, 0.06], "Their total is not 1"),
        ([0.11, 0.89, 0.00], "not the column"),
        ([0.97, 0.03], "give three numbers, not 2"),
        ("European", "Give three numbers"),
        ([0.3, 0.3, 0.4], "should be"),
    ],
)
def test_wrong_rows(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_zone_row(wrong)


def mix(q, k, v, scale=2**0.5, dim=-1):
    return (q @ k.transpose(-2, -1) / scale).softmax(dim) @ v


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, m, Q, K, V: mix(x @ Q, x @ K, x @ V), "This is self-attention"),
        (lambda x, m, Q, K, V: mix(x @ Q, x @ K, m @ V), "The keys come from x"),
        (lambda x, m, Q, K, V: mix(x @ Q, m @ K, x @ V), "The values come from x"),
        (lambda x, m, Q, K, V: mix(m @ Q, x @ K, x @ V), "the wrong way round"),
        (lambda x, m, Q, K, V: mix(m @ Q, m @ K, m @ V), "x plays no part"),
        (lambda x, m, Q, K, V: mix(x @ Q, m @ V, m @ K), "have changed places"),
        (lambda x, m, Q, K, V: mix(x @ Q, m @ K, m @ V, 1), r"Divide the scores by √d_k"),
        (lambda x, m, Q, K, V: mix(x @ Q, m @ K, m @ V, 2), "You divide by d_k"),
        (lambda x, m, Q, K, V: mix(x @ Q, m @ K, m @ V, 6**0.5), "the model's width"),
        (lambda x, m, Q, K, V: mix(x @ Q, m @ K, m @ V, dim=-2), "columns add up to one"),
        (
            lambda x, m, Q, K, V: (x @ Q @ (m @ K).transpose(1, 2) / 2**0.5).softmax(-1),
            "Average the values",
        ),
        (lambda x, m, Q, K, V: x @ Q @ (m @ K).transpose(1, 2) / 2**0.5, "These are the scores"),
        (
            lambda x, m, Q, K, V: x @ Q @ (m @ K).movedim(0, 2),
            r"raises an error for tensors of the shapes \(2, 4, 6\)",
        ),
        (lambda x, m, Q, K, V: mix(x @ Q.T, m @ K, m @ V), "raises an error"),
        (lambda x, m, Q, K, V: m @ V, "should be"),
        (lambda x, m, Q, K, V: 7, "should be"),
    ],
)
def test_wrong_cross_attention(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_cross_attention(wrong)


def square(x, m, Q, K, V):
    """Right as long as both sides are equally long."""
    scores = (x @ Q @ (m @ K).transpose(1, 2)).view(2, x.size(1), x.size(1))
    return (scores / 2**0.5).softmax(-1) @ m @ V


def test_unequal_lengths_are_tried_too():
    with pytest.raises(Hint, match=r"raises an error for tensors of the shapes \(2, 3, 6\)"):
        check_cross_attention(square)


def seen(ids):
    return (ids != 0).unsqueeze(-2)


def asking(source, target):
    return (target != 0).unsqueeze(-1).expand(-1, -1, source.size(1))


@pytest.mark.parametrize(
    ("mask", "hint"),
    [
        (lambda source, target: None, "No mask arrives"),
        (lambda source, target: (source == 0).unsqueeze(-2), "the wrong way round"),
        (lambda source, target: seen(target), "comes from the target's numbers"),
        (lambda source, target: seen(target) & seen(source), "hides words of the source"),
        (asking, "You hide the queries"),
        (lambda source, target: seen(source) & asking(source, target), "none of this layer's"),
        (
            lambda source, target: (
                seen(source) & torch.ones(target.size(1), source.size(1), dtype=torch.bool).tril()
            ),
            "no causal mask here",
        ),
        (lambda source, target: source != 0, r"the shape \(2, 3\): sentences, keys"),
        (lambda source, target: seen(source).transpose(1, 2), r"not unsqueeze\(-1\)"),
        (lambda source, target: seen(source) & (source != 6).unsqueeze(-2), "should be"),
    ],
)
def test_wrong_masks(mask, hint):
    def look(layer, x, memory, source, target):
        return layer(x, memory, mask(source, target))

    with pytest.raises(Hint, match=hint):
        check_source_mask(look)


def test_a_mask_that_fits_only_where_lengths_agree():
    def look(layer, x, memory, source, target):
        ids = target if source.shape != target.shape else source
        return layer(x, memory, seen(ids))

    with pytest.raises(Hint, match="raises an error"):
        check_source_mask(look)


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


def unpacked(layer):
    _output, _weights, _more = layer(X, MEMORY)


def answers(layer):
    return bool(layer(X, MEMORY).any())


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda layer: None, "never calls the layer"),
        (one_input, "You feed one input"),
        (sums, "never looks at its memory"),
        (memory_matters, "has its sides swapped"),
        (shape, "mixes the target words"),
        (nothing_changes, "red on a sound layer"),
        (unpacked, r"red on a sound layer \(ValueError: not enough"),
        (answers, "speaks by assert"),
    ],
)
def test_wrong_tests(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_cross_attention_test(wrong)


def test_forgetful_is_self_attention_whatever_it_is_given():
    layer = Forgetful(2)
    assert torch.equal(layer(X, MEMORY), layer(X, X))
    sound = EncoderDecoderAttention(2)
    sound.load_state_dict(layer.state_dict())
    assert torch.equal(sound(X, X), layer(X, MEMORY))
    assert not torch.equal(sound(X, MEMORY), layer(X, MEMORY))


def test_a_check_leaves_the_readers_seed_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    for check in (check_cross_attention, check_source_mask, check_cross_attention_test):
        with pytest.raises(Hint):
            check(lambda *given: None)
    assert torch.equal(torch.rand(1), expected)
