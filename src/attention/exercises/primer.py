"""Exercises of the chapter *Primer: tensors and training*."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from attention.exercises.checking import answer, compare, right
from attention.shapes import Float, Tensor

__all__ = ["check_gradient", "check_normalised_rows", "check_training_step"]


def check_normalised_rows(normalised_rows: Callable[..., Any]) -> None:
    """Check the division of rows by their sums.

    Args:
        normalised_rows: From `x`, `(*, T, S)`, a tensor of the same shape whose rows add up to 1.

    Raises:
        Hint: It is something else.
    """
    square = torch.tensor([[1.0, 3.0], [4.0, 4.0]])
    for x in (square, torch.arange(1.0, 13).view(3, 4), torch.arange(1.0, 31).view(2, 3, 5)):
        sums = "These are the sums. Divide x by them."
        matrices = "Each matrix of the batch adds up to one, not each row. Sum over dim=-1 alone."
        mistakes = [
            (x / x.sum(), "Everything together adds up to one. Sum over the last axis alone."),
            (x / x.sum(-2, keepdim=True), "The columns add up to one, not the rows: use dim=-1."),
            (x / x.sum((-2, -1), keepdim=True), matrices),
            (x.softmax(-1), "This is the softmax, which takes powers of e. Divide the entries."),
            (x.sum(-1), sums),
            (x.sum(-1, keepdim=True), sums),
            (x / x.mean(-1, keepdim=True), "You divide by the mean of each row, not by its sum."),
            (x / x.norm(dim=-1, keepdim=True), "You divide by the norm of each row, not its sum."),
        ]
        if x is square:
            axis = "Each column is divided by the sum of a row. Keep the axis: keepdim=True."
            mistakes.append((x / x.sum(-1), axis))
        hint = "If two sizes don't match: the sum has removed its axis. keepdim=True keeps it."
        found = answer("normalised_rows(x)", normalised_rows, x, hint=hint)
        compare("normalised_rows(x)", found, x / x.sum(-1, keepdim=True), mistakes)
    right("every row is divided by its own sum, with any number of axes in front.")


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
        means = "You multiply two means. Multiply example by example, then take the mean."
        mistakes = [
            (error.square().mean(), "This is the loss. How fast does it change when w grows?"),
            (-each.mean(), "Your sign is wrong. The error is the prediction minus y."),
            ((error * x).mean(), "A factor of 2 is missing: the rate of a square is 2 * error."),
            (
                (2 * error).mean(),
                "Multiply by the rate at which the prediction changes with w, too.",
            ),
            ((2 * error * w).mean(), "You multiply by w. The prediction changes at the rate x."),
            (each, "This is a gradient for each example. Return their mean."),
            (each.sum(), "You add up the gradients of the examples. The loss is their mean."),
            (2 * error.mean() * x.mean(), means),
        ]
        hint = "You don't need backward(): multiply the two rates for each example; take the mean."
        found = answer("gradient(w, x, y)", gradient, w, x, y, hint=hint)
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
    hint = (
        "If the error is in the loss: compute it from the model's output, model(x), and from y, as "
        "a single number, the mean. item() and no_grad() would cut it off from the parameters."
    )
    for steps in (1, 3):
        call = partial(_after, steps=steps)
        mistakes = [(call(partial(_step, wrong=wrong)), said) for wrong, said in MISTAKES.items()]
        found = answer(what, call, training_step, hint=hint)
        otherwise = (
            f"After step {steps}, the parameters aren't where they should be. Is the loss the mean "
            "of the squared errors, and is it computed from this step's x and y? Do you use the "
            "optimizer that you are given?"
        )
        compare(what, found, call(_step), [*mistakes, (found, otherwise)])
    right("after each of your steps, the parameters are where they should be.")


MISTAKES = {
    "no step": "The parameters haven't changed. Call step(), while there are gradients.",
    "no zero": "Your gradients add up from step to step. Call zero_grad() before backward().",
    "minus": "The loss grows. Call backward() on the loss, not on minus the loss.",
    "sum": "You add up the squared errors. Take their mean: loss.mean().",
}


def _after(step: Callable[..., Any], steps: int) -> Float[Tensor, "N"]:
    """The parameters of a small model after some steps, each on other examples."""
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.1, -0.2, 0.3], [0.0, 0.5, -0.4]]))
        model.bias.copy_(torch.tensor([0.2, -0.1]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for number in range(steps):
        x = torch.arange(12.0).view(4, 3).sin() + number
        y = torch.arange(8.0).view(4, 2).cos() - number
        step(model, optimizer, x, y)
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, wrong: str = ""
) -> None:
    """The right step, or one with a mistake."""
    squares = (model(x) - y).square()
    loss = squares.sum() if wrong == "sum" else squares.mean()
    if wrong != "no zero":
        optimizer.zero_grad()
    (-loss if wrong == "minus" else loss).backward()
    if wrong != "no step":
        optimizer.step()
