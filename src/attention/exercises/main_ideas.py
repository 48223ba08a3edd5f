"""Exercises of the chapter *The main ideas behind Transformers and attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.layers.positions import sinusoidal_positions
from attention.shapes import Float, Tensor

__all__ = ["check_embeddings", "check_order_blind", "check_positions", "check_residual"]


def check_embeddings(embed: Callable[..., Any]) -> None:
    """Check a look-up of word vectors.

    Args:
        embed: From a table `(V, D)` and word numbers `(B, T)`, the vectors `(B, T, D)`.

    Raises:
        Hint: They are something else.
    """
    table = torch.tensor(
        [
            [1.0, 0.0, 2.0, 0.5, -1.0],
            [0.0, 1.0, 3.0, 1.5, -2.0],
            [0.0, -1.0, 4.0, 2.5, -3.0],
            [9.0, 8.0, 5.0, 3.5, -4.0],
        ]
    )
    ids = torch.tensor([[0, 2, 3], [1, 3, 0]])
    expected = table[ids]
    picks = F.one_hot(ids, 4)
    columns = "A word is a row of the table, and you take columns: the first axis counts the words."
    mistakes = [
        (table[:, ids], columns),
        (table.T[ids], columns),
        (table[ids - 1], "Words are numbered from 0: number 0 is the first row, not the last."),
        (table[ids.flatten()], "The batch is gone: keep the axes of ids, and add one at the end."),
        (
            expected.sum(-2),
            "The words are added up, and nobody can take them apart again. Keep a vector for each.",
        ),
        (
            expected.mean(-2),
            "The words are averaged, and nobody can take them apart again. Keep a vector for each.",
        ),
        (picks, "These ones pick the rows. Multiply them with the table, or look up directly."),
        (picks.float(), "These ones pick the rows. Multiply them with the table."),
        (expected.transpose(-2, -1), "Turn it round: the numbers of a vector are the last axis."),
    ]
    found = answer(
        "embed(table, ids)",
        embed,
        table,
        ids,
        hint="If you multiply: F.one_hot gives integers, and @ wants numbers like the table's: "
        ".float().",
    )
    if isinstance(found, Tensor) and found.shape == expected.shape and not same(found, expected):
        rows = {tuple(row) for row in found.flatten(0, 1).tolist()}
        if rows.isdisjoint(tuple(row) for row in table.tolist()):
            raise Hint(
                "The shape is right, but the vectors stand nowhere in the table. A new "
                "nn.Embedding is random; nn.Embedding.from_pretrained(table) has your rows."
            )
    compare("embed(table, ids)", found, expected, mistakes)
    right("each number has become the row that it counts.")


def check_positions(positions: Callable[..., Any]) -> None:
    """Check positional encodings by waves.

    Args:
        positions: From a length and an even `d_model`, the encodings `(length, d_model)`.

    Raises:
        Hint: They are something else.
    """
    for length, d_model in [(2, 4), (7, 10)]:
        t = torch.arange(length, dtype=torch.float64)[:, None]
        numbers = torch.arange(d_model, dtype=torch.float64)
        pair = numbers // 2
        expected = sinusoidal_positions(length, d_model)
        angles = t / 10_000 ** (2 * pair / d_model)
        half = angles[:, ::2]
        mistakes = [
            (
                torch.cat([half.sin(), half.cos()], dim=-1),
                "Your sines stand in the left half and your cosines in the right. Let them take "
                "turns: number 2i is the sine of pair i, and number 2i + 1 its cosine.",
            ),
            (
                _waves((t + 1) / 10_000 ** (2 * pair / d_model)),
                "You count positions from 1. The first word has position 0: sines 0, cosines 1.",
            ),
            (
                _waves(t / 10_000 ** (numbers / d_model)),
                "Each of your numbers has a wave of its own. The two of a pair share one: "
                "the exponent is 2i / d_model for number 2i and for number 2i + 1.",
            ),
            (
                _waves(t / 10_000 ** (pair / d_model)),
                "Your waves get slow too late: the exponent of pair i is 2i / d_model, not "
                "i / d_model.",
            ),
            (
                _waves(t / 10_000 ** (4 * pair / d_model)),
                "Your exponent is doubled twice: torch.arange(0, d_model, 2) counts 2i already.",
            ),
            (
                torch.stack([half.cos(), half.sin()], dim=-1).flatten(-2),
                "Sine and cosine have changed places: the sine comes first.",
            ),
            (angles.sin(), "The odd places are sines, too. They should be cosines."),
            (
                _waves(t * 10_000 ** (2 * pair / d_model)),
                "Your later pairs get faster. Divide the position by the power of 10,000.",
            ),
            (
                _waves(angles * math.pi / 180),
                "You turn the angles into other units. torch.sin and torch.cos take them as they "
                "are.",
            ),
            (
                _waves(t / 1_000 ** (2 * pair / d_model)),
                "You take powers of 1,000. The formula takes powers of 10,000.",
            ),
            (expected.T, "Turn it round: a row for each position."),
            (
                sinusoidal_positions(d_model, length + length % 2)[:, :length],
                "The two arguments have changed places: first the length, then the width.",
            ),
        ]
        what = f"positions({length}, {d_model})"
        compare(what, answer(what, positions, length, d_model), expected, mistakes)
    right("each position has its own row, and all pairs turn at their own speed.")


def check_residual(with_residual: Callable[..., Any]) -> None:
    """Check a residual connection.

    Args:
        with_residual: From words `(T, D)` and a layer that makes as many vectors of the same
            width, words `(T, D)`.

    Raises:
        Hint: It returns something else, or changes the words that it is given.
    """
    x = torch.tensor([[0.5, 0.0, 1.0], [0.0, 0.5, -0.5], [0.2, -0.4, 0.1]])
    given = x.clone()
    expected = x + _mix(x)
    mistakes = [
        (_mix(x), "The words are lost: you return only what the layer says. Add its input back."),
        (x, "You return the words as they came. What the layer says must be added to them."),
        (
            torch.cat([x, _mix(x)], dim=-1),
            "You put the two side by side, and the vectors are twice as wide. Add them: the next "
            "layer expects the width that this one got.",
        ),
        (
            torch.cat([x, _mix(x)], dim=-2),
            "You put the two below each other, so there are twice as many words. Add them.",
        ),
        ((x + _mix(x)) / 2, "This is the average of the two. Keep the whole word, and add."),
        (x * _mix(x), "You multiply. Add: where the layer says nothing, 0, the word must stay."),
        (x - _mix(x), "You take away what the layer says. Add it."),
        (_mix(x + _mix(x)), "You add, and then go through the layer once more. Once is enough."),
        (
            _mix(x) + _mix(x),
            "You add what the layer says to itself. Add the words that went into it.",
        ),
        (_mix(2 * x), DOUBLED),
        (x + _mix(2 * x), DOUBLED),
        *((wrong, NORMALISED) for wrong in _normalised(x)),
        (expected.softmax(-1), "The sum is the answer, as it is: no softmax."),
    ]
    what = "with_residual(x, layer)"
    found = answer(what, lambda layer: with_residual(x, layer), _mix)  # x itself, not a copy
    if not torch.equal(x, given):
        raise Hint(
            "The words themselves have changed: x += … writes into the tensor of whoever called "
            "you. Make a new one."
        )
    compare(what, found, expected, mistakes)
    right("the words stay, and what the layer says is added to them.")


def check_order_blind(order_blind: Callable[..., Any]) -> None:
    """Check a function that finds out whether a model can tell the order of the words.

    Args:
        order_blind: From a model, whether it is blind to the order. All take words `(T, D)` of any
            length and width, and give as many vectors.

    Raises:
        Hint: It says of a model what isn't so.
    """
    what = "order_blind(model)"
    found = [_said(answer(what, order_blind, model)) for model, *_ in ORDER]
    if found == [not blind for _, blind, _ in ORDER]:
        raise Hint("It is the wrong way round: a blind model is one that can't tell the order.")
    for said, (_, blind, hint) in zip(found, ORDER, strict=True):
        if said != blind:
            raise Hint(hint)
    right("you know who can tell the order, whatever they do with it.")


def _waves(angles: Float[Tensor, "T D"]) -> Float[Tensor, "T D"]:
    """Sines at the even places, cosines at the odd ones."""
    return torch.where(torch.arange(angles.size(-1)) % 2 == 0, angles.sin(), angles.cos())


def _said(found: object) -> bool:
    if found is None or found is ...:
        raise Hint("order_blind(model) gives nothing back yet.")
    if isinstance(found, Tensor) and found.dtype == torch.bool and found.numel() == 1:
        found = found.item()
    if not isinstance(found, bool):
        raise Hint(
            f"Answer with True or False: yours is {found!r}. torch.allclose(one, other) "
            "compares two tensors and gives one of these."
        )
    return found


def _mix(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """The self-attention of the chapter: raw vectors, and nothing learned."""
    return (x @ x.transpose(-2, -1)).softmax(dim=-1) @ x


def _normalised(x: Float[Tensor, "T D"]) -> list[Tensor]:
    """A residual connection with a layer normalisation in it, at one place or another."""
    norm = torch.nn.LayerNorm(x.size(-1), elementwise_affine=False)
    return [norm(x + _mix(x)), x + _mix(norm(x)), x + norm(_mix(x)), norm(x) + _mix(x)]


DOUBLED = "You double the words before the layer reads them. Add them once, to what it says."
NORMALISED = (
    "You bring the vectors to one size (layer normalisation). A Transformer does that, too, but it "
    "is no part of a residual connection: add, and leave the sum as it is."
)


def _double(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Words that don't look at each other at all."""
    return 2 * x


