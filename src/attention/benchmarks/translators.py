"""All translators compared: the same training data, the same CPU time, the same test set."""

import logging
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

log = logging.getLogger(__name__)

# Name, architecture, and what differs from its default configuration.
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
    """The training and test results of one translator.

    Attributes:
        name: The name of the baseline.
        parameters: The number of its trained parameters.
        seconds: CPU time of its training.
        scores: Its scores on the test set.
        by_length: BLEU of each group of test sentences, by the greatest length in the group.
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
    baselines: Sequence[tuple[str, str, dict[str, Any]]] = BASELINES,
    seed: int = 0,
    on_step: Callable[[str], None] = lambda name: None,
) -> Iterator[tuple[Translator, Result]]:
    """Train each translator for the same CPU time, and evaluate it, one after the other.

    Args:
        pairs: The training data.
        test: The test set.
        seconds: CPU time to train each translator for. IBM Model 1 has its fixed number of rounds.
        baselines: The name, architecture and changed settings of each translator.
        seed: Of all random draws: initial weights, order of the batches, dropout.
        on_step: Called after each training step with the name of the translator.

    Yields:
        Each translator, trained, and its result.
    """
    for name, arch, settings in baselines:
        log.info("training %s", name)
        start = time.process_time()
        translator = _train(seconds, arch, pairs, seed, settings, partial(on_step, name))
        spent = time.process_time() - start
        log.info("measuring %s", name)
        scores, curve = evaluate_translator(translator, test), bleu_by_length(translator, test)
        yield translator, Result(name, translator.n_parameters, spent, scores, curve)


def _train(
    seconds: float,
    arch: str,
    pairs: Sequence[Pair],
    seed: int,
    settings: dict[str, Any],
    on_step: Callable[[], None],
) -> Translator:
    """Train a translator so that its learning rate decays to zero just when its time is over.

    The number of steps isn't known beforehand. So after each step it is estimated again from the
    time per step. Expectation-maximisation has no learning rate, and keeps its number of rounds.
    """
    start = time.process_time()
    config = replace(ARCHITECTURES[arch].training, seed=seed)
    translator = Translator.new(arch, pairs, seed=seed, **settings)
    trainer = translation_trainer(translator, pairs, config)
    prepared = time.process_time()
    for _ in trainer.steps():
        on_step()
        if arch != "word-by-word":
            now = time.process_time()
            left, per_step = seconds - (now - start), (now - prepared) / trainer.step
            trainer.config = replace(config, steps=trainer.step + max(0, int(left / per_step)))
    return translator
