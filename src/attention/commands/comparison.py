"""Commands that compare what is ours with what is others'."""

from typing import Annotated

from attention import console
from attention.bench_models import bench_models, machine
from attention.options import JSON, must_be_in_range
from attention.runs import choose_device

__all__ = ["compare_models"]


def compare_models(
    *,
    seconds: float = 10.0,
    as_json: Annotated[bool, JSON] = False,
    device: str | None = None,
) -> None:
    """Time our models and others' side by side: the same weights, the same work.

    The Transformer is measured against torch's own; GPT, Llama and BERT against those of the
    package `transformers`, where it is installed.

    Args:
        seconds: Time for each comparison; there are seven. On one thread it is processor time.
        as_json: One JSON object a comparison, instead of the table.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    must_be_in_range({"seconds": seconds})
    device = choose_device(device)
    console.print_comparisons(machine(device), bench_models(seconds, device), as_json)
