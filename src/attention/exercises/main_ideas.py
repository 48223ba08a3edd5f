"""Exercises of the chapter *The main ideas behind Transformers and attention*."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.layers.positions import sinusoidal_positions
from attention.shapes import Float, Tensor

__all__ = [
    "check_embeddings",
    "check_permutation_equivariant",
    "check_positions",
    "check_residual",
]


def check_embeddings(embed: Callable[..., Any]) -> None:
    """Check the embedding of a batch.

    Args:
        embed: From an embedding table `(V, D)` and token ids `(B, T)`, the embeddings `(B, T, D)`.

    Raises:
        Hint: They are something else.
    """
    table = torch.arange(20.0).view(4, 5)
    ids = torch.tensor([[0, 2, 3], [1, 3, 0]])
    expected = table[ids]
    one_hot = F.one_hot(ids, 4)
    columns = "You select columns. An embedding is a row of the table: ids index its first axis."
    summed = "You have {} the embeddings of each sentence. Keep one for each token."
    mistakes = [
        (table[:, ids], columns),
        (table.T[ids], columns),
        (table[ids - 1], "Token ids start from 0: id 0 is the first row, not the last."),
        (table[ids.flatten()], "The batch axis is gone. Keep the axes of ids, and add one."),
        (expected.sum(-2), summed.format("added up")),
        (expected.mean(-2), summed.format("averaged")),
        (one_hot, "These are one-hot vectors. Multiply them by the table, or index it directly."),
        (one_hot.float(), "These are one-hot vectors. Multiply them by the table."),
        (expected.transpose(-2, -1), "Transpose it: the components should be the last axis."),
        (
            expected.transpose(0, 1),
            "The first two axes are swapped: first the sentences, then the tokens.",
        ),
    ]
    found = answer(
        "embed(table, ids)",
        embed,
        table,
        ids,
        hint="If you use a matrix product: F.one_hot gives integers, and @ needs the dtype of the "
        "table. Convert them with .float().",
    )
    if isinstance(found, list):
        raise Hint("You return a list. Return one tensor: index the table with the tensor ids.")
    if isinstance(found, Tensor) and found.shape == expected.shape and not same(found, expected):
        rows = {tuple(row) for row in found.flatten(0, 1).tolist()}
        if rows.isdisjoint(tuple(row) for row in table.tolist()):
            raise Hint(
                "The shape is right, but none of these vectors is a row of the table. A new "
                "nn.Embedding is random. nn.Embedding.from_pretrained(table) has the right rows."
            )
    compare("embed(table, ids)", found, expected, mistakes)
    right("each token id is replaced by its row of the table.")


def check_positions(positions: Callable[..., Any]) -> None:
    """Check sinusoidal positional encodings.

    Args:
        positions: From a length and an even `d_model`, the encodings `(length, d_model)`.

    Raises:
        Hint: They are something else.
    """
    for length, d_model in [(4, 6), (8, 10)]:
        t = torch.arange(length, dtype=torch.float64)[:, None]
        component = torch.arange(d_model, dtype=torch.float64)
        pair = component // 2
        expected = sinusoidal_positions(length, d_model)
        angles = t / 10_000 ** (2 * pair / d_model)
        half = angles[:, ::2]
        alternate = "component 2i is the sine of pair i, and component 2i + 1 its cosine."
        mistakes = [
            (
                torch.cat([half.sin(), half.cos()], dim=-1),
                f"Your sines fill the left half and your cosines the right. Alternate: {alternate}",
            ),
            (
                _alternate((t + 1) / 10_000 ** (2 * pair / d_model)),
                "You count positions from 1. Position 0 comes first: its sines are 0, its cosines "
                "1.",
            ),
            (
                _alternate(t / 10_000 ** (component / d_model)),
                "Each of your components has its own frequency. The two of a pair share one: the "
                "exponent is 2i / d_model for component 2i and for component 2i + 1.",
            ),
            (
                _alternate(t / 10_000 ** (pair / d_model)),
                "Your frequencies fall too slowly: the exponent of pair i is 2i / d_model, not "
                "i / d_model.",
            ),
            (
                _alternate(t / 10_000 ** (2 * pair / (d_model - 2))),
                "Your last pair has the divisor 10,000. Divide the exponent by d_model, so that "
                "this divisor is never quite reached.",
            ),
            (
                _alternate(t / 10_000 ** (4 * pair / d_model)),
                "Your exponent is doubled twice: torch.arange(0, d_model, 2) is 2i already.",
            ),
            (
                torch.stack([half.cos(), half.sin()], dim=-1).flatten(-2),
                f"Sine and cosine are swapped: {alternate}",
            ),
            (angles.sin(), "Your odd components are sines, too. They should be cosines."),
            (
                _alternate(t.float() * 10_000 ** (2 * pair / d_model).float()),  # rounds as theirs
                "Your frequencies rise from pair to pair. Divide the position by the power of "
                "10,000.",
            ),
            (
                _alternate(angles * math.pi / 180),
                "You convert the angles. torch.sin and torch.cos take radians, as the formula "
                "does, so leave them as they are.",
            ),
            (
                _alternate(t / 1_000 ** (2 * pair / d_model)),
                "You use powers of 1,000. The formula uses powers of 10,000.",
            ),
            (half, "These are the angles. Their sines and cosines are still to come."),
            (half.sin(), "These are the sines alone. Each pair has a cosine as well."),
            (expected.T, "Transpose it: a row for each position, a column for each component."),
            (sinusoidal_positions(4, 6), FIXED_SIZE),
            (sinusoidal_positions(4, 4), FIXED_SIZE),
            (expected[None], "Your result has a batch axis. It should be (length, d_model)."),
            (
                sinusoidal_positions(d_model, length),
                "The two arguments are swapped: first the length, then d_model.",
            ),
        ]
        what = f"positions({length}, {d_model})"
        found = answer(what, positions, length, d_model, hint=COLUMN)
        compare(what, found, expected, mistakes)
    right("each position has its own row, and each pair of components its own frequency.")


COLUMN = (
    "If two sizes don't match: make the positions a column, torch.arange(length)[:, None], so that "
    "every position meets the divisor of every pair."
)
FIXED_SIZE = "This is the encoding of another size. Use the two arguments, length and d_model."


def check_residual(with_residual: Callable[..., Any]) -> None:
    """Check a residual connection.

    Args:
        with_residual: From vectors `(T, D)` and a layer that maps them to as many of the same
            dimension, vectors `(T, D)`.

    Raises:
        Hint: It returns something else, or changes the vectors in place.
    """
    x = torch.tensor([[0.5, 0.0, 1.0], [0.0, 0.5, -0.5], [0.2, -0.4, 0.1], [-0.3, 0.1, 0.6]])
    given = x.clone()
    y = _self_attention(x)
    expected = x + y
    mistakes = [
        (y, "You return only the output of the layer. Add its input."),
        (x, "You return the input. Add the output of the layer."),
        (
            torch.cat([x, y], dim=-1),
            "You concatenate the two, which doubles the dimension. Add them: the next layer "
            "expects the dimension that this one got.",
        ),
        (
            torch.cat([x, y], dim=-2),
            "You concatenate the two along the tokens, so there are twice as many. Add them.",
        ),
        (torch.stack([x, y]), "You stack the two. Add them: the shape stays (T, D)."),
        ((x + y) / 2, "This is the average of the two. Add them, without dividing."),
        (x * y, "You multiply. Add: where the layer's output is 0, the input must be preserved."),
        (x - y, "You subtract the output of the layer. Add it."),
        (y - x, "You subtract the input. Add it."),
        (_self_attention(x + y), "You apply the layer again after the sum. Once is enough."),
        (2 * y, "You add the output to itself. Add the input to it."),
        (_self_attention(2 * x), DOUBLED),
        (x + _self_attention(2 * x), DOUBLED),
        *((wrong, NORMALISED) for wrong in _normalised(x)),
        (expected.softmax(-1), "The sum is the answer. No softmax is needed."),
    ]
    what = "with_residual(x, layer)"
    # The lambda passes x itself, because answer() would copy it and hide a change in place.
    found = answer(what, lambda layer: with_residual(x, layer), _self_attention)
    if not torch.equal(x, given):
        raise Hint(
            "Your function has changed x: x += … writes into the caller's tensor. Make a new one."
        )
    if callable(found):
        raise Hint("You return the layer itself. Call it: layer(x).")
    compare(what, found, expected, mistakes)
    right("the input is preserved, and the layer only adds to it.")


def check_permutation_equivariant(permutation_equivariant: Callable[..., Any]) -> None:
    """Check a test for models that ignore the order of the tokens.

    Args:
        permutation_equivariant: From a model, whether it is permutation-equivariant. Every model
            maps `(T, D)` to `(T, D)`, for any length and dimension.

    Raises:
        Hint: It is wrong about a model.
    """
    what = "permutation_equivariant(model)"
    found = [_said(answer(what, permutation_equivariant, model)) for model, *_ in MODELS]
    if found == [not equivariant for _, equivariant, _ in MODELS]:
        raise Hint("It is the wrong way round: True is for models that ignore the order.")
    for said, (_, equivariant, hint) in zip(found, MODELS, strict=True):
        if said != equivariant:
            raise Hint(hint)
    right("you can tell which models know the order, wherever they keep it.")


def _alternate(angles: Float[Tensor, "T D"]) -> Float[Tensor, "T D"]:
    """Sines in the even components, cosines in the odd ones."""
    return torch.where(torch.arange(angles.size(-1)) % 2 == 0, angles.sin(), angles.cos())


def _said(found: object) -> bool:
    if found is None or found is ...:
        raise Hint("permutation_equivariant(model) returns nothing yet.")
    if isinstance(found, Tensor) and found.dtype == torch.bool and found.numel() == 1:
        found = found.item()
    if not isinstance(found, bool):
        raise Hint(
            f"Return True or False, not a {type(found).__name__}. torch.allclose(a, b) compares "
            "two tensors, and returns one of these."
        )
    return found


def _self_attention(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """The self-attention of the chapter: embeddings as they are, without parameters."""
    return (x @ x.transpose(-2, -1)).softmax(dim=-1) @ x


def _normalised(x: Float[Tensor, "T D"]) -> list[Tensor]:
    """A residual connection with a layer normalisation in one of the usual positions."""
    norm = torch.nn.LayerNorm(x.size(-1), elementwise_affine=False)
    y = _self_attention(x)
    return [norm(x + y), x + _self_attention(norm(x)), x + norm(y), norm(x) + y]


DOUBLED = "You double the input of the layer. Add x once, to the output of the layer."
NORMALISED = (
    "You apply layer normalisation. A Transformer does that, too, but it is no part of a residual "
    "connection. Return the sum alone."
)


def _double(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """A layer without attention: each output depends on its own token alone."""
    return 2 * x


def _with_positions(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    return _self_attention(x + sinusoidal_positions(x.size(-2), x.size(-1)))


def _from_the_middle(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Counts positions from the middle to both ends, so that a mirror image changes nothing."""
    length = x.size(-2)
    away = (2 * torch.arange(length) - (length - 1)).abs()
    return _self_attention(x + sinusoidal_positions(length, x.size(-1))[away])


