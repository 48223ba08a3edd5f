"""Where a case of the walk computes: the device and the dtype of its models and tensors."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Place:
    """A device and a dtype, with inputs for them that are the same everywhere.

    What is drawn is drawn on the CPU, whatever torch's default device is, and then moved.

    Attributes:
        folder: An empty one, for files.
    """

    device: str
    dtype: torch.dtype
    folder: Path

    def floats(self, *shape: int) -> Tensor:
        generator = torch.Generator("cpu").manual_seed(sum(shape))
        return torch.randn(shape, generator=generator, device="cpu").to(self.device, self.dtype)

    def ids(self, *shape: int, low: int = 4, high: int = 11) -> Tensor:
        """Token ids, the last of the first row padding."""
        generator = torch.Generator("cpu").manual_seed(sum(shape))
        ids = torch.randint(low, high, shape, generator=generator, device="cpu")
        ids[0, -1] = 0
        return ids.to(self.device)

    def tensor(self, values: Any, **options: Any) -> Tensor:
        return torch.tensor(values, device=self.device, **options)

    def model(self, make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A module, or an object with a `model`, in evaluation mode, moved here."""
        torch.manual_seed(0)
        with torch.device("cpu"):
            made = make(*args, **kwargs)
        module = made if isinstance(made, nn.Module) else made.model
        module.to(self.device, self.dtype).eval()
        return made


@dataclass(frozen=True)
class Case:
    """A case of the walk.

    Attributes:
        run: Calls functions of the package with tensors of a place, and returns the results.
        elsewhere: `cpu` or `default` where the results are there, whatever the place is.
        follows_dtype: Whether the results have the dtype of the models and of the tensors.
        tolerance: Of the results; that of their dtype unless given.
    """

    run: Callable[[Place], Any]
    elsewhere: str = ""
    follows_dtype: bool = False
    tolerance: float | None = None


def table(cases: dict[str, Case]) -> Callable[..., Any]:
    """A decorator that puts a function into a table of cases; it takes the attributes of a case."""

    def case(**attributes: Any) -> Callable[[Any], Any]:
        def add(run: Callable[[Place], Any]) -> Callable[[Place], Any]:
            cases[run.__name__] = Case(run, **attributes)
            return run

        return add

    return case


def leaves(value: Any, name: str = "result") -> Iterator[tuple[str, Any]]:
    """All tensors, numbers and strings in a result, however deep, each with its name."""
    if isinstance(value, nn.Module):
        value = dict([*value.named_parameters(), *value.named_buffers()])
    elif is_dataclass(value) or type(value).__module__.startswith("attention."):
        value = value if isinstance(value, tuple) else vars(value)
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from leaves(one, f"{name}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for key, one in enumerate(value):
            yield from leaves(one, f"{name}[{key}]")
    elif isinstance(value, (Tensor, int, float, str)):
        yield name, value
