"""The pytest plugin that chooses the device: `ATTENTION_DEVICE` is `cpu`, `cuda` or `standin`.

It becomes torch's default device for every test and every block, but for those that carry the
marker `on_cpu(reason)`, which test files, text or the site. Random numbers are the CPU's.
"""

import os
from collections.abc import Iterator

import pytest
import torch

from . import drawing, standin
from .memory import NAME
from .tally import STAYS, DeviceTally

DEVICE = os.environ.get("ATTENTION_DEVICE") or "cpu"
KEYS = {"cuda": "CUDA", NAME: standin.KEY}
DRAWING = pytest.StashKey[torch.library.Library]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tally", metavar="FILE", help="keep the figures of a run that passes")


@pytest.hookimpl(tryfirst=True)  # before the blocks' plugin takes down what a block starts with
def pytest_configure(config: pytest.Config) -> None:
    """Make the device the default one, before anything is computed."""
    config.addinivalue_line(
        "markers", "on_cpu(reason): the test stays on the CPU, whatever ATTENTION_DEVICE says"
    )
    if DEVICE not in {"cpu", *KEYS}:
        raise pytest.UsageError(f"ATTENTION_DEVICE={DEVICE}: must be cpu, {' or '.join(KEYS)}")
    if DEVICE == "cuda" and not torch.cuda.is_available():
        raise pytest.UsageError("ATTENTION_DEVICE=cuda, but torch finds no GPU here")
    if DEVICE != "cuda":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a page shows what a CPU prints
    if DEVICE == NAME:
        standin.install()
    if DEVICE != "cpu":
        config.stash[DRAWING] = drawing.draw_on_cpu(KEYS[DEVICE])
        torch.backends.cudnn.allow_tf32 = False  # its 10 bits would show in the pages' outputs
        torch.set_default_device(DEVICE)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(DeviceTally(config, DEVICE), "device-tally")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let a test that is to stay on the CPU find torch as it is there."""
    stays = item.get_closest_marker("on_cpu")
    if stays and not stays.kwargs.get("reason", "").strip():
        raise pytest.UsageError(f"{item.nodeid}: on_cpu does not say why: write reason=…")
    item.user_properties.append(("device", STAYS + stays.kwargs["reason"] if stays else DEVICE))
    if stays and DEVICE != "cpu":
        torch.set_default_device(None)
    try:
        return (yield)
    finally:
        if stays and DEVICE != "cpu":
            torch.set_default_device(DEVICE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Note whether the test computed on the device."""
    before = launches()
    try:
        return (yield)
    finally:
        item.user_properties.append(("launched", launches() > before))


def launches() -> int:
    """A number that grows whenever something is computed on the device."""
    if DEVICE == "cuda":
        return int(torch.cuda.memory_stats().get("allocation.all.allocated", 0))
    return standin.Device.operators
