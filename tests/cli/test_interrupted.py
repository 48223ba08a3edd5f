"""Runs interrupted at any moment, by real signals to real processes: nothing is lost."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from attention.cli.app import main
from tests.cli.interruptions import HUP, INT, KILL, TERM, Command

STEPS = 30
SMALL = ["--d-model", "16", "--d-embedding", "16", "--steps", str(STEPS), "--save-every", "10"]
IN_SAVE = [*(("fsync", n) for n in (5, 6, 8)), *(("replace", n) for n in range(9, 17))]
IN_SAVE += [("rename", 2)]  # of the second checkpoint, that of step 10


def training(out: Path, data: str) -> list[str]:
    return [*("train", "translation", "--data", data, "--out", str(out), "--threads", "1"), *SMALL]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, pairs_file) -> dict[str, bytes]:
    """The files of a run that nothing interrupts."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    main(training(out, pairs_file))
    return files(out)


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def saved_step(out: Path) -> int:
    return int(load_file(out / "training.safetensors")["step"])


@pytest.mark.parametrize(
    ("moment", "signals", "step"),
    [
        (("update", 1), [INT], 1),
        (("update", 17), [INT, INT], 17),
        (("update", 25), [INT] * 5, 25),
        (("update", 17), [TERM], 17),
        (("update", 17), [TERM, TERM, INT], 17),
        (("update", 9), [HUP], 9),
        (("fsync", 6), [INT, INT], 10),
        (("fsync", 6), [TERM, INT], 10),
        (("rename", 2), [INT] * 5, 10),
        (("replace", 14), [INT, TERM], 10),
    ],
)  # fmt: skip
def test_a_signal_stops_after_a_whole_step_and_saves_it(
    moment, signals, step, tmp_path, pairs_file, unbroken
):
    command = Command(training(tmp_path / "run", pairs_file), moment, *signals)
    assert command.end() == 128 + signals[0], command.printed
    assert "Traceback" not in command.printed
    assert command.printed.count("stopping after this step") == 1
    assert f"saved at step {step} in" in command.printed
    assert saved_step(tmp_path / "run") == step
    main([*training(tmp_path / "run", pairs_file), "--resume"])
    assert files(tmp_path / "run") == unbroken


@pytest.mark.parametrize("moment", [*IN_SAVE, ("update", 17), ("update", 29)])
def test_a_killed_run_continues_from_its_last_checkpoint(
    moment, tmp_path, pairs_file, unbroken, capsys
):
    command = Command(training(tmp_path / "run", pairs_file), moment, KILL)
    assert command.end() == 128 + KILL
    capsys.readouterr()
    main([*training(tmp_path / "run", pairs_file), "--resume"])
    error = capsys.readouterr().err
    committed = moment[0] == "replace" and moment[1] > 12
    last = {29: 20, 17: 10}[moment[1]] if moment[0] == "update" else 10 * committed
    assert ("continues after step" in error) == (last > 0)
    assert last == 0 or f"continues after step {last}, its last checkpoint" in error
    assert files(tmp_path / "run") == unbroken
