"""The average of the weights over the last steps: a true mean, however the schedule changes."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from attention.training.trainer import Trainer, TrainingConfig

CONFIG = TrainingConfig(steps=10, warmup=2, lr=0.1, average_fraction=0.4)


def make_trainer(lr: float = 0.1) -> Trainer[int]:
    torch.manual_seed(0)
    model, x, y = nn.Linear(2, 1), torch.randn(8, 2), torch.randn(8, 1)
    nn.init.ones_(model.weight)

    def loss(_: int) -> torch.Tensor:
        return (model(x) - y).square().mean()

    return Trainer(model, lambda _: [0], loss, replace(CONFIG, lr=lr))


def train(trainer: Trainer[int], steps_after: Callable[[int], int]) -> list[torch.Tensor]:
    """Train with a schedule that changes after each step; the weights after each update."""
    visited: list[torch.Tensor] = []
    weight = trainer.model.weight
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (step(), visited.append(weight.detach().clone()))
    for _ in trainer.steps():
        trainer.config = replace(trainer.config, steps=steps_after(trainer.step))
    return visited


SCHEDULES = {
    "unchanged": lambda step: 10,
    "longer and longer": lambda step: min(30, 2 * step + 8),
    "cut short": lambda step: 40 if step < 20 else 22,
    "over at once": lambda step: 12 if step < 10 else 10,
    "jittering": lambda step: 30 + (-1) ** step if step < 28 else 30,
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_mean_of_constant_weights_is_these_weights(schedule):
    trainer = make_trainer(lr=0.0)
    train(trainer, SCHEDULES[schedule])
    torch.testing.assert_close(trainer.model.weight.detach(), torch.ones(1, 2))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_is_the_mean_of_the_last_weights(schedule):
    trainer = make_trainer()
    visited = train(trainer, SCHEDULES[schedule])
    final = trainer.model.weight.detach()
    means = [torch.stack(visited[-n:]).mean(0) for n in range(1, len(visited) + 1)]
    averaged = [n for n, mean in enumerate(means, 1) if torch.allclose(mean, final, atol=1e-6)]
    assert averaged, "the mean of no last steps"
    fewest = 1 if schedule in {"cut short", "over at once"} else 0.3 * len(visited)
    assert fewest <= averaged[0] <= 0.5 * len(visited)


@pytest.mark.parametrize("stop", [5, 7, 9])
def test_a_resumed_run_goes_on_with_the_mean_so_far(stop):
    unbroken = make_trainer()
    train(unbroken, lambda step: 10)
    broken, resumed = make_trainer(), make_trainer()
    for _ in broken.steps():
        if broken.step == stop:
            break
    resumed.load_state_dict(broken.state_dict())
    train(resumed, lambda step: 10)
    assert torch.equal(resumed.model.weight, unbroken.model.weight)


def test_half_precision_weights_are_averaged_in_full():
    """Added up in bfloat16, a thousand terms would differ in the second digit."""
    trainer = make_trainer()
    trainer.config = replace(CONFIG, steps=400, average_fraction=0.9, lr=1e-2)
    trainer.model.bfloat16()
    weights = torch.linspace(0, 1, 400).tolist()

    def loss(_: int) -> torch.Tensor:
        with torch.no_grad():
            trainer.model.weight.fill_(weights[trainer.step])
        return trainer.model.weight.sum() * 0

    trainer.loss = loss
    train(trainer, lambda step: 400)
    expected = sum(weights[40:]) / 360
    torch.testing.assert_close(
        trainer.model.weight.detach(), torch.full((1, 2), expected).bfloat16(), rtol=0, atol=0
    )
