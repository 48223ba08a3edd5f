"""The memory of the stand-in is the CPU's: a tensor of one is also a tensor of the other."""

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack, to_dlpack  # type: ignore[attr-defined]

NAME = "standin"
CPU, PRIVATE_USE = 1, 12  # device types of DLPack

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def _relabelled(tensor: Tensor, device_type: int) -> Tensor:
    """The same memory, shape and strides as a tensor of the other device."""
    if tensor.dtype == torch.bool:  # a type that not every version of DLPack has
        return _relabelled(tensor.view(torch.uint8), device_type).view(torch.bool)
    capsule = to_dlpack(tensor.detach() if tensor.requires_grad else tensor)
    device = (ctypes.c_int32 * 2).from_address(_pointer(capsule, b"dltensor") + 8)
    device[0], device[1] = device_type, 0
    return from_dlpack(capsule)


def on_cpu(value: Any) -> Any:
    """An argument of an operator as the CPU takes it."""
    if isinstance(value, Tensor):
        return _relabelled(value, CPU) if value.device.type == NAME else value
    return [on_cpu(one) for one in value] if isinstance(value, (list, tuple)) else value


def on_device(value: Any) -> Any:
    """A result of an operator as the device gives it."""
    if isinstance(value, Tensor):
        return _relabelled(value, PRIVATE_USE) if value.device.type == "cpu" else value
    return type(value)(map(on_device, value)) if isinstance(value, (list, tuple)) else value


_deepcopy_elsewhere = Tensor.__deepcopy__


def deepcopy(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    """Copy a tensor, and not its storage, whose memory torch would not find."""
    if tensor.device.type != NAME:
        return _deepcopy_elsewhere(tensor, memo)  # type: ignore[no-untyped-call]
    if id(tensor) not in memo:
        memo[id(tensor)] = tensor.detach().clone().requires_grad_(tensor.requires_grad)
    return memo[id(tensor)]
