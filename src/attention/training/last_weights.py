"""The weights of the last step, from which training can go on after it has ended."""

from torch import nn

from attention.shapes import Tensor

__all__ = ["LastWeights"]


class LastWeights:
    """The weights after the last step, while the model has others: the average, or the best.

    Attributes:
        weights: The model's state at the last step; empty as long as the model has it itself.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}

    def keep(self, model: nn.Module) -> None:
        """Copy the model's weights before they are replaced, unless they have been already."""
        if not self.weights:
            self.weights = {name: t.detach().clone() for name, t in model.state_dict().items()}

    def restore(self, model: nn.Module) -> None:
        """Give them back to the model, if it has others."""
        if self.weights:
            model.load_state_dict(self.weights)
            self.weights = {}

    def state_of(self, model: nn.Module) -> dict[str, Tensor]:
        """The state after the last step: the kept weights, or those of the model."""
        return self.weights or model.state_dict()
