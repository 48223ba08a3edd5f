"""The stand-in refuses what a GPU refuses, and computes everything else as the CPU does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from . import standin
from .place import leaves
from .plugin import DEVICE

pytestmark = [
    pytest.mark.on_cpu(reason="compares the stand-in, which it names, with the CPU"),
    pytest.mark.skipif(DEVICE == "cuda", reason="no process can have the stand-in and CUDA"),
]
if DEVICE != "cuda":
    standin.install()

Function = Callable[..., Any]


def numbers(*shape: int, dtype: torch.dtype = torch.double) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=dtype, device="cpu")


def rows(device: str) -> Tensor:
    return numbers(3, 4).to(device)


HERE, THERE = rows("cpu"), rows(standin.NAME)
INDEX = torch.tensor([2, 0], device="cpu")
MASK = torch.tensor([True, False, True], device="cpu")
REFUSED: dict[str, Function] = {
    "a sum": lambda: THERE + HERE,
    "a sum with a scalar of the device": lambda: HERE + THERE[0, 0],
    "in place": lambda: THERE.clone().mul_(HERE),
    "a product": lambda: THERE @ HERE.T,
    "a list": lambda: torch.cat([THERE, HERE]),
    "out": lambda: torch.add(THERE, THERE, out=torch.empty(3, 4, dtype=torch.double)),
    "a mask": lambda: THERE.masked_fill(MASK[:, None], 0.0),
    "a condition": lambda: torch.where(MASK[:, None], THERE, 0.0),
    "an index of a row": lambda: THERE.index_select(0, INDEX),
    "an index to gather by": lambda: THERE.gather(0, INDEX[:, None]),
    "an index of the device": lambda: HERE[INDEX.to(standin.NAME)],
    "a value to be written": lambda: THERE.clone().index_put_((INDEX,), HERE[:2]),
    "token ids": lambda: F.embedding(INDEX, THERE),
    "targets": lambda: F.cross_entropy(THERE, torch.tensor([0, 1, 2])),
    "a mask of attention": lambda: F.scaled_dot_product_attention(THERE, THERE, THERE, MASK),
    "a module": lambda: nn.Linear(4, 2).double()(THERE),
    "numpy": lambda: THERE.numpy(),
    "numpy's function": lambda: np.asarray(THERE),
}
if DEVICE != standin.NAME:  # there the plugin lets the CPU's generator draw
    generator = torch.Generator()
    REFUSED["a foreign generator"] = lambda: THERE.clone().normal_(generator=generator)
ACCEPTED: dict[str, Function] = {
    "a scalar of the CPU": lambda rows: rows + torch.tensor(2.0),
    "a number": lambda rows: rows % 2,
    "an index of the CPU": lambda rows: rows[INDEX],
    "a mask of the CPU": lambda rows: rows[MASK],
    "a write by an index of the CPU": lambda rows: rows.clone().index_put_((INDEX,), rows[:2]),
    "a copy": lambda rows: torch.zeros_like(rows).copy_(HERE),
    "a copy to the CPU": lambda rows: torch.zeros(3, 4, dtype=torch.double).copy_(rows),
}
VIEWS: dict[str, Function] = {
    "a row": lambda x: x[1],
    "a slice": lambda x: x[1:, ::2],
    "a transpose": lambda x: x.T[1:],
    "a diagonal": lambda x: x.diagonal(1),
    "parts": lambda x: x.split(2, dim=1)[1],
    "windows": lambda x: x.unfold(1, 2, 1)[2],
    "another shape": lambda x: x.view(2, 6)[1],
    "more rows": lambda x: x[2:].expand(2, 4),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_gpu_refuses_is_refused(what: str):
    with pytest.raises((RuntimeError, TypeError), match=r"device|numpy"):
        REFUSED[what]()


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_a_gpu_accepts_is_accepted(what: str):
    torch.testing.assert_close(ACCEPTED[what](THERE).cpu(), ACCEPTED[what](HERE))


@pytest.mark.parametrize("what", VIEWS)
def test_a_view_is_one(what: str):
    """It has the offset of a view, and what is written into one is in the other."""
    views = {device: VIEWS[what](rows(device)) for device in ("cpu", standin.NAME)}
    here, there = views.values()
    assert (there.shape, there.stride()) == (here.shape, here.stride())
    assert there.storage_offset() == here.storage_offset()
    torch.testing.assert_close(there.cpu(), here)
    x = rows(standin.NAME)
    VIEWS[what](x)[0] = 7.0
    assert (x == 7.0).any()
    assert (x != 7.0).any()


def in_place(device: str) -> Any:
    """Operators that write: into a view of what autograd follows, too, and into `out`."""
    x = rows(device).requires_grad_()
    y = x * 1
    y[1:, 2] = x[:2, 0]
    y[0].mul_(y[2].exp())
    y.diagonal().add_(1.0)
    y.square().sum().backward()
    out = torch.empty(0, dtype=torch.double, device=device)
    torch.matmul(rows(device), rows(device).T, out=out)
    sums = torch.zeros(4, 4, dtype=torch.double, device=device)
    sums.index_add_(0, INDEX.to(device), rows(device)[:2])
    values, order = rows(device).sort(dim=1, descending=True)
    return y, x.grad, out, sums, values, order, order.unique(), sums.nonzero()


def recurrent(device: str) -> Any:
    """Sentences of different lengths through a bidirectional GRU, a GRU cell, and back."""
    torch.manual_seed(0)
    gru = nn.GRU(4, 6, batch_first=True, bidirectional=True).double().to(device)
    cells = [nn.GRUCell(12, 5, bias=bias).double().to(device) for bias in (True, False)]
    x = numbers(3, 5, 4).to(device).requires_grad_()
    lengths = torch.tensor([2, 5, 4])
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    hidden, last = gru(packed)
    padded, _ = pad_packed_sequence(hidden, batch_first=True, total_length=6)
    states = [cell(padded[:, t]) for cell in cells for t in (0, 3)]
    torch.stack(states).square().sum().backward()
    gradients = [p.grad for module in (gru, *cells) for p in module.parameters()]
    return padded, last, states, x.grad, gradients


def feed_forward(device: str) -> Any:
    """Layers that have kernels of their own on a GPU, an optimizer, and clipped gradients."""
    torch.manual_seed(0)
    layers = nn.Embedding(9, 8), nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
    model = nn.ModuleList([*layers, nn.Linear(8, 9)]).double().to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    ids = torch.tensor([[1, 2, 3], [4, 1, 0]], device=device)
    losses = []
    for _ in range(3):
        x = model[1](model[0](ids))
        x = x + model[2](x, x, x, key_padding_mask=ids == 0)[0]
        loss = F.cross_entropy(model[3](x).flatten(0, 1), ids.flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        losses += [loss, nn.utils.clip_grad_norm_(model.parameters(), 0.5)]
        optimizer.step()
    return losses, model


@pytest.mark.parametrize("compute", [in_place, recurrent, feed_forward])
def test_results_and_gradients_are_those_of_the_cpu(compute: Callable[[str], Any]):
    expected = dict(leaves(compute("cpu")))
    for name, value in leaves(compute(standin.NAME)):
        assert value.device.type == standin.NAME, name
        torch.testing.assert_close(value.cpu(), expected[name], rtol=1e-10, atol=1e-10)


def mixed(device: str) -> list[Tensor]:
    """A product, attention and a loss under autocast, and a gradient."""
    torch.manual_seed(0)
    linear = nn.Linear(4, 4).to(device)
    x = numbers(3, 4, dtype=torch.float).to(device)
    with torch.autocast(device, torch.bfloat16):
        product = linear(x)
        attended = F.scaled_dot_product_attention(x, product, product)
        loss = F.cross_entropy(attended.float() + x, torch.tensor([0, 1, 2], device=device))
    loss.backward()
    return [product, attended, loss, linear.weight.grad, x @ x.T]


def test_autocast_computes_products_in_bfloat16():
    for there, here in zip(mixed(standin.NAME), mixed("cpu"), strict=True):
        assert there.dtype == here.dtype
        torch.testing.assert_close(there.cpu(), here, rtol=0.02, atol=0.02)


def test_in_inference_mode_a_view_is_like_its_tensor():
    with torch.inference_mode():
        assert not THERE[1:].is_inference()
        assert torch.ones(3, device=standin.NAME)[1:].is_inference()


def test_what_runs_there_is_counted():
    before = standin.Device.operators
    assert HERE.sum() is not None
    assert standin.Device.operators == before
    assert THERE.sum() is not None
    assert standin.Device.operators > before
