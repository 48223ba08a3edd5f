"""Settings from JSON have the types that their dataclasses declare."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from attention.models.transformer import TransformerConfig
from attention.tasks.field_types import check_fields
from attention.training.config import TrainingConfig


@dataclass
class Inner:
    count: int = 1


@dataclass
class Outer:
    name: str = "a"
    flag: bool = False
    rate: float = 0.5
    choice: Literal["dot", "general"] = "dot"
    optional: int | None = None
    rates: Sequence[float] = (0.5, 1)
    inner: Inner = field(default_factory=Inner)


GOOD = [{}, {"rate": 1}, {"optional": 3}, {"rates": []}, {"choice": "general"}]
BAD: list[dict[str, Any]] = [
    *({"name": 1}, {"name": None}, {"flag": 1}, {"flag": "true"}, {"inner": {}}, {"rates": "a"}),
    *({"rate": "0.5"}, {"rate": True}, {"rate": float("nan")}, {"rate": float("inf")}),
    *({"rate": -0.5}, {"choice": "x"}, {"choice": ["dot"]}, {"optional": "3"}, {"optional": 0.5}),
    *({"optional": -1}, {"optional": 10**12}, {"optional": True}, {"rates": [0.5, None]}),
]


@pytest.mark.parametrize("changed", GOOD)
def test_what_fits_is_given_back(changed):
    settings = Outer(**changed)
    assert check_fields(settings) is settings


@pytest.mark.parametrize("changed", BAD)
def test_what_does_not_fit_is_named(changed):
    with pytest.raises(TypeError, match=next(iter(changed))):
        check_fields(Outer(**changed))


def test_a_field_of_a_field_is_checked():
    with pytest.raises(TypeError, match="count is 'x'"):
        check_fields(Outer(inner=Inner("x")))


def test_our_own_settings_fit():
    assert check_fields(TrainingConfig())
    assert check_fields(TransformerConfig(5, 6))