def _with_positions(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    return _mix(x + sinusoidal_positions(x.size(-2), x.size(-1)))


def _from_the_middle(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Counts positions from the middle to both ends, so that a mirror changes nothing."""
    length = x.size(-2)
    away = (2 * torch.arange(length) - (length - 1)).abs()
    return _mix(x + sinusoidal_positions(length, x.size(-1))[away])


def _labelled(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Adds positions to what comes out: each output shows its place, their sum does not."""
    return _mix(x) + sinusoidal_positions(x.size(-2), x.size(-1))


ORDER: list[tuple[Callable[[Tensor], Tensor], bool, str]] = [
    (
        _double,
        True,
        "Your function finds an order in a model that doubles each vector by itself. When words "
        "change places, their outputs change places with them: put the outputs in the new order, "
        "too, before you compare.",
    ),
    (
        _mix,
        True,
        "Your function finds an order in plain self-attention. Sums in another order are rounded "
        "otherwise: compare with torch.allclose(…, atol=1e-5).",
    ),
    (
        _with_positions,
        False,
        "This model adds positions to the words, so it can tell their order, and yours calls it "
        "blind. Change the order of the words, and see whether the outputs only change places.",
    ),
    (
        _from_the_middle,
        False,
        "This model counts positions from the middle of the sentence to both its ends. A mirror, "
        "such as x.flip(0) or two words that change places, looks the same to it. Put three words "
        "or more in another order, such as [1, 2, 0].",
    ),
    (
        _labelled,
        False,
        "This model's outputs tell the order one by one, but their sum and their average don't. "
        "Compare all the outputs.",
    ),
]
