"""Random numbers for a device, drawn by the CPU's generator and moved there.

Every device has a generator of its own, so the same seed gives other numbers on a GPU than the
pages show. Here the kernels behind all random functions of torch, for one kind of device, give
way to kernels that draw on the CPU: with the same seed, a GPU gets the CPU's numbers, and so its
outputs can be compared with those of the pages. Nothing else slows down, and it makes no
difference whether a module, an initialiser or autograd draws.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map_only

# Their backward pass needs more than the random numbers; see `_attend_by_formula`.
FUSED_ATTENTION = ("_fused_sdp_choice", "_scaled_dot_product")

_twins: dict[torch.Generator, torch.Generator] = {}  # of generators, which have no weak references


def draw_on_cpu(dispatch_key: str) -> torch.library.Library:
    """Let the CPU's generator draw for a device, until the returned library is forgotten.

    Args:
        dispatch_key: The name of the device's kernels: `CUDA`, or `PrivateUse1`.
    """
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are kernels already is the point
        for operator in random_operators():
            name = operator.name().removeprefix("aten::")
            library.impl(name, functools.partial(_drawn, operator), dispatch_key)
    F.scaled_dot_product_attention = _attend_by_formula
    return library


def random_operators() -> Iterator[Any]:
    """All that draws and has a kernel for each device; the other functions are made of these."""
    for name in sorted(torch._C._dispatch_get_registrations_for_dispatch_key("CPU")):
        namespace, _, name = name.partition("::")
        base, _, overload = name.partition(".")
        if namespace != "aten" or base.startswith(FUSED_ATTENTION):
            continue
        operator = getattr(getattr(torch.ops.aten, base), overload or "default")
        if torch.Tag.nondeterministic_seeded in operator.tags:
            yield operator


def _drawn(operator: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a random operator on the CPU; what it writes to, and what it returns, is on the device.

    Its CPU tensors have the strides of the device's, since numbers are drawn in memory order.
    """
    here = tree_map_only(Tensor, Tensor.cpu, (args, kwargs))
    here = tree_map_only(torch.Generator, _on_cpu, here)
    device = next(t.device for t in written_or_read(operator, args, kwargs))
    result = operator(*here[0], **here[1])
    written = list(written_arguments(operator, args, kwargs))
    for theirs, ours in zip(written, written_arguments(operator, *here), strict=True):
        theirs.resize_(ours.shape).copy_(ours)
    if not written:
        return tree_map_only(Tensor, lambda tensor: tensor.to(device), result)
    return written[0]


def written_arguments(
    operator: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Iterator[Tensor]:
    """The arguments that an operator writes to: `self` of `normal_`, `out` of `normal.out`."""
    for position, argument in enumerate(operator._schema.arguments):
        if argument.alias_info and argument.alias_info.is_write:
            yield kwargs[argument.name] if argument.name in kwargs else args[position]


def written_or_read(operator: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    yield from written_arguments(operator, args, kwargs)
    yield from (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))


def _on_cpu(generator: torch.Generator) -> torch.Generator:
    """A generator of the CPU, or the one that stands for a generator of the device."""
    if generator.device.type == "cpu":
        return generator
    if generator not in _twins:
        _twins[generator] = torch.Generator("cpu").manual_seed(generator.initial_seed())
    return _twins[generator]


_attention: Callable[..., Tensor] = F.scaled_dot_product_attention


@functools.wraps(_attention)
def _attend_by_formula(*args: Any, **kwargs: Any) -> Tensor:
    """Attention whose dropout is drawn as all dropout is; a fused kernel draws its own."""
    if not kwargs.get("dropout_p", args[4] if len(args) > 4 else 0.0):
        return _attention(*args, **kwargs)
    with sdpa_kernel(SDPBackend.MATH):
        return _attention(*args, **kwargs)
