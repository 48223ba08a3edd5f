"""A device that any machine has: it stands in for a GPU in the tests.

Its tensors are true tensors of torch's private-use device, and their memory is the CPU's. So it
computes with real values, as strictly as a GPU does: an operator refuses tensors of two devices,
numpy gets nothing before `.cpu()`, and its random numbers are its own. Each operator runs on the
CPU, on views of the same memory. It is slow: about 50 microseconds an operator.

Needs torch 2.9 or newer, whose `_setup_privateuseone_for_python_backend` this builds on.
"""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils.dlpack import from_dlpack, to_dlpack  # type: ignore[attr-defined]

from .drawing import written_arguments

NAME, KEY = "standin", "PrivateUse1"
CPU, PRIVATE_USE = 1, 12  # device types of DLPack
CPU_KERNELS = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_libraries: list[torch.library.Library] = []  # kernels are forgotten with their library


class Device:
    """The stand-in as torch sees a kind of device, with the random numbers that it draws."""

    operators = 0  # run so far
    numbers = torch.Generator().get_state()  # of its generator

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def _is_in_bad_fork(self) -> bool:
        return False

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]

    def manual_seed_all(self, seed: int) -> None:
        """Seed it as every seed does; but like any other device, it draws other numbers."""
        Device.numbers = torch.Generator().manual_seed(seed + 1).get_state()


def install() -> None:
    """Make `torch.device("standin")` a device; once for a process."""
    if _libraries:
        return
    backend_registration._setup_privateuseone_for_python_backend(NAME, Device())
    everything, aten = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(_run, KEY)
    everything.fallback(torch.library.fallthrough_kernel, f"Autocast{KEY}")  # it computes as it is
    # torch would write these as others with an `out` of no size, and resize that.
    composite = "CompositeExplicitAutogradNonFunctional"
    for name in torch._C._dispatch_get_registrations_for_dispatch_key(composite):
        if name.startswith("aten::"):
            base, _, overload = name.removeprefix("aten::").partition(".")
            operator = getattr(getattr(torch.ops.aten, base), overload or "default")
            aten.impl(name, functools.partial(_run, operator), KEY)
    for kernel in _to_copy, _copy_from, _local_scalar_dense, _thnn_fused_gru_cell:
        aten.impl(kernel.__name__, kernel, KEY)
    aten.impl("_thnn_fused_gru_cell_backward", _thnn_fused_gru_cell_backward, KEY)
    Tensor.__deepcopy__ = _deepcopy  # type: ignore[method-assign]
    _libraries.extend([everything, aten])


def _relabelled(tensor: Tensor, device_type: int) -> Tensor:
    """The same memory, shape and strides as a tensor of the other device."""
    if tensor.dtype == torch.bool:  # a type that not every version of DLPack has
        return _relabelled(tensor.view(torch.uint8), device_type).view(torch.bool)
    capsule = to_dlpack(tensor.detach() if tensor.requires_grad else tensor)
    device = (ctypes.c_int32 * 2).from_address(_pointer(capsule, b"dltensor") + 8)
    device[0], device[1] = device_type, 0
    return from_dlpack(capsule)


def _on_cpu(value: Any) -> Any:
    """An argument of an operator as the CPU takes it."""
    if isinstance(value, Tensor):
        return _relabelled(value, CPU) if value.device.type == NAME else value
    return [_on_cpu(one) for one in value] if isinstance(value, (list, tuple)) else value


def _on_device(value: Any) -> Any:
    """A result of an operator as the device gives it."""
    if isinstance(value, Tensor):
        return _relabelled(value, PRIVATE_USE) if value.device.type == "cpu" else value
    return type(value)(map(_on_device, value)) if isinstance(value, (list, tuple)) else value


class Facts:
    """What an operator's schema says about how to run it; read once for each operator."""

    def __init__(self, operator: Any) -> None:
        arguments, returns = operator._schema.arguments, operator._schema.returns
        self.outs = [a.name for a in arguments if a.is_out]
        self.writes = operator._schema.is_mutable
        self.returns_written = [bool(r.alias_info and r.alias_info.is_write) for r in returns]
        self.views = any(r.alias_info for r in returns) and not self.writes
        if torch.Tag.inplace_view in operator.tags:  # `t_`, but not what needs other memory
            self.views = not operator.name().startswith(("aten::resize_", "aten::set_"))
        self.tensors = [i for i, a in enumerate(arguments) if str(a.type) == "Tensor"]
        self.reshapes = torch.Tag.inplace_view in operator.tags
        self.draws = torch.Tag.nondeterministic_seeded in operator.tags
        self.takes_device = any(a.name == "device" for a in arguments)
        self.takes_indices = any("Optional[Tensor]]" in str(a.type) for a in arguments)


_facts = functools.cache(Facts)


def _run(operator: Any, *args: Any, **kwargs: Any) -> Any:
    """Run an operator on the CPU, whatever it is."""
    Device.operators += 1
    facts = _facts(operator)
    if facts.views:  # the CPU's kernels for views change sizes and strides alone
        return operator.redispatch(CPU_KERNELS, *args, **kwargs)
    _check_one_device(operator, facts, (*args, *kwargs.values()))
    here_args, here = [_on_cpu(v) for v in args], {k: _on_cpu(v) for k, v in kwargs.items()}
    if facts.reshapes:  # the memory is to outlive the hold that the old tensor has on it
        here_args[0] = _on_cpu(args[0].detach())
    for name in facts.outs:
        here[name] = torch.empty(0, dtype=kwargs[name].dtype)
    if facts.takes_device:
        here["device"] = "cpu"
    if facts.draws:
        _refuse_generators((*args, *kwargs.values()))
    # torch makes the number in `x % 2` a tensor, and a number again for Python.
    by_number = any(type(args[i]) in (int, float, bool) for i in facts.tensors if i < len(args))
    with _own_numbers() if facts.draws else nullcontext():
        result = (operator.overloadpacket if by_number else operator)(*here_args, **here)
    if facts.writes:
        return _written(operator, facts, result, (args, kwargs), (here_args, here))
    return _on_device(result)


