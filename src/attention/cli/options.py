"""Options of the command, those of training among them: how they are typed, and their checks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from attention.cli.limits import AT_MOST
from attention.errors import BadInput
from attention.tasks.architectures import Architecture
from attention.tasks.runs import Run
from attention.training.config import Precision, Schedule

__all__ = [
    "FLAG",
    "JSON",
    "MANY",
    "TrainingOptions",
    "TranslatorFolder",
    "check_belongs_to",
    "check_keeps_model",
    "check_ranges",
    "check_unchanged",
    "check_validation",
    "drop_unset",
    "training_group",
]

FLAG = Parameter(negative=())
JSON = Parameter(name="--json", negative=())
MANY = Parameter(consume_multiple=True, negative=())
TranslatorFolder = Annotated[
    Path, Parameter(help="The folder that `attention train translation` made.")
]

MAY_BE_ZERO = {
    *("seed", "dropout", "warmup", "label_smoothing", "weight_decay", "average_fraction"),
    *("temperature", "length_penalty"),
}
UNLESS_GIVEN_NONE = {"valid_every", "patience"}
UPPER_BOUND = 2**31
BELOW_ONE = {"dropout", "label_smoothing", "average_fraction"}


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingOptions:
    """How to train: the options that all commands that train have in common.

    Attributes:
        steps: Updates of the weights.
        tokens_per_batch: Tokens in each batch, padding included; for translation, target tokens.
        lr: Peak learning rate.
        warmup: Steps over which the learning rate rises linearly to its peak.
        label_smoothing: Probability taken from the correct token and spread evenly over the
            vocabulary. For translating real text, 0.1 is usual.
        schedule: The learning rate after the warm-up: linear or cosine decay to zero, or constant.
        max_grad_norm: Gradients are scaled down to this norm where theirs is larger.
        weight_decay: AdamW's weight decay; norms, biases and embeddings have none.
        betas: Decay rates of Adam's moving averages of the gradient and of its square.
        accumulate: Batches whose gradients are accumulated for one step.
        precision: fp32; or bf16, bfloat16 where that is safe (autocast), for GPUs that have it.
        valid_every: Steps from one validation on --valid to the next; unless given, a tenth of
            --steps. In the end the model has the weights of the lowest validation loss.
        patience: Stop after so many validations in a row without a lower loss; never unless given.
        log_every: Steps from one line of log.jsonl, in --out, to the next; --resume may change it.
        average_fraction: Fraction of the steps, at the end, whose weights are averaged.
        seed: Seed of every random draw: initial weights, order of batches, dropout.
    """

    steps: int | None = None
    tokens_per_batch: int | None = None
    lr: float | None = None
    warmup: int | None = None
    label_smoothing: float | None = None
    schedule: Schedule | None = None
    max_grad_norm: float | None = None
    weight_decay: float | None = None
    betas: tuple[float, float] | None = None
    accumulate: int | None = None
    precision: Precision | None = None
    valid_every: int | None = None
    patience: int | None = None
    log_every: int | None = None
    average_fraction: float | None = None
    seed: int | None = None


def training_group(architectures: Mapping[str, Architecture], default: str) -> Parameter:
    """Show `TrainingOptions` in `--help` under a heading that lists their default values.

    Args:
        architectures: The choices of `--arch`.
        default: The choice where `--arch` is not typed; the others are mentioned where their
            values differ from its.
    """
    defaults = []
    for name in (field.name for field in fields(TrainingOptions)):
        values = {arch: _shown(getattr(a.training, name)) for arch, a in architectures.items()}
        if values[default] == "0" and name in UNLESS_GIVEN_NONE:
            continue
        others = [f"for {a} {value}" for a, value in values.items() if value != values[default]]
        differing = f" ({', '.join(others)})" if others else ""
        defaults.append(f"{_flag(name)} {values[default]}{differing}")
    return Parameter(group=Group("Training", help=f"Unless given: {', '.join(defaults)}."))


def drop_unset(**options: Any) -> dict[str, Any]:
    """The options that were typed: those that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def check_ranges(options: dict[str, Any]) -> None:
    """Refuse values with which no model can be built, trained or run; None is not checked."""
    for name, value in options.items():
        if name == "betas" and not all(0 <= beta < 1 for beta in value):
            raise BadInput(f"--betas {_shown(value)}: both must be from 0 to below 1")
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if value < 0 or (value == 0 and name not in MAY_BE_ZERO):
            least = "0 or more" if name in MAY_BE_ZERO else "above 0"
            raise BadInput(f"{_flag(name)} {value}: must be {least}")
        if not value < UPPER_BOUND:  # not a number (nan) is not below it either
            raise BadInput(f"{_flag(name)} {value}: must be below {UPPER_BOUND:,}")
        if value > AT_MOST.get(name, UPPER_BOUND):
            raise BadInput(f"{_flag(name)} {value}: must be at most {AT_MOST[name]:,}")
        if name in BELOW_ONE and value >= 1:
            raise BadInput(f"{_flag(name)} {value}: must be below 1")
        if name == "d_model" and value % 2:
            raise BadInput(f"--d-model {value}: must be even")


def check_belongs_to(
    arch: str, typed: dict[str, Any], architectures: Mapping[str, Architecture]
) -> None:
    """Refuse an option of a model that the chosen one of several architectures does not have."""
    options = {name: {f.name for f in fields(a.config)} for name, a in architectures.items()}
    for name in options.keys() - {"word-by-word"}:  # IBM Model 1 is a dictionary of whole words
        options[name].add("subwords")
    for known in options.values():
        known.add("min_count")
    for option in typed:
        if option not in options[arch]:
            owners = " or ".join(name for name, known in options.items() if option in known)
            raise BadInput(f"{_flag(option)} does not go with --arch {arch}, but with {owners}")


def check_keeps_model(start: str, typed: dict[str, Any]) -> None:
    """Refuse options of a new model beside `--from`, whose model is as it is."""
    for name, value in typed.items():
        raise BadInput(f"{_flag(name)} {value}: does not go with --from {start}, which has its own")


def check_validation(typed: Mapping[str, Any], arch: str, has_held_out: bool) -> None:
    """Refuse options of validation without the data for it, or for a model without gradients.

    A run of an earlier version that validates and is resumed needs its `--valid` again.
    """
    for name in ("valid_every", "patience"):
        if value := typed.get(name):
            if arch == "word-by-word":
                reason = "EM has no loss to validate"
                raise BadInput(f"{_flag(name)} does not go with --arch word-by-word: {reason}")
            if not has_held_out:
                raise BadInput(f"{_flag(name)} {value}: add --valid, the data to validate on")


def check_unchanged(run: Run, typed: dict[str, Any]) -> None:
    """Refuse to resume a run with other settings than those it began with."""
    settings = asdict(run.trainer.config) | asdict(run.task.model.config)
    settings |= {"arch": run.task.arch, "subwords": run.subwords, "from": run.settings.start}
    tokenizer = getattr(run.task, "source_tokenizer", None)
    settings["min_count"] = getattr(tokenizer, "min_count", None)
    for name, value in typed.items():
        if value != settings.get(name):
            raise BadInput(
                f"{_flag(name)} {value}: the run in {run.folder} began with "
                f"{settings.get(name)}, and --resume keeps its settings, with which it reaches "
                "the weights of an unbroken run"
            )


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    return value if isinstance(value, str) else f"{value:g}"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
