"""The stand-in's GRU cell: torch has one for devices other than the CPU, and no kernel for it."""

import torch
from torch import Tensor

from .memory import on_cpu, on_device


def forward(
    inputs: Tensor, hidden: Tensor, hx: Tensor, b_i: Tensor | None = None, b_h: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The new hidden state, from both projections of the gates; and what its gradient needs."""
    inputs, hidden, hx, b_i, b_h = map(on_cpu, (inputs, hidden, hx, b_i, b_h))
    if b_i is not None and b_h is not None:
        inputs, hidden = inputs + b_i, hidden + b_h
    (r_i, z_i, n_i), (r_h, z_h, n_h) = inputs.chunk(3, dim=-1), hidden.chunk(3, dim=-1)
    update, candidate = (z_i + z_h).sigmoid(), (n_i + (r_i + r_h).sigmoid() * n_h).tanh()
    new = candidate + update * (hx - candidate)
    return on_device(new), on_device(torch.cat([inputs, hidden, hx], dim=-1))


def backward(gradient: Tensor, workspace: Tensor, has_bias: bool) -> tuple[Tensor | None, ...]:
    """The gradients of both projections, of the old hidden state, and of the biases."""
    d = workspace.size(-1) // 7
    inputs, hidden, hx = on_cpu(workspace).split([3 * d, 3 * d, d], dim=-1)
    differentiable = torch.ops.aten._thnn_differentiable_gru_cell_backward
    inputs, hidden, hx, _, _ = differentiable(on_cpu(gradient), inputs, hidden, hx, None, None)
    biases = (inputs.sum(dim=0), hidden.sum(dim=0)) if has_bias else (None, None)
    return tuple(map(on_device, (inputs, hidden, hx, *biases)))
