"""A case of the walk is run in a place, and its results are checked."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from . import cases_of_layers, cases_of_models, cases_of_tasks, cases_of_training, standin
from .place import Case, Place, leaves
from .plugin import DEVICE as CHOSEN

CASES = {
    **cases_of_layers.CASES,
    **cases_of_models.CASES,
    **cases_of_training.CASES,
    **cases_of_tasks.CASES,
}
DEVICE = standin.NAME if CHOSEN == "cpu" else CHOSEN
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.05}
if DEVICE == "cuda":  # its kernels round in another order, and Adam's division amplifies that
    TOLERANCES |= {torch.float64: 1e-6, torch.float32: 1e-3}  # RoPE's tables are in float32


def results(case: Case, folder: Path, device: str, dtype: torch.dtype, default: str) -> Any:
    folder = folder / f"{device}, {dtype}, {default}"
    folder.mkdir()
    torch.set_default_device(default)
    torch.manual_seed(0)
    return dict(leaves(case.run(Place(device, dtype, folder))))


def check_place(case: Case, found: dict[str, Any], dtype: torch.dtype, default: str) -> None:
    """All tensors are where they should be, and have the dtype that they should have."""
    where = {"cpu": "cpu", "default": default}.get(case.elsewhere, DEVICE)
    for name, value in found.items():
        if isinstance(value, Tensor):
            assert value.device.type == where, f"{name} is on {value.device}"
            if case.follows_dtype and value.is_floating_point():
                assert value.dtype == dtype, f"{name} is {value.dtype}"


def check_values(case: Case, found: dict[str, Any], on_cpu: dict[str, Any], dtype: Any) -> None:
    """They are those of the CPU. In bfloat16 a rounding can change which token is the best."""
    tolerance = case.tolerance or TOLERANCES[dtype]
    assert found.keys() == on_cpu.keys() or dtype == torch.bfloat16
    for name, value in found.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            assert not value.isnan().any(), name
            expected = on_cpu[name].to(value.dtype)
            torch.testing.assert_close(value.cpu(), expected, rtol=tolerance, atol=tolerance)
        elif dtype != torch.bfloat16:
            value = value.tolist() if isinstance(value, Tensor) else value
            expected = on_cpu[name].tolist() if isinstance(on_cpu[name], Tensor) else on_cpu[name]
            close = isinstance(value, float)
            same = pytest.approx(expected, rel=tolerance, nan_ok=True) if close else expected
            assert value == same, name
