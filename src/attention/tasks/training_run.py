"""A training run: a task, its trainer, and checkpoints in a folder."""

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from attention.checkpoints import save_json, save_tensors
from attention.errors import NonFiniteLoss
from attention.tasks.run_folder import RunFolder
from attention.tasks.run_settings import RunSettings
from attention.training.metrics_log import MetricsLog
from attention.training.trainer import TrainingConfig

__all__ = ["TrainingRun"]


class TrainingRun:
    """A task in training, its data and its trainer, with the folder of their checkpoints.

    Attributes:
        folder: It holds the saved task, `training.safetensors` (the trainer's checkpoint) and
            `run.json` (the settings), with `log.jsonl` (the metrics of training).
        task: What is trained, a model with its tokenizer.
        corpus: The training data.
        held_out: Data that is not trained on, to validate on; empty for none.
        settings: What it was begun with.
        trainer: Its `step` counts the updates, of `config.steps`.
        saved_step: The step of the last checkpoint; None before the first.
    """

    make_trainer: Callable[[Any, Sequence[Any], TrainingConfig], Any]

    def __init__(
        self,
        folder: RunFolder,
        task: Any,
        corpus: Sequence[Any],
        settings: RunSettings,
        held_out: Sequence[Any] = (),
    ) -> None:
        self._folder, self.task, self.settings = folder, task, settings
        self.corpus, self.held_out = corpus, held_out
        self.saved_step: int | None = None
        self.trainer = type(self).make_trainer(task, corpus, settings.training)

    @property
    def folder(self) -> Path:
        """Its path."""
        return self._folder.path

    @property
    def locked(self) -> bool:
        """Whether other processes are kept out of the folder, which not every system can do."""
        return self._folder.lock is not None and self._folder.lock.exclusive

    @property
    def data(self) -> list[str]:
        """Where the corpus comes from, as `--data` names it."""
        return [source.name for source in self.settings.sources]

    @property
    def valid(self) -> list[str]:
        """Where the held-out data comes from, as `--valid` names it."""
        return [source.name for source in self.settings.valid]

    @property
    def device(self) -> str:
        """The type of the device that the model is on."""
        return next(iter(self.task.model.state_dict().values())).device.type

    @property
    def subwords(self) -> int | None:
        """Requested size of the subword vocabulary; None for the default."""
        return self.settings.subwords

    def steps(self, save_every: int = 200, keep: int = 0) -> Generator[Any, None, None]:
        """Train to the last step, yielding each loss; save every so many steps, and at the end.

        A run that is stopped between two steps, by an exception too, is saved as well. One that is
        interrupted within a step is not, because its weights are updated only in part: then the
        last checkpoint stays.

        Args:
            save_every: Steps from one checkpoint to the next.
            keep: Older checkpoints to keep beside the last, each in a folder of its own.

        Raises:
            NonFiniteLoss: Training has diverged; the last weights that are finite are saved.
        """
        losses, between_steps = self.trainer.steps(), True
        log = MetricsLog(self.folder / "log.jsonl", self.trainer.step)
        self.trainer.reporters.append(log)
        try:
            while True:
                between_steps = False
                loss = next(losses, None)
                between_steps = True
                if loss is None:
                    return
                if self.trainer.step % save_every == 0:
                    self.save(keep)
                yield loss
        except NonFiniteLoss:
            between_steps = False
            with suppress(NonFiniteLoss):  # if it was noticed before the update
                self.save(keep)
            raise
        finally:
            losses.close()
            self.trainer.reporters.remove(log)
            if between_steps:
                self.save(keep)

    def save(self, keep: int = 0) -> None:
        """Save the task, and the checkpoint and settings that `resume` needs.

        Args:
            keep: Older checkpoints to keep beside the last, each in a folder of its own.

        Raises:
            NonFiniteLoss: There are weights that are infinite or not a number.
            BadInput: A file can't be written.
        """
        step, settings = self.trainer.step, self.settings
        weights = self.task.model.state_dict().values()
        if not all(weight.isfinite().all() for weight in weights):
            raise NonFiniteLoss(
                f"training has diverged: not all weights are finite at step {step:,}"
            )
        if step:
            settings = replace(settings, threads=torch.get_num_threads(), device=self.device)

        state = self.trainer.state_dict()

        def write(folder: Path) -> None:
            self.task.save(folder)
            save_tensors(folder / "training.safetensors", state)
            save_json(folder / "run.json", settings.to_dict())

        replaces_older = keep and self.saved_step is not None and self.saved_step < step
        self._folder.save(write, f"step-{self.saved_step}" if replaces_older else None)
        if replaces_older:
            self._folder.prune(keep)
        self.saved_step = step
