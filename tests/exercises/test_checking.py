"""A hint names the first place that differs, and never gives the right answer away."""

import math

import pytest
import torch

from attention.exercises.checking import NAN_ORIGIN, Hint, answer, compare, same

NAN = math.nan
TABLE = torch.tensor([[0.125, 0.25, 0.625], [0.5, 0.375, 0.875]])


def changed(*entries: tuple[int, int, float]) -> torch.Tensor:
    """The table with other entries."""
    table = TABLE.clone()
    for row, column, value in entries:
        table[row, column] = value
    return table


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (torch.ones(2), torch.ones(2, dtype=torch.double), True),
        (torch.ones(2), torch.ones(2, 1), False),
        (torch.ones(2) + 1e-3, torch.ones(2), False),
        ([1.0, 1.0], torch.ones(2), False),
        (torch.ones(2, dtype=torch.long), torch.ones(2), True),
        (torch.tensor(0.5), 0.5, True),
        ([torch.tensor(0.5)], [0.5], True),
        (1, 1.0, True),
        (1.001, 1.0, False),
        ("1", 1.0, False),
        ({"a": 1 / 3}, {"a": 0.33333333}, True),
        ({"a": 1.0, "b": 0.0}, {"a": 1.0}, False),
        (["a", 1.0], ("a", 1), True),
        (["a"], "a", False),
        ({1, 2}, {2, 1}, True),
        (torch.tensor([NAN]), torch.ones(1), False),
        (NAN, 1.0, False),
        (torch.tensor([NAN, 1]), torch.tensor([NAN, 1]), True),
        (torch.tensor([NAN, 1]), torch.tensor([1, NAN]), False),
    ],
)
def test_what_counts_as_the_same_answer(one, other, agree):
    assert same(one, other) is agree


@pytest.mark.parametrize(
    ("found", "expected", "hint"),
    [
        (None, 1, "f(x) gives nothing back yet."),
        (0.25, 0.5, "f(x) should be more than 0.25."),
        (3, 0.5, "f(x) should be less than 3."),
        (torch.tensor(0.75), 0.5, "f(x) should be less than 0.75."),
        (
            NAN,
            0.5,
            f"f(x) should be a number, but yours is nan. {NAN_ORIGIN}",
        ),
        ("no", 0.5, "f(x) should be a number, but yours is 'no'."),
        (TABLE, 0.5, "f(x) should be a number, but yours is of the shape (2, 3)."),
        (0, True, "f(x) should be True, but yours is 0."),
        (
            TABLE.T,
            TABLE,
            "f(x) should be a tensor of the shape (2, 3), but yours is of the shape (3, 2).",
        ),
        ([1.0], TABLE, "f(x) should be a tensor of the shape (2, 3), but yours is a list of 1."),
        (
            TABLE.numpy(),
            TABLE,
            "f(x) should be a tensor of the shape (2, 3), but yours is a ndarray.",
        ),
        (
            changed((0, 1, 7), (1, 0, 9)),
            TABLE,
            "f(x) should be something else at [0, 1], where yours is 7: 2 of its 6 entries are "
            "wrong.",
        ),
        (
            changed((1, 2, NAN)),
            TABLE,
            "f(x) should be something else at [1, 2], where yours is nan: 1 of its 6 entries are "
            f"wrong. {NAN_ORIGIN}",
        ),
        (
            {"b": 1.0},
            {"a": 1.0},
            "f(x) should be a dictionary with the keys 'a', but yours is a dict of 1.",
        ),
        ({"a": 1.0}, {"a": 0.5}, "f(x) is wrong for the key 'a': it should be less than 1."),
        ([1], [1, 2], "f(x) should be a list of 2, but yours is a list of 1."),
        ((2, 2), (2, 3), "f(x) is wrong at [1]: it should be more than 2."),
        ("b", "a", "f(x) should be something else than 'b'."),
    ],
)
def test_the_hint_says_how_an_answer_differs(found, expected, hint):
    with pytest.raises(Hint) as raised:
        compare("f(x)", found, expected)
    assert str(raised.value) == hint


def test_a_known_mistake_has_its_own_hint():
    with pytest.raises(Hint, match=r"^Transposed\.$"):
        compare("f(x)", TABLE.T, TABLE, [(TABLE + 1, "Shifted."), (TABLE.T, "Transposed.")])


def unfinished(x):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: undefined, "name 'undefined' is not defined"),
        (lambda x: 1 / 0, "division by zero"),
        (lambda x: {}["key"], "there is no 'key'"),
        (lambda x: x @ x, "shapes (2, 3): "),
        (unfinished, "(2, 3): NotImplementedError"),
    ],
)
def test_an_error_of_a_reader_is_told_in_words(function, said):
    with pytest.raises(Hint) as raised:
        answer("f(x)", function, TABLE, hint="Look at the axes.")
    message, hint = str(raised.value).split("\n")[0], str(raised.value).split("\n")[-1]
    assert message.startswith("f(x) raises an error for tensors of the")
    assert said in message
    assert hint == "Look at the axes."


def test_a_hint_from_within_stays():
    def wrong(x):
        raise Hint("Transposed.")

    with pytest.raises(Hint, match=r"^Transposed\.$"):
        answer("f(x)", wrong, TABLE)
