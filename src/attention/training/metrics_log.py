"""The metrics of training: `log.jsonl`, a line of JSON per report, and TensorBoard."""

import json
import os
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from attention.errors import BadInput

__all__ = ["MetricsLog", "Report", "TensorBoardLog", "summary_writer"]


@dataclass(frozen=True)
class Report:
    """The metrics of a training step; None where there is nothing to measure.

    Attributes:
        step: Updates so far, this one included.
        loss: Of this step's batches.
        learning_rate: Of this step.
        gradient_norm: Over all parameters, before clipping.
        tokens_per_second: Target tokens trained on per second since the last report.
        validation_loss: On held-out data, after this step.
    """

    step: int
    loss: float
    learning_rate: float | None = None
    gradient_norm: float | None = None
    tokens_per_second: float | None = None
    validation_loss: float | None = None

    def metrics(self) -> dict[str, float | int]:
        """What has been measured, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class MetricsLog:
    """A file to which each report is appended, as a line of JSON.

    Args:
        path: The file; it is made with the first report.
        step: The step from which training goes on. Lines of later steps, which a killed process
            has left, and a line that it could not finish are dropped.

    Raises:
        BadInput: The file can't be read or written.
    """

    def __init__(self, path: Path, step: int = 0) -> None:
        self.path = path
        try:
            lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
            kept = [line for line in lines if line.endswith(b"\n") and _step_of(line) <= step]
            if kept != lines:
                partial = path.with_name(f".{path.name}.partial")
                partial.write_bytes(b"".join(kept))
                os.replace(partial, path)
        except OSError as error:
            raise BadInput(f"{path}: cannot be written ({error.strerror})") from error

    def __call__(self, report: Report) -> None:
        """Append a report; a value that is not finite, which JSON does not know, is null."""
        metrics = report.metrics()
        values = {name: value if isfinite(value) else None for name, value in metrics.items()}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be written ({error.strerror})") from error


def _step_of(line: bytes) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


class TensorBoardLog:
    """Writes each report as TensorBoard's scalars, where the package `tensorboard` is installed.

    Args:
        folder: Of TensorBoard's event files.
        step: The step from which training goes on; what was written of later steps is hidden.

    Raises:
        BadInput: The package is not installed.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._writer = summary_writer()(str(folder), purge_step=step + 1)

    def __call__(self, report: Report) -> None:
        """Write a report."""
        for name, value in report.metrics().items():
            if name != "step":
                self._writer.add_scalar(name, value, report.step)
        self._writer.flush()


def summary_writer() -> Any:
    """TensorBoard's class of writers.

    Raises:
        BadInput: The package is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise BadInput("--tensorboard needs a package: pip install tensorboard") from error
    return SummaryWriter
