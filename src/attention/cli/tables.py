"""What the `attention` command shows of its measurements: tables, or JSON for machines."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from attention.benchmarks.models import Comparison
from attention.benchmarks.translators import Result
from attention.evaluation.metrics import LanguageModelScores, TranslationScores

__all__ = ["print_comparisons", "print_language_scores", "print_results", "print_scores"]


def print_scores(scores: TranslationScores, as_json: bool) -> None:
    """A small table, or one JSON object."""
    if as_json:
        print(json.dumps(asdict(scores)))
        return
    aer = "unknown: no gold alignment" if scores.aer is None else f"{scores.aer:.3f}"
    print(f"sentences             {scores.sentences:,}")
    print(f"BLEU                  {scores.bleu:.1f}   {scores.signature}")
    print(f"chrF                  {scores.chrf:.1f}")
    print(f"exact match           {scores.exact_match:.3f}")
    print(f"alignment error rate  {aer}")


def print_language_scores(scores: LanguageModelScores) -> None:
    """A small table."""
    print(f"pieces of words  {scores.pieces:,}")
    print(f"loss per piece   {scores.loss:.3f}")
    print(f"perplexity       {scores.perplexity:.2f}")
    print(f"bits per byte    {scores.bits_per_byte:.3f}")


def print_results(results: Iterator[Result], as_json: bool) -> list[Result]:
    """Print each result as it comes, as a row of a table or as a JSON object."""
    shown = []
    if not as_json:
        head = f"{'BLEU':>5} {'exact':>6} {'AER':>5} {'CPU s':>6} {'parameters':>10}"
        print(f"{'':24} {head}   BLEU by length")
    for result in results:
        shown.append(result)
        if as_json:
            print(json.dumps(asdict(result)), flush=True)
            continue
        scores = result.scores
        aer = "-" if scores.aer is None else f"{scores.aer:.3f}"
        curve = "  ".join(f"≤{length}: {bleu:.0f}" for length, bleu in result.by_length.items())
        print(
            f"{result.name:24} {scores.bleu:5.1f} {scores.exact_match:6.3f} {aer:>5} "
            f"{result.seconds:6.0f} {result.parameters:10,}   {curve}",
            flush=True,
        )
    return shown


def print_comparisons(
    where: dict[str, Any], comparisons: Iterator[Comparison], as_json: bool
) -> None:
    """Print each as it comes, as a row of a table or as a JSON object that says where it ran."""
    if not as_json:
        print(", ".join(f"{name}: {value}" for name, value in where.items()))
        print(f"{'':28} {'ours':>9} {'theirs':>9} {'ratio':>6} {'times':>5}   peer")
    for one in comparisons:
        if as_json:
            print(json.dumps(asdict(one) | {"machine": where}), flush=True)
            continue
        numbers = f"{'not installed':>32}"
        if one.ratio is not None:
            times = f"{one.ours:6.0f} ms {one.theirs:6.0f} ms"
            numbers = f"{times} {one.ratio:6.2f} {one.repetitions:5}"
        print(f"{one.model + ', ' + one.work:28} {numbers}   {one.peer}", flush=True)
