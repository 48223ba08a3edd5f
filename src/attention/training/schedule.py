"""The learning-rate schedule: linear warm-up, then linear or cosine decay, or a constant rate."""

import math

from attention.training.config import TrainingConfig

__all__ = ["learning_rate"]


def learning_rate(step: int, config: TrainingConfig) -> float:
    """The learning rate of a step: linear warm-up to `config.lr`, then `config.schedule`.

    Source: cosine decay, Loshchilov and Hutter 2016, equation 5, without restarts.
    """
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    if config.schedule == "constant":
        return config.lr
    left, total = config.steps - step, max(1, config.steps - config.warmup)
    if config.schedule == "cosine":
        return config.lr * (1 - math.cos(math.pi * left / total)) / 2
    return config.lr * left / total
