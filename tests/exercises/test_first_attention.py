"""The checks of *The first attention* know right answers, and say what is wrong with the others."""

import pytest
import torch

from attention import AdditiveAttention, padding_mask
from attention.exercises import (
    Hint,
    check_additive_scores,
    check_padding_mask,
    check_perturbation_test,
    check_source_word,
)
from attention.exercises.first_attention import MEMORY, QUERIES, LocationAttention
from attention.layers.recurrent_attention import MultiplicativeAttention


def halves(query, memory, W_a, U_a):
    return (query @ W_a.T)[:, None], memory @ U_a.T


def no_tanh(query, memory, W_a, U_a, v_a):
    queries, keys = halves(query, memory, W_a, U_a)
    return (queries + keys) @ v_a


def tanh_of_each_half(query, memory, W_a, U_a, v_a):
    queries, keys = halves(query, memory, W_a, U_a)
    return (queries.tanh() + keys.tanh()) @ v_a


def additive(query, memory, W_a, U_a, v_a):
    queries, keys = halves(query, memory, W_a, U_a)
    return (queries + keys).tanh() @ v_a


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (no_tanh, "tanh is missing"),
        (tanh_of_each_half, "tanh of each half by itself"),
        (lambda *given: additive(*given).softmax(-1), "These are weights"),
        (lambda q, m, W, U, v: no_tanh(q, m, W, U, v).tanh(), "v_a comes after tanh"),
        (lambda q, m, W, U, v: (q @ W.T)[:, None].add(m @ U.T).tanh() * v, "into one score"),
        (lambda q, m, W, U, v: (q @ W.T) @ (m @ U.T).T, "dot product of the projections"),
        (lambda *given: additive(*given).T, "It is transposed"),
        (lambda q, m, W, U, v: (q @ W.T + m @ U.T).tanh() @ v, "with a new axis"),
        (lambda q, m, W, U, v: (q @ W.T)[:, None].add(m @ U.T).tanh(), "into one score"),
        (
            lambda q, m, W, U, v: additive(q, m, W, U, v).view(2, -1)[:, :2],
            "of the shape \\(2, 3\\), but yours is of the shape \\(2, 2\\)",
        ),
        (lambda q, m, W, U, v: additive(q, m.view(-1, 2), W, U, v), "every dimension is 2"),
        (lambda q, m, W, U, v: additive(q, m, U, W, v), "You have swapped them"),
        (lambda q, m, W, U, v: additive(q, m, W.T, U.T, v), "the transposed matrix"),
        (lambda *given: 2 * additive(*given), r"else at \[0, 0\], .*: 6 of its 6"),
        (
            lambda *given: additive(*given).tolist(),
            r"a tensor of the shape \(2, 3\), but yours is a list of 2",
        ),
    ],
)
def test_wrong_scores(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_additive_scores(wrong)


def test_a_hint_never_gives_the_scores_away():
    with pytest.raises(Hint) as raised:
        check_additive_scores(lambda *given: 2 * additive(*given))
    assert "-2.8" not in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda ids: (ids == 0).unsqueeze(1), "It is inverted"),
        (lambda ids: ids != 0, "axis of queries is missing"),
        (lambda ids: ids.unsqueeze(1), r"at \[0, 0, 0\], where yours is 4"),
        (lambda ids: torch.where(ids == 0, -1e9, 0.0).unsqueeze(1), "an additive mask"),
        (lambda ids: (ids != 0).unsqueeze(2), "The new axis is the last one"),
        (lambda ids: (ids > 1).unsqueeze(1), "Only padding is masked"),
        (lambda ids: (ids > 3).unsqueeze(1), "Only padding is masked"),
        (lambda ids: padding_mask(ids).float(), "a mask is boolean"),
        (lambda ids: (ids != 0)[:, None, None], "One axis too many"),
        (lambda ids: (ids != 0).unsqueeze(1).expand(-1, 5, -1), "a row for each of S queries"),
        (
            lambda ids: (ids == 0).unsqueeze(1) * -torch.inf,
            "where yours is nan: .* A nan comes from",
        ),
        (
            lambda ids: torch.zeros(ids.shape).masked_fill(ids == 0, -torch.inf).unsqueeze(1),
            "an additive mask",
        ),
        (lambda ids: (ids != 0).unsqueeze(3), "raises an error"),
    ],
)
def test_wrong_masks(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_padding_mask(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda w, s, t, word: s[w[t.index(word) + 1].argmax()], "one earlier"),
        (lambda w, s, t, word: int(w[t.index(word)].argmax()), "That is a position"),
        (lambda w, s, t, word: s[w[t.index(word) - 1].argmax()], "the row before"),
        (lambda w, s, t, word: word, "a French word"),
        (lambda w, s, t, word: "and", "should be something else than 'and'"),
        (lambda w, s, t, word: w[t.index(word)].max(), "the largest weight. Return"),
        (lambda w, s, t, word: w[t.index(word)], "the row of weights"),
        (lambda w, s, t, word: [s[w[t.index(word)].argmax()]], "else than a list"),
        (lambda w, s, t, word: s[w.index(word)], "raises an error"),
        (lambda w, s, t, word: s[w[:, t.index(word)].argmax()], "You search a column"),
    ],
)
def test_wrong_rows(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_source_word(wrong)


OTHER = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, -1.0]])  # another first word


def sums_to_one(attention):
    weights = attention.attention_weights(QUERIES, MEMORY)
    assert torch.allclose(weights.sum(-1), torch.ones(2))


def context_changes(attention):
    assert not torch.allclose(attention(QUERIES, MEMORY), attention(QUERIES, OTHER))


def weights_change(attention):
    weights = attention.attention_weights(QUERIES, MEMORY)
    assert not torch.allclose(attention.attention_weights(QUERIES, OTHER), weights)


def weights_change_when_reversed(attention):
    weights = attention.attention_weights(QUERIES, MEMORY)
    assert not torch.allclose(attention.attention_weights(QUERIES, MEMORY.flip(0)), weights)


def weights_stay(attention):
    weights = attention.attention_weights(QUERIES, MEMORY)
    assert torch.allclose(attention.attention_weights(QUERIES, MEMORY.flip(0)), weights)


def reversed_too(attention):
    weights = attention.attention_weights(QUERIES, MEMORY)
    return torch.allclose(
        attention.attention_weights(QUERIES, MEMORY.flip(0)), weights.flip(-1), atol=1e-6
    )


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda attention: None, "passes weights that don't depend on the words"),
        (sums_to_one, "sum to one, too"),
        (context_changes, "The context vector changes"),
        (weights_change, "each weight belongs to its word"),
        (weights_change_when_reversed, "each weight belongs to its word"),
        (lambda attention: attention(QUERIES[:, :1], MEMORY), "raises an error"),
        (weights_stay, r"fails for a correct attention \(additive\)"),
        (reversed_too, "reports by assert"),
    ],
)
def test_wrong_tests(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_perturbation_test(wrong)


def test_the_broken_attention_is_broken_in_this_one_way():
    assert reversed_too(AdditiveAttention(2, 2, 2))
    assert reversed_too(MultiplicativeAttention(2, 2))
    torch.manual_seed(0)
    broken = LocationAttention(2, 50)
    assert not reversed_too(broken)
    sums_to_one(broken)
    context_changes(broken)


def test_a_check_leaves_the_readers_seed_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    with pytest.raises(Hint):
        check_perturbation_test(sums_to_one)
    assert torch.equal(torch.rand(1), expected)
