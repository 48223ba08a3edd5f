"""`BadInput`: a file, an argument or a checkpoint that can't be used; `NonFiniteLoss`."""

__all__ = ["BadInput", "NonFiniteLoss", "first_line"]


class BadInput(ValueError):
    """A file, an argument or a checkpoint that cannot be used.

    The message is one line: what is wrong, where, and what to do about it. The `attention` command
    prints it and exits with code 2.
    """


class NonFiniteLoss(ArithmeticError):
    """Training has diverged: a loss or its gradient is infinite or not a number.

    The `attention` command prints its message, one line, and exits with code 1.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type's name, to be quoted in a `BadInput`."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
