"""Runs as folders: what they refuse to overwrite, their data, where they start and how they end."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from attention.cli.app import main
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.runs import LanguageModelRun, TranslationRun
from attention.tasks.translation import Translator
from attention.training.losses import next_token_loss
from tests.cli.commands import TINY, refused, shown
from tests.device.plugin import DEVICE

SMALL = ["--d-model", "16", "--d-embedding", "16", "--threads", "1"]


def training(out: object, data: object, *options: str) -> list[str]:
    return ["train", "translation", "--out", str(out), "--data", str(data), *options]


def weights(folder: object) -> dict[str, torch.Tensor]:
    return load_file(Path(str(folder)) / "model.safetensors")


@pytest.fixture
def finished(tmp_path, pairs_file) -> Path:
    """A run of four steps, whose data is a file beside it."""
    shutil.copy(pairs_file, tmp_path / "pairs.tsv")
    main(training(tmp_path / "run", tmp_path / "pairs.tsv", "--steps", "4", *SMALL))
    return tmp_path / "run"


@pytest.fixture
def unfinished(finished) -> Path:
    """The same, with a fifth step still to do."""
    TranslationRun.resume(finished, DEVICE, steps=5).save()
    return finished


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("task", ["translation", "language"])
def test_a_folder_with_another_model_is_refused(name, task, tmp_path, text_file, capsys):
    (tmp_path / name).write_text("downloaded")
    command = ["train", task, "--out", str(tmp_path), "--data", text_file]
    assert f"holds a {name} already" in refused(capsys, *command)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "downloaded"


@pytest.mark.parametrize("task", ["translation", "language"])
def test_no_folder_at_all_is_refused(task, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert '--out ""' in refused(capsys, "train", task, "--out", "")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_not_trained_in(unfinished, capsys):
    """A folder stands where the lock should; permissions don't bind every user."""
    (unfinished / ".lock").mkdir()
    errors = refused(capsys, "train", "translation", "--out", str(unfinished), "--resume")
    assert "run: cannot be written" in errors


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, pairs_file, monkeypatch, capsys):
    """It fills up while the third checkpoint is written."""
    synced, calls = os.fsync, []

    def sync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    options = ["--steps", "9", "--save-every", "2", *SMALL]
    with pytest.raises(SystemExit):
        main(training(tmp_path / "run", pairs_file, *options))
    last = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device" in last
    assert "run keeps the checkpoint of step 2" in last
    monkeypatch.undo()
    assert not [file for file in (tmp_path / "run").iterdir() if file.name.startswith(".")]
    assert TranslationRun.resume(tmp_path / "run", DEVICE).trainer.step == 2


def test_diverged_training_ends_with_one_line_and_the_last_good_weights(
    tmp_path, pairs_file, monkeypatch, capsys
):
    def loss(*arguments: object, **options: object) -> torch.Tensor:
        return next_token_loss(*arguments, **options) * float("nan")

    monkeypatch.setattr("attention.tasks.objectives.next_token_loss", loss)
    with pytest.raises(SystemExit) as stopped:
        main(training(tmp_path / "run", pairs_file, "--steps", "9", *SMALL))
    assert stopped.value.code == 1
    output = capsys.readouterr()
    assert "run keeps the checkpoint of step 0" in output.err.splitlines()[-1]
    assert "Now try" not in output.out
    assert all(weight.isfinite().all() for weight in weights(tmp_path / "run").values())


@pytest.mark.parametrize("damage", ["dtype", "shape"])
def test_a_damaged_tensor_of_the_checkpoint_is_refused_by_name(unfinished, damage, capsys):
    path, name = unfinished / "training.safetensors", "optimizer.decoder.embedding.weight.exp_avg"
    tensors = load_file(path)
    tensors[name] = tensors[name].int() if damage == "dtype" else tensors[name][:-1]
    save_file(tensors, path)
    errors = refused(capsys, "train", "translation", "--out", str(unfinished), "--resume")
    assert f"damaged run (the tensor '{name}' is " in errors


def test_changed_data_is_refused_by_name(unfinished, capsys):
    data = unfinished.parent / "pairs.tsv"
    data.write_text("They left .\tIls sont partis .\n", encoding="utf-8")
    resume = ["train", "translation", "--out", str(unfinished), "--resume"]
    assert f"{data}: its content has changed" in refused(capsys, *resume)
    assert f"{data}: its content has changed" in refused(capsys, *resume, "--data", str(data))


