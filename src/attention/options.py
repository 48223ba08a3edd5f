"""Do the command's options make sense, and go together? If not, one line says why."""

from dataclasses import asdict, fields
from typing import Any

from attention.architectures import ARCHITECTURES
from attention.errors import BadInput
from attention.runs import TranslationRun

__all__ = ["given", "must_agree", "must_be_in_range", "must_belong"]

MAY_BE_ZERO = {"seed", "dropout", "warmup", "smoothing", "average"}
SHARES = {"dropout", "smoothing", "average"}


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
    for name in SHARES:
        if options.get(name, 0) >= 1:
            raise BadInput(f"{_flag(name)} {options[name]}: must be below 1")
    if options.get("d_model", 0) % 2:
        raise BadInput(f"--d-model {options['d_model']}: must be even")


def must_belong(arch: str, sizes: dict[str, Any]) -> None:
    """Refuse an option that this architecture does not have."""
    homes = {name: {f.name for f in fields(kind.config)} for name, kind in ARCHITECTURES.items()}
    for name in homes.keys() - {"word-by-word"}:  # a dictionary is one of whole words
        homes[name].add("subwords")
    for size in sizes:
        if size not in homes[arch]:
            others = " or ".join(name for name, known in homes.items() if size in known)
            raise BadInput(f"{_flag(size)} does not go with --arch {arch}, but with {others}")


def must_agree(run: TranslationRun, typed: dict[str, Any]) -> None:
    """Refuse to resume a run under other settings than it began with."""
    settings = asdict(run.trainer.config) | asdict(run.translator.model.config)
    settings |= {"arch": run.translator.arch, "data": run.data, "subwords": run.subwords}
    for name, value in typed.items():
        if value != settings.get(name):
            raise BadInput(
                f"{_flag(name)} {value}: the run in {run.folder} began with "
                f"{settings.get(name)}, and --resume keeps its settings"
            )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
