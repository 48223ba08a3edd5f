"""The average of the weights over the last steps of training."""

from collections.abc import Mapping

import torch
from torch import nn

from attention.shapes import Tensor
from attention.training.config import TrainingConfig

__all__ = ["WeightAverage"]


class WeightAverage:
    """The running mean of a model's weights over the last `average_fraction` of the steps.

    Towards the end of training the weights oscillate around a minimum, and their average is closer
    to it than the last of them.

    Attributes:
        count: The number of steps in the mean.
        mean: The mean of each tensor of the model's state, in 32 bits or more.

    Source: checkpoint averaging, Vaswani et al. 2017, section 6.1, here over every step.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: dict[str, Tensor] = {}

    def update(self, model: nn.Module, step: int, config: TrainingConfig) -> None:
        """Include the weights after a step, if it is one of the last.

        Where `config.steps` has grown so much that the last steps have yet to begin, the mean
        begins anew.
        """
        if step <= first_averaged(config):
            self.count, self.mean = 0, {}
            return
        self.count += 1
        for name, weight in model.state_dict().items():
            if name not in self.mean:
                dtype = torch.promote_types(weight.dtype, torch.float32)
                self.mean[name] = torch.zeros_like(weight, dtype=dtype)
            self.mean[name] += (weight - self.mean[name]) / self.count

    def replace_weights(self, model: nn.Module) -> None:
        """Give the model its average weights, if there are any."""
        if self.mean:
            model.load_state_dict(self.mean)

    def state_dict(self) -> dict[str, Tensor]:
        """The mean so far and its count; nothing where it has not begun."""
        if not self.mean:
            return {}
        means = {f"mean.{name}": mean for name, mean in self.mean.items()}
        return means | {"averaged": torch.tensor(self.count)}

    def load_state_dict(
        self, tensors: Mapping[str, Tensor], model: nn.Module, step: int, config: TrainingConfig
    ) -> None:
        """Continue from a checkpoint at this step; earlier versions did not save the count."""
        weights = model.state_dict()
        self.mean = {
            name: tensors[f"mean.{name}"].to(weight.device, copy=True)
            for name, weight in weights.items()
            if f"mean.{name}" in tensors
        }
        count = int(tensors.get("averaged", step - first_averaged(config)))
        self.count = count if self.mean else 0


def first_averaged(config: TrainingConfig) -> int:
    """The step after which weights are averaged."""
    return round(config.steps * (1 - config.average_fraction))
