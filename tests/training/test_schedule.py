"""The learning-rate schedules after the warm-up."""

import math
from dataclasses import replace

import pytest

from attention.training.config import TrainingConfig
from attention.training.schedule import learning_rate

pytestmark = pytest.mark.on_cpu(reason="numbers of Python only")

CONFIG = TrainingConfig(steps=12, lr=0.1, warmup=4)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_every_schedule_warms_up_and_then_begins_at_the_peak(schedule):
    config = replace(CONFIG, schedule=schedule)
    rates = [learning_rate(step, config) for step in range(5)]
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


def test_cosine_decay_follows_the_cosine_to_zero():
    config = replace(CONFIG, schedule="cosine")
    rates = [learning_rate(step, config) for step in range(4, 13)]
    expected = [0.1 * (1 + math.cos(math.pi * done / 8)) / 2 for done in range(9)]
    assert rates == pytest.approx(expected)
    assert rates[-1] == 0


def test_a_constant_rate_stays():
    config = replace(CONFIG, schedule="constant")
    assert {learning_rate(step, config) for step in range(4, 13)} == {0.1}
