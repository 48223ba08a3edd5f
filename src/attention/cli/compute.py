"""`--device` and `--threads`, the options of every command that computes."""

import os
from dataclasses import dataclass
from typing import Any

import torch
from cyclopts import Group, Parameter

from attention.errors import BadInput

__all__ = ["DEFAULT_COMPUTE", "ComputeOptions", "choose_device", "choose_threads"]

TORCH_THREADS = torch.get_num_threads()  # OMP_NUM_THREADS, or one for each core
LARGE = 20_000_000  # parameters


@Parameter(name="*", group=Group("Computing"))
@dataclass(frozen=True)
class ComputeOptions:
    """Where to compute, and on how many threads.

    Attributes:
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
        threads: CPU threads. Unless given: what OMP_NUM_THREADS says; else one for a model of
            fewer than 20 million parameters, and one for each core for a larger one.
    """

    device: str | None = None
    threads: int | None = None

    def start(self) -> str:
        """Set the threads that a small model gets, and give the device.

        A command calls it before it reads or writes anything, so that it refuses bad options
        early, and draws initial weights on the same number of threads everywhere.

        Raises:
            BadInput: This machine has no such device, or not so many cores.
        """
        torch.set_num_threads(choose_threads(self.threads))
        return choose_device(self.device)

    def prepare(self, model: Any) -> None:
        """Move a model to the device, and set the threads that a model of its size gets."""
        model.to(choose_device(self.device))
        parameters = sum(parameter.numel() for parameter in model.parameters())
        torch.set_num_threads(choose_threads(self.threads, parameters))


DEFAULT_COMPUTE = ComputeOptions()


def choose_device(name: str | None) -> str:
    """The device of this name; without one, a CUDA device if there is one, else torch's default.

    Torch's default is the CPU, unless whoever calls the command from Python has set another.

    Raises:
        BadInput: Nothing can be computed on such a device here.
    """
    if name is None:
        return "cuda" if torch.cuda.is_available() else torch.get_default_device().type
    try:
        torch.ones(1, device=name).sum().item()
    except Exception as error:  # of any type: each of torch's backends has its own
        meta = name.partition(":")[0] == "meta"
        reason = "its tensors have no values" if meta else "not on this machine"
        raise BadInput(f"--device {name}: {reason}; leave it out") from error
    return name


def choose_threads(asked: int | None, parameters: int = 0) -> int:
    """The number of CPU threads for a model of so many parameters.

    `--threads` decides; without it OMP_NUM_THREADS, which torch has read; without both, the size
    of the model. The operations of a small model are so short that threads spend longer waiting
    for each other than they save, and wait far longer where other programs use the same cores:
    two threads decode several times more slowly than one. The matrices of a large model keep
    every core busy.

    Raises:
        BadInput: `asked` is below 1, or more than this machine has cores.
    """
    if asked is not None:
        cores = os.cpu_count() or 1
        if not 1 <= asked <= cores:
            raise BadInput(f"--threads {asked}: from 1 to {cores}, the cores of this machine")
        return asked
    if "OMP_NUM_THREADS" in os.environ or parameters >= LARGE:
        return TORCH_THREADS
    return 1
