"""The staircase, measured: every translator gets the same data and the same processor time."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from attention.data import Pair
from attention.evaluation.metrics import TranslationScores, bleu_by_length, evaluate_translator
from attention.tasks.architectures import ARCHITECTURES
from attention.tasks.objectives import translation_trainer
from attention.tasks.translation import Translator

__all__ = ["BASELINES", "Result", "bench_translation"]

# Name, architecture, and what its Config changes.
BASELINES: list[tuple[str, str, dict[str, Any]]] = [
    ("word by word", "word-by-word", {}),
    ("fixed vector", "fixed-vector", {}),
    ("fixed vector, reversed", "fixed-vector", {"reverse": True}),
    ("Bahdanau", "bahdanau", {}),
    ("Luong, dot", "luong", {"score": "dot"}),
    ("Luong, general", "luong", {"score": "general"}),
    ("Luong, concat", "luong", {"score": "concat"}),
    ("Transformer", "transformer", {}),
]


@dataclass(frozen=True)
class Result:
    """How one translator did.

    Attributes:
        name: Which one it is.
        parameters: Numbers that it learned.
        seconds: Processor time that it was trained for.
        scores: What it reached on the test sentences.
        by_length: BLEU of the test sentences with up to so many words, for each such length.
    """

    name: str
    parameters: int
    seconds: float
    scores: TranslationScores
    by_length: dict[int, float]


def bench_translation(
    pairs: Sequence[Pair],
    test: Sequence[Pair],
    seconds: float = 60.0,
    contestants: Sequence[tuple[str, str, dict[str, Any]]] = BASELINES,
    seed: int = 0,
    tick: Callable[[str], None] = lambda name: None,
) -> Iterator[tuple[Translator, Result]]:
    """Train each translator for the same time, and measure it, one after the other.

    Args:
        seconds: Processor time for each.
        tick: Called after each step with the name of the translator.

    Yields:
        Each translator, trained, and how it did.
    """
    for name, arch, sizes in contestants:
        begun = time.process_time()
        translator = _trained_for(seconds, arch, pairs, seed, sizes, partial(tick, name))
        spent = time.process_time() - begun
        scores, curve = evaluate_translator(translator, test), bleu_by_length(translator, test)
        yield translator, Result(name, translator.n_parameters, spent, scores, curve)


def _trained_for(
    seconds: float,
    arch: str,
    pairs: Sequence[Pair],
    seed: int,
    sizes: dict[str, Any],
    tick: Callable[[], None],
) -> Translator:
    """A translator whose learning rate falls to zero just when its time is over.

    So after each step it is worked out anew how many more there is time for. A dictionary needs
    no such time: it gets its ten rounds.
    """
    begun = time.process_time()
    config = replace(ARCHITECTURES[arch].training, seed=seed)
    translator = Translator.new(arch, pairs, seed=seed, **sizes)
    trainer = translation_trainer(translator, pairs, config)
    prepared = time.process_time()
    for _ in trainer.steps():
        tick()
        if arch != "word-by-word":
            now = time.process_time()
            left, pace = seconds - (now - begun), (now - prepared) / trainer.step
            trainer.config = replace(config, steps=trainer.step + max(0, int(left / pace)))
    return translator
