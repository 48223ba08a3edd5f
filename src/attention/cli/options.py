"""The command's options: how they are typed, and whether they make sense and go together."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from cyclopts import Group, Parameter

from attention.errors import BadInput
from attention.tasks.architectures import Architecture
from attention.tasks.runs import Run

__all__ = [
    "FLAG",
    "JSON",
    "MANY",
    "TrainingOptions",
    "choose_device",
    "given",
    "must_agree",
    "must_be_in_range",
    "must_belong",
    "with_defaults_of",
]

FLAG = Parameter(negative=())
JSON = Parameter(name="--json", negative=())
MANY = Parameter(consume_multiple=True, negative=())

MAY_BE_ZERO = {"seed", "dropout", "warmup", "label_smoothing", "average_fraction", "temperature"}
MOST = 2**31
SHARES = {"dropout", "label_smoothing", "average_fraction"}


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingOptions:
    """How to train: what all commands that train let a person choose.

    Attributes:
        steps: Updates of the weights.
        tokens_per_batch: Tokens in each batch, padding included; for translation, target tokens.
        lr: Peak learning rate.
        warmup: Steps over which the learning rate rises linearly to its peak.
        label_smoothing: Probability taken from the correct token and spread evenly over the
            vocabulary. Real text to translate wants 0.1.
        average_fraction: Fraction of the steps, at the end, whose weights are averaged.
        seed: Seed of every random draw: initial weights, order of batches, dropout.
    """

    steps: int | None = None
    tokens_per_batch: int | None = None
    lr: float | None = None
    warmup: int | None = None
    label_smoothing: float | None = None
    average_fraction: float | None = None
    seed: int | None = None


def with_defaults_of(kinds: Mapping[str, Architecture], usual: str) -> Parameter:
    """Show `TrainingOptions` under a heading that says what they are unless given.

    Args:
        kinds: What `--arch` can be.
        usual: What it is unless given; the others are mentioned where they differ from it.
    """
    defaults = []
    for name in (field.name for field in fields(TrainingOptions)):
        values = {arch: f"{getattr(kind.training, name):g}" for arch, kind in kinds.items()}
        others = [f"for {a} {value}" for a, value in values.items() if value != values[usual]]
        differing = f" ({', '.join(others)})" if others else ""
        defaults.append(f"{_flag(name)} {values[usual]}{differing}")
    return Parameter(group=Group("Training", help=f"Unless given: {', '.join(defaults)}."))


def given(**options: Any) -> dict[str, Any]:
    """The options that were typed."""
    return {name: value for name, value in options.items() if value is not None}


def must_be_in_range(options: dict[str, Any]) -> None:
    """Refuse numbers that no model can be made from, or trained with."""
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if value < 0 or (value == 0 and name not in MAY_BE_ZERO):
            least = "0 or more" if name in MAY_BE_ZERO else "above 0"
            raise BadInput(f"{_flag(name)} {value}: must be {least}")
        if not value < MOST:
            raise BadInput(f"{_flag(name)} {value}: must be below {MOST:,}")
    for name in SHARES:
        if options.get(name, 0) >= 1:
            raise BadInput(f"{_flag(name)} {options[name]}: must be below 1")
    if options.get("d_model", 0) % 2:
        raise BadInput(f"--d-model {options['d_model']}: must be even")


def must_belong(arch: str, sizes: dict[str, Any], kinds: Mapping[str, Architecture]) -> None:
    """Refuse an option that this one of several architectures does not have."""
    homes = {name: {f.name for f in fields(kind.config)} for name, kind in kinds.items()}
    for name in homes.keys() - {"word-by-word"}:  # a dictionary is one of whole words
        homes[name].add("subwords")
    for size in sizes:
        if size not in homes[arch]:
            others = " or ".join(name for name, known in homes.items() if size in known)
            raise BadInput(f"{_flag(size)} does not go with --arch {arch}, but with {others}")


def must_agree(run: Run, typed: dict[str, Any]) -> None:
    """Refuse to resume a run under other settings than it began with."""
    settings = asdict(run.trainer.config) | asdict(run.task.model.config)
    settings |= {"arch": run.task.arch, "data": run.data, "subwords": run.subwords}
    for name, value in typed.items():
        if value != settings.get(name):
            raise BadInput(
                f"{_flag(name)} {value}: the run in {run.folder} began with "
                f"{settings.get(name)}, and --resume keeps its settings"
            )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def choose_device(name: str | None) -> str:
    """The device asked for, or the fastest one there is.

    Raises:
        BadInput: This machine has no such device.
    """
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise BadInput(f"--device {name}: not on this machine; leave it out") from error
    return name
