"""The checks of the *Primer* know right answers, and say what is wrong with the others."""

import pytest
import torch
from torch.nn import functional as F

from attention.exercises import (
    Hint,
    check_gradient,
    check_normalised_rows,
    check_training_step,
)


@pytest.mark.parametrize(
    "normalise",
    [
        lambda x: x / x.sum(-1)[..., None],
        lambda x: F.normalize(x, p=1, dim=-1),
        lambda x: x / (x @ torch.ones(x.size(-1), 1)),
        lambda x: x / torch.einsum("...s->...", x).unsqueeze(-1),
        lambda x: x.log().softmax(-1),
    ],
)
def test_other_ways_to_normalise(normalise):
    check_normalised_rows(normalise)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x: x / x.sum(-1), "keepdim=True"),
        (lambda x: x / x.sum(), "Everything together"),
        (lambda x: x / x.sum(0), "The columns"),
        (lambda x: x / x.sum(0, keepdim=True), "The columns"),
        (lambda x: x / x.sum(-2, keepdim=True), "The columns"),
        (lambda x: x / x.sum(1, keepdim=True), "The columns"),
        (lambda x: (x.mT / x.sum(-1)).mT if x.dim() == 2 else x / x.sum(0), r"\[0, 0, 0\]"),
        (lambda x: x.softmax(-1), "softmax"),
        (lambda x: x.sum(-1), "These are the sums"),
        (lambda x: x.sum(-1, keepdim=True), "These are the sums"),
        (lambda x: x / x.mean(-1, keepdim=True), "the mean"),
        (lambda x: F.normalize(x, dim=-1), "the norm of each row"),
        (lambda x: x, r"at \[0, 0\], where yours is 1: 4 of its 4"),
        (lambda x: (x / x.sum(-1, keepdim=True)).tolist(), "but yours is a list"),
        (lambda x: torch.stack([row / row.sum() for row in x]), "Each matrix of the batch"),
        (lambda x: x / x.sum(-1, keepdim=True) if x.size(0) == x.size(1) else x / x.sum(-1),
         r"raises an error.*\n.*keepdim=True"),
    ],
)  # fmt: skip
def test_wrong_rows(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_normalised_rows(wrong)


def by_backward(w, x, y):
    w = w.requires_grad_()
    (w * x - y).square().mean().backward()
    return w.grad


@pytest.mark.parametrize(
    "gradient",
    [
        by_backward,
        lambda w, x, y: 2 * ((w * x - y) @ x) / len(x),
        lambda w, x, y: (2 * (w * x - y) * x).mean().item(),
        lambda w, x, y: -2 * ((y - w * x) * x).mean(),
    ],
)
def test_other_gradients(gradient):
    check_gradient(gradient)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda w, x, y: 2 * (w * x - y) * x, "for each example"),
        (lambda w, x, y: (2 * (w * x - y) * x).sum(), "add up"),
        (lambda w, x, y: ((w * x - y) ** 2).mean(), "This is the loss"),
        (lambda w, x, y: (2 * (y - w * x) * x).mean(), "sign"),
        (lambda w, x, y: ((w * x - y) * x).mean(), "factor of 2"),
        (lambda w, x, y: (w * x - y).mean(), "should be more than"),
        (lambda w, x, y: 2 * (w * x - y).mean(), "prediction changes with w"),
        (lambda w, x, y: 2 * (w * x - y).mean() * x.mean(), "two means"),
        (lambda w, x, y: (2 * (w * x - y) * w).mean(), "multiply by w"),
        (lambda w, x, y: None, "nothing"),
        (lambda w, x, y: (w * x - y).square().mean().backward(), r"error.*\n.*need backward"),
    ],
)
def test_wrong_gradients(wrong, hint):
    with pytest.raises(Hint, match=hint):
        check_gradient(wrong)


def step(model, optimizer, x, y, *calls, loss=lambda error: error.square().mean()):
    """A step whose three calls come in any order."""
    loss = loss(model(x) - y)
    made = {"zero": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}
    for call in calls:
        made[call]()


def with_set_to_zero(model, optimizer, x, y):
    step(model, optimizer, x, y, "backward", "step")
    for parameter in model.parameters():
        parameter.grad.zero_()


def test_other_steps():
    check_training_step(with_set_to_zero)


def by_hand(model, optimizer, x, y):
    step(model, optimizer, x, y, "zero", "backward")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= optimizer.param_groups[0]["lr"] * parameter.grad


def by_hand_with_the_rate_of_the_page(model, optimizer, x, y):
    by_hand(model, torch.optim.SGD(model.parameters(), lr=0.1), x, y)


def with_another_optimizer(model, optimizer, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step(model, optimizer, x, y, "zero", "backward", "step")


def with_an_argument(model, optimizer, x, y):
    optimizer.step((model(x) - y).square().mean())


@pytest.mark.parametrize(
    ("train", "hint"),
    [
        (by_hand, "After step 3.*Do you use the optimizer that you are given"),
        (by_hand_with_the_rate_of_the_page, "Do you use the optimizer that you are given"),
        (with_another_optimizer, "Do you use the optimizer that you are given"),
        (with_an_argument, r"(?s)raises an error.*\nIf the error is in the loss"),
    ],
)
def test_wrong_steps(train, hint):
    with pytest.raises(Hint, match=hint):
        check_training_step(train)


@pytest.mark.parametrize("calls", [("zero", "backward", "step"), ("backward", "step", "zero")])
def test_orders_that_work(calls):
    check_training_step(lambda *given: step(*given, *calls))


@pytest.mark.parametrize(
    ("calls", "hint"),
    [
        (("backward", "step"), "zero_grad"),
        (("backward", "zero", "step"), "haven't changed"),
        (("zero", "backward"), "haven't changed"),
        (("zero", "step"), "haven't changed"),
        (("zero", "step", "backward"), "haven't changed"),
        ((), "haven't changed"),
    ],
)
def test_orders_that_do_not(calls, hint):
    with pytest.raises(Hint, match=hint):
        check_training_step(lambda *given: step(*given, *calls))


@pytest.mark.parametrize(
    ("loss", "hint"),
    [
        (lambda error: error.square().sum(), "Take their mean"),
        (lambda error: -error.square().mean(), "The loss grows"),
        (lambda error: error.square(), "a single number"),
        (lambda error: error.square().mean().detach(), "from the model's output"),
        (lambda error: error.abs().mean(), "mean of the squared errors"),
        (lambda error: error.mean(), "mean of the squared errors"),
    ],
)
def test_other_losses(loss, hint):
    calls = ("zero", "backward", "step")
    with pytest.raises(Hint, match=hint):
        check_training_step(lambda *given: step(*given, *calls, loss=loss))
