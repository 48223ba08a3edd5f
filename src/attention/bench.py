"""The staircase, measured: every translator gets the same data and the same processor time."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from attention.architectures import ARCHITECTURES
from attention.corpora import Pair
from attention.evaluation import Scores, bleu_by_length, evaluate
from attention.teaching import translation_trainer
from attention.translation import Translator

__all__ = ["CONTESTANTS", "Result", "bench_translation"]

# Name, architecture, and what its Config changes.
CONTESTANTS: list[tuple[str, str, dict[str, Any]]] = [
    ("word by word", "word-by-word", {}),
    ("fixed vector", "fixed-vector", {}),
    ("fixed vector, reversed", "fixed-vector", {"reverse": True}),
    ("Bahdanau", "bahdanau", {}),
    ("Luong, dot", "luong", {"score": "dot"}),
    ("Luong, general", "luong", {"score": "general"}),
    ("Luong, concat", "luong", {"score": "concat"}),
]
TRIAL = 20  # steps walked to find out how many more there is time for


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
    scores: Scores
    by_length: dict[int, float]


def bench_translation(
    pairs: Sequence[Pair],
    test: Sequence[Pair],
    seconds: float = 60.0,
    contestants: Sequence[tuple[str, str, dict[str, Any]]] = CONTESTANTS,
    seed: int = 0,
    tick: Callable[[str], None] = lambda name: None,
) -> Iterator[Result]:
    """Train each translator for the same time, and measure it, one after the other.

    The learning rate of a translator must fall to zero just when its time is over, so a short
    trial counts first how many steps there is time for. A dictionary needs no such time: it gets
    its ten rounds.

    Args:
        seconds: Processor time for each.
        tick: Called after each step with the name of the translator.
    """
    for name, arch, sizes in contestants:
        begun = time.process_time()
        config = replace(ARCHITECTURES[arch].training, seed=seed)
        translator = Translator.new(arch, pairs, seed=seed, **sizes)
        if arch != "word-by-word":
            trial = translation_trainer(translator, pairs, config)
            with closing(trial.steps()) as walk:
                next(walk)
                start = time.process_time()
                for _ in range(TRIAL):
                    next(walk)
            pace = (time.process_time() - start) / TRIAL
            left = seconds - (time.process_time() - begun)
            config = replace(config, steps=max(TRIAL, int(left / pace)))
            translator = Translator.new(arch, pairs, seed=seed, **sizes)
        for _ in translation_trainer(translator, pairs, config).steps():
            tick(name)
        spent = time.process_time() - begun
        yield Result(
            name,
            translator.size,
            spent,
            evaluate(translator, test),
            bleu_by_length(translator, test),
        )