def test_one_of_two_files_has_changed(tmp_path, capsys):
    (tmp_path / "en").write_text("They left .\nShe left .\n")
    (tmp_path / "fr").write_text("Ils sont partis .\nElle est partie .\n")
    data = ["--data", str(tmp_path / "en"), str(tmp_path / "fr")]
    main(["train", "translation", "--out", str(tmp_path / "run"), *data, "--steps", "1", *SMALL])
    (tmp_path / "fr").write_text("Ils sont partis .\nIl est parti .\n")
    resume = ["train", "translation", "--out", str(tmp_path / "run"), "--resume", "--steps", "2"]
    assert f"{tmp_path}/fr: its content has changed" in refused(capsys, *resume)
    assert f"{tmp_path}/fr: its content has changed" in refused(capsys, *resume, *data)


def test_a_changed_built_in_corpus_is_refused(tmp_path, monkeypatch, capsys):
    pages = {"page.md": "The agreement on the European Economic Area was signed.\n" * 9}
    monkeypatch.setattr("attention.data.prose.book", lambda: pages)
    command = ["train", "language", "--out", str(tmp_path / "run")]
    main([*command, *TINY, "--data", "book", "--steps", "1"])
    pages["page.md"] += "It entered into force in 1994.\n"
    assert "book: its content has changed" in refused(capsys, *command, "--resume", "--steps", "2")
    assert "steps are done already" in shown(capsys, *command, "--resume")  # so nothing is lost


def test_the_data_is_found_from_another_directory_and_after_it_has_moved(
    tmp_path, pairs_file, monkeypatch, capsys
):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    shutil.copy(pairs_file, "pairs.tsv")
    main(training("run", "pairs.tsv", "--steps", "2", *SMALL))
    for steps, data in ("3", str(tmp_path / "work" / "pairs.tsv")), ("4", "./pairs.tsv"):
        main(training("./run", data, "--steps", steps, "--resume"))
    monkeypatch.chdir(tmp_path)
    resume = ["train", "translation", "--out", "work/run", "--resume", "--steps"]
    main([*resume, "5"])
    main([*resume, "6", "--data", "work/pairs.tsv"])
    Path("work/pairs.tsv").rename("moved.tsv")
    assert "pairs.tsv" in refused(capsys, *resume, "7")
    main([*resume, "7", "--data", "moved.tsv"])
    main([*resume, "8"])
    Path("other.tsv").write_text("They left .\tIls sont partis .\n")
    errors = refused(capsys, *resume, "9", "--data", "other.tsv")
    assert "--data other.tsv: the run in work/run began with moved.tsv" in errors
    assert TranslationRun.resume(Path("work/run"), DEVICE).trainer.step == 8


