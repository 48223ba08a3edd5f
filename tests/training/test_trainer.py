"""The training loop: its learning-rate schedule, and runs that are stopped and resumed."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from attention.errors import BadInput, NonFiniteLoss
from attention.training.metrics_log import Report
from attention.training.trainer import Trainer, TrainingConfig, learning_rate
from tests.device.plugin import DEVICE

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


@pytest.mark.on_cpu(reason="numbers of Python only")
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


@pytest.mark.filterwarnings("ignore:.*meta parameter.*no-op")
def test_a_checkpoint_is_loaded_onto_the_device_and_in_the_dtype_of_the_model():
    trainer, other = make_trainer(), make_trainer()
    for _ in trainer.steps():
        if trainer.step == 9:
            break
    other.model.to("meta", torch.bfloat16)
    other.load_state_dict(trainer.state_dict())
    for parameter in other.model.parameters():
        state = other.optimizer.state[parameter]
        for name in "exp_avg", "exp_avg_sq":
            assert state[name].device == parameter.device, name
            assert state[name].dtype == parameter.dtype, name
        assert state["step"].device.type == "cpu", "torch keeps it there"
        assert state["step"].dtype == torch.float32
    devices = {n: t.device.type for n, t in other.state_dict().items() if n.startswith("mean.")}
    assert devices
    assert set(devices.values()) == {"meta"}


def bits(trainer: Trainer[torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def train(config: TrainingConfig = CONFIG, **attributes: object) -> Trainer[torch.Tensor]:
    trainer = make_trainer(config)
    for name, value in attributes.items():
        setattr(trainer, name, value)
    for _ in trainer.steps():
        pass
    return trainer


NEEDS_AUTOCAST = pytest.mark.skipif(DEVICE == "standin", reason="the stand-in has no autocast")
ALL_OPTIONS = replace(
    CONFIG,
    schedule="cosine",
    weight_decay=0.1,
    betas=(0.8, 0.99),
    accumulate=3,
    precision="fp32" if DEVICE == "standin" else "bf16",  # for want of autocast
    valid_every=2,
)


def falling_loss(trainer: Trainer[torch.Tensor]) -> None:
    trainer.validate = lambda: 10.0 - trainer.step % 7


@pytest.mark.parametrize("stop", [1, 5, 8, 11])
def test_a_run_with_every_option_is_resumed_bit_for_bit(stop):
    unbroken, broken, resumed = (make_trainer(ALL_OPTIONS) for _ in range(3))
    for trainer in unbroken, broken, resumed:
        falling_loss(trainer)
    losses = list(unbroken.steps())
    for _ in zip(range(stop), broken.steps(), strict=False):
        pass
    resumed.load_state_dict({name: t.clone() for name, t in broken.state_dict().items()})
    assert list(resumed.steps()) == losses[stop:]
    assert equal(resumed.state_dict(), unbroken.state_dict())
    assert resumed.best.step == unbroken.best.step == 6


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("schedule", "cosine"),
        ("schedule", "constant"),
        ("weight_decay", 0.1),
        ("betas", (0.8, 0.99)),
        ("accumulate", 3),
        pytest.param("precision", "bf16", marks=NEEDS_AUTOCAST),
        ("max_grad_norm", 0.1),
    ],
)
def test_every_option_changes_the_weights(option, value):
    assert not equal(bits(train()), bits(train(replace(CONFIG, **{option: value}))))


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_accumulated_gradients_are_those_of_the_mean_over_all_tokens(parts):
    """Sequences of different lengths: a mean of the batches' means would be another loss."""
    torch.manual_seed(0)
    sequences = [torch.randn(length, 3) for length in (1, 9, 2, 4)]
    trained = []
    for n_parts in (1, parts):
        torch.manual_seed(1)
        model = nn.Linear(3, 1)
        batches = [sequences[i::n_parts] for i in range(n_parts)]

        def loss(batch: list[torch.Tensor], model: nn.Module = model) -> torch.Tensor:
            x = torch.cat(batch)
            return (model(x).squeeze(-1) - x.sum(-1)).square().mean()

        config = TrainingConfig(steps=5, lr=0.1, warmup=1, accumulate=n_parts)
        trainer = Trainer(model, lambda _, b=batches: b, loss, config, lambda b: sum(map(len, b)))
        losses = torch.stack(list(trainer.steps()))
        trained.append((losses, model.weight.detach().clone()))
    (whole_losses, whole), (part_losses, accumulated) = trained
    torch.testing.assert_close(part_losses, whole_losses, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(accumulated, whole, rtol=1e-5, atol=1e-5)


def test_accumulation_reads_every_batch_of_an_epoch_once():
    seen = []
    model = nn.Linear(2, 1)

    def loss(batch: tuple[int, int]) -> torch.Tensor:
        seen.append(batch)
        return model.weight.sum()

    config = TrainingConfig(steps=5, accumulate=3)
    trainer = Trainer(model, lambda epoch: [(epoch, i) for i in range(5)], loss, config)
    assert len(list(trainer.steps())) == 5
    assert seen == [(epoch, i) for epoch in range(3) for i in range(5)]


@NEEDS_AUTOCAST
def test_the_forward_pass_and_the_loss_are_computed_in_bfloat16_and_the_weights_are_not():
    dtypes = []
    trainer = make_trainer(replace(CONFIG, precision="bf16"))
    trainer.model[0].register_forward_hook(lambda module, x, y: dtypes.append(y.dtype))
    next(trainer.steps())
    assert dtypes == [torch.bfloat16]
    assert {t.dtype for t in trainer.model.parameters()} == {torch.float32}
    assert {t.dtype for t in trainer.optimizer.state_dict()["state"][0].values()} == {torch.float32}


def test_validation_changes_no_weight():
    """It draws at random, in evaluation mode, and the next step draws what it would have drawn."""
    losses = iter(range(100, 0, -1))
    modes = []

    def validate() -> float:
        torch.rand(7)
        assert not torch.is_grad_enabled()
        modes.append(trainer.model.training)
        return float(next(losses))

    trainer = make_trainer(replace(CONFIG, valid_every=5))
    trainer.validate = validate
    losses_with = list(trainer.steps())
    assert modes == [False] * 3, "after steps 5 and 10, and the last"
    without = make_trainer()
    assert list(without.steps()) == losses_with
    assert equal(bits(trainer), bits(without))


def test_in_the_end_the_model_has_the_weights_of_the_lowest_validation_loss():
    trainer = make_trainer(replace(CONFIG, valid_every=2))
    losses = {2: 5.0, 4: 3.0, 6: 4.0, 8: float("nan"), 10: 3.0, 12: 3.5}
    trainer.validate = lambda: losses[trainer.step]
    visited = {}
    for _ in trainer.steps():
        visited[trainer.step] = bits(trainer)
    assert trainer.best.step == 4
    assert trainer.best.loss == 3.0
    assert equal(bits(trainer), visited[4])
    assert not equal(visited[11], visited[4])


def test_it_stops_early_when_validation_no_longer_improves():
    trainer = make_trainer(replace(CONFIG, valid_every=2, patience=2))
    losses = {2: 5.0, 4: 6.0, 6: 3.0, 8: 4.0, 10: 3.0}
    trainer.validate = lambda: losses[trainer.step]
    visited = {}
    for _ in trainer.steps():
        visited[trainer.step] = bits(trainer)
    assert trainer.step == 10
    assert trainer.finished
    assert equal(bits(trainer), visited[6])
    resumed = make_trainer(trainer.config)
    resumed.load_state_dict(trainer.state_dict())
    assert list(resumed.steps()) == []
    assert equal(bits(resumed), visited[6])


@pytest.mark.parametrize("valid_every", [0, 2])
def test_the_final_weights_are_there_with_the_last_loss(valid_every):
    """Whoever counts the steps need not ask for one more to get them."""
    counted, exhausted = (make_trainer(replace(CONFIG, valid_every=valid_every)) for _ in range(2))
    for trainer in counted, exhausted:
        trainer.validate = lambda trainer=trainer: abs(trainer.step - 5.0)
    steps = counted.steps()
    for _ in range(12):
        next(steps)
    final = bits(counted)
    list(exhausted.steps())
    assert equal(final, bits(exhausted))


@pytest.mark.on_cpu(reason="the CPU alone checks every loss at once")
@pytest.mark.parametrize("part", ["loss", "gradient"])
def test_a_loss_that_is_not_finite_stops_before_it_changes_the_weights(part):
    trainer = make_trainer()
    loss = trainer.loss

    def diverge(batch: torch.Tensor) -> torch.Tensor:
        value = loss(batch)
        if trainer.step < 5:
            return value
        if part == "loss":
            return value * float("nan")
        value.register_hook(lambda gradient: gradient * float("inf"))
        return value * 1.0

    trainer.loss = diverge
    visited = []
    with pytest.raises(NonFiniteLoss, match="after step 5"):
        visited.extend(bits(trainer) for _ in trainer.steps())
    assert len(visited) == 5
    assert equal(bits(trainer), visited[-1])
    assert int(trainer.state_dict()["step"]) == 5, "it can be saved"


@pytest.mark.on_cpu(reason="it sets on the CPU what an accelerator leaves")
def test_elsewhere_a_loss_that_is_not_finite_is_noticed_at_a_report_or_a_checkpoint():
    trainer = make_trainer(replace(CONFIG, log_every=4))
    trainer.reporters.append(lambda report: None)
    steps = trainer.steps()
    next(steps)
    trainer._unchecked = torch.tensor(float("nan"))  # as an accelerator leaves it
    with pytest.raises(NonFiniteLoss):
        trainer.state_dict()
    next(steps), next(steps)
    with pytest.raises(NonFiniteLoss):
        next(steps)


@pytest.mark.skipif(DEVICE == "cpu", reason="the CPU notices at once")
@pytest.mark.parametrize("log_every", [4, 100])
def test_on_an_accelerator_it_is_noticed_there_and_no_later(log_every):
    trainer = make_trainer(replace(CONFIG, log_every=log_every))
    trainer.reporters.append(lambda report: None)
    loss = trainer.loss
    trainer.loss = lambda batch: loss(batch) * (1 if trainer.step < 1 else float("nan"))
    steps = trainer.steps()
    next(steps), trainer.state_dict(), next(steps)
    with pytest.raises(NonFiniteLoss, match="that were last saved"):
        trainer.state_dict()
    with pytest.raises(NonFiniteLoss):
        list(steps) and trainer.state_dict()
    assert trainer.step == (4 if log_every == 4 else 12)


def test_weight_decay_spares_norms_biases_and_embeddings():
    """With gradients of zero, decay alone moves a weight."""
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {"embedding": nn.Embedding(3, 4), "norm": nn.LayerNorm(4), "linear": nn.Linear(4, 3)}
    )
    model["tied"] = nn.Linear(4, 3, bias=False)
    model["tied"].weight = model["embedding"].weight
    nn.init.ones_(model["linear"].bias)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def loss(_: int) -> torch.Tensor:
        return sum(parameter.sum() for parameter in model.parameters()) * 0

    config = TrainingConfig(steps=1, lr=0.1, warmup=0, weight_decay=0.5)
    list(Trainer(model, lambda _: [0], loss, config).steps())
    moved = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    assert moved == {"linear.weight"}
    torch.testing.assert_close(model["linear"].weight, before["linear.weight"] * (1 - 0.1 * 0.5))