def _positions_last(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """Adds positions to the output: they show in each vector, but not in the sum of all."""
    return _self_attention(x) + sinusoidal_positions(x.size(-2), x.size(-1))


MODELS: list[tuple[Callable[[Tensor], Tensor], bool, str]] = [
    (
        _double,
        True,
        "One of the models doubles each vector separately, so it ignores the order, but your "
        "function returns False. If you permute the inputs, the outputs are permuted as well: "
        "permute the outputs of the original order, too, before you compare.",
    ),
    (
        _self_attention,
        True,
        "Your function returns False for self-attention without positions. Sums in another order "
        "are rounded differently, so compare with torch.allclose(…, atol=1e-5).",
    ),
    (
        _with_positions,
        False,
        "One of the models adds positional encodings to its input, so it knows the order, but your "
        "function returns True. Permute the tokens, and see whether the outputs are only permuted.",
    ),
    (
        _from_the_middle,
        False,
        "One of the models counts positions from the middle of the sentence to both ends. A mirror "
        "image, such as x.flip(0) or two swapped tokens, looks the same to it. Take three tokens "
        "or more, in an order such as [1, 2, 0].",
    ),
    (
        _positions_last,
        False,
        "One of the models adds positional encodings to its output. They show in each vector, but "
        "not in the sum or the average of all. Compare the outputs one by one.",
    ),
]