@pytest.mark.parametrize("task", ["translation", "language"])
def test_data_that_can_be_read_only_once_is_refused(task, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    command = ["train", task, "--out", str(tmp_path / "run"), "--data", str(tmp_path / "pipe")]
    assert "pipe: a pipe or device can be read only once" in refused(capsys, *command)
    read_end, write_end = os.pipe()  # what the shell's <(command) gives
    command[-1] = f"/dev/fd/{read_end}"
    assert "can be read only once" in refused(capsys, *command)
    os.close(read_end)
    os.close(write_end)
    assert not (tmp_path / "run").exists()


def test_a_larger_number_of_steps_extends_a_finished_run(finished, capsys):
    resume = ["train", "translation", "--out", str(finished), "--resume", "--steps"]
    assert "--steps 3: the run" in refused(capsys, *resume, "3")
    assert "trained in" in shown(capsys, *resume, "6")
    run = TranslationRun.resume(finished, DEVICE)
    assert (run.trainer.step, run.trainer.config.steps) == (6, 6)


def test_older_checkpoints_are_kept_and_can_be_used(tmp_path, pairs_file, capsys):
    options = ["--steps", "9", "--save-every", "2", "--keep", "2", *SMALL]
    main(training(tmp_path / "run", pairs_file, *options))
    kept = sorted((tmp_path / "run" / "checkpoints").iterdir())
    assert [folder.name for folder in kept] == ["step-6", "step-8"]
    steps = [int(load_file(f / "training.safetensors")["step"]) for f in [*kept, tmp_path / "run"]]
    assert steps == [6, 8, 9]
    run = TranslationRun.resume(kept[0], DEVICE)
    list(run.steps())
    again, first = weights(kept[0]), weights(tmp_path / "run")
    assert all(again[name].equal(first[name]) for name in first)


@pytest.mark.parametrize("option", [["--save-every", "0"], ["--keep", "-1"]])
def test_impossible_ways_to_save_are_refused(option, tmp_path, pairs_file, capsys):
    assert option[0] in refused(capsys, *training(tmp_path / "run", pairs_file, *option))
    assert not (tmp_path / "run").exists()


def test_training_starts_from_a_translator(finished, tmp_path, pairs_file, capsys):
    """One step of a rate this small leaves the weights as they were."""
    command = training(tmp_path / "new", pairs_file, "--from", str(finished))
    errors = refused(capsys, *command, "--d-model", "32")
    assert "--d-model 32: does not go with --from" in errors
    main([*command, "--steps", "1", "--lr", "1e-12"])
    before, after = (Translator.load(folder) for folder in (finished, tmp_path / "new"))
    assert before.source_tokenizer.to_dict() == after.source_tokenizer.to_dict()
    old, new = weights(finished), weights(tmp_path / "new")
    assert all((old[name] - new[name]).abs().max() < 1e-9 for name in old)
    assert "steps are done already" in shown(capsys, *command, "--resume")
    command[-1] = "elsewhere"
    assert "--from elsewhere: the run" in refused(capsys, *command, "--resume")


def test_training_starts_from_a_language_model(language_run, tmp_path, text_file):
    command = ["train", "language", "--data", text_file, "--from", language_run, "--steps", "1"]
    main([*command, "--lr", "1e-12", "--out", str(tmp_path / "new")])
    before, after = weights(language_run), weights(tmp_path / "new")
    assert all((before[name] - after[name]).abs().max() < 1e-9 for name in before)
    arch = LanguageModelRun.resume(Path(language_run), DEVICE).task.arch
    assert LanguageModelRun.resume(tmp_path / "new", DEVICE).task.arch == arch


def test_training_starts_from_a_bert_and_is_in_single_precision(
    masked_lm_folder, tmp_path, text_file
):
    task = MaskedLM.load(masked_lm_folder)
    task.model.half()
    task.save(tmp_path / "half")
    command = ["train", "language", "--data", text_file, "--from", str(tmp_path / "half")]
    main([*command, "--steps", "1", "--lr", "1e-12", "--out", str(tmp_path / "new")])
    before, after = weights(tmp_path / "half"), weights(tmp_path / "new")
    assert {weight.dtype for weight in before.values()} == {torch.float16}
    assert {weight.dtype for weight in after.values()} == {torch.float32}
    assert all((before[name] - after[name]).abs().max() < 1e-9 for name in before)


def test_a_model_that_is_not_there_or_has_no_weights_to_train(tmp_path, pairs_file, capsys):
    command = training(tmp_path / "new", pairs_file, "--from")
    assert "gone: no such folder" in refused(capsys, *command, "gone")
    main(training(tmp_path / "words", pairs_file, "--arch", "word-by-word"))
    errors = refused(capsys, *command, str(tmp_path / "words"))
    assert "word-by-word dictionary can't be trained further" in errors
    assert not (tmp_path / "new").exists()


def test_another_number_of_threads_is_said(unfinished, capsys):
    settings = json.loads((unfinished / "run.json").read_text())
    assert settings["threads"] == 1
    (unfinished / "run.json").write_text(json.dumps(settings | {"threads": 3}))
    main(["train", "translation", "--out", str(unfinished), "--resume", "--threads", "1"])
    lines = capsys.readouterr().err.splitlines()
    where = "" if DEVICE == "cpu" else f" and {DEVICE}"
    assert f"until now on 3 threads{where}: the weights will differ" in lines[2]


def test_two_runs_that_begin_at_once(tmp_path, pairs_file, monkeypatch, capsys):
    """One is faster, while the other is still reading its data."""
    command = training(tmp_path / "run", pairs_file, *SMALL, "--steps")
    read = TranslationRun.read

    def read_slowly(data):
        monkeypatch.undo()
        main([*command, "1"])
        capsys.readouterr()
        return read(data)

    monkeypatch.setattr(TranslationRun, "read", staticmethod(read_slowly))
    assert "holds a run already" in refused(capsys, *command, "2")
    assert TranslationRun.resume(tmp_path / "run", DEVICE).trainer.config.steps == 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("training", {"steps": "x"}),
        ("training", {"lr": None}),
        ("training", {"unknown": 1}),
        ("sources", [{"name": "x"}]),
        ("sources", 7),
        ("training", 7),
    ],
)
def test_damaged_settings_get_one_line(name, change, unfinished, capsys):
    settings = json.loads((unfinished / "run.json").read_text())
    changed = settings[name] | change if isinstance(change, dict) else change
    (unfinished / "run.json").write_text(json.dumps(settings | {name: changed}))
    resume = ["train", "translation", "--out", str(unfinished), "--resume"]
    assert "damaged run" in refused(capsys, *resume)
