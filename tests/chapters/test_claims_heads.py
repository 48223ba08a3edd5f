"""What the lab on heads says about the package, held by the package."""

import pytest

from attention.tasks.architectures import ARCHITECTURES
from tests.prose import DOCS

pytestmark = pytest.mark.on_cpu(reason="text only")


def test_it_says_how_many_steps_the_command_takes():
    lab = (DOCS / "attention" / "multi-head-lab.py").read_text("utf-8")
    steps = ARCHITECTURES["transformer"].training.steps
    assert f"the {steps:,} of the command `attention train translation --arch transformer`" in lab
    assert f"TrainingConfig(steps={steps}" not in lab  # it takes fewer
