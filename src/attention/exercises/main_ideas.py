"""Exercises of the chapter *The main ideas behind Transformers and attention*."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from attention.exercises.checking import Hint, answer, compare, right, same
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
    axis = "Your softmax runs along the {}. Each row of weights should sum to one: dim=-1."
    mistakes = [
        (scores.softmax(dim=-2) @ x, axis.format("columns")),
        (scores.softmax(dim=0) @ x, axis.format("sentences of the batch")),
        (
            _self_attention(x.flatten(0, 1)).view_as(x),
            "The tokens attend to those of the other sentence, too. Keep the batch axis: x @ x.mT.",
        ),
        (
            _self_attention(x.flatten(0, 1)),
            "The batch axis is gone, and the tokens attend to those of the other sentence, too.",
        ),
        (scores, "These are the scores. Softmax and weighted sum are still to come."),
        (weights, "These are the weights. Multiply the embeddings by them: weights @ x."),
        (scores.exp() @ x, "You raise e to the scores. Divide by the total of each row, too."),
        (scores @ x, "You use the scores as weights. Turn them into weights with a softmax."),
        (
            scores / scores.sum(-1, keepdim=True) @ x,
            "You divide the scores by their sum. They can be negative, so use a softmax instead.",
        ),
        (
            (scores / x.size(-1) ** 0.5).softmax(dim=-1) @ x,
            "You divide the scores by a square root. The matrix math does so, too; leave it out here.",
        ),
        ((scores @ x).softmax(dim=-1), "Your softmax comes too late: apply it to the scores."),
        (x, "You return the embeddings as they were."),
        (x + expected, "You add the input. That is a residual connection, and comes next."),
    ]
    found = answer(
        "embedding_attention(x)",
        embedding_attention,
        x,
        hint="x has three axes, so x.T reverses all of them. x.mT swaps the last two.",
    )
    if isinstance(found, tuple):
        raise Hint("You return several tensors. Return the outputs alone.")
    compare("embedding_attention(x)", found, expected, mistakes)
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
        (x + _self_attention(y), "You apply the layer twice. Once is enough."),
        (2 * y, "You add the output to itself. Add the input to it."),
        (_self_attention(2 * x), DOUBLED),
        (x + _self_attention(2 * x), DOUBLED),
        *((wrong, NORMALISED) for wrong in _normalised(x)),
        (expected.softmax(-1), "The sum is the answer. No softmax is needed."),
    ]
    what = "with_residual(x, layer)"
    # The lambda passes x itself, because answer() would copy it and hide a change in place.
    found = answer(
        what,
        lambda layer: with_residual(x, layer),
        _self_attention,
        hint="layer is a function: layer(x) is its output, of the shape of x.",
    )
    if not torch.equal(x, given):
        raise Hint(
            "Your function has changed x: x += … writes into the caller's tensor. Make a new one."
        )
    if callable(found):
        raise Hint("You return the layer itself. Call it: layer(x).")
    compare(what, found, expected, mistakes)
    right("the input is preserved, and the layer only adds to it.")


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
