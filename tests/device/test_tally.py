"""A run on a device says what computed where, and fails where too much stays on the CPU."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.on_cpu(reason="runs pytest in a process of its own")
TESTS = """
import pytest, torch

def test_there():
    assert torch.ones(2).sum() == 2

def test_without_a_tensor():
    pass

@pytest.mark.on_cpu(reason="text only")
def test_text():
    pass
"""


@pytest.mark.parametrize("allowed", [1, 0])
def test_tests_that_never_compute_there_are_held_to_their_budget(pytester, monkeypatch, allowed):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("ATTENTION_DEVICE", "standin")
    pytester.makepyfile(TESTS)
    pytester.makepyprojecttoml(f"[tool.attention.device.standin]\ntests = {allowed}\n")
    figures = pytester.path / "build" / "tally.json"
    result = pytester.runpytest_subprocess("-p", "tests.device.plugin", "--tally", str(figures))
    result.stdout.fnmatch_lines(
        [
            "*; 1 of 3 tests",
            "  tests that never compute there: *.py 1",
            "  1 tests stay *: text only",
        ]
    )
    assert result.ret == (pytest.ExitCode.OK if allowed else pytest.ExitCode.TESTS_FAILED)
    assert figures.exists() == bool(allowed), "figures of a run that fails are not kept"
