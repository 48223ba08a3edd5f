"""A readable training loop: Adam, a learning-rate schedule, gradient clipping, checkpoints."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

import torch
from torch import nn

from attention.errors import BadInput
from attention.shapes import Tensor

__all__ = ["Trainer", "TrainingConfig", "learning_rate"]

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class TrainingConfig:
    """The hyperparameters of training; the defaults suit a small recurrent translator on a CPU.

    Attributes:
        steps: Updates of the weights.
        tokens_per_batch: Target tokens in a batch, padding included, approximately.
        lr: Peak learning rate.
        warmup: Steps over which the learning rate rises linearly to `lr`.
        max_grad_norm: Gradients are scaled down to this norm, over all parameters together, where
            theirs is larger.
        seed: Of all random draws: initial weights, order of the batches, dropout.
        label_smoothing: Probability taken from the target token and spread evenly over the
            vocabulary (Szegedy et al. 2016, section 7).
        average_fraction: The final weights are the average over this last fraction of the steps; 0
            keeps those of the last step.
    """

    steps: int = 2000
    tokens_per_batch: int = 500
    lr: float = 4e-3
    warmup: int = 100
    max_grad_norm: float = 1.0
    seed: int = 0
    label_smoothing: float = 0.0
    average_fraction: float = 0.0


def learning_rate(step: int, config: TrainingConfig) -> float:
    """The learning rate of a step: linear warm-up to `config.lr`, then linear decay to zero."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    return config.lr * (config.steps - step) / max(1, config.steps - config.warmup)


class Trainer(Generic[Batch]):
    """Trains a model on batches, one update at a time, and can stop and resume after any of them.

    Args:
        model: Its parameters are updated in place, on their device.
        batches: The batches of an epoch, given its number. They must be the same whenever the
            number is: a resumed run counts them to find the batch at which it stopped.
        loss: The scalar loss of a batch, which training minimises.
        config: The hyperparameters.

    Attributes:
        optimizer: Adam, Kingma and Ba 2014.
        step: Updates so far.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Callable[[int], Sequence[Batch]],
        loss: Callable[[Batch], Tensor],
        config: TrainingConfig,
    ) -> None:
        self.model, self.batches, self.loss, self.config = model, batches, loss, config
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
        self.step = 0
        self._mean: dict[str, Tensor] = {}  # the running average of the weights

    def steps(self) -> Generator[float, None, None]:
        """Train until `config.steps`, yielding the loss of each batch after its update.

        Stop between any two updates and save `state_dict()`: a trainer that has loaded it reaches
        the same weights, bit for bit on a CPU, as one that was never interrupted.

        Raises:
            BadInput: An epoch has no batches.
        """
        self.model.train()
        try:
            for batch in self._remaining_batches():
                yield self._update(batch)
        finally:
            self.model.eval()

    def _update(self, batch: Batch) -> float:
        # Seeding each step by its number saves storing the generator's state in a checkpoint.
        torch.manual_seed(self.config.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        loss = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.step += 1
        self._update_mean()
        return loss.item()

    def _update_mean(self) -> None:
        """Add the weights to their average, which replaces them after the last step.

        Towards the end of training the weights oscillate around a minimum, and their average is
        closer to it than the last of them.

        Source: checkpoint averaging, Vaswani et al. 2017, section 6.1, here over every step.
        """
        averaged = self.step - round(self.config.steps * (1 - self.config.average_fraction))
        if averaged <= 0:
            return
        for name, weight in self.model.state_dict().items():
            mean = self._mean.setdefault(name, torch.zeros_like(weight))
            mean += (weight - mean) / averaged
        if self.step == self.config.steps:
            self.model.load_state_dict(self._mean)

    def _remaining_batches(self) -> Iterator[Batch]:
        earlier = 0  # batches in the epochs before this one
        for epoch in count():
            batches = self.batches(epoch)
            if not batches:
                raise BadInput("there is nothing to train on: an epoch has no batches")
            for batch in batches[max(0, self.step - earlier) :]:
                if self.step >= self.config.steps:
                    return
                yield batch
            earlier += len(batches)

    def state_dict(self) -> dict[str, Tensor]:
        """A checkpoint: the weights, the optimizer state, the average so far, and the step."""
        tensors = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{key}"] = value
        tensors |= {f"mean.{name}": mean for name, mean in self._mean.items()}
        return tensors | {"step": torch.tensor(self.step)}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Return to the step at which `state_dict` was called.

        Raises:
            KeyError, RuntimeError: The tensors are not those of this model.
        """
        self.step = int(tensors["step"])
        weights = {
            n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")
        }
        self.model.load_state_dict(weights)
        self._mean = {
            n.removeprefix("mean."): t.clone() for n, t in tensors.items() if n.startswith("mean.")
        }
        if self.step == 0:
            return
        for name, parameter in self.model.named_parameters():
            self.optimizer.state[parameter] = {
                key: tensors[f"optimizer.{name}.{key}"].clone()
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
