"""Exercises of the chapter *Primer: tensors and training*."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from attention.exercises.checking import Hint, answer, compare, right, same
from attention.shapes import Float, Tensor

__all__ = ["check_gradient", "check_normalised_rows", "check_training_step"]

KEEPDIM = (
    "If two sizes don't match: the sum has removed the axis over which it runs, so broadcasting "
    "aligns the sums with the wrong axis. keepdim=True keeps it, with size 1."
)


def check_normalised_rows(normalised_rows: Callable[..., Any]) -> None:
    """Check the division of rows by their sums.

    Args:
        normalised_rows: From `x`, `(*, T, S)`, a tensor of the same shape whose rows add up to 1.

    Raises:
        Hint: It is something else.
    """
    square = torch.tensor([[1.0, 3.0], [4.0, 4.0]])
    for x in (square, torch.arange(1.0, 13).view(3, 4), torch.arange(1.0, 31).view(2, 3, 5)):
        mistakes = [
            (x / x.sum(), "Everything together adds up to one. Sum over the last axis alone."),
            (x / x.sum(-2, keepdim=True), "The columns add up to one, not the rows. The rows are "
             "the last axis. Count it from the end, dim=-1, whatever axes are in front."),
            (x / x.sum(0, keepdim=True), "You sum over the first axis. With a batch axis in front, "
             "the rows are still the last one: dim=-1."),
            (x.softmax(-1), "This is the softmax: it takes e to the power of each entry first. "
             "Divide the entries as they are."),
            (x.sum(-1), "These are the sums. Divide x by them."),
            (x.sum(-1, keepdim=True), "These are the sums. Divide x by them."),
            (x / x.mean(-1, keepdim=True), "You divide by the mean of each row. Divide by "
             "its sum."),
            (x / x.norm(dim=-1, keepdim=True), "You divide by the length of each row as a vector. "
             "Divide by its sum."),
            (x / x.amax(-1, keepdim=True), "You divide by the largest entry of each row. Divide "
             "by the sum."),
            (x, "These are the rows as they were. Divide each by its sum."),
            (x / x.sum((-2, -1), keepdim=True), "Each matrix of the batch adds up to one, not "
             "each row. Sum over the last axis alone."),
        ]  # fmt: skip
        if x is square:
            mistakes.insert(0, (x / x.sum(-1), "Each column is divided by the sum of a row. "
                                "Keep the axis of the sum: keepdim=True."))  # fmt: skip
        found = answer("normalised_rows(x)", normalised_rows, x, hint=KEEPDIM)
        compare("normalised_rows(x)", found, x / x.sum(-1, keepdim=True), mistakes)
    right("every row is divided by its own sum, with any number of axes in front.")


BY_HAND = (
    "You don't need backward(), which works only on tensors that require a gradient. Multiply the "
    "two rates of the chapter for every example, and take the mean."
)


def check_gradient(gradient: Callable[..., Any]) -> None:
    """Check the gradient of a mean squared error, computed by hand.

    Args:
        gradient: From `w`, a number, and `x` and `y`, `(N,)`, the gradient at `w`, a number.

    Raises:
        Hint: It is something else.
    """
    examples = [
        (0.25, [1.0, -2.0, 7.0], [3.0, 1.0, 1.0]),
        (-1.5, [0.5, 2.0, -1.0, 3.0], [1.0, -1.0, 0.0, 2.0]),
    ]
    for w, x, y in (map(torch.tensor, example) for example in examples):
        error = w * x - y
        each = 2 * error * x
        mistakes: list[tuple[object, str]] = [
            (error.square().mean(), "This is the loss. How fast does it change when w grows?"),
            (-each.mean(), "Your sign is wrong. The error is the prediction minus y."),
            (error.mean(), "This is the mean error. It is one factor of the gradient: the others "
             "are a 2 and x."),
            ((error * x).mean(), "A factor of 2 is missing: the square changes at the rate "
             "2 * (w * x - y)."),
            ((2 * error).mean(), "You have the rate at which the loss changes with the "
             "prediction. Multiply by the rate at which the prediction changes with w."),
            ((2 * error * w).mean(), "You multiply by w. When w grows, the prediction changes at "
             "the rate x."),
            (w - each.mean(), "You take a step of gradient descent. Return the gradient alone."),
            (each, "This is a gradient for each example. Return their mean."),
            (each.sum(), "You add up the gradients of the examples. The loss is their mean."),
            (2 * error.mean() * x.mean(), "You multiply two means. Multiply first, example by "
             "example, and take the mean of the products."),
        ]  # fmt: skip
        found = answer("gradient(w, x, y)", gradient, w, x, y, hint=BY_HAND)
        compare("gradient(w, x, y)", found, each.mean(), mistakes)
    right("your gradient is the one that backward() computes.")


def check_training_step(training_step: Callable[..., Any]) -> None:
    """Check a training step, by the parameters after one step and after three.

    Args:
        training_step: From a module, its optimizer, inputs and targets, nothing; it updates the
            parameters of the module.

    Raises:
        Hint: The parameters aren't what they should be.
    """
    what = "training_step(model, optimizer, x, y)"
    for steps in (1, 3):
        call = partial(_after, steps=steps)
        found = answer(what, call, training_step, hint=ONE_NUMBER)
        if same(found, call(_step)):
            continue
        for wrong, hint in WRONG_STEPS:
            if same(found, call(wrong)):
                raise Hint(hint)
        raise Hint(
            f"After step {steps}, the parameters aren't where they should be. Is the loss the mean "
            "of the squared errors, and is it computed from this step's x and y?"
        )
    right("after each of your steps, the parameters are where they should be.")


ONE_NUMBER = (
    "If a gradient can be created only for scalar outputs: backward() starts from a single number, "
    "so take the mean of the squared errors. If something doesn't require grad, or has no "
    "backward: compute the loss from the model's output, without item() and without no_grad(). "
    "If two shapes don't fit: the model takes x, and its output is compared with y."
)


def _after(step: Callable[..., Any], steps: int) -> Float[Tensor, "N"]:
    """The parameters of a small model after some steps, each on other examples."""
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.1, -0.2, 0.3], [0.0, 0.5, -0.4]]))
        model.bias.copy_(torch.tensor([0.2, -0.1]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for number in range(steps):
        x = torch.arange(12.0).view(4, 3).sin() + number
        y = torch.arange(8.0).view(4, 2).cos() - number
        step(model, optimizer, x, y)
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor,
    *, zero: bool = True, update: bool = True, sign: int = 1, mean: bool = True,
) -> None:  # fmt: skip
    """The right step, or one with a mistake."""
    squares = (model(x) - y).square()
    loss = sign * (squares.mean() if mean else squares.sum())
    if zero:
        optimizer.zero_grad()
    loss.backward()
    if update:
        optimizer.step()


WRONG_STEPS: list[tuple[Callable[..., None], str]] = [
    (partial(_step, update=False), "The parameters haven't changed. Either optimizer.step() is "
     "missing, or there are no gradients when it is called: they come from loss.backward(), and "
     "optimizer.zero_grad() removes them."),
    (partial(_step, zero=False), "The first step is right, but the later ones follow the sum of "
     "all gradients so far. Call optimizer.zero_grad() in each step, before backward()."),
    (partial(_step, sign=-1), "The parameters go in the wrong direction: the loss grows. The loss "
     "itself is what backward() must be called on, not minus the loss."),
    (partial(_step, mean=False), "You add up the squared errors. Take their mean: loss.mean()."),
]  # fmt: skip
