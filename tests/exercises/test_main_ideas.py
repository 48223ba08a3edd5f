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
        (lambda table, ids: table.T[ids], "You select columns"),
        (lambda table, ids: table[ids - 1], "start from 0"),
        (lambda table, ids: table[ids.flatten()], "The batch axis is gone"),
        (lambda table, ids: table[ids].sum(1), "added up"),
        (lambda table, ids: table[ids].mean(1), "averaged"),
        (lambda table, ids: F.one_hot(ids, 4), "Multiply them by the table"),
        (lambda table, ids: F.one_hot(ids, 4).float(), "Multiply them by the table"),
        (lambda table, ids: table[ids].mT, "Transpose it"),
        (lambda table, ids: nn.Embedding(*table.shape)(ids), "none of these vectors is a row"),
        (lambda table, ids: F.one_hot(ids) @ table, r"F.one_hot gives integers.*\.float"),
        (lambda table, ids: table[ids] + 1, "none of these vectors is a row"),
        (lambda table, ids: table[ids].tolist(), "You return a list"),
        (lambda table, ids: table[ids].transpose(0, 1), "first two axes are swapped"),
        (lambda table, ids: "rows", r"embed\(table, ids\)"),
    ],
)
def test_wrong_look_ups(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_embeddings(wrong)


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
        (lambda x: (x @ x.mT).softmax(1) @ x, "along the columns"),
        (lambda x: (x @ x.mT).softmax(-1).mT @ x, "along the columns"),
        (lambda x: (x @ x.mT).softmax(0) @ x, "along the sentences"),
        (
            lambda x: (x.view(6, 4) @ x.view(6, 4).T).softmax(-1) @ x.view(6, 4),
            "batch axis is gone",
        ),
        (
            lambda x: ((x.view(6, 4) @ x.view(6, 4).T).softmax(-1) @ x.view(6, 4)).view_as(x),
            "those of the other sentence",
        ),
        (lambda x: x @ x.mT, "These are the scores"),
        (lambda x: (x @ x.mT).softmax(-1), "These are the weights"),
        (lambda x: x @ x.mT @ x, "use the scores as weights"),
        (lambda x: (x @ x.mT).exp() @ x, "Divide by the total"),
        (lambda x: (x @ x.mT / (x @ x.mT).sum(-1, keepdim=True)) @ x, "divide the scores by their"),
        (lambda x: F.scaled_dot_product_attention(x, x, x), "by a square root"),
        (lambda x: (x @ x.mT @ x).softmax(-1), "comes too late"),
        (lambda x: x, "as they were"),
        (lambda x: x + (x @ x.mT).softmax(-1) @ x, "residual connection"),
        (lambda x: (x @ x.permute(2, 1, 0)).softmax(-1) @ x, r"x\.mT swaps the last two"),
        (lambda x: ((x @ x.mT).softmax(-1) @ x, x), "several tensors"),
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
        (lambda x, layer: torch.cat([x, layer(x)], dim=0), "twice as many"),
        (lambda x, layer: (x + layer(x)) / 2, "the average"),
        (lambda x, layer: x * layer(x), "You multiply"),
        (lambda x, layer: x - layer(x), "You subtract the output"),
        (lambda x, layer: layer(x + layer(x)), "again after the sum"),
        (lambda x, layer: x + layer(layer(x)), "the layer twice"),
        (lambda x, layer: x + layer, r"layer\(x\) is its output"),
        (lambda x, layer: layer(x) + layer(x), "the output to itself"),
        (lambda x, layer: (x + layer(x)).softmax(-1), "No softmax"),
        (lambda x, layer: layer(x + x), "You double the input"),
        (lambda x, layer: x + layer(2 * x), "You double the input"),
        (lambda x, layer: F.layer_norm(x + layer(x), (3,)), "layer normalisation"),
        (lambda x, layer: x + layer(F.layer_norm(x, (3,))), "layer normalisation"),
        (lambda x, layer: x + F.layer_norm(layer(x), (3,)), "layer normalisation"),
        (lambda x, layer: x + layer(x)[0, :2], "raises an error"),
        (in_place, "has changed x"),
        (lambda x, layer: layer, "the layer itself"),
        (lambda x, layer: layer(x) - x, "subtract the input"),
        (lambda x, layer: torch.stack([x, layer(x)]), "You stack"),
    ],
)
def test_wrong_residuals(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_residual(wrong)
