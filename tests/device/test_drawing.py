"""A device draws other numbers than the CPU, and the same ones once the CPU draws for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import drawing, standin
from .drawing import draw_on_cpu
from .plugin import DEVICE as CHOSEN

pytestmark = pytest.mark.on_cpu(reason="compares a device, which it names, with the CPU")
DEVICE = standin.NAME if CHOSEN == "cpu" else CHOSEN
if DEVICE == standin.NAME:
    standin.install()


@pytest.fixture
def drawn_on_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the CPU draw for the device; where `ATTENTION_DEVICE` chooses one, it does already."""
    if CHOSEN != "cpu":
        yield
        return
    attention = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", attention)  # restored in the end
    library = draw_on_cpu(standin.KEY)
    yield
    library._destroy()


def attention(device: str) -> tuple[Tensor, ...]:
    """The outputs and the gradients of attention whose weights are dropped."""
    q, k, v = (torch.ones(2, 2, 8, 4, device=device, requires_grad=True) for _ in range(3))
    output = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, is_causal=True)
    (output * torch.arange(8.0, device=device)[:, None]).sum().backward()
    return output, q.grad, k.grad, v.grad


def multi_head_attention(device: str) -> Tensor:
    x = torch.linspace(-1, 1, 64, device=device).view(2, 4, 8)
    with torch.device(device):
        layer = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
    return layer(x, x, x, need_weights=False)[0]


def dropout(device: str) -> tuple[Tensor, Tensor]:
    x = torch.ones(8, 8, device=device, requires_grad=True)
    output = nn.Dropout(0.5)(x)
    output.square().sum().backward()
    return output, x.grad


def with_generators(device: str) -> tuple[Tensor, ...]:
    """As a page draws, with a generator of its own: one that it makes for the device, if it can."""
    own = torch.Generator("cpu" if device == standin.NAME else device).manual_seed(3)
    return (
        torch.rand(8, generator=own, device=device),
        torch.randperm(16, generator=own, device=device),
        torch.zeros(8, device=device).normal_(generator=own),
        torch.multinomial(torch.ones(16, device=device), 8, generator=own),
    )


INITIALISED = {
    name: getattr(nn.init, name)
    for name in sorted(vars(nn.init))
    if name.endswith("_") and not name.startswith("_")
}
OPTIONS: dict[str, Any] = {"constant_": {"val": 0.5}, "sparse_": {"sparsity": 0.25}}
CERTAIN = {"constant_", "dirac_", "eye_", "ones_", "zeros_"}


def initialised(name: str) -> Callable[[str], Tensor]:
    shape = (8, 4, 3) if name == "dirac_" else (8, 16)
    options = OPTIONS.get(name, {})
    return lambda device: INITIALISED[name](torch.empty(shape, device=device), **options)


DRAWS: dict[str, Callable[[str], Any]] = {
    "rand": lambda device: torch.rand(8, device=device),
    "rand_like": lambda device: torch.rand_like(torch.ones(4, 8, device=device).T),
    "randn": lambda device: torch.randn(4, 8, device=device, dtype=torch.double),
    "randint": lambda device: torch.randint(100, (8,), device=device),
    "randperm": lambda device: torch.randperm(16, device=device),
    "bernoulli": lambda device: torch.bernoulli(torch.full((32,), 0.5, device=device)),
    "bernoulli_": lambda device: torch.empty(32, device=device).bernoulli_(0.5),
    "multinomial": lambda device: torch.multinomial(torch.ones(16, device=device), 8),
    "normal": lambda device: torch.normal(torch.ones(8, device=device), 2.0),
    "normal of numbers": lambda device: torch.normal(0.0, 1.0, (8,), device=device),
    "exponential_": lambda device: torch.empty(8, device=device).exponential_(),
    "dropout": dropout,
    "attention": attention,
    "multi-head attention": multi_head_attention,
    "GRU": lambda device: nn.GRU(4, 4, device=device).weight_ih_l0,
    **{name: initialised(name) for name in INITIALISED},
}


def tensors(value: Any) -> list[Tensor]:
    return [t.detach() for t in (value if isinstance(value, tuple) else (value,))]


def seeded(draw: Callable[[str], Any], device: str) -> list[Tensor]:
    torch.manual_seed(5)
    return tensors(draw(device))


@pytest.mark.skipif(CHOSEN != "cpu", reason="there the plugin lets the CPU draw")
@pytest.mark.parametrize("name", [name for name in DRAWS if name not in CERTAIN])
def test_a_device_draws_numbers_of_its_own(name: str):
    there, here = seeded(DRAWS[name], DEVICE), seeded(DRAWS[name], "cpu")
    assert not all(torch.equal(a.cpu(), b) for a, b in zip(there, here, strict=True))


@pytest.mark.parametrize("name", [*DRAWS, "generators"])
def test_it_has_the_numbers_of_the_cpu_where_that_draws(name: str, drawn_on_cpu: None):
    draw = DRAWS.get(name, with_generators)
    there = seeded(draw, DEVICE)
    following = torch.rand(1)
    for mine, other in zip(there, seeded(draw, "cpu"), strict=True):
        assert mine.device.type == DEVICE
        assert mine.stride() == other.stride()
        torch.testing.assert_close(mine.cpu(), other)
    assert torch.equal(following, torch.rand(1))  # neither has drawn more than the other


def test_only_attention_with_dropout_leaves_the_fused_kernels(monkeypatch, drawn_on_cpu: None):
    """A GPU's fused kernels draw for themselves; the stand-in has none that could show it."""
    fused: list[bool] = []

    def attention(q: Tensor, *_: Any, **__: Any) -> Tensor:
        fused.append(torch.backends.cuda.flash_sdp_enabled())
        return q

    monkeypatch.setattr(drawing, "_attention", attention)
    q = torch.ones(2, 2)
    for dropout in 0.0, 0.5:
        F.scaled_dot_product_attention(q, q, q, dropout_p=dropout)
        F.scaled_dot_product_attention(q, q, q, None, dropout)
    assert fused == [True, True, False, False]


@pytest.mark.skipif(CHOSEN != "cpu", reason="there the plugin lets the CPU draw")
def test_it_draws_its_own_again_once_the_library_is_forgotten():
    library = draw_on_cpu(standin.KEY)
    library._destroy()
    there, here = seeded(DRAWS["rand"], DEVICE), seeded(DRAWS["rand"], "cpu")
    assert not torch.equal(there[0].cpu(), here[0])
