"""Runs in folders: begun, stopped, taken up again."""

import pytest
import torch

from attention.cli.options import choose_device
from attention.data.parallel import load_pairs
from attention.errors import BadInput
from attention.tasks.runs import TranslationRun
from attention.training.trainer import TrainingConfig

CONFIG = TrainingConfig(steps=6, tokens_per_batch=60, seed=3)


@pytest.fixture
def data(tmp_path):
    lines = ["They arrived .\tIls sont arrivés .", "They left .\tIls sont partis ."] * 9
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return [str(path)]


def weights(folder):
    run = TranslationRun.resume(folder, "cpu")
    return run.trainer.state()


@pytest.mark.parametrize("stop", [0, 2, 5])
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, data, stop):
    unbroken = TranslationRun.begin(tmp_path / "one", "bahdanau", data, CONFIG, "cpu")
    assert len(list(unbroken.steps())) == 6

    broken = TranslationRun.begin(tmp_path / "two", "bahdanau", data, CONFIG, "cpu")
    walk = broken.steps()
    for _ in range(stop):
        next(walk)
    walk.close()
    list(TranslationRun.resume(tmp_path / "two", "cpu").steps())
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_folder_with_a_run_is_never_overwritten(tmp_path, data):
    TranslationRun.begin(tmp_path / "run", "bahdanau", data, CONFIG, "cpu")
    with pytest.raises(BadInput, match="holds a run already"):
        TranslationRun.begin(tmp_path / "run", "bahdanau", data, CONFIG, "cpu")


def test_nothing_to_resume(tmp_path):
    with pytest.raises(BadInput, match="holds no run to resume"):
        TranslationRun.resume(tmp_path, "cpu")


def test_a_damaged_run_gets_one_line(tmp_path, data):
    TranslationRun.begin(tmp_path / "run", "bahdanau", data, CONFIG, "cpu")
    for name in ("run.json", "training.safetensors", "translator.json"):
        path = tmp_path / "run" / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BadInput, match="damaged"):
            TranslationRun.resume(tmp_path / "run", "cpu")
        path.write_bytes(whole)


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, data):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        TranslationRun.begin(tmp_path / "file" / "run", "bahdanau", data, CONFIG, "cpu")


def test_a_folder_that_cannot_be_made_gets_one_line(tmp_path, data, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(BadInput, match=r"run: cannot be made \(Permission denied\)"):
        TranslationRun.begin(tmp_path / "run", "bahdanau", data, CONFIG, "cpu")


def test_toy_parts_by_name():
    assert load_pairs(["toy"], "valid") == load_pairs(["toy-valid"])
    assert not {p.source for p in load_pairs(["toy-valid"])} & {
        p.source for p in load_pairs(["toy-test"])
    }


def test_a_device_that_is_not_there():
    with pytest.raises(BadInput, match="--device abacus"):
        choose_device("abacus")
