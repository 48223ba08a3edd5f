"""AdamW with two parameter groups, and its state in checkpoints."""

from collections.abc import Mapping

import torch
from torch import nn

from attention.shapes import Tensor
from attention.training.config import TrainingConfig

__all__ = ["load_optimizer_state", "make_optimizer", "optimizer_state"]

MOMENTS = ("exp_avg", "exp_avg_sq")


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW, whose weight decay applies to the matrices alone.

    Norms, biases, other vectors and embeddings, tied output embeddings too, are not decayed. With
    a `weight_decay` of zero this is Adam.

    Source: Loshchilov and Hutter 2017, algorithm 2.
    """
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed: list[Tensor] = []
    others: list[Tensor] = []
    for parameter in model.parameters():
        is_matrix = parameter.dim() >= 2 and id(parameter) not in embeddings
        (decayed if is_matrix else others).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    beta_1, beta_2 = config.betas
    return torch.optim.AdamW(groups, lr=config.lr, betas=(beta_1, beta_2), fused=False)


def optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The moments and the step count of each parameter, by its name."""
    return {
        f"{name}.{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer_state(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Restore what `optimizer_state` gave, on the device and in the dtype of each parameter.

    Raises:
        KeyError: A tensor is missing.
    """
    for name, parameter in model.named_parameters():
        moments = {key: tensors[f"{name}.{key}"].to(parameter, copy=True) for key in MOMENTS}
        # The step count stays on the CPU, in 32 bits, where torch expects it.
        optimizer.state[parameter] = {"step": tensors[f"{name}.step"].clone()} | moments
