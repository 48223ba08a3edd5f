"""The checks of the lab on multi-head attention accept right answers, and name what is wrong."""

import pytest
import torch

from attention import scaled_dot_product_attention
from attention.exercises import (
    Hint,
    check_join_heads,
    check_mask_kept,
    check_repeat_heads,
    check_split_heads,
)


def cut(x, n_heads):
    return x.unflatten(-1, (n_heads, -1))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x, h: x.view(x.size(0), h, x.size(1), -1), "view re-reads the storage"),
        (cut, "The cut is right"),
        (lambda x, h: x.unflatten(-1, (-1, h)).permute(0, 3, 1, 2), r"You cut into \(K, H\)"),
        (lambda x, h: x.unflatten(-1, (-1, h)).transpose(1, 2), r"You cut into \(K, H\)"),
        (lambda x, h: x.unflatten(-1, (-1, h)), r"You cut into \(K, H\)"),
        (lambda x, h: cut(x, h).permute(0, 2, 3, 1), r"of the shape \(2, 2, 3, 6\), but yours"),
        (lambda x, h: cut(x, h).transpose(1, 2), r"fails for one sentence \(T, D\)"),
        (lambda x, h: cut(x, h).permute(0, 2, 1, 3), "Count axes from the end"),
        (lambda x, h: torch.stack(x.chunk(h, -1)), "The batch stays first"),
        (lambda x, h: cut(x, h).permute(2, 0, 1, 3), "The batch stays first"),
        (lambda x, h: cut(x, 2).transpose(-3, -2), "split_heads"),
        (lambda x, h: x.view(2, h, 3, h), "H times K is D"),
        (lambda x, h: cut(x, h).transpose(0, 1), "The cut is right"),
        (lambda x, h: cut(x, h).transpose(-2, -1), "The cut is right"),
    ],
)
def test_wrong_splits(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_split_heads(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda m: m.reshape(m.size(0), m.size(2), -1), "reshape alone"),
        (lambda m: m.flatten(-2), "Swap heads and tokens back"),
        (lambda m: m.flatten(1, 2), "Swap heads and tokens back"),
        (lambda m: m.transpose(1, 2), "join the last two"),
        (lambda m: m.permute(0, 2, 3, 1).flatten(-2), "alternate"),
        (lambda m: m.mean(1), "Keep all heads"),
        (lambda m: m.sum(1), "Keep all heads"),
        (lambda m: m.transpose(1, 2).view(2, 3, 12), "use reshape or flatten"),
        (lambda m: m.transpose(1, 2).flatten(1), r"of the shape \(2, 3, 12\), but yours"),
        (lambda m: m.transpose(-2, -1).flatten(-2), "Swap heads and tokens back"),
        (lambda m: m.transpose(0, 1).flatten(-2), "Swap heads and tokens back"),
        (lambda m: torch.cat(list(m), dim=-1), "cuts along the batch"),
        (lambda m: 2 * m.transpose(1, 2).flatten(-2), "join_heads"),
    ],
)
def test_wrong_joins(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_join_heads(wrong)


def fused_attention(q, k, v, mask=None):
    return scaled_dot_product_attention(q, k, v, mask)[0]


def every_head(mask):
    return None if mask is None else mask.unsqueeze(-3)


def scores(q, k):
    return q @ k.transpose(-2, -1) / 2**0.5


def only_padding(q, k, v, mask):
    """Keeps what it needs a head's axis for, and drops a mask that is the same for all."""
    return fused_attention(
        q, k, v, every_head(mask) if mask is not None and mask.dim() == 3 else None
    )


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda q, k, v, mask: fused_attention(q, k, v), "The mask gets lost"),
        (only_padding, "The mask gets lost"),
        (fused_attention, "Head b uses the mask of sentence b"),
        (lambda q, k, v, mask: fused_attention(q, k, v, ~every_head(mask)), "The mask is inverted"),
        (
            lambda q, k, v, mask: (scores(q, k).softmax(-1) * every_head(mask)) @ v,
            "after softmax",
        ),
        (lambda q, k, v, mask: (scores(q, k) * every_head(mask)).softmax(-1) @ v, "something else"),
        (
            lambda q, k, v, mask: fused_attention(q, k, v, mask.unsqueeze(-3)),
            "if mask is not None",
        ),
        (
            lambda q, k, v, mask: fused_attention(q, k, v, mask.unsqueeze(0)),
            "Head b uses the mask of sentence b",
        ),
        (
            lambda q, k, v, mask: fused_attention(q, k, v, mask.unsqueeze(1)),
            r"with a mask of shape \(T, S\) raises an error(.|\n)*Count the axis from the end",
        ),
        (lambda q, k, v, mask: scores(q, k) if mask else q, "mask is not None"),
        (
            lambda q, k, v, mask: scaled_dot_product_attention(q, k, v, every_head(mask)),
            "yours is a tuple of 2",
        ),
        (lambda q, k, v, mask: None, "gives nothing back yet"),
    ],
)
def test_wrong_masks(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_mask_kept(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda k, h: k.repeat(1, h // k.size(1), 1, 1), "order 0, 1, 0, 1"),
        (lambda k, h: k, r"of the shape \(2, 4, 5, 7\), but yours"),
        (lambda k, h: k.repeat_interleave(h // k.size(1), dim=0), "Repeat along axis -3"),
        (lambda k, h: k.repeat_interleave(h // k.size(1), dim=2), "Repeat along axis -3"),
        (lambda k, h: k.repeat_interleave(h // k.size(1), dim=3), "Repeat along axis -3"),
        (lambda k, h: k.repeat_interleave(h, dim=1), "That makes G"),
        (lambda k, h: k.expand(-1, h, -1, -1), "is repeated H / G times"),
        (lambda k, h: k.repeat_interleave(h // k.size(1)), "Without dim"),
        (lambda k, h: k.repeat_interleave(2, dim=1), r"of the shape \(2, 6, 5, 7\), but yours"),
        (
            lambda k, h: k.unsqueeze(2).expand(-1, -1, h // k.size(1), -1, -1),
            "Flatten the axes of groups and heads",
        ),
        (lambda k, h: torch.zeros(2, h, 5, 7), "repeat_heads"),
    ],
)
def test_wrong_sharing(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_repeat_heads(wrong)


def test_a_check_leaves_the_readers_seed_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    with pytest.raises(Hint):
        check_mask_kept(lambda *given: None)
    assert torch.equal(torch.rand(1), expected)
