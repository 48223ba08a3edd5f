"""A mistake of each kind, planted in the package or in a page: the walk, or the run, finds it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import attention.functional
import attention.training.losses
from attention.layers import kv_cache, positions
from attention.tasks import objectives
from attention.tasks.search_index import indexed_embeddings
from attention.training import averaging, optimizer

from . import standin
from .plugin import DEVICE as CHOSEN
from .walk import CASES, DEVICE, check_place, results

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.on_cpu(reason="the walk chooses its device itself"),
    pytest.mark.skipif(CHOSEN != "cpu", reason="seen on the stand-in"),
]


@pytest.fixture(autouse=True)
def device() -> Iterator[None]:
    if CHOSEN == "cpu":
        standin.install()
    yield
    torch.set_default_device(None)


def walk(name: str, folder: Path, default: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
    found = results(CASES[name], folder, DEVICE, dtype, default)
    check_place(CASES[name], found, dtype, default)


def on_cpu(function: Any) -> Any:
    """The same function, whose result is left on the CPU."""
    return lambda *args, **kwargs: function(*args, **kwargs).cpu()


def test_a_mask_made_on_the_cpu(monkeypatch, tmp_path):
    combine = on_cpu(attention.functional.combine_causal)
    monkeypatch.setattr("attention.kernels.fused.combine_causal", combine)
    with pytest.raises(RuntimeError, match="same device"):
        walk("language_models", tmp_path)


def test_a_result_that_is_on_the_cpu(monkeypatch, tmp_path):
    """No operator refuses it, because nothing is computed with it."""
    scores = on_cpu(attention.training.losses.cosine_similarity)
    monkeypatch.setattr("tests.device.cases_of_layers.cosine_similarity", scores)
    with pytest.raises(AssertionError, match="is on cpu"):
        walk("losses", tmp_path)


def test_a_generator_that_is_not_moved(monkeypatch, tmp_path):
    def batches(lengths: Any, _: int, generator: torch.Generator, *__: Any) -> list[list[int]]:
        return [[i] for i in torch.randperm(len(lengths), generator=generator).tolist()]

    monkeypatch.setattr(objectives, "batches_by_length", batches)
    walk("training_of_translators", tmp_path)
    with pytest.raises(RuntimeError, match="device type for generator"):
        walk("training_of_translators", tmp_path, default=DEVICE)


def test_a_position_table_left_behind(monkeypatch, tmp_path):
    def as_attribute(module: Any, name: str, table: Tensor, persistent: bool) -> None:
        setattr(module, name, table)

    monkeypatch.setattr(positions.SinusoidalEncoding, "register_buffer", as_attribute)
    with pytest.raises(RuntimeError, match="same device"):
        walk("transformer", tmp_path)


def test_a_position_table_that_grows_on_the_cpu(monkeypatch, tmp_path):
    reset = positions.RotaryEmbedding.reset_buffers
    grown = lambda self, device=None, length=None: reset(self, None, length)  # noqa: E731
    monkeypatch.setattr(positions.RotaryEmbedding, "reset_buffers", grown)
    with pytest.raises(RuntimeError, match="same device"):
        walk("language_models", tmp_path)


def test_an_optimizer_state_on_the_cpu(monkeypatch, tmp_path):
    load = optimizer.load_optimizer_state

    def left(model: Any, optimizer: torch.optim.Optimizer, tensors: Any) -> None:
        load(model, optimizer, tensors)
        for state in optimizer.state.values():
            state["exp_avg"] = state["exp_avg"].cpu()

    monkeypatch.setattr("attention.training.trainer.load_optimizer_state", left)
    with pytest.raises(RuntimeError, match="same device"):
        walk("trainer", tmp_path)


def test_averaged_weights_on_the_cpu(monkeypatch, tmp_path):
    load = averaging.WeightAverage.load_state_dict

    def left(self: Any, *args: Any) -> None:
        load(self, *args)
        self.mean = {name: mean.cpu() for name, mean in self.mean.items()}

    monkeypatch.setattr(averaging.WeightAverage, "load_state_dict", left)
    with pytest.raises(RuntimeError, match="same device"):
        walk("trainer", tmp_path)


def test_a_search_index_on_the_cpu(monkeypatch, tmp_path):
    def read(encoder: Any, texts: Any, path: Path) -> Any:
        return indexed_embeddings(encoder, texts, path)[0].cpu(), None

    monkeypatch.setattr("tests.device.cases_of_tasks.indexed_embeddings", read)
    with pytest.raises(RuntimeError, match="same device"):
        walk("search", tmp_path)


def test_a_cache_in_single_precision(monkeypatch, tmp_path):
    make = kv_cache.KeyValue.__init__

    def single(self: Any, keys: Tensor, values: Tensor) -> None:
        make(self, keys.float(), values.float())

    monkeypatch.setattr(kv_cache.KeyValue, "__init__", single)
    walk("language_models", tmp_path)
    with pytest.raises((RuntimeError, AssertionError), match=r"dtype|float"):
        walk("language_models", tmp_path, dtype=torch.bfloat16)


def test_a_page_that_chooses_the_cpu(pytester, monkeypatch):
    """A block that never computes on the device is noted; one that mixes devices fails."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("ATTENTION_DEVICE", standin.NAME)
    codes = [
        "import torch\na = torch.ones(2)\na + a",
        'import torch\nb = torch.ones(2, device="cpu")\nb + b',
        'import torch\ntorch.ones(2) + torch.ones(2, device="cpu")',
    ]
    pytester.mkdir("docs")
    page = "".join(f"```python\n{code}\n```\n\n" for code in codes)
    pytester.path.joinpath("docs", "page.md").write_text(page, "utf-8")
    pytester.makeconftest(
        "def pytest_runtest_logreport(report):\n"
        "    if report.when == 'call':\n"
        "        print(report.outcome, dict(report.user_properties)['launched'])\n"
    )
    plugins = "-p", "tests.device.plugin", "-p", "tests.blocks.plugin", "-p", "no:cacheprovider"
    result = pytester.runpytest_subprocess(*plugins, "-s", "docs")
    result.stdout.fnmatch_lines(["*passed True", "*passed False", "*failed *"])
    result.stdout.fnmatch_lines(["*expected all tensors to be on the same device*"])
