"""The tensors of a trainer's checkpoint: what must be there, by name, shape and dtype."""

from collections.abc import Mapping

import torch
from torch import nn

from attention.checkpoints import check_tensors
from attention.errors import BadInput
from attention.shapes import Tensor
from attention.training.optimizer import MOMENTS

__all__ = ["checked_state"]

FIGURES = "validation"  # the losses among them may be infinite, or not a number


def checked_state(
    tensors: Mapping[str, Tensor], model: nn.Module
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights and the optimizer's tensors in a trainer's checkpoint, by their own names.

    Raises:
        BadInput: A tensor is missing, unexpected or damaged; the message names it.
    """
    figures = tensors.get(FIGURES, torch.zeros(4, dtype=torch.float64))
    check_tensors({FIGURES: figures.nan_to_num()}, {FIGURES: torch.zeros(4, dtype=torch.float64)})
    others = {name: tensor for name, tensor in tensors.items() if name != FIGURES}
    check_tensors(others, _expected(others, model))
    if int(tensors["step"]) < 0:
        raise BadInput("the tensor 'step' is negative")
    return _below("model.", tensors), _below("optimizer.", tensors)


def _expected(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Tensors of the right names, shapes and dtypes, without values; a precision may differ.

    There are parts that a checkpoint has or hasn't: the optimizer's moments before the first step,
    the average of the weights, their count (in files of this version), and the best weights.
    """
    state = {name: tensor.to("meta") for name, tensor in model.state_dict().items()}
    parameters = {name: parameter.to("meta") for name, parameter in model.named_parameters()}
    count = torch.zeros((), dtype=torch.int64, device="meta")
    expected = {"step": count} | {f"model.{name}": tensor for name, tensor in state.items()}
    if "averaged" in tensors:
        expected["averaged"] = count
    if _below("optimizer.", tensors) or int(tensors.get("step", 0)):
        for name, parameter in parameters.items():
            expected |= {f"optimizer.{name}.{moment}": parameter for moment in MOMENTS}
            expected[f"optimizer.{name}.step"] = torch.zeros((), device="meta")
    if _below("mean.", tensors):
        expected |= {f"mean.{name}": tensor.float() for name, tensor in state.items()}
    if _below("best.", tensors):
        expected |= {f"best.{name}": tensor for name, tensor in state.items()}
    for name in expected.keys() & tensors.keys():
        if expected[name].is_floating_point() and tensors[name].is_floating_point():
            expected[name] = expected[name].to(tensors[name].dtype)
    return expected


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
