"""A device that any machine has: it stands in for a GPU in the tests.

Its tensors are true tensors of torch's private-use device, and their memory is the CPU's. So it
computes with real values, as strictly as a GPU does: an operator refuses tensors of two devices,
numpy gets nothing before `.cpu()`, and its random numbers are its own. Each operator runs on the
CPU, on views of the same memory. It is slow: about 20 microseconds an operator.

Needs torch 2.9 or newer, whose `_setup_privateuseone_for_python_backend` this builds on.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._pytree import tree_map_only

from . import gru
from .drawing import written_arguments
from .memory import NAME, deepcopy, on_cpu, on_device

KEY = "PrivateUse1"
AUTOCAST = "addmm", "baddbmm", "bmm", "linear", "matmul", "mm", "scaled_dot_product_attention"
CPU_KERNELS = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)

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
    """Make `torch.device("standin")` a device, once for a process.

    After that CUDA can't be used in it: torch asks one kind of device alone for its streams.
    """
    if _libraries:
        return
    backend_registration._setup_privateuseone_for_python_backend(NAME, Device())
    everything, aten = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(_run, KEY)
    everything.fallback(torch.library.fallthrough_kernel, f"Autocast{KEY}")
    for name in AUTOCAST:
        operator = getattr(torch.ops.aten, name).default
        aten.impl(name, functools.partial(_in_low_precision, operator), f"Autocast{KEY}")
    # torch would write these as others with an `out` of no size, and resize that.
    composite = "CompositeExplicitAutogradNonFunctional"
    for name in torch._C._dispatch_get_registrations_for_dispatch_key(composite):
        if name.startswith("aten::"):
            base, _, overload = name.removeprefix("aten::").partition(".")
            operator = getattr(getattr(torch.ops.aten, base), overload or "default")
            aten.impl(name, functools.partial(_run, operator), KEY)
    for kernel in _to_copy, _copy_from, _local_scalar_dense:
        aten.impl(kernel.__name__, kernel, KEY)
    aten.impl("_thnn_fused_gru_cell", gru.forward, KEY)
    aten.impl("_thnn_fused_gru_cell_backward", gru.backward, KEY)
    Tensor.__deepcopy__ = deepcopy  # type: ignore[method-assign]
    _libraries.extend([everything, aten])


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
    here_args, here = [on_cpu(v) for v in args], {k: on_cpu(v) for k, v in kwargs.items()}
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
    return on_device(result)


def _written(operator: Any, facts: Facts, result: Any, theirs: Any, ours: Any) -> Any:
    """Let the device's tensors be what the operator made of the CPU's; return those."""
    written = list(written_arguments(operator, *theirs))
    for target, tensor in zip(written, written_arguments(operator, *ours), strict=True):
        if tensor.shape != target.shape or tensor.stride() != target.stride():
            target.data = on_device(tensor)
        elif tensor.data_ptr() != target.data_ptr():
            on_cpu(target).copy_(tensor)
    values, targets = result if isinstance(result, tuple) else (result,), iter(written)
    returned = [
        next(targets) if is_written else on_device(value)
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


def _in_low_precision(operator: Any, *args: Any, **kwargs: Any) -> Any:
    """Under autocast, run a product in its dtype."""
    dtype = torch.get_autocast_dtype(NAME)
    key: Any = torch._C.DispatchKey
    autocast = torch._C.DispatchKeySet(key.AutocastPrivateUse1)
    with torch._C._ExcludeDispatchKeyGuard(autocast):
        args, kwargs = tree_map_only(
            Tensor, lambda t: t.to(dtype) if t.is_floating_point() else t, (args, kwargs)
        )
        return operator(*args, **kwargs)


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
    copy = torch.ops.aten._to_copy(on_cpu(tensor), **options, device="cpu")
    return on_device(copy) if goal.type == NAME else copy


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    Device.operators += 1
    on_cpu(target).copy_(on_cpu(source))
    return target


def _local_scalar_dense(tensor: Tensor) -> Any:
    return on_cpu(tensor).item()