def _written(operator: Any, facts: Facts, result: Any, theirs: Any, ours: Any) -> Any:
    """Let the device's tensors be what the operator made of the CPU's; return those."""
    written = list(written_arguments(operator, *theirs))
    for target, tensor in zip(written, written_arguments(operator, *ours), strict=True):
        if tensor.shape != target.shape or tensor.stride() != target.stride():
            target.data = _on_device(tensor)
        elif tensor.data_ptr() != target.data_ptr():
            _on_cpu(target).copy_(tensor)
    values, targets = result if isinstance(result, tuple) else (result,), iter(written)
    returned = [
        next(targets) if is_written else _on_device(value)
        for is_written, value in zip(facts.returns_written, values, strict=False)
    ]
    return tuple(returned) if len(returned) > 1 else returned[0] if returned else None


def _check_one_device(operator: Any, facts: Facts, values: Any) -> None:
    """Refuse what a GPU refuses; scalars may come from the CPU, and what a tensor is indexed by."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    if not facts.takes_indices or tensors[0].device.type != NAME:
        for value in values:
            if isinstance(value, (list, tuple)):
                tensors += [one for one in value if isinstance(one, Tensor)]
    elsewhere = [tensor for tensor in tensors if tensor.device.type != NAME and tensor.dim()]
    if elsewhere and len(elsewhere) < len(tensors):
        raise RuntimeError(
            f"{operator.name()}: expected all tensors to be on the same device, but found "
            f"{NAME}:0 and {elsewhere[0].device}"
        )


def _refuse_generators(values: Any) -> None:
    """The stand-in has one generator, that of torch's own kernels."""
    if any(isinstance(value, torch.Generator) for value in values):
        raise RuntimeError(f"expected a {NAME!r} device type for generator but found 'cpu'")


@contextmanager
def _own_numbers() -> Iterator[None]:
    """Let the stand-in's generator draw in place of the CPU's, which dropout always draws from."""
    state = torch.get_rng_state()
    torch.set_rng_state(Device.numbers)
    try:
        yield
    finally:
        Device.numbers = torch.get_rng_state()
        torch.set_rng_state(state)


def _to_copy(tensor: Tensor, *, device: Any = None, **options: Any) -> Tensor:
    Device.operators += 1
    goal = tensor.device if device is None else torch.device(device)
    copy = torch.ops.aten._to_copy(_on_cpu(tensor), **options, device="cpu")
    return _on_device(copy) if goal.type == NAME else copy


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    Device.operators += 1
    _on_cpu(target).copy_(_on_cpu(source))
    return target


def _local_scalar_dense(tensor: Tensor) -> Any:
    return _on_cpu(tensor).item()


_deepcopy_elsewhere = Tensor.__deepcopy__


def _deepcopy(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    """Copy a tensor, and not its storage, whose memory torch would not find."""
    if tensor.device.type != NAME:
        return _deepcopy_elsewhere(tensor, memo)  # type: ignore[no-untyped-call]
    if id(tensor) not in memo:
        memo[id(tensor)] = tensor.detach().clone().requires_grad_(tensor.requires_grad)
    return memo[id(tensor)]


# torch has a GRU cell of its own for devices other than the CPU, and it has no kernel there.


def _thnn_fused_gru_cell(
    inputs: Tensor, hidden: Tensor, hx: Tensor, b_i: Tensor | None = None, b_h: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The new hidden state, from both projections of the gates; and what its gradient needs."""
    Device.operators += 1
    inputs, hidden, hx, b_i, b_h = map(_on_cpu, (inputs, hidden, hx, b_i, b_h))
    if b_i is not None and b_h is not None:
        inputs, hidden = inputs + b_i, hidden + b_h
    (r_i, z_i, n_i), (r_h, z_h, n_h) = inputs.chunk(3, dim=-1), hidden.chunk(3, dim=-1)
    update, candidate = (z_i + z_h).sigmoid(), (n_i + (r_i + r_h).sigmoid() * n_h).tanh()
    new = candidate + update * (hx - candidate)
    return _on_device(new), _on_device(torch.cat([inputs, hidden, hx], dim=-1))


def _thnn_fused_gru_cell_backward(
    gradient: Tensor, workspace: Tensor, has_bias: bool
) -> tuple[Tensor | None, ...]:
    """The gradients of both projections, of the old hidden state, and of the biases."""
    Device.operators += 1
    d = workspace.size(-1) // 7
    inputs, hidden, hx = _on_cpu(workspace).split([3 * d, 3 * d, d], dim=-1)
    backward = torch.ops.aten._thnn_differentiable_gru_cell_backward
    inputs, hidden, hx, _, _ = backward(_on_cpu(gradient), inputs, hidden, hx, None, None)
    biases = (inputs.sum(dim=0), hidden.sum(dim=0)) if has_bias else (None, None)
    return tuple(map(_on_device, (inputs, hidden, hx, *biases)))
