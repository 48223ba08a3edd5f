"""Mixed precision: bfloat16 where it is safe, by autocast."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

__all__ = ["autocast"]


def autocast(precision: str, model: nn.Module) -> AbstractContextManager[object]:
    """A context whose operations compute in this precision, on the device of the model.

    Args:
        precision: `fp32` or `bf16`.

    Source: Micikevicius et al. 2017, section 3.1; bfloat16 needs no scaling of the loss.
    """
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(next(model.parameters()).device.type, torch.bfloat16)