def test_without_weight_decay_it_is_adam_bit_for_bit():
    ours, adam = make_trainer(), make_trainer()
    adam.optimizer = torch.optim.Adam(adam.model.parameters(), lr=CONFIG.lr)
    assert list(ours.steps()) == list(adam.steps())
    assert equal(bits(ours), bits(adam))


def test_reports_have_the_metrics_of_their_steps():
    reports: list[Report] = []
    config = replace(CONFIG, log_every=5, valid_every=4, max_grad_norm=1e-3)
    trainer = make_trainer(config)
    trainer.reporters.append(reports.append)
    trainer.n_tokens = len
    trainer.validate = lambda: 1 / trainer.step
    norms = {}
    for _ in trainer.steps():
        norms[trainer.step] = torch.stack([p.grad.norm() for p in trainer.model.parameters()])
    plain = make_trainer(config)
    losses = dict(enumerate(plain.steps(), start=1))
    assert [report.step for report in reports] == [4, 5, 8, 10, 12]
    for report in reports:
        assert report.loss == losses[report.step].item()
        assert report.learning_rate == learning_rate(report.step - 1, config)
        assert report.gradient_norm > 10 * norms[report.step].norm(), "before it is clipped"
        assert report.tokens_per_second > 0
    validated = {r.step: r.validation_loss for r in reports if r.validation_loss is not None}
    assert validated == {4: 1 / 4, 8: 1 / 8, 12: 1 / 12}


def test_the_loss_is_not_fetched_at_every_step():
    """The values of a tensor on the device meta can't be fetched at all."""
    trainer = make_trainer()
    trainer.model.to("meta")
    loss = trainer.loss
    trainer.loss = lambda batch: loss(batch.to("meta"))
    assert [loss.device.type for loss in trainer.steps()] == ["meta"] * 12


def test_the_loss_is_a_number_to_print_and_to_add():
    losses = list(make_trainer(TrainingConfig(steps=2)).steps())
    assert not any(loss.requires_grad for loss in losses)
    assert f"{losses[0]:.3f}" == f"{float(losses[0]):.3f}"
    assert f"{sum(losses) / 2:.3f}" == f"{sum(map(float, losses)) / 2:.3f}"


@pytest.mark.on_cpu(reason="refuses before it computes")
@pytest.mark.parametrize(("name", "value"), [("schedule", "square"), ("precision", "fp8")])
def test_a_name_that_is_none_is_refused(name, value):
    with pytest.raises(BadInput, match=f"{name} {value}: must be one of"):
        TrainingConfig(**{name: value})
