"""Settings that were read from JSON: each must have the type that its dataclass declares."""

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["check_fields"]

Settings = TypeVar("Settings")

LARGEST = 2**31  # no size or count of ours is as large


def check_fields(settings: Settings) -> Settings:
    """The same settings, if each has its type, and none is negative, infinite or not a number.

    Raises:
        TypeError: A field hasn't; the message names it.
    """
    hints = get_type_hints(type(settings))
    for name in (field.name for field in fields(settings)):  # type: ignore[arg-type]
        value = getattr(settings, name)
        if not _fits(value, hints[name]):
            raise TypeError(f"{name} is {value!r:.80}")
    return settings


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is Sequence:
        is_sequence = isinstance(value, list | tuple)
        return is_sequence and all(_fits(one, arguments[0]) for one in value)
    if is_dataclass(hint):
        return isinstance(value, hint) and bool(check_fields(value))  # type: ignore[arg-type]
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value) and 0 <= value < LARGEST
    if hint is int:
        return type(value) is int and 0 <= value < LARGEST
    return type(value) is (NoneType if hint is None else hint)
