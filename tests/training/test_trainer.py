"""The training loop: its learning-rate schedule, and runs that are stopped and resumed."""

import pytest
import torch
from torch import nn

from attention.errors import BadInput
from attention.training.trainer import Trainer, TrainingConfig, learning_rate

CONFIG = TrainingConfig(steps=12, lr=0.1, warmup=4, seed=5, average_fraction=0.5)


def make_trainer(config: TrainingConfig = CONFIG) -> Trainer[torch.Tensor]:
    """A small regression, with dropout, so that the random draws matter."""
    torch.manual_seed(config.seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))

    def batches(epoch: int) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(epoch)
        return list(torch.randn(5, 4, 3, generator=generator))

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (model(x).squeeze(-1) - x.sum(-1)).square().mean()

    return Trainer(model, batches, loss, config)


def test_the_learning_rate_warms_up_and_decays():
    rates = [learning_rate(step, CONFIG) for step in range(CONFIG.steps + 1)]
    assert rates[0] == pytest.approx(0.025)
    assert rates[3] == rates[4] == max(rates) == pytest.approx(0.1)
    assert rates[8] == pytest.approx(0.05)
    assert rates[-1] == 0


def test_the_loss_falls():
    losses = list(make_trainer(TrainingConfig(steps=200, lr=0.05, warmup=4)).steps())
    assert sum(losses[-20:]) < sum(losses[:20]) / 2


def test_it_ends_after_its_steps_in_evaluation_mode():
    trainer = make_trainer()
    assert len(list(trainer.steps())) == trainer.step == 12
    assert not trainer.model.training
    assert list(trainer.steps()) == []


@pytest.mark.parametrize("stop", [0, 1, 5, 7, 11])
def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(stop):
    unbroken = make_trainer()
    losses = list(unbroken.steps())

    broken = make_trainer()
    steps = broken.steps()
    for _ in range(stop):
        next(steps)
    steps.close()
    checkpoint = {name: tensor.clone() for name, tensor in broken.state_dict().items()}
    torch.manual_seed(99)  # the generator is in another state when the run is resumed
    resumed = make_trainer()
    resumed.load_state_dict(checkpoint)
    assert list(resumed.steps()) == losses[stop:]
    for name, tensor in unbroken.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_another_seed_is_another_run():
    first = list(make_trainer().steps())
    assert list(make_trainer().steps()) == first
    assert list(make_trainer(TrainingConfig(steps=12, lr=0.1, warmup=4, seed=6)).steps()) != first


def test_gradients_are_clipped():
    trainer = make_trainer(TrainingConfig(steps=1, max_grad_norm=1e-3))
    next(iter(trainer.steps()))
    norm = torch.stack([p.grad.norm() for p in trainer.model.parameters()]).norm()
    assert norm.item() == pytest.approx(1e-3, rel=1e-3)


def test_averaging_ends_with_the_mean_of_the_last_weights():
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    x, y = torch.randn(8, 2), torch.randn(8, 1)

    def trainer(average):
        config = TrainingConfig(steps=10, warmup=2, lr=0.1, average_fraction=average)
        return Trainer(model, lambda _: [0], lambda _: (model(x) - y).square().mean(), config)

    initial = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    visited = []
    for _ in trainer(0.0).steps():
        visited.append(model.weight.detach().clone())
    model.load_state_dict(initial)
    for _ in trainer(0.4).steps():
        pass
    torch.testing.assert_close(model.weight.detach(), torch.stack(visited[-4:]).mean(0))
    assert not torch.allclose(model.weight, visited[-1])


def test_an_epoch_without_batches_is_refused():
    model = nn.Linear(2, 1)

    def batches(epoch: int) -> list[int]:
        assert epoch < 3, "it asks for the batches of one empty epoch after another"
        return []

    trainer = Trainer(model, batches, lambda _: model.weight.sum(), CONFIG)
    with pytest.raises(BadInput, match="nothing to train on"):
        next(trainer.steps())
