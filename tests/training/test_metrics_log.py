"""The metrics of training as lines of JSON and for TensorBoard."""

import json
import sys
from types import SimpleNamespace

import pytest

from attention.errors import BadInput
from attention.training.metrics_log import MetricsLog, Report, TensorBoardLog

pytestmark = pytest.mark.on_cpu(reason="reads and writes files")


def steps_in(path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text("utf-8").splitlines()]


def test_each_report_is_a_line_of_json_with_what_was_measured(tmp_path):
    path = tmp_path / "log.jsonl"
    log = MetricsLog(path)
    log(Report(50, 2.5, 1e-3, 0.5, 900.0))
    log(Report(100, 1.5, 5e-4, 0.25, 950.0, validation_loss=1.75))
    first, second = map(json.loads, path.read_text("utf-8").splitlines())
    assert first == {
        "step": 50,
        "loss": 2.5,
        "learning_rate": 1e-3,
        "gradient_norm": 0.5,
        "tokens_per_second": 900.0,
    }
    assert second["validation_loss"] == 1.75


def test_a_value_that_json_does_not_know_is_null(tmp_path):
    MetricsLog(tmp_path / "log.jsonl")(Report(1, 2.0, validation_loss=float("nan")))
    line = (tmp_path / "log.jsonl").read_text("utf-8")
    assert line == '{"step": 1, "loss": 2.0, "validation_loss": null}\n'


@pytest.mark.parametrize("torn", ['{"step": 110, "lo', '{"step": 110, "loss": 1.0}'])
def test_a_resumed_run_appends_and_repeats_no_step(tmp_path, torn):
    path = tmp_path / "log.jsonl"
    log = MetricsLog(path)
    for step in (50, 100, 150, 200):
        log(Report(step, 1.0))
    with path.open("a") as file:
        file.write(torn)  # a killed process has left it
    resumed = MetricsLog(path, step=120)
    assert steps_in(path) == [50, 100]
    for step in (150, 200):
        resumed(Report(step, 2.0))
    assert steps_in(path) == [50, 100, 150, 200]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log.jsonl"]


def test_a_file_that_cannot_be_written_gets_one_line(tmp_path):
    with pytest.raises(BadInput, match="cannot be written"):
        MetricsLog(tmp_path / "missing" / "log.jsonl")(Report(1, 1.0))
    with pytest.raises(BadInput, match="cannot be written"):
        MetricsLog(tmp_path)


@pytest.fixture
def scalars(monkeypatch) -> list[tuple]:
    """What a stand-in of TensorBoard's writer is given."""
    written = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            written.append(("begin", folder, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def flush(self):
            written.append(("flush",))

    stub = SimpleNamespace(SummaryWriter=SummaryWriter)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stub)
    return written


def test_tensorboard_gets_each_metric_by_its_step(scalars, tmp_path):
    TensorBoardLog(tmp_path, step=100)(Report(150, 1.5, 1e-3))
    assert scalars == [
        ("begin", str(tmp_path), 101),
        ("loss", 1.5, 150),
        ("learning_rate", 1e-3, 150),
        ("flush",),
    ]


def test_without_its_package_tensorboard_is_refused(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(BadInput, match="pip install tensorboard"):
        TensorBoardLog(tmp_path)
