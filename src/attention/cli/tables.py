"""Measurements as the `attention` command prints them: tables, or JSON for machines."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from attention.benchmarks.timing import Comparison
from attention.benchmarks.translators import Result
from attention.cli import text_io
from attention.evaluation.metrics import LanguageModelScores, TranslationScores

__all__ = [
    "print_comparisons",
    "print_language_scores",
    "print_masked_lm_loss",
    "print_results",
    "print_translation_scores",
]


def print_translation_scores(
    scores: TranslationScores, as_json: bool, data: Sequence[str] = ()
) -> None:
    """Print the scores of a translator as a small table, or as one JSON object.

    Args:
        data: What it was measured on, as `--data` names it.
    """
    if as_json:
        text_io.print_json(asdict(scores) | {"data": " ".join(data)})
        return
    _print_data(data, "data                  ")
    aer = "unknown: no gold alignment" if scores.aer is None else f"{scores.aer:.3f}"
    print(f"sentences             {scores.sentences:,}")
    print(f"BLEU                  {scores.bleu:.1f}   {scores.signature}")
    print(f"chrF                  {scores.chrf:.1f}")
    print(f"exact match           {scores.exact_match:.3f}")
    print(f"alignment error rate  {aer}")


def print_language_scores(
    scores: LanguageModelScores, as_json: bool = False, data: Sequence[str] = ()
) -> None:
    """Print the scores of a language model as a small table, or as one JSON object.

    Args:
        data: What it was measured on, as `--data` names it.
    """
    if as_json:  # JSON has no infinity, which a perplexity can be
        finite = {k: v if math.isfinite(v) else None for k, v in asdict(scores).items()}
        text_io.print_json(finite | {"data": " ".join(data)})
        return
    _print_data(data, "data            ")
    print(f"tokens          {scores.n_tokens:,}")
    print(f"loss per token  {scores.loss:.3f}")
    print(f"perplexity      {scores.perplexity:.2f}")
    print(f"bits per byte   {scores.bits_per_byte:.3f}")


def print_masked_lm_loss(loss: float, data: Sequence[str]) -> None:
    """Print the loss of a masked language model, with the perplexity that it amounts to."""
    _print_data(data, "data                   ")
    print(f"loss per masked token  {loss:.3f}")
    print(f"perplexity             {math.exp(min(loss, 700)):.2f}")


def _print_data(data: Sequence[str], label: str) -> None:
    if data:
        print(f"{label}{' '.join(data)}")


def print_results(
    results: Iterator[Result], as_json: bool, data: Sequence[str], test: Sequence[str]
) -> list[Result]:
    """Print each result as soon as it is there, as a row of a table or as a JSON object.

    Args:
        data: What the translators are trained on, as `--data` names it.
        test: What they are measured on, as `--test` names it.
    """
    shown = []
    named = {"data": " ".join(data), "test": " ".join(test)}
    if not as_json:
        print(f"trained on {named['data']}, measured on {named['test']}")
        head = f"{'BLEU':>5} {'exact':>6} {'AER':>5} {'CPU s':>6} {'parameters':>10}"
        print(f"{'':24} {head}   BLEU by length")
    for result in results:
        shown.append(result)
        if as_json:
            text_io.print_json(asdict(result) | named)
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
    environment: dict[str, Any], comparisons: Iterator[Comparison], as_json: bool
) -> None:
    """Print each comparison as soon as it is there, as a row of a table or as a JSON object.

    Args:
        environment: What all ratios depend on, as `benchmarks.timing.environment` gives it; it is
            the first line of the table, and a part of each JSON object.
    """
    if not as_json:
        print(", ".join(f"{name}: {value}" for name, value in environment.items()))
        print(f"{'':28} {'ours':>9} {'theirs':>9} {'ratio':>6} {'times':>5}   peer")
    for comparison in comparisons:
        if as_json:
            print(json.dumps(asdict(comparison) | {"machine": environment}), flush=True)
            continue
        columns = f"{'not installed':>32}"
        if comparison.ratio is not None:
            times = f"{comparison.ours:6.0f} ms {comparison.theirs:6.0f} ms"
            columns = f"{times} {comparison.ratio:6.2f} {comparison.repetitions:5}"
        name = f"{comparison.model}, {comparison.work}"
        print(f"{name:28} {columns}   {comparison.peer}", flush=True)
