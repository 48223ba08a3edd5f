"""Count where blocks, labs and tests computed, and say so at the end of a run on a device."""

import json
import math
import platform
import subprocess
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch

from tools.tally import state

STAYS = "cpu: "


class DeviceTally:
    """Count what ran on the device and what didn't, and hold the second to its budget.

    Args:
        config: pytest's configuration.
        device: Where blocks and tests are to compute: `cpu`, or what stands in for it.
    """

    def __init__(self, config: pytest.Config, device: str) -> None:
        self.device = device
        self.file: str | None = config.getoption("--tally")
        budget = settings(config, "device").get(device, {})
        self.budget: dict[str, float] = {"blocks": math.inf, "tests": math.inf} | budget
        self.ran: Counter[str] = Counter()  # blocks, outputs, labs and tests, on the device or not
        self.elsewhere: Counter[str] = Counter()  # tests, by the reason why they stay on the CPU
        self.idle: dict[str, Counter[str]] = {"blocks": Counter(), "tests": Counter()}  # by file
        self.seconds: defaultdict[str, float] = defaultdict(float)  # by page

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Read the reports, which come here from all the processes of a run."""
        facts: dict[str, Any] = dict(report.user_properties)
        file = report.nodeid.partition("::")[0]
        is_page = "block" in facts or "lab" in facts
        if is_page:
            self.seconds[file] += report.duration
        if report.when != "call" or (report.skipped and not hasattr(report, "wasxfail")):
            return
        kind = "blocks" if "block" in facts else "labs" if "lab" in facts else "tests"
        self.ran[kind] += 1
        self.ran["outputs"] += "compared" in facts
        where = str(facts.get("device", ""))
        if where.startswith(STAYS):
            self.elsewhere[where.removeprefix(STAYS)] += 1
        elif not facts.get("launched") and kind in self.idle:
            self.idle[kind][file] += 1

    @property
    def over_budget(self) -> list[str]:
        """What computes on the CPU more often than pyproject.toml allows."""
        return [
            f"{files.total()} {kind} never compute on the device, but pyproject.toml allows "
            f"{self.budget[kind]}"
            for kind, files in self.idle.items()
            if self.device != "cpu" and files.total() > self.budget[kind]
        ]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run in which too much stays on the CPU; keep the figures of one that passes."""
        if session.exitstatus == pytest.ExitCode.OK and self.over_budget:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if session.exitstatus == pytest.ExitCode.OK and self.file:
            path = Path(self.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(self.figures(), indent=2), "utf-8")

    def figures(self) -> dict[str, Any]:
        """What the site shows of this run."""
        on_device = self.ran["tests"] - self.elsewhere.total() - self.idle["tests"].total()
        return {
            "state": state(),
            "device": self.device,
            "hardware": hardware(self.device),
            "torch": torch.__version__,
            "python": platform.python_version(),
            **{kind: self.ran[kind] for kind in ("blocks", "outputs", "labs", "tests")},
            "tests_on_device": self.ran["tests"] if self.device == "cpu" else on_device,
        }

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what computed where."""
        write = terminalreporter.write_line
        if self.device == "cpu" or not self.ran:
            return
        figures = self.figures()
        write(f"on {figures['hardware']}, torch {torch.__version__}:")
        blocks = self.ran["blocks"] - self.idle["blocks"].total()
        write(
            f"  {blocks} of {self.ran['blocks']} blocks compute there, and {self.ran['outputs']} "
            f"outputs were compared; {self.ran['labs']} labs; {figures['tests_on_device']} of "
            f"{self.ran['tests']} tests"
        )
        for kind, files in self.idle.items():
            if files:
                names = ", ".join(f"{file} {n}" for file, n in files.most_common())
                write(f"  {kind} that never compute there: {names}")
        for reason, n in self.elsewhere.most_common():
            write(f"  {n} tests stay on the CPU: {reason}")
        slowest_first = sorted(self.seconds.items(), key=lambda item: -item[1])
        pages = (f"{file} {seconds:.0f}" for file, seconds in slowest_first)
        write(f"  seconds by page: {', '.join(pages)}")
        for problem in self.over_budget:
            write(f"FAILED: {problem}", red=True)


def settings(config: pytest.Config, table: str) -> dict[str, Any]:
    """The table `[tool.attention.…]` of pyproject.toml, if there is one."""
    file = config.rootpath / "pyproject.toml"
    tools = tomllib.loads(file.read_text("utf-8")).get("tool", {}) if file.exists() else {}
    found: dict[str, Any] = tools.get("attention", {}).get(table, {})
    return found


def hardware(device: str) -> str:
    """The device in words: a GPU with its compute capability and driver."""
    if device != "cuda":
        return "the stand-in for a GPU" if device != "cpu" else "CPU"
    major, minor = torch.cuda.get_device_capability()
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        driver = "unknown"
    return f"{torch.cuda.get_device_name()}, capability {major}.{minor}, driver {driver}"
