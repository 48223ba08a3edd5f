"""Count blocks, outputs and skips over a run, and say so at its end."""

from collections import Counter

import pytest
import torch

from tests.device.tally import settings


class Tally:
    """Count the blocks, and hold the skips to their budget."""

    def __init__(self, config: pytest.Config, gpu: bool) -> None:
        self.gpu = gpu
        self.budget: int = settings(config, "blocks").get("skip-budget", 0)
        self.blocks = self.compared = self.fallen_back = 0
        self.skips: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Read the reports, which come here from all the processes of a run."""
        facts = dict(report.user_properties)
        if "block" not in facts:
            return
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "no reason"
            self.skips[reason.removeprefix("Skipped: ")] += 1
        if report.when == "setup":
            self.blocks += 1
        elif report.when == "call":
            self.compared += "compared" in facts
            self.fallen_back += bool(facts["block"]) and not self.gpu
            if "output varies" in facts:
                self.skips[f"output not compared: {facts['output varies']}"] += 1

    @property
    def over_budget(self) -> bool:
        """Whether more is skipped than pyproject.toml allows."""
        return self.skips.total() > self.budget

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that skips more than it may."""
        if self.over_budget and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was tested, and what was not."""
        if not self.blocks:
            return
        write = terminalreporter.write_line
        reasons = "; ".join(f"{n} × {reason}" for reason, n in sorted(self.skips.items()))
        write(
            f"{self.blocks} blocks, {self.compared} outputs compared, "
            f"{self.skips.total()} skipped" + (f" ({reasons})" if reasons else "")
        )
        if self.gpu:
            write(f"GPU blocks ran on {torch.cuda.get_device_name()}")
        elif self.fallen_back:
            write(f"{self.fallen_back} GPU blocks fell back to the CPU")
        if self.over_budget:
            write(
                f"FAILED: {self.skips.total()} skipped, but skip-budget in pyproject.toml "
                f"allows {self.budget}",
                red=True,
            )
