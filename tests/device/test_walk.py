"""Every public function and module computes on the device of its tensors and of its model.

The walk runs on a GPU where `ATTENTION_DEVICE` chooses one, else on the stand-in. It runs twice.
With the CPU as torch's default device, a forgotten `device=` leaves a tensor behind on the CPU.
With the device as the default, as on a page that chooses it, a generator of the CPU is refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from . import standin
from .place import CASES, Case, Place, leaves
from .plugin import DEVICE as CHOSEN

DEVICE = standin.NAME if CHOSEN == "cpu" else CHOSEN
FOLLOWING = [name for name, case in CASES.items() if case.follows_dtype]
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.05}
if DEVICE == "cuda":  # its kernels round in another order, and Adam's division amplifies that
    TOLERANCES |= {torch.float64: 1e-9, torch.float32: 1e-3}


@pytest.fixture(scope="module", autouse=True)
def device() -> Iterator[None]:
    standin.install()
    yield
    torch.set_default_device(None if CHOSEN == "cpu" else CHOSEN)


def results(case: Case, folder: Path, device: str, dtype: torch.dtype, default: str) -> Any:
    folder = folder / f"{device} by {default}"
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


@pytest.mark.parametrize("name", CASES)
def test_results_are_where_the_model_is_and_equal_those_of_the_cpu(name: str, tmp_path: Path):
    case, dtype = CASES[name], torch.float32
    found = results(case, tmp_path, DEVICE, dtype, default="cpu")
    check_place(case, found, dtype, default="cpu")
    check_values(case, found, results(case, tmp_path, "cpu", dtype, default="cpu"), dtype)


@pytest.mark.parametrize("name", CASES)
def test_results_are_there_too_where_the_device_is_the_default(name: str, tmp_path: Path):
    """Its generator draws other numbers than the CPU's, so the values are not compared."""
    found = results(CASES[name], tmp_path, DEVICE, torch.float32, default=DEVICE)
    check_place(CASES[name], found, torch.float32, default=DEVICE)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", FOLLOWING)
def test_results_have_the_dtype_of_the_model(name: str, dtype: torch.dtype, tmp_path: Path):
    case = CASES[name]
    found = results(case, tmp_path, DEVICE, dtype, default="cpu")
    check_place(case, found, dtype, default="cpu")
    check_values(case, found, results(case, tmp_path, "cpu", dtype, default="cpu"), dtype)
