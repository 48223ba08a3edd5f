"""The settings of a training run, as run.json holds them, and what may change at its resumption."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from attention.data.sources import DataSource
from attention.errors import BadInput, first_line
from attention.tasks.field_types import check_fields
from attention.tasks.old_files import current_training
from attention.training.trainer import TrainingConfig

__all__ = ["RunSettings", "check_same_data", "names_from_here"]


@dataclass(frozen=True)
class RunSettings:
    """What a run was begun with, and on what its last checkpoint was computed.

    Attributes:
        sources: The training data.
        valid: The held-out data to validate on; empty for none.
        training: The hyperparameters.
        subwords: Requested size of the subword vocabulary; None for the default.
        start: The model that training started from, as `--from` names it; None for a new one.
        threads: CPU threads; None before the first step.
        device: The type of the device; None before the first step.
    """

    sources: Sequence[DataSource]
    training: TrainingConfig
    subwords: int | None = None
    start: str | None = None
    threads: int | None = None
    device: str | None = None
    valid: Sequence[DataSource] = ()

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunSettings":
        """The settings in a run.json of any version.

        Raises:
            BadInput: They are damaged.
        """
        try:
            training = TrainingConfig(**current_training(values["training"]))
            if "sources" in values:
                sources = [DataSource(**source) for source in values["sources"]]
            else:  # an earlier version knew names only
                sources = [DataSource(str(name), None, None) for name in values["data"]]
            others = ("subwords", "start", "threads", "device")
            valid = tuple(DataSource(**source) for source in values.get("valid", []))
            named = {name: values.get(name) for name in others}
            return check_fields(cls(sources, training, valid=valid, **named))
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"damaged run.json ({first_line(error)})") from error


def names_from_here(sources: Sequence[DataSource]) -> list[str]:
    """The names under which the data of a run can be read from here.

    A relative name means what it meant in the directory where the run began; where there is no
    such file any more, it means a file in this directory.
    """
    return [
        source.path
        if source.path and _path(source.name) != source.path and Path(source.path).exists()
        else source.name
        for source in sources
    ]


def check_same_data(
    then: Sequence[DataSource],
    now: Sequence[DataSource],
    typed: bool,
    folder: Path,
    option: str = "--data",
) -> None:
    """Refuse other data than the run began with. The same content elsewhere is the same data.

    Args:
        then: The data that the run began with.
        now: The data that it would continue with.
        typed: Whether the option has named it.
        folder: Of the run, for the message.
        option: That names the data.

    Raises:
        BadInput: A file is another one, or has another content.
    """
    pairs = list(zip(then, now, strict=False))
    changed = [new.name for old, new in pairs if old.sha256 and old.sha256 != new.sha256]
    if len(then) == len(now) and all(old.sha256 for old, _ in pairs) and not changed:
        return
    if typed and list(map(_identity, then)) != list(map(_identity, now)):
        names = [" ".join(source.name for source in sources) for sources in (now, then)]
        raise BadInput(
            f"{option} {names[0]}: the run in {folder} began with {names[1]}, and --resume "
            "keeps its settings"
        )
    if changed:
        raise BadInput(
            f"{changed[0]}: its content has changed since the run in {folder} began; restore "
            "it, or begin another run, with --from if it should start from this one's weights"
        )


def _path(name: str) -> str:
    return str(Path(name).resolve())


def _identity(source: DataSource) -> str:
    """An absolute path, or the name of a built-in corpus as an absolute path."""
    return source.path or _path(source.name)
