"""The hyperparameters of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from attention.errors import BadInput

__all__ = ["Precision", "Schedule", "TrainingConfig"]

Precision = Literal["fp32", "bf16"]
Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True)
class TrainingConfig:
    """The hyperparameters of training; the defaults suit a small recurrent translator on a CPU.

    Attributes:
        steps: Updates of the weights.
        tokens_per_batch: Target tokens in a batch, padding included, approximately.
        lr: Peak learning rate.
        warmup: Steps over which the learning rate rises linearly to `lr`.
        max_grad_norm: Gradients are scaled down to this norm, over all parameters together, where
            theirs is larger.
        seed: Of all random draws: initial weights, order of the batches, dropout.
        label_smoothing: Probability taken from the target token and spread evenly over the
            vocabulary (Szegedy et al. 2016, section 7).
        average_fraction: The final weights are the average over this last fraction of the steps; 0
            keeps those of the last step.
        schedule: The learning rate after the warm-up: `linear` or `cosine` decay to zero, or
            `constant`.
        weight_decay: Decoupled weight decay (Loshchilov and Hutter 2017) of the matrices; norms,
            biases and embeddings have none.
        betas: Decay rates of Adam's moving averages of the gradient and of its square.
        accumulate: Batches whose gradients are accumulated for one update.
        precision: `bf16` computes the forward pass and the loss in bfloat16 where that is safe
            (autocast); weights and optimizer state stay in 32 bits.
        valid_every: Steps from one validation to the next; 0 for none.
        patience: Training stops after so many validations in a row without a lower loss; 0 for
            never.
        log_every: Steps from one line of the metrics log to the next.
        max_length: Translation: a pair with more tokens than this on either side is left out.

    Raises:
        BadInput: There is no such schedule or precision, or a value is impossible.
    """

    steps: int = 2000
    tokens_per_batch: int = 500
    lr: float = 4e-3
    warmup: int = 100
    max_grad_norm: float = 1.0
    seed: int = 0
    label_smoothing: float = 0.0
    average_fraction: float = 0.0
    schedule: str = "linear"
    weight_decay: float = 0.0
    betas: Sequence[float] = (0.9, 0.999)
    accumulate: int = 1
    precision: str = "fp32"
    valid_every: int = 0
    patience: int = 0
    log_every: int = 50
    max_length: int = 100

    def __post_init__(self) -> None:
        """Check the values, and make `betas` a tuple: it is a list where it comes from JSON."""
        object.__setattr__(self, "betas", tuple(self.betas))
        for name, known in ("schedule", get_args(Schedule)), ("precision", get_args(Precision)):
            if (value := getattr(self, name)) not in known:
                raise BadInput(f"{name} {value}: must be one of {', '.join(known)}")
        for name in ("accumulate", "log_every"):
            if (value := getattr(self, name)) < 1:
                raise BadInput(f"{name} {value}: must be above 0")
        if not 0 <= self.label_smoothing < 1:
            raise BadInput(f"label_smoothing {self.label_smoothing}: must be from 0 to below 1")
