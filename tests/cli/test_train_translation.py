"""`attention train translation` as a person types it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch

from attention.cli.app import main
from attention.tasks.runs import TranslationRun
from attention.tasks.translation import Translator
from attention.training.trainer import TrainingConfig
from tests.cli.commands import SENTENCES, TRANSLATIONS, refused, shown

NEW = ["--out", "{tmp}/x"]
SMALL = ["--n-heads", "2", "--n-layers", "1", "--d-ff", "16"]
# A value other than the default for every setting of a training.
TYPED = TrainingConfig(
    steps=3,
    tokens_per_batch=70,
    lr=0.5,
    warmup=7,
    seed=11,
    label_smoothing=0.25,
    average_fraction=0.125,
)


def train(out: object, data: str, *options: str) -> None:
    main(["train", "translation", "--data", data, "--out", str(out), *options])


def weights(folder: object) -> dict[str, torch.Tensor]:
    return Translator.load(str(folder)).model.state_dict()


def test_it_shows_progress_measures_and_says_what_to_try(tmp_path, pairs_file, capsys):
    train(tmp_path / "run", pairs_file, "--steps", "3", "--valid", pairs_file)
    output = capsys.readouterr()
    assert f"{tmp_path}/run: 18 sentence pairs, 3 steps, " in output.err.splitlines()[0]
    assert "3/3" in output.err
    assert f"attention evaluate {tmp_path}/run" in output.out
    assert "BLEU" in output.out


@pytest.mark.parametrize(
    "arch",
    [
        ["word-by-word"],
        ["fixed-vector", "--reverse"],
        ["luong", "--score", "general"],
        ["luong", "--score", "concat", "--local", "predictive"],
        ["luong", "--local", "monotonic"],
        ["luong", "--local"],
        ["transformer", "--average-fraction", "0", *SMALL],
        ["transformer", "--norm-first", "--subwords", "90", "--average-fraction", "0.2"],
    ],
)
def test_every_architecture_is_trained_saved_and_used(arch, tmp_path, pairs_file, capsys):
    out = str(tmp_path / "run")
    steps = [] if arch == ["word-by-word"] else ["--steps", "60"]
    train(out, pairs_file, "--arch", *arch, *steps)
    train(out, pairs_file, "--arch", *arch, "--resume")
    line = json.loads(shown(capsys, "translate", out, SENTENCES[0], "--json"))
    if arch == ["word-by-word"]:
        assert len(line["target"]) == 3  # a word for each word
    else:
        assert line["text"] == TRANSLATIONS[0]
    assert (line["attention"] is None) == (arch[0] == "fixed-vector")
    scores = json.loads(shown(capsys, "evaluate", out, "--data", pairs_file, "--json"))
    assert scores["sentences"] == 18


def test_every_training_option_reaches_the_trainer(tmp_path, pairs_file):
    typed = {name: value for name, value in asdict(TYPED).items() if name != "max_grad_norm"}
    assert all(value != getattr(TrainingConfig(), name) for name, value in typed.items())
    options = [(f"--{name.replace('_', '-')}", str(value)) for name, value in typed.items()]
    train(tmp_path / "run", pairs_file, *sum(options, ()))
    assert TranslationRun.resume(tmp_path / "run", "cpu").trainer.config == TYPED


def test_the_seed_draws_the_initial_weights(tmp_path, pairs_file):
    """One step of a rate this small leaves them as they were drawn."""
    for name, seed in ("one", "1"), ("again", "1"), ("two", "2"):
        train(tmp_path / name, pairs_file, "--steps", "1", "--lr", "1e-9", "--seed", seed)
    one, again, two = (weights(tmp_path / name) for name in ("one", "again", "two"))
    assert all(torch.equal(one[name], again[name]) for name in one)
    matrices = [name for name in one if one[name].dim() == 2]
    assert matrices
    assert all((one[name] - two[name]).abs().max() > 1e-3 for name in matrices)


def test_the_learning_rate_rises_over_the_warmup(tmp_path, pairs_file):
    """The first update of Adam moves each weight by the learning rate: `lr / warmup`."""
    for name, options in {
        "initial": ["--lr", "1e-9"],
        "short": ["--lr", "0.1", "--warmup", "2"],
        "long": ["--lr", "0.1", "--warmup", "200"],
    }.items():
        train(tmp_path / name, pairs_file, "--steps", "1", *options)
    initial = weights(tmp_path / "initial")
    moved = {
        name: max(
            float((tensor - initial[key]).abs().max())
            for key, tensor in weights(tmp_path / name).items()
        )
        for name in ("short", "long")
    }
    assert moved == pytest.approx({"short": 0.1 / 2, "long": 0.1 / 200}, rel=0.01)


def test_resume_takes_the_same_command_and_refuses_another(translator_run, pairs_file, capsys):
    same = ["train", "translation", "--out", translator_run, "--resume"]
    assert "all 60 steps are done already" in shown(
        capsys, *same, "--data", pairs_file, "--steps", "60"
    )
    assert "--seed 7: the run" in refused(capsys, *same, "--seed", "7")
    assert "--lr 0.5: the run" in refused(capsys, *same, "--lr", "0.5")


def test_an_untrained_dictionary_translates(tmp_path, pairs_file, capsys):
    """As a run is that was stopped before its first step."""
    TranslationRun.begin(tmp_path / "run", "word-by-word", [pairs_file], TrainingConfig(), "cpu")
    capsys.readouterr()
    main(["translate", str(tmp_path / "run"), *SENTENCES])
    output = capsys.readouterr()
    assert output.out.count("\n") == 2
    assert output.err == ""
    command = ["evaluate", str(tmp_path / "run"), "--data", pairs_file, "--json"]
    assert json.loads(shown(capsys, *command))["sentences"] == 18


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "--out"),
        ([*NEW, "--arch", "magic"], "bahdanau"),
        ([*NEW, "--steps", "many"], "many"),
        ([*NEW, "--lr", "-1"], "--lr -1"),
        ([*NEW, "--tokens-per-batch", "0"], "--tokens-per-batch 0: must be above 0"),
        ([*NEW, "--label-smoothing", "1"], "--label-smoothing 1.0: must be below 1"),
        ([*NEW, "--average-fraction", "1"], "--average-fraction 1.0: must be below 1"),
        ([*NEW, "--dropout", "1.5"], "--dropout 1.5: must be below 1"),
        ([*NEW, "--d-model", "7"], "--d-model 7: must be even"),
        ([*NEW, "--resume"], "no run to resume"),
        (["--out", "{run}"], "holds a run already"),
        (["--out", "{tmp}/file/x"], "cannot be written"),
        ([*NEW, "--score", "dot"], "but with luong"),
        ([*NEW, "--score", "magic"], "concat"),
        ([*NEW, "--arch", "luong", "--reverse"], "but with fixed-vector"),
        ([*NEW, "--n-layers", "2"], "but with transformer"),
        ([*NEW, "--local", "near"], "monotonic"),
        ([*NEW, "--data", "{data}", "--arch", "transformer", "--n-heads", "3"],
         "--arch transformer: 3 heads"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(
    arguments, hint, translator_run, pairs_file, tmp_path, capsys
):
    (tmp_path / "file").touch()
    places = {"run": translator_run, "tmp": tmp_path, "data": pairs_file}
    filled = [argument.format(**places) for argument in arguments]
    assert hint in refused(capsys, "train", "translation", *filled)
    assert not (tmp_path / "x").exists()


def test_help_teaches(capsys):
    page = shown(capsys, "train", "translation", "--help")
    words = ["--arch", "--data", "--resume", "toy", "tab-separated", "--threads", "OMP_NUM_THREADS"]
    assert all(word in page for word in words)
    page = " ".join(page.replace("│", " ").split())
    assert "--steps 2000 (for word-by-word 10, for luong 3000, for transformer 4000)" in page
    assert "--average-fraction 0 (for transformer 0.25), --seed 0." in page


def test_ctrl_c_saves_the_run_and_resume_reaches_the_same_weights(tmp_path, pairs_file):
    """A real process gets a real signal; the resumed weights equal those of an unbroken run."""
    command = ["train", "translation", "--data", pairs_file, "--steps", "200", "--out"]
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-m", "attention.cli", *command, str(broken)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},  # adds up in the order of this process
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while "step/s" not in process.stderr.read(40):  # until the bar moves
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "stopped after step" in output

    main([*command, str(broken), "--resume", "--threads", "1"])
    main([*command, str(whole), "--threads", "1"])
    one, other = ((f / "training.safetensors").read_bytes() for f in (broken, whole))
    assert one == other
    assert sorted(os.listdir(broken)) == sorted(os.listdir(whole))
