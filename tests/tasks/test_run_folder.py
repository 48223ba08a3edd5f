"""The folder of a run: its lock, and checkpoints that are whole."""

import fcntl
import gc
import os
import subprocess
import sys

import pytest
import torch

from attention.errors import BadInput
from attention.tasks import folder_lock
from attention.tasks.folder_lock import FolderLock
from attention.tasks.run_folder import RunFolder
from attention.tasks.run_settings import RunSettings
from attention.tasks.runs import TranslationRun
from attention.training.trainer import TrainingConfig
from tests.device.plugin import DEVICE

OTHER_PROCESS = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(tmp_path):
    """A process that holds the lock on `tmp_path` until its standard input is closed."""
    command = [sys.executable, "-c", OTHER_PROCESS, str(tmp_path / ".lock")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"locked\n"
        yield process


@pytest.mark.on_cpu(reason="reads and writes files")
def test_another_process_is_kept_out_until_it_dies(tmp_path, other_process):
    with pytest.raises(BadInput, match="another process is training there"):
        FolderLock.of(tmp_path)
    other_process.kill()
    other_process.wait()
    assert (tmp_path / ".lock").exists()
    assert FolderLock.of(tmp_path).exclusive


@pytest.mark.on_cpu(reason="reads and writes files")
def test_the_lock_is_shared_within_a_process_and_leaves_nothing_behind(tmp_path):
    one = FolderLock.of(tmp_path)
    assert FolderLock.of(tmp_path / "." / "") is one
    assert (tmp_path / ".lock").exists()
    del one
    gc.collect()
    assert not list(tmp_path.iterdir())


@pytest.mark.on_cpu(reason="reads and writes files")
def test_a_lock_file_that_its_owner_deletes_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """Otherwise two processes would each lock a file of their own."""
    lock, calls = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        lock(descriptor, operation)
        calls.append(descriptor)
        if len(calls) == 1:
            (tmp_path / ".lock").unlink()
            (tmp_path / ".lock").touch()  # by the next process

    monkeypatch.setattr(fcntl, "flock", flock)
    held = FolderLock.of(tmp_path)
    assert len(calls) == 2
    assert held.exclusive
    assert (tmp_path / ".lock").exists()


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("system", ["windows", "nfs"])
def test_a_system_without_locks_is_told(system, tmp_path, monkeypatch):
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(95, "Operation not supported")

    if system == "windows":
        monkeypatch.setattr(folder_lock, "fcntl", None)
    else:
        monkeypatch.setattr(fcntl, "flock", unsupported)
    assert not FolderLock.of(tmp_path).exclusive


def write(text: str):
    def files(folder):
        for name in ("run.json", "weights"):
            (folder / name).write_text(text)

    return files


def contents(folder) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}


@pytest.mark.on_cpu(reason="reads and writes files")
def test_a_checkpoint_replaces_the_last_one_as_a_whole(tmp_path):
    folder = RunFolder(tmp_path)
    folder.save(write("one"))

    def fail(partial) -> None:
        write("two")(partial)
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match="No space left"):
        folder.save(fail)
    assert contents(tmp_path) == {"run.json": "one", "weights": "one"}
    folder.save(write("three"))
    assert contents(tmp_path) == {"run.json": "three", "weights": "three"}
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_checkpoint_that_was_moved_in_part_is_moved_to_the_end(tmp_path, monkeypatch, moved):
    RunFolder(tmp_path).save(write("one"))
    replace, calls = os.replace, []

    def interrupted(*names) -> None:
        calls.append(names)
        if len(calls) > moved:
            raise KeyboardInterrupt
        replace(*names)

    monkeypatch.setattr(os, "replace", interrupted)
    if moved < 2:
        with pytest.raises(KeyboardInterrupt):
            RunFolder(tmp_path).save(write("two"))
    else:
        RunFolder(tmp_path).save(write("two"))
    monkeypatch.undo()
    RunFolder(tmp_path).save(write("three"), keep_as="step-2")
    assert contents(tmp_path) == {"run.json": "three", "weights": "three"}
    assert contents(tmp_path / "checkpoints" / "step-2") == {"run.json": "two", "weights": "two"}


@pytest.mark.on_cpu(reason="reads and writes files")
def test_pruning_deletes_the_oldest_by_number_and_no_other_folders(tmp_path):
    for name in ("step-9", "step-10", "step-200", "step-mine", "best"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    RunFolder(tmp_path).prune(2)
    left = {folder.name for folder in (tmp_path / "checkpoints").iterdir()}
    assert left == {"step-10", "step-200", "step-mine", "best"}


@pytest.mark.on_cpu(reason="reads and writes files")
@pytest.mark.parametrize("kept", [3, 5])
def test_fewer_checkpoints_than_are_kept_are_left_alone(tmp_path, kept):
    for step in range(3):
        (tmp_path / "checkpoints" / f"step-{step}").mkdir(parents=True)
    RunFolder(tmp_path).prune(kept)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 3


@pytest.mark.on_cpu(reason="reads and writes files")
def test_settings_survive_a_round_trip():
    settings = RunSettings([], TrainingConfig(steps=7), 60, "runs/first", 2, "cuda")
    assert RunSettings.from_dict(settings.to_dict()) == settings


def test_an_interrupted_update_is_not_saved(tmp_path, monkeypatch):
    """The weights of the optimizer's last step are there, but the step isn't counted."""
    data = tmp_path / "pairs.tsv"
    data.write_text("They left .\tIls sont partis .\n" * 9, encoding="utf-8")
    config = TrainingConfig(steps=6)
    run = TranslationRun.begin(tmp_path / "run", "bahdanau", [str(data)], config, DEVICE, d_model=8)
    steps = run.steps(save_every=2)
    for _ in range(3):
        next(steps)

    def interrupt(*_, **__) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.Optimizer, "zero_grad", interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    assert run.saved_step == 2
    assert TranslationRun.resume(tmp_path / "run", DEVICE).trainer.step == 2


@pytest.mark.filterwarnings("ignore:for .*copying from a non-meta parameter")
def test_on_another_device_the_optimizer_state_follows_the_parameters(tmp_path):
    """The meta device stands in for a GPU: it has no values, but refuses to mix with a CPU."""
    data = tmp_path / "pairs.tsv"
    data.write_text("They left .\tIls sont partis .\n" * 9, encoding="utf-8")
    config = TrainingConfig(steps=6, average_fraction=0.5)
    run = TranslationRun.begin(tmp_path / "run", "bahdanau", [str(data)], config, DEVICE, d_model=8)
    steps = run.steps()
    for _ in range(5):
        next(steps)
    steps.close()
    trainer = TranslationRun.resume(tmp_path / "run", "meta").trainer
    states = [trainer.optimizer.state[parameter] for parameter in trainer.model.parameters()]
    moments = [state[name] for state in states for name in ("exp_avg", "exp_avg_sq")]
    assert moments
    assert {moment.device.type for moment in moments} == {"meta"}
