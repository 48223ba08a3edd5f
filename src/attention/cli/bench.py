"""Commands that compare: all translators with each other, and our models with others'."""

from pathlib import Path
from typing import Annotated

from attention.benchmarks.models import bench_models, machine
from attention.benchmarks.translators import bench_translation
from attention.cli import console, tables
from attention.cli.options import JSON, MANY, choose_device, must_be_in_range
from attention.data.parallel import load_pairs
from attention.errors import BadInput
from attention.inspection import plots

__all__ = ["compare_models", "compare_translators"]


def compare_translators(
    *,
    seconds: float = 60.0,
    data: Annotated[list[str] | None, MANY] = None,
    test: Annotated[list[str] | None, MANY] = None,
    seed: int = 0,
    as_json: Annotated[bool, JSON] = False,
    plot: Path | None = None,
) -> None:
    """Train every translator for the same time, and print one table.

    Args:
        seconds: Processor time for each of them.
        data: What to learn from, given as for `attention train translation`; toy unless given.
        test: What to be measured on; toy-test unless given.
        seed: Start of all randomness.
        as_json: One JSON object a translator, instead of the table.
        plot: Draw BLEU against sentence length into this file (.svg, .png, .pdf).
    """
    must_be_in_range({"seconds": seconds, "seed": seed})
    if data and data != ["toy"] and not test:
        raise BadInput("--data needs a --test of its own")
    pairs, held_out = load_pairs(data or ["toy"]), load_pairs(test or ["toy-test"])
    contest = bench_translation(pairs, held_out, seconds, seed=seed)
    results = tables.print_results((result for _, result in contest), as_json)
    if plot:
        curves = {result.name: result.by_length for result in results}
        console.save_figure(plots.by_length(curves), plot)


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
    tables.print_comparisons(machine(device), bench_models(seconds, device), as_json)
