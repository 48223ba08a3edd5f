"""Training that diverges is noticed, with the step after which it happened."""

from attention.errors import NonFiniteLoss
from attention.shapes import Float, Tensor

__all__ = ["check_finite"]


def check_finite(total: Float[Tensor, ""] | None, step: int) -> None:
    """Refuse to go on after a loss that is not finite.

    Args:
        total: The loss plus the norm of its gradient; None before the first step.
        step: Updates so far.

    Raises:
        NonFiniteLoss: One of them is infinite or not a number.
    """
    if total is not None and not total.isfinite():
        kept = "of that step" if total.device.type == "cpu" else "that were last saved"
        raise NonFiniteLoss(
            f"the loss or its gradient became {float(total)} after step {step:,}: it has "
            f"diverged, and the weights {kept} are kept; a lower --lr may help"
        )
