"""How two implementations are timed side by side: in turn, with the median and the environment."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import torch

from attention.shapes import Tensor

__all__ = ["Comparison", "Workload", "compare", "environment"]

Workload = Callable[[], Tensor]  # what is timed; it returns its result


@dataclass(frozen=True)
class Comparison:
    """The time that our model and another implementation of it take for the same work.

    Attributes:
        model: The model.
        work: What it does: decoding or training.
        peer: The other implementation.
        ours: Our milliseconds, the median over all repetitions; None if the peer isn't installed.
        theirs: The peer's milliseconds, likewise.
        ratio: Ours divided by theirs: below 1, we are faster.
        difference: The largest difference between the two results of the first run, which are
            losses or token ids. About 0 if both did the same work; infinity if the shapes differ.
        repetitions: How often each of them was timed.
    """

    model: str
    work: str
    peer: str
    ours: float | None = None
    theirs: float | None = None
    ratio: float | None = None
    difference: float | None = None
    repetitions: int = 0


def compare(
    names: tuple[str, str, str], pair: list[Workload], seconds: float, device: str
) -> Comparison:
    """Time two workloads in turn, so that a change of the machine's speed affects both alike.

    Args:
        names: The model, the work and the peer.
        pair: Our workload and the peer's.
        seconds: When to stop: the time of all timed runs together.
        device: The device that the workloads run on.
    """
    clock = _clock(device)
    first, second = (workload().cpu() for workload in pair)  # warm-up
    same_shape = first.shape == second.shape
    difference = float((first - second).abs().max()) if same_shape else float("inf")
    times: list[list[float]] = [[], []]
    while not times[0] or sum(map(sum, times)) < 1000 * seconds:
        for i in (0, 1) if len(times[0]) % 2 else (1, 0):  # neither is always the first
            start = clock()
            pair[i]().cpu()  # the copy waits until a GPU has finished
            times[i].append(1000 * (clock() - start))
    ours, theirs = map(median, times)
    return Comparison(*names, ours, theirs, ours / theirs, difference, repetitions=len(times[0]))


def environment(device: str) -> dict[str, Any]:
    """What a ratio depends on: versions, threads, the CPU or GPU, and the clock."""
    peer = "not installed"
    if find_spec("transformers"):
        import transformers

        peer = transformers.__version__
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else _cpu_name()
    return {
        "torch": torch.__version__,
        "transformers": peer,
        "threads": torch.get_num_threads(),
        "device": name,
        "clock": "CPU" if _clock(device) is time.process_time else "wall",
    }


def _clock(device: str) -> Callable[[], float]:
    """CPU time for a single thread, which other processes don't affect; else wall-clock time."""
    single = device == "cpu" and torch.get_num_threads() == 1
    return time.process_time if single else time.perf_counter


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{(names or [platform.processor() or platform.machine()])[0]}, {os.cpu_count()} cores"
