"""Options of a training run: its folder, where it starts, and how often it is saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token

from attention.cli.options import FLAG
from attention.errors import BadInput

__all__ = ["DEFAULT_RUN", "OutFolder", "RunOptions"]


@Parameter(name="*", group=Group("Run"))
@dataclass(frozen=True)
class RunOptions:
    """Where a run starts, and how often it is saved.

    Attributes:
        resume: Continue the run in --out from its last checkpoint, with its settings. A larger
            --steps extends it, even if it is finished.
        start: Start from the weights and the tokenizer of a trained model: a folder, or for a
            language model its name on the hub. A lower --lr than at its training is usual.
        save_every: Steps from one checkpoint to the next.
        keep: Older checkpoints to keep beside the last one, in the subfolder checkpoints.
    """

    resume: Annotated[bool, FLAG] = False
    start: Annotated[str | None, Parameter(name="--from")] = None
    save_every: int = 200
    keep: int = 0

    def saving(self) -> dict[str, int]:
        """The arguments of `TrainingRun.steps`.

        Raises:
            BadInput: One of them is impossible.
        """
        if self.save_every < 1 or self.keep < 0:
            raise BadInput("--save-every must be above 0, and --keep 0 or more")
        return {"save_every": self.save_every, "keep": self.keep}


DEFAULT_RUN = RunOptions()


def _not_empty(_: Any, tokens: Sequence[Token]) -> Path:
    if not tokens[0].value.strip():
        raise BadInput('--out "": give the name of a folder')
    return Path(tokens[0].value)


OutFolder = Annotated[Path, Parameter(converter=_not_empty)]
