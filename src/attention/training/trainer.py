"""One readable training loop: batches in, steps down the slope of the loss, a checkpoint out."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

import torch
from torch import nn

from attention.shapes import Tensor

__all__ = ["Trainer", "TrainingConfig", "learning_rate"]

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; the defaults suit a small recurrent translator on a laptop's processor.

    Attributes:
        steps: Updates of the weights.
        tokens_per_batch: Target tokens in each batch, padding included, roughly.
        lr: Peak learning rate.
        warmup: Steps over which the learning rate rises linearly from 0 to `lr`.
        max_grad_norm: Gradients are clipped to this norm, over all parameters together.
        seed: Seed of every random draw: initial weights, order of batches, dropout.
        label_smoothing: Probability taken from the correct token and spread evenly over the
            vocabulary (Szegedy et al. 2016, section 7).
        average_fraction: Fraction of the steps, at the end, whose weights are averaged.
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
    """Climb in a straight line over `warmup` steps, then fall in a straight line to zero."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    return config.lr * (config.steps - step) / max(1, config.steps - config.warmup)


class Trainer(Generic[Batch]):
    """A training run: a model, what it learns from, and how far it has come.

    Args:
        model: Its parameters are updated in place, on the device where they are.
        batches: All batches of an epoch, given its number. It must always give the same
            batches for the same number: a resumed run finds its place by counting them.
        loss: How wrong the model is on a batch, as a scalar to make smaller.
        config: How to train.

    Attributes:
        step: Updates made so far.
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
        self._mean: dict[str, Tensor] = {}

    def steps(self) -> Generator[float, None, None]:
        """Train until `config.steps` is reached, giving out the loss after each update.

        Between two updates the run is whole: stop there as you like, keep `state()`, and a
        trainer that has taken it back with `load_state` goes on as if it had never stopped.
        """
        self.model.train()
        try:
            for batch in self._batches_to_come():
                yield self._update(batch)
        finally:
            self.model.eval()

    def _update(self, batch: Batch) -> float:
        # Each step has randomness of its own, so a resumed run needs no memory of it.
        torch.manual_seed(self.config.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        loss = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.step += 1
        self._average()
        return loss.item()

    def _average(self) -> None:
        """Towards the end, weights walk around a good place; their mean lies closer to it.

        Source: checkpoint averaging, Vaswani et al. 2017, section 6.1, taken at every step.
        """
        passed = self.step - round(self.config.steps * (1 - self.config.average_fraction))
        if passed <= 0:
            return
        for name, weight in self.model.state_dict().items():
            mean = self._mean.setdefault(name, torch.zeros_like(weight))
            mean += (weight - mean) / passed
        if self.step == self.config.steps:
            self.model.load_state_dict(self._mean)

    def _batches_to_come(self) -> Iterator[Batch]:
        passed = 0
        for epoch in count():
            batches = self.batches(epoch)
            for batch in batches[max(0, self.step - passed) :]:
                if self.step >= self.config.steps:
                    return
                yield batch
            passed += len(batches)

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on: weights, the optimiser's memory, and the step."""
        tensors = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{key}"] = value
        tensors |= {f"mean.{name}": mean for name, mean in self._mean.items()}
        return tensors | {"step": torch.tensor(self.step)}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Go back to where `state` was taken.

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
            memory = {
                key: tensors[f"optimizer.{name}.{key}"].clone()
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
            self.optimizer.state[parameter] = memory
