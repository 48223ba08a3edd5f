"""What the commands that train have in common: a run is begun or resumed, and validated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attention.cli.compute import ComputeOptions
from attention.cli.limits import check_memory
from attention.cli.model_kind import check_kind
from attention.cli.options import (
    check_belongs_to,
    check_keeps_model,
    check_ranges,
    check_unchanged,
    check_validation,
    drop_unset,
)
from attention.cli.run_options import RunOptions
from attention.tasks.runs import Run
from attention.training.metrics_log import TensorBoardLog, summary_writer

__all__ = ["TypedRun"]


@dataclass(frozen=True)
class TypedRun:
    """A run as it was typed; options that were not typed are left out, or None.

    Attributes:
        command: That it was typed for.
        out: Its folder.
        arch: Its architecture.
        data: Its training data.
        valid: Its held-out data.
        chosen: The fields of its `TrainingConfig`.
        sizes: Arguments of its new model and of the tokenizers.
        options: Where it starts, and how often it is saved.
        tensorboard: Whether its metrics are written for TensorBoard as well.
        default_arch: Of a new run, unless typed.
        default_data: Of a new run, unless typed.
    """

    command: str
    out: Path
    arch: str | None
    data: list[str] | None
    valid: list[str] | None
    chosen: dict[str, Any]
    sizes: dict[str, Any]
    options: RunOptions
    tensorboard: bool
    default_arch: str
    default_data: str

    def check(self) -> dict[str, int]:
        """Refuse what can be refused before anything is read.

        Returns:
            The arguments of `TrainingRun.steps`.

        Raises:
            BadInput: An option is impossible.
        """
        check_ranges(self.chosen | self.sizes)
        if self.tensorboard:
            summary_writer()  # is it installed?
        if begun := self.out if self.options.resume else self.options.start:
            check_kind(begun, self.command)
        return self.options.saving()

    def open(
        self,
        kind: type[Run],
        compute: ComputeOptions,
        device: str,
        validation: Callable[[Any, Sequence[Any]], Callable[[], float]],
    ) -> Any:
        """Begin the run, or resume it, ready to be trained on its device.

        Args:
            kind: Of run.
            compute: Prepares the model.
            device: That `compute` has chosen.
            validation: Makes the function that measures the loss of a task on held-out data.

        Raises:
            BadInput: It can't be begun or resumed like this.
        """
        run = self._resumed(kind, device) if self.options.resume else self._new(kind, device)
        config = run.trainer.config
        settings = {"valid_every": config.valid_every, "patience": config.patience}
        check_validation(settings, run.task.arch, bool(run.held_out))
        compute.prepare(run.task.model)
        if run.held_out and config.valid_every:
            run.trainer.validate = validation(run.task, run.held_out)
        if self.tensorboard:
            run.trainer.reporters.append(TensorBoardLog(self.out, run.trainer.step))
        return run

    def _resumed(self, kind: type[Run], device: str) -> Run:
        changes = {name: self.chosen.get(name) for name in ("steps", "log_every")}
        run = kind.resume(self.out, device, self.data, self.valid or (), **changes)
        model = self.sizes | drop_unset(arch=self.arch, **{"from": self.options.start})
        check_unchanged(run, self.chosen | model)
        return run

    def _new(self, kind: type[Run], device: str) -> Run:
        data, valid = self.data or [self.default_data], self.valid or ()
        if start := self.options.start:
            check_validation(self.chosen, start, bool(valid))
            check_keeps_model(start, self.sizes | drop_unset(arch=self.arch))
            return kind.fine_tune(self.out, start, data, device, valid, **self.chosen)
        arch = self.arch or self.default_arch
        check_belongs_to(arch, self.sizes, kind.architectures)
        check_validation(self.chosen, arch, bool(valid))
        check_memory(arch, kind.architectures[arch], self.sizes)
        config = replace(kind.architectures[arch].training, **self.chosen)
        return kind.begin(self.out, arch, data, config, device, valid=valid, **self.sizes)
