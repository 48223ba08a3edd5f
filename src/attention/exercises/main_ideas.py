"""Exercises of the chapter *The main ideas behind Transformers and attention*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right
from attention.shapes import Float, Tensor

__all__ = [
    "check_embedding_attention",
    "check_embeddings",
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
    mistakes = [
        (table[:, ids], "You select columns. An embedding is a row: index the first axis."),
        (table[ids - 1], "Token ids start from 0: id 0 is the first row, not the last."),
        (table[ids.flatten()], "The batch axis is gone. Keep the axes of ids, and add one."),
        (expected.mean(-2), "You average over the tokens. Keep an embedding for each of them."),
        (expected * 5**0.5, "You multiply by √D, as the paper does. Leave that out here."),
        (F.one_hot(ids, 4), "These are one-hot vectors. Multiply them by the table, or index it."),
    ]
    one_hot = "If you use F.one_hot: it gives integers. Convert them with .float() before @ table."
    found = answer("embed(table, ids)", embed, table, ids, hint=one_hot)
    if isinstance(found, Tensor) and found.shape == expected.shape:
        rows = {tuple(row) for row in found.flatten(0, 1).tolist()}
        if rows.isdisjoint(map(tuple, table.tolist())):
            hint = "A new nn.Embedding is random; .from_pretrained(table) has the right rows."
            mistakes.append((found, f"None of these vectors is a row of the table. {hint}"))
    compare("embed(table, ids)", found, expected, mistakes)
    right("each token id is replaced by its row of the table.")


def check_embedding_attention(embedding_attention: Callable[..., Any]) -> None:
    """Check the self-attention of embeddings, without parameters.

    Args:
        embedding_attention: From embeddings `(B, T, D)`, weighted sums of them `(B, T, D)`.

    Raises:
        Hint: It returns something else.
    """
    x = torch.arange(24.0).view(2, 3, 4).sin()
    scores = x @ x.mT
    weights = scores.softmax(dim=-1)
    expected = weights @ x
    axis = "Your softmax runs along the wrong axis. Each row of weights should sum to one: dim=-1."
    mistakes = [
        (scores.softmax(dim=-2) @ x, axis),
        (scores.softmax(dim=0) @ x, axis),
        (scores, "These are the scores. Softmax and weighted sum are still to come."),
        (weights, "These are the weights. Multiply the embeddings by them: weights @ x."),
        (scores @ x, "You use the scores as weights. Turn them into weights with a softmax."),
        ((scores / 2).softmax(dim=-1) @ x, "You scale the scores. Leave that out here."),
        (scores.exp() @ x, "You raise e to the scores. Divide by the total of each row, too."),
        ((scores @ x).softmax(dim=-1), "Your softmax comes too late: apply it to the scores."),
        (x + expected, "You add the input. That is a residual connection, and comes next."),
    ]
    what = "embedding_attention(x)"
    hint = (
        "x.mT swaps the last two axes; x.T reverses all of them. "
        "If you divide by a sum, keepdim=True keeps its axis."
    )
    found = answer(what, embedding_attention, x, hint=hint)
    compare(what, found, expected, mistakes)
    right("each output is a weighted sum of the embeddings of its own sentence.")


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
    norm = torch.nn.LayerNorm(3, elementwise_affine=False)
    normalised = "You apply layer normalisation. Leave it out: a residual connection only adds."
    overwritten = "You have overwritten the input. Keep x, and add layer(x) to it."
    what = "with_residual(x, layer)"
    hint = "layer is a function: layer(x) is its output, of the shape of x."
    for layer in (_self_attention, torch.sin):
        y = layer(x)
        mistakes = [
            (y, "You return only the output of the layer. Add its input."),
            (x, "You return the input. Add the output of the layer."),
            (torch.cat([x, y], -1), "You concatenate, which doubles the dimension. Add the two."),
            ((x + y) / 2, "This is the average of the two. Add them, without dividing."),
            (x * y, "You multiply. Add: where the layer's output is 0, the input must stay."),
            (x + layer(y), "You apply the layer twice. Once is enough."),
            (2 * y, overwritten),
            (y + layer(y), overwritten),
            (norm(x + y), normalised),
            (x + layer(norm(x)), normalised),
            (x + _self_attention(x), "You don't use the layer that you are given: call layer(x)."),
        ]
        # The lambda passes x itself: answer() would copy it, and hide a change in place.
        found = answer(what, lambda layer: with_residual(x, layer), layer, hint=hint)
        if not torch.equal(x, given):
            raise Hint("You have changed x: += writes into the caller's tensor. Make a new one.")
        compare(what, found, x + y, mistakes)
    right("the input is preserved, and the layer only adds to it.")


def _self_attention(x: Float[Tensor, "*B T D"]) -> Float[Tensor, "*B T D"]:
    """The self-attention of the chapter: embeddings as they are, without parameters."""
    return (x @ x.transpose(-2, -1)).softmax(dim=-1) @ x
