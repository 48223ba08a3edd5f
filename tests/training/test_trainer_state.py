"""A trainer's checkpoint has the tensors of its model, and no others."""

import pytest
import torch

from attention.errors import BadInput
from attention.training.trainer import Trainer, TrainingConfig

CONFIG = TrainingConfig(steps=4, warmup=1, average_fraction=0.75, valid_every=1)


def trainer() -> Trainer[torch.Tensor]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    made = Trainer(model, lambda _: [torch.ones(1, 3)], lambda x: model(x).square().mean(), CONFIG)
    made.validate = lambda: 1.0
    return made


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """The checkpoint after two of four steps: it has every part."""
    stopped = trainer()
    steps = stopped.steps()
    next(steps), next(steps)
    return stopped.state_dict()


def test_every_part_is_there_and_is_loaded(state):
    parts = {"model", "optimizer", "mean", "averaged", "best", "validation", "step"}
    assert {name.partition(".")[0] for name in state} == parts
    again = trainer()
    again.load_state_dict(state)
    assert all(torch.equal(tensor, state[name]) for name, tensor in again.state_dict().items())


NAMES = [
    *("model.weight", "optimizer.weight.exp_avg", "optimizer.bias.exp_avg_sq", "mean.bias"),
    *("best.weight", "step", "averaged", "validation", "optimizer.bias.step"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["shape", "dtype"])
def test_a_damaged_tensor_is_named(state, name, damage):
    damaged = state[name].repeat(2, 2) if damage == "shape" else state[name].bool()
    with pytest.raises(BadInput, match=f"'{name}' is"):
        trainer().load_state_dict(state | {name: damaged})


@pytest.mark.parametrize("name", ["model.bias", "optimizer.weight.exp_avg", "mean.bias"])
def test_a_missing_tensor_is_named(state, name):
    left = {other: tensor for other, tensor in state.items() if other != name}
    with pytest.raises(BadInput, match=f"'{name}' is missing"):
        trainer().load_state_dict(left)


@pytest.mark.parametrize("name", ["mean.weight", "optimizer.bias.exp_avg"])
def test_a_value_that_is_not_finite_is_named(state, name):
    with pytest.raises(BadInput, match=f"'{name}' has values that are not finite"):
        trainer().load_state_dict(state | {name: state[name] / 0})


def test_a_step_before_the_first_is_refused(state):
    with pytest.raises(BadInput, match="'step' is negative"):
        trainer().load_state_dict(state | {"step": torch.tensor(-1)})


def test_losses_may_be_infinite_or_no_number(state):
    figures = torch.tensor([float("inf"), float("nan"), 0, 2], dtype=torch.float64)
    without = {name: t for name, t in state.items() if not name.startswith("best.")}
    again = trainer()
    again.load_state_dict(without | {"validation": figures})
    assert again.best.validations_since == 2
