"""The checks of *Self-attention and masked self-attention* say what is wrong with an answer."""

import math

import pytest
import torch

from attention.exercises import (
    Hint,
    check_affected_positions,
    check_inputs_and_targets,
    check_may_attend,
    check_perplexity,
)

SELF, MASKED, CROSS = "self-attention", "masked self-attention", "encoder-decoder attention"


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda kind, q, k: k <= q, "In self-attention: This is the rule of masked"),
        (lambda kind, q, k: kind == MASKED or k != q, "In self-attention: .* itself as well"),
        (lambda kind, q, k: kind == MASKED and k > q, "In self-attention: True means"),
        (lambda kind, q, k: k == q, r"may_attend\('self-attention', 0, 1\) should be True"),
        (lambda kind, q, k: True, "In masked self-attention: Yours attend"),
        (lambda kind, q, k: kind != MASKED or k < q, "In masked self-attention: .* itself as well"),
        (lambda kind, q, k: kind != MASKED or k >= q, "the wrong way round"),
        (lambda kind, q, k: kind != MASKED or k > q, "the pairs that are masked"),
        (lambda kind, q, k: kind != MASKED or k <= q + 1, "Off by one"),
        (lambda kind, q, k: kind == SELF or k <= q, "In encoder-decoder attention: The keys"),
        (
            lambda kind, q, k: k <= q if kind == MASKED else kind != CROSS or k == q,
            "The keys belong",
        ),
        (lambda kind, q, k: k <= q if kind == MASKED else kind == SELF, "0, 0\\) should be True"),
        (lambda kind, q, k: "yes", r"may_attend\('self-attention', 0, 0\)"),
        (lambda kind, q, k: k < q - 1, r"may_attend\('self-attention', 0, 0\)"),
        (lambda kind, q, k: k[q], "raises an error"),
        (
            lambda kind, q, k: {SELF: True, MASKED: k <= q}[kind],
            f"raises an error: there is no '{CROSS}'",
        ),
        (lambda kind, q, k: None, "gives nothing back yet|returns nothing yet"),
    ],
)
def test_wrong_rules(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_may_attend(wrong)


@pytest.mark.parametrize("right", [torch.tensor, int, lambda answer: answer])
def test_a_rule_may_answer_in_several_ways(right):
    check_may_attend(lambda kind, q, k: right(kind != MASKED or k <= q))


def positions(first, last):
    """The right answer in self-attention, and these positions under the mask."""

    def affected_positions(kind, length, i):
        return list(range(first(i), last(i, length)) if kind == MASKED else range(length))

    return affected_positions


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda kind, n, i: [i], "The other tokens attend to token i"),
        (lambda kind, n, i: list(range(i, n)), "Nothing is masked here"),
        (lambda kind, n, i: [p for p in range(n) if p != i], "attends to itself, too"),
        (lambda kind, n, i: list(range(1, n + 1)), r"5, 1\) is wrong at \[0\]"),
        (lambda kind, n, i: list(range(n)), "outputs stay the same"),
        (positions(lambda i: 0, lambda i, n: i + 1), "Which attend to i"),
        (positions(lambda i: i + 1, lambda i, n: n), "attends to itself, too"),
        (positions(lambda i: 0, lambda i, n: i), "Which attend to i"),
        (positions(lambda i: i, lambda i, n: i + 1), "but later tokens"),
        (lambda kind, n, i: n, "should be a list of 5"),
        (lambda kind, n, i: [p >= i for p in range(n)], "the positions themselves"),
    ],
)
def test_wrong_positions(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_affected_positions(wrong)


@pytest.mark.parametrize("collect", [set, range, tuple, torch.tensor, reversed])
def test_positions_may_be_collected_in_several_ways(collect):
    def affected_positions(kind, length, i):
        first = i if kind == MASKED else 0
        if collect is range:
            return range(first, length)
        found = collect(list(range(first, length)))
        return list(found) if collect is reversed else found

    check_affected_positions(affected_positions)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda ids: (ids[:, :-1], ids[:, :-1]), "copies it, mask or no mask"),
        (lambda ids: (ids[:, 1:], ids[:, 1:]), "copies it, mask or no mask"),
        (lambda ids: (ids, ids), "copies it, mask or no mask"),
        (lambda ids: (ids[:, 1:], ids[:, :-1]), "the wrong way round"),
        (lambda ids: (ids, ids.roll(1, dims=1)), "the wrong way round"),
        (lambda ids: (ids, ids.roll(-1, dims=1)), "roll moves <s>"),
        (lambda ids: (ids[:-1], ids[1:]), "shift the sentences"),
        (lambda ids: (ids[:, 1:-1], ids[:, 2:]), r"wrong at \[0\]: .*of the shape \(3, 3\)"),
        (lambda ids: (ids, ids[:, 1:]), "never an input"),
        (lambda ids: (ids[:, :-1], ids), "never a target"),
        (lambda ids: ids[:, 1:], "should be a tuple of 2"),
        (lambda ids: ids[:, :, 1:], "raises an error"),
        (lambda ids: (ids[:, :-1] + 1, ids[:, 1:]), "."),
        (lambda ids: ..., "gives nothing back yet|returns nothing yet"),
    ],
)
def test_wrong_halves(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_inputs_and_targets(wrong)


def loss(p):
    return -p.log().mean()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (loss, "This is the loss"),
        (lambda p: (-p.log()).exp(), "should be a number"),
        (lambda p: (-p).mean().exp(), "logarithm is missing"),
        (lambda p: (1 / p).mean(), "You average 1/p"),
        (lambda p: 1 / p.mean(), "You average the probabilities"),
        (lambda p: (-loss(p)).exp(), "Mind the sign"),
        (lambda p: (-p.log().sum()).exp(), "You add up the losses"),
        (lambda p: 2 ** loss(p), "torch.log has the base e"),
        (lambda p: math.e ** -p.log2().mean(), "Raise the same base"),
        (lambda p: len(p), "."),
        (lambda p: math.exp(-math.log(p)), "raises an error"),
    ],
)
def test_wrong_perplexities(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_perplexity(wrong)


def test_a_perplexity_may_be_taken_to_another_base():
    check_perplexity(lambda p: 2 ** (-p.log2().mean()))
    check_perplexity(lambda p: float(loss(p).exp()))
