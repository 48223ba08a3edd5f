"""Validation during training: the best weights so far, and when to stop early."""

import math
from collections.abc import Mapping

import torch
from torch import nn

from attention.shapes import Tensor

__all__ = ["BestWeights", "with_new_patience"]


class BestWeights:
    """The weights with the lowest validation loss, and how long ago that was.

    Attributes:
        loss: The lowest validation loss; infinite before the first validation.
        step: The step after which it was measured.
        validations_since: Validations since then, none of which was better.
        last_loss: The loss of the last validation.
        weights: The model's state at that step.
    """

    def __init__(self) -> None:
        self.loss = self.last_loss = math.inf
        self.step = self.validations_since = 0
        self.weights: dict[str, Tensor] = {}

    def update(self, model: nn.Module, step: int, loss: float) -> None:
        """Take note of a validation; a loss that is not a number is no improvement."""
        self.last_loss = loss
        if loss < self.loss:
            self.loss, self.step, self.validations_since = loss, step, 0
            self.weights = {name: t.detach().clone() for name, t in model.state_dict().items()}
        else:
            self.validations_since += 1

    def replace_weights(self, model: nn.Module) -> None:
        """Give the model its best weights, if there has been a validation."""
        if self.weights:
            model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Tensor]:
        """The best weights and their figures; nothing before the first validation."""
        figures = [self.loss, self.last_loss, self.step, self.validations_since]
        if figures[1] == math.inf:
            return {}
        tensors = {f"best.{name}": tensor for name, tensor in self.weights.items()}
        return tensors | {"validation": torch.tensor(figures, dtype=torch.float64)}

    def load_state_dict(self, tensors: Mapping[str, Tensor], model: nn.Module) -> None:
        """Continue from what `state_dict` gave, on the device of the model."""
        if "validation" not in tensors:
            return
        self.loss, self.last_loss, step, since = tensors["validation"].tolist()
        self.step, self.validations_since = int(step), int(since)
        self.weights = {
            name: tensors[f"best.{name}"].to(weight, copy=True)
            for name, weight in model.state_dict().items()
            if f"best.{name}" in tensors
        }


def with_new_patience(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A trainer's checkpoint whose patience counts anew, so that an early stop doesn't hold."""
    if "validation" not in tensors:
        return dict(tensors)
    figures = tensors["validation"].clone()
    figures[3] = 0
    return {**tensors, "validation": figures}
