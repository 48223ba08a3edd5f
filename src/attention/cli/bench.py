"""`attention bench`: compare all translators, and our models with other implementations."""

from pathlib import Path
from typing import Annotated

from attention.benchmarks import models, timing, translators
from attention.cli import console, tables
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.options import JSON, MANY, check_ranges
from attention.cli.stages import announced, say, unannounced
from attention.data.parallel import load_pairs
from attention.errors import BadInput
from attention.inspection import plots
from attention.tasks.run_data import check_held_out

__all__ = ["bench_models", "bench_translation"]


def bench_translation(
    *,
    seconds: float = 60.0,
    data: Annotated[list[str] | None, MANY] = None,
    test: Annotated[list[str] | None, MANY] = None,
    seed: int = 0,
    as_json: Annotated[bool, JSON] = False,
    plot: Path | None = None,
    threads: int | None = None,
) -> None:
    """Train every translator for the same time on the CPU, and print one table.

    Args:
        seconds: CPU time to train each of them for.
        data: Training data, given as for `attention train translation`; toy unless given.
        test: Held-out data to measure them on; toy-test unless given.
        seed: Seed of every random draw.
        as_json: One JSON object a translator, instead of the table.
        plot: Draw BLEU against sentence length into this file (.svg, .png, .pdf).
        threads: CPU threads. Unless given: what OMP_NUM_THREADS says, else one.
    """
    check_ranges({"seconds": seconds, "seed": seed})
    if data and data != ["toy"] and not test:
        raise BadInput("--data needs a --test of its own")
    ComputeOptions("cpu", threads).start()
    data, test = data or ["toy"], test or ["toy-test"]
    with announced():
        say(f"reading {' '.join([*data, *test])}")
        pairs, held_out = load_pairs(data), load_pairs(test)
        check_held_out("--test", test, pairs, held_out)
        trained = translators.bench_translation(pairs, held_out, seconds, seed=seed)
        rows = (result for _, result in unannounced(trained))
        results = tables.print_results(rows, as_json, data, test)
    if plot:
        curves = {result.name: result.by_length for result in results}
        console.save_figure(plots.bleu_by_length(curves), plot)


def bench_models(
    *,
    seconds: float = 10.0,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Time our models and other implementations side by side: the same weights, the same work.

    The Transformer is compared with torch's own; GPT, Llama and BERT with those of the package
    `transformers`, where it is installed.

    Args:
        seconds: Time for each comparison; there are seven. On one thread it is CPU time.
        as_json: One JSON object a comparison, instead of the table.
    """
    check_ranges({"seconds": seconds})
    device = compute.start()
    with announced():
        say("building the models")
        comparisons = unannounced(models.bench_models(seconds, device))
        tables.print_comparisons(timing.environment(device), comparisons, as_json)
