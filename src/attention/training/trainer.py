"""A readable training loop: AdamW, a schedule, gradient clipping, validation, checkpoints."""

import time
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from attention.data.batching import batch_stream
from attention.shapes import Float, Tensor
from attention.training.averaging import WeightAverage
from attention.training.config import TrainingConfig
from attention.training.divergence import check_finite
from attention.training.last_weights import LastWeights
from attention.training.metrics_log import Report
from attention.training.optimizer import load_optimizer_state, make_optimizer, optimizer_state
from attention.training.precision import autocast
from attention.training.schedule import learning_rate
from attention.training.trainer_state import checked_state
from attention.training.validation import BestWeights

__all__ = ["Trainer", "TrainingConfig", "learning_rate"]

Batch = TypeVar("Batch")


class Trainer(Generic[Batch]):
    """Trains a model on batches, one update at a time, and can stop and resume after any of them.

    Args:
        model: Its parameters are updated in place, on their device.
        batches: The batches of an epoch, given its number, which alone determines them: a resumed
            run counts them to find the batch at which it stopped.
        loss: The scalar loss of a batch, which training minimises.
        config: The hyperparameters.
        n_tokens: The number of tokens that the loss of a batch is the mean of. It weights the
            batches whose gradients are accumulated, so that an update minimises the mean over all
            their tokens. Unless given, the batches have equal weights.

    Attributes:
        optimizer: AdamW.
        step: Updates so far.
        validate: Gives the loss on held-out data, in evaluation mode, every `config.valid_every`
            steps and after the last; in the end the model has the weights of the lowest loss.
        best: These weights and their loss.
        reporters: Each is called with a `Report` every `config.log_every` steps, after each
            validation and after the last step.
        encoded: The training data as token ids, if whoever made the batches of it keeps it here.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Callable[[int], Sequence[Batch]],
        loss: Callable[[Batch], Tensor],
        config: TrainingConfig,
        n_tokens: Callable[[Batch], int] | None = None,
    ) -> None:
        self.model, self.batches, self.loss, self.config = model, batches, loss, config
        self.n_tokens = n_tokens
        self.optimizer, self.step = make_optimizer(model, config), 0
        self.validate: Callable[[], float] | None = None
        self.best = BestWeights()
        self.reporters: list[Callable[[Report], None]] = []
        self.encoded: Any = None
        self._average, self._last = WeightAverage(), LastWeights()
        self._unchecked: Tensor | None = None  # loss plus gradient norm, not yet known to be finite

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or validation has stopped training early."""
        patience = self.config.patience
        out_of_patience = 0 < patience <= self.best.validations_since
        return self.step >= self.config.steps or out_of_patience

    def steps(self) -> Generator[Float[Tensor, ""], None, None]:
        """Train until `config.steps`, yielding the loss of each update after it.

        The loss stays on the model's device: `float(loss)`, or printing it, fetches it.

        Stop between any two updates and save `state_dict()`: a trainer that has loaded it reaches
        the same weights, bit for bit on a CPU, as one that was never interrupted.

        Raises:
            BadInput: An epoch has no batches.
            NonFiniteLoss: A loss or its gradient is infinite or not a number. On a CPU this is
                noticed before the update, elsewhere at the next report or `state_dict()`.
        """
        self.model.train()
        try:
            start, n_tokens = time.perf_counter(), 0
            stream = batch_stream(self.batches, skip=self.step * self.config.accumulate)
            while not self.finished:
                self._last.restore(self.model)  # if it has ended before, with fewer `steps`
                batches = list(islice(stream, self.config.accumulate))
                loss, norm = self._update(batches)
                n_tokens += sum(self._weights(batches))
                validation_loss = self._validate()
                if self._reports_now() or validation_loss is not None:
                    check_finite(self._unchecked, self.step)
                    speed = n_tokens / (time.perf_counter() - start) if self.n_tokens else None
                    self._report(loss, norm, speed, validation_loss)
                    start, n_tokens = time.perf_counter(), 0
                if self.finished:
                    self._finish()
                yield loss
            self._finish()  # `config.steps` may have been lowered
        finally:
            self.model.eval()

    def _finish(self) -> None:
        self._last.keep(self.model)
        self._average.replace_weights(self.model)
        self.best.replace_weights(self.model)

    def _update(self, batches: Sequence[Batch]) -> tuple[Tensor, Tensor]:
        """One update of the weights: the loss and the gradient norm."""
        # Seeding each step by its number saves storing the generator's state in a checkpoint.
        torch.manual_seed(self.config.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        self.optimizer.zero_grad()
        weights, losses = self._weights(batches), []
        for batch, weight in zip(batches, weights, strict=True):
            with autocast(self.config.precision, self.model):
                loss = self.loss(batch) * (weight / sum(weights))
            loss.backward()
            losses.append(loss.detach())
        loss = torch.stack(losses).sum()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        if loss.device.type == "cpu":
            check_finite(loss + norm, self.step)
        else:  # to check it now would make the CPU wait for the device at every step
            self._unchecked = loss + norm
        self.optimizer.step()
        self.step += 1
        self._average.update(self.model, self.step, self.config)
        if self.step >= self.config.steps:
            self._last.keep(self.model)
            self._average.replace_weights(self.model)
        return loss, norm

    def _weights(self, batches: Sequence[Batch]) -> list[int]:
        return [1 if self.n_tokens is None else self.n_tokens(batch) for batch in batches]

    def _validate(self) -> float | None:
        """The validation loss, where one is due."""
        every, last = self.config.valid_every, self.step >= self.config.steps
        if self.validate is None or not every or (self.step % every and not last):
            return None
        self.model.eval()
        with torch.no_grad():
            loss = self.validate()
        self.model.train()
        self.best.update(self.model, self.step, loss)
        return loss

    def _reports_now(self) -> bool:
        return bool(self.reporters) and (self.finished or self.step % self.config.log_every == 0)

    def _report(
        self, loss: Tensor, norm: Tensor, speed: float | None, validation_loss: float | None
    ) -> None:
        rate = self.optimizer.param_groups[0]["lr"]
        report = Report(self.step, float(loss), rate, float(norm), speed, validation_loss)
        for reporter in self.reporters:
            reporter(report)

    def state_dict(self) -> dict[str, Tensor]:
        """A checkpoint: last weights, optimizer state, average, best weights, and the step.

        Raises:
            NonFiniteLoss: The last loss was infinite or not a number, so the weights may be, too.
        """
        check_finite(self._unchecked, self.step)
        tensors = {f"model.{name}": t for name, t in self._last.state_of(self.model).items()}
        for name, tensor in optimizer_state(self.model, self.optimizer).items():
            tensors[f"optimizer.{name}"] = tensor
        tensors |= self._average.state_dict() | self.best.state_dict()
        return tensors | {"step": torch.tensor(self.step)}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Return to the step at which `state_dict` was called, on the device of the model.

        Raises:
            BadInput: The tensors are not those of this model; the message names the first.
        """
        weights, moments = checked_state(tensors, self.model)
        self.step, self._last.weights = int(tensors["step"]), {}
        self.model.load_state_dict(weights)
        self._average.load_state_dict(tensors, self.model, self.step, self.config)
        self.best.load_state_dict(tensors, self.model)
        if self.step:
            load_optimizer_state(self.model, self.optimizer, moments)
        if self.finished:
            self._finish()
