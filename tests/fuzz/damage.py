"""Damage to a file of a run: to its bytes, to a tensor in it, or to a value of its JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from safetensors.torch import load, save

fraction = st.floats(0, 1, exclude_max=True, width=32)


@dataclass(frozen=True)
class Bytes:
    """The file is cut at a position, extended there, or has a byte changed."""

    action: str
    at: float
    value: int

    harmless = False

    def apply(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        at = int(self.at * len(content))
        if self.action == "cut":
            del content[at:]
        elif self.action == "insert":
            content[at:at] = bytes([self.value]) * 7
        elif self.action == "header":  # of a safetensors file, whose beginning it is
            content[at % 200] ^= self.value
        else:
            content[at] ^= self.value
        path.write_bytes(content)


DTYPES = [torch.float16, torch.bfloat16, torch.float64, torch.int32, torch.int64, torch.bool]
SHAPES = {
    "longer": lambda t: torch.cat([t, t]) if t.dim() else t.repeat(2),
    "shorter": lambda t: t[:-1] if t.dim() else t.reshape(1, 1),
    "flat": lambda t: t.reshape(-1, 1),
    "empty": lambda t: t.reshape(-1)[:0],
}
VALUES = {"nan": float("nan"), "inf": float("inf")}


@dataclass(frozen=True)
class Tensors:
    """A tensor has another dtype, shape or value, is gone or renamed, or there is one more."""

    action: str | torch.dtype
    at: float

    @property
    def harmless(self) -> bool:
        """Whether a program may have had a reason: the same weights, in another precision."""
        return isinstance(self.action, torch.dtype) and self.action.is_floating_point

    def apply(self, path: Path) -> None:
        tensors = load(path.read_bytes())
        name = sorted(tensors)[int(self.at * len(tensors))]
        tensor = tensors[name]
        if isinstance(self.action, torch.dtype):
            self_or_other = torch.float32 if tensor.dtype == self.action else self.action
            tensors[name] = tensor.to(self_or_other)
        elif self.action in SHAPES:
            tensors[name] = SHAPES[self.action](tensor).contiguous()
        elif self.action in VALUES:
            tensors[name] = torch.full_like(tensor.float(), VALUES[self.action])
        elif self.action == "extra":
            tensors["extra"] = tensor.clone()
        else:
            del tensors[name]
            if self.action == "renamed":
                tensors[name + "_"] = tensor
        path.write_bytes(save({k: t.clone() for k, t in tensors.items()}))


LARGEST = 2**31 - 1
HOSTILE: list[Any] = [
    *(None, True, -1, 0, 1, 3, LARGEST, 10**12, 10**30, 0.5, -0.0, float("nan"), float("inf")),
    *(1e308, "", "x", "3", "\ud800", "../..", [], [[]], [1, 2], {}, {"a": 1}),
]
MISSING = "(missing)"


@dataclass(frozen=True)
class Json:
    """A value somewhere in the JSON is replaced or missing."""

    way: tuple[float, ...]
    value: Any

    harmless = False

    def apply(self, path: Path) -> None:
        values = json.loads(path.read_bytes())
        parent, key = self.place(values)
        if self.value == MISSING:
            del parent[key]
        else:
            parent[key] = self.value
        path.write_text(json.dumps(values))

    def place(self, values: Any) -> tuple[Any, Any]:
        """The object or list that holds the value, and its key there."""
        for step in self.way:
            keys = list(values) if isinstance(values, dict) else list(range(len(values)))
            key = keys[int(step * len(keys))]
            parent, values = values, values[key]
            if not isinstance(values, dict | list) or not values:
                break
        return parent, key


data = st.builds(
    Bytes,
    st.sampled_from(["cut", "insert", "flip", "header"]),
    fraction,
    st.integers(1, 255),
)
tensors = st.builds(
    Tensors, st.sampled_from([*DTYPES, *SHAPES, *VALUES, "extra", "missing", "renamed"]), fraction
)
values = st.builds(
    Json,
    st.lists(fraction, min_size=1, max_size=7).map(tuple),
    st.sampled_from([*HOSTILE, MISSING, MISSING]),
)
