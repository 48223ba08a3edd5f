"""The checks of *The main ideas* know right answers, and say what is wrong with the others."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from attention.exercises import (
    Hint,
    check_embedding_attention,
    check_embeddings,
    check_residual,
)


@pytest.mark.parametrize(
    "embed",
    [
        lambda table, ids: nn.Embedding.from_pretrained(table)(ids),
        lambda table, ids: F.one_hot(ids, table.size(0)).float() @ table,
        lambda table, ids: F.embedding(ids, table.requires_grad_()),
        lambda table, ids: torch.stack([torch.stack([table[i] for i in row]) for row in ids]),
    ],
)
def test_other_ways_to_look_up(embed):
    check_embeddings(embed)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda table, ids: table[:, ids], "You select columns"),
        (lambda table, ids: table.T[ids], r"yours is of the shape \(2, 3, 4\)"),
        (lambda table, ids: table[ids - 1], "start from 0"),
        (lambda table, ids: table[ids.flatten()], "The batch axis is gone"),
        (lambda table, ids: table[ids].sum(1), r"yours is of the shape \(2, 5\)"),
        (lambda table, ids: table[ids].mean(1), "average over the tokens"),
        (lambda table, ids: F.one_hot(ids, 4), "Multiply them by the table"),
        (lambda table, ids: F.one_hot(ids, 4).float(), "Multiply them by the table"),
        (lambda table, ids: table[ids].mT, r"yours is of the shape \(2, 5, 3\)"),
        (lambda table, ids: nn.Embedding(*table.shape)(ids), "None of these vectors is a row"),
        (lambda table, ids: F.one_hot(ids) @ table, r"(?s)raises an error.*integers.*\.float"),
        (lambda table, ids: table[ids] + 1, "None of these vectors is a row"),
        (lambda table, ids: table[ids] * table.size(1) ** 0.5, "multiply by √D"),
        (lambda table, ids: table[ids].tolist(), "yours is a list of 2"),
        (lambda table, ids: table[ids % 3], r"something else at \[0, 2, 0\]"),
        (lambda table, ids: "rows", r"embed\(table, ids\)"),
    ],
)
def test_wrong_look_ups(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_embeddings(wrong)


def attend(x):
    return (x @ x.mT).softmax(-1) @ x


@pytest.mark.parametrize(
    "attention",
    [
        lambda x: torch.stack([(s @ s.T).softmax(1) @ s for s in x]),
        lambda x: F.scaled_dot_product_attention(x, x, x, scale=1.0),
        lambda x: torch.bmm(torch.einsum("btd,bsd->bts", x, x).softmax(-1), x),
    ],
)
def test_other_ways_to_attend(attention):
    check_embedding_attention(attention)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x: (x @ x.mT).softmax(1) @ x, "along the wrong axis"),
        (lambda x: (x @ x.mT).softmax(0) @ x, "along the wrong axis"),
        (lambda x: attend(x.flatten(0, 1)), r"yours is of the shape \(6, 4\)"),
        (lambda x: attend(x.flatten(0, 1)).view_as(x), r"something else at \[0, 0, 0\]"),
        (lambda x: x @ x.mT, "These are the scores"),
        (lambda x: (x @ x.mT).softmax(-1), "These are the weights"),
        (lambda x: x @ x.mT @ x, "use the scores as weights"),
        (lambda x: (x @ x.mT).exp() @ x, "Divide by the total"),
        (lambda x: F.scaled_dot_product_attention(x, x, x), "You scale the scores"),
        (lambda x: (x @ x.mT @ x).softmax(-1), "comes too late"),
        (lambda x: x + (x @ x.mT).softmax(-1) @ x, "residual connection"),
        (lambda x: (x @ x.permute(2, 1, 0)).softmax(-1) @ x, r"x\.mT swaps the last two"),
        (lambda x: (x @ x.mT).exp() / (x @ x.mT).exp().sum(-1) @ x, "keepdim=True keeps its axis"),
        (lambda x: (attend(x), x), "yours is a tuple of 2"),
        (lambda x: None, "nothing back"),
    ],
)
def test_wrong_attention(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_embedding_attention(wrong)


def in_place(x, layer):
    x += layer(x)
    return x


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, layer: layer(x), "only the output of the layer"),
        (lambda x, layer: x, "You return the input"),
        (lambda x, layer: torch.cat([x, layer(x)], dim=-1), "doubles the dimension"),
        (lambda x, layer: torch.cat([x, layer(x)]), r"yours is of the shape \(8, 3\)"),
        (lambda x, layer: (x + layer(x)) / 2, "the average"),
        (lambda x, layer: x * layer(x), "You multiply"),
        (lambda x, layer: x - layer(x), r"something else at \[0, 0\]"),
        (lambda x, layer: x + layer(layer(x)), "the layer twice"),
        (lambda x, layer: 2 * layer(x), "You have overwritten the input"),
        (lambda x, layer: layer(x) + layer(layer(x)), "You have overwritten the input"),
        (lambda x, layer: x + (x @ x.T).softmax(dim=-1) @ x, "You don't use the layer"),
        (lambda x, layer: x + layer, r"layer\(x\) is its output"),
        (lambda x, layer: F.layer_norm(x + layer(x), (3,)), "layer normalisation"),
        (lambda x, layer: x + layer(F.layer_norm(x, (3,))), "layer normalisation"),
        (lambda x, layer: x + layer(x)[0, :2], "raises an error"),
        (in_place, "have changed x"),
        (lambda x, layer: layer, r"a tensor of the shape \(4, 3\)"),
        (lambda x, layer: torch.stack([x, layer(x)]), r"yours is of the shape \(2, 4, 3\)"),
    ],
)
def test_wrong_residuals(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_residual(wrong)
