"""Runs interrupted at any moment, by real signals to real processes: nothing is lost."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from safetensors.torch import load_file

from attention.cli.app import main
from attention.tasks.runs import TranslationRun
from tests.cli.commands import refused
from tests.cli.interruptions import HUP, INT, KILL, PATIENCE, TERM, Command

pytestmark = pytest.mark.on_cpu(reason="runs the command in a process of its own")

STEPS = 30
SMALL = ["--d-model", "16", "--d-embedding", "16", "--steps", str(STEPS), "--save-every", "10"]
IN_SAVE = [*(("fsync", n) for n in (5, 6, 8)), *(("replace", n) for n in range(9, 17))]
IN_SAVE += [("rename", 2)]  # of the second checkpoint, that of step 10


def training(out: Path, data: str) -> list[str]:
    return [*("train", "translation", "--data", data, "--out", str(out), "--threads", "1"), *SMALL]


@pytest.fixture(autouse=True, scope="module")
def hangup_is_heard():
    """Under `nohup` it would be ignored, by the commands that are tested as well."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, pairs_file) -> dict[str, bytes]:
    """The files of a run that nothing interrupts."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    main(training(out, pairs_file))
    return files(out)


def files(folder: Path) -> dict[str, bytes]:
    """All but the metrics, which say how fast it was."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "log.jsonl"}


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


@pytest.mark.parametrize("moment", [("fsync", 1), ("rename", 1), ("replace", 6)])
def test_a_run_killed_while_it_begins_can_begin_or_be_resumed(
    moment, tmp_path, pairs_file, unbroken
):
    command = training(tmp_path / "run", pairs_file)
    assert Command(command, moment, KILL).end() == 128 + KILL
    main([*command, "--resume"] if moment[0] == "replace" else command)
    assert files(tmp_path / "run") == unbroken


@pytest.mark.parametrize("number", range(14, 21))
def test_a_killed_dictionary_is_never_a_mixture(number, tmp_path, pairs_file):
    """Its translation table changes its size, so files of two iterations don't go together."""
    options = ["--arch", "word-by-word", "--data", pairs_file, "--steps", "4", "--save-every", "1"]
    command = ["train", "translation", *options, "--threads", "1", "--out"]
    assert Command([*command, str(tmp_path / "run")], ("replace", number), KILL).end() == 128 + KILL
    main([*command, str(tmp_path / "run"), "--resume"])
    main([*command, str(tmp_path / "unbroken")])
    assert files(tmp_path / "run") == files(tmp_path / "unbroken")


def test_a_second_process_is_kept_out(tmp_path, pairs_file, capsys):
    """And the first, which has been at work all along, loses nothing."""
    command = training(tmp_path / "run", pairs_file)
    first = Command([*command[:-4], "--steps", "100000"])
    first.wait_for("step/s")
    assert "another process is training" in refused(capsys, *command, "--resume")
    assert "holds a run already" in refused(capsys, *command)
    first.send(INT)
    assert first.end() == 128 + INT
    assert f"saved at step {saved_step(tmp_path / 'run')} in" in first.printed
    run = TranslationRun.resume(tmp_path / "run", "cpu")
    assert run.trainer.step == saved_step(tmp_path / "run") > 0


def test_signals_that_the_process_was_told_to_ignore_are_ignored(tmp_path, pairs_file, unbroken):
    """As `nohup` does it: closing the terminal doesn't stop the run."""
    command = Command(training(tmp_path / "run", pairs_file), ("update", 3), HUP, ignore=[HUP])
    assert command.end() == 0, command.printed
    assert files(tmp_path / "run") == unbroken


def test_a_run_survives_its_terminal(tmp_path, pairs_file):
    """Closing a window takes the terminal away, so that what is printed afterwards fails."""
    command = [*training(tmp_path / "run", pairs_file)[:-4], "--steps", "100000"]
    master, terminal = pty.openpty()
    termios.tcsetwinsize(master, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-m", "attention.cli", *command],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    printed = b""
    while b"step/s" not in printed:
        assert select.select([master], [], [], PATIENCE)[0], printed
        printed += os.read(master, 4096)
    assert b"Pre-processing" not in printed, "the tokenizers library has bars of its own"
    os.close(master)
    assert process.wait(timeout=PATIENCE) == 128 + HUP
    step = saved_step(tmp_path / "run")
    assert step > 0
    run = TranslationRun.resume(tmp_path / "run", "cpu")
    assert run.trainer.step == step


def test_two_presses_of_ctrl_c_during_validation_lose_nothing(tmp_path, pairs_file, valid_file):
    options = ["--valid", valid_file, "--valid-every", "5"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    main([*training(whole, pairs_file), *options])
    command = Command([*training(broken, pairs_file), *options], ("validate", 3), INT, INT)
    assert command.end() == 128 + INT, command.printed
    assert "saved at step 15 in" in command.printed
    assert "Traceback" not in command.printed
    main(["train", "translation", "--out", str(broken), "--resume"])
    assert files(whole) == files(broken)
