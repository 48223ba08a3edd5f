"""The checks of *Self-attention and masked self-attention* say what is wrong with an answer."""

import math

import pytest
import torch

from attention.exercises import (
    Hint,
    check_given_and_wanted,
    check_may_look,
    check_perplexity,
    check_what_moves,
)

MASKED = "masked self-attention"
CROSS = "encoder-decoder attention"


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda kind, q, k: k <= q, "In self-attention: This is the mask"),
        (lambda kind, q, k: kind == MASKED or k != q, "In self-attention: .* itself as well"),
        (lambda kind, q, k: k == q, "In self-attention: .* and at others, too"),
        (lambda kind, q, k: True, "lets a word see the future"),
        (lambda kind, q, k: kind != MASKED or k < q, "In masked self-attention: .* itself as well"),
        (lambda kind, q, k: kind != MASKED or k >= q, "the wrong way round"),
        (lambda kind, q, k: kind != MASKED or k > q, "the pairs that are forbidden"),
        (
            lambda kind, q, k: kind == "self-attention" or k <= q,
            "In encoder-decoder attention: The",
        ),
        (lambda kind, q, k: k <= q if kind == MASKED else kind != CROSS or k == q, "Place 2 of"),
        (lambda kind, q, k: "yes", r"may_look\('self-attention', 0, 0\) should be True"),
        (lambda kind, q, k: k <= q + 1 if kind == MASKED else True, "0, 1.* should be False"),
    ],
)
def test_wrong_rules(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_may_look(wrong)


@pytest.mark.parametrize("right", [torch.tensor, int, lambda answer: answer])
def test_a_rule_may_answer_in_several_ways(right):
    check_may_look(lambda kind, q, k: right(kind != MASKED or k <= q))


def places(kind, before, after):
    """What moves under the mask by these two, and everything without it."""

    def what_moves(asked, length, i):
        first, last = (before(i), after(i, length)) if asked == kind else (0, length)
        return (
            list(range(first, last)) if asked in (kind, "self-attention") else [*range(i, length)]
        )

    return what_moves


@pytest.mark.on_cpu(reason="numbers of Python only")
@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda kind, n, i: [i], "Its neighbours look at word i"),
        (lambda kind, n, i: list(range(i, n)), "Nothing is masked here"),
        (lambda kind, n, i: [p for p in range(n) if p != i], "looks at itself, too"),
        (lambda kind, n, i: list(range(1, n + 1)), "Count places from 0"),
        (lambda kind, n, i: list(range(n)), "they don't move"),
        (places(MASKED, lambda i: 0, lambda i, n: i + 1), "Asked is who may look at i"),
        (places(MASKED, lambda i: i + 1, lambda i, n: n), "its own output moves, too"),
        (places(MASKED, lambda i: 0, lambda i, n: i), "the wrong way round"),
        (places(MASKED, lambda i: i, lambda i, n: i + 1), "later words have looked"),
        (lambda kind, n, i: n, "should be"),
    ],
)
def test_wrong_movements(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_what_moves(wrong)


@pytest.mark.parametrize("collect", [set, range, tuple, torch.tensor, reversed])
def test_places_may_be_collected_in_several_ways(collect):
    def what_moves(kind, length, i):
        first = i if kind == MASKED else 0
        if collect is range:
            return range(first, length)
        found = collect(list(range(first, length)))
        return list(found) if collect is reversed else found

    check_what_moves(what_moves)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda ids: (ids[:, :-1], ids[:, :-1]), "it copies, mask or no mask"),
        (lambda ids: (ids[:, 1:], ids[:, 1:]), "it copies, mask or no mask"),
        (lambda ids: (ids, ids), "it copies, mask or no mask"),
        (lambda ids: (ids[:, 1:], ids[:, :-1]), "the wrong way round"),
        (lambda ids: (ids, ids.roll(1, dims=1)), "the wrong way round"),
        (lambda ids: (ids, ids.roll(-1, dims=1)), "roll brings the <s>"),
        (lambda ids: (ids[:-1], ids[1:]), "shifted the sentences"),
        (lambda ids: (ids[:, 1:-1], ids[:, 2:]), "You throw <s> away"),
        (lambda ids: (ids[:, :-2], ids[:, 1:-1]), "loses its </s>"),
        (lambda ids: (ids[:, :-2], ids[:, 2:]), "two places apart"),
        (lambda ids: (ids, ids[:, 1:]), "one place too long"),
        (lambda ids: ids[:, 1:], "two tensors"),
        (lambda ids: ids[:, :, 1:], "raises an error"),
        (lambda ids: (ids[:, :-1] + 1, ids[:, 1:]), "should be"),
        (lambda ids: ..., "gives nothing back yet"),
    ],
)
def test_wrong_halves(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_given_and_wanted(wrong)


def loss(p):
    return -p.log().mean()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (loss, "This is the loss"),
        (lambda p: (1 / p).mean(), "average the numbers of words"),
        (lambda p: 1 / p.mean(), "You average the probabilities"),
        (lambda p: (-loss(p)).exp(), "Mind the sign"),
        (lambda p: (-p.log().sum()).exp(), "You add the losses up"),
        (lambda p: 2 ** loss(p), "torch.log has the base e"),
        (lambda p: math.e ** -p.log2().mean(), "log2 has the base 2"),
        (lambda p: len(p), "should be"),
        (lambda p: math.exp(-math.log(p)), "raises an error"),
    ],
)
def test_wrong_perplexities(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_perplexity(wrong)


def test_a_perplexity_may_be_taken_to_another_base():
    check_perplexity(lambda p: 2 ** (-p.log2().mean()))
    check_perplexity(lambda p: float(loss(p).exp()))
