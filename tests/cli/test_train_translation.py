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
from attention.tasks import objectives
from attention.tasks.runs import TranslationRun
from attention.tasks.translation import Translator
from attention.training.trainer import TrainingConfig
from tests.cli.commands import SENTENCES, TRANSLATIONS, refused, shown
from tests.device.plugin import DEVICE

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
    schedule="cosine",
    max_grad_norm=0.5,
    weight_decay=0.1,
    betas=(0.8, 0.98),
    accumulate=2,
    precision="bf16",
    valid_every=2,
    patience=4,
    log_every=3,
    max_length=40,
)


def train(out: object, data: str, *options: str) -> None:
    main(["train", "translation", "--data", data, "--out", str(out), *options])


def weights(folder: object) -> dict[str, torch.Tensor]:
    return Translator.load(str(folder)).model.state_dict()


def test_it_shows_progress_measures_and_says_what_to_try(tmp_path, pairs_file, valid_file, capsys):
    train(tmp_path / "run", pairs_file, "--steps", "3", "--valid", valid_file)
    output = capsys.readouterr()
    assert f"{tmp_path}/run: 18 sentence pairs, 3 steps, " in output.err.splitlines()[0]
    assert "3/3" in output.err
    assert f"attention evaluate {tmp_path}/run --data {valid_file}\n" in output.out
    assert f"\ndata                  {valid_file}\n" in output.out
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


@pytest.mark.skipif(DEVICE == "standin", reason="the stand-in has no autocast")
def test_every_training_option_reaches_the_trainer(tmp_path, pairs_file, valid_file):
    typed = asdict(TYPED)
    assert all(value != getattr(TrainingConfig(), name) for name, value in typed.items())
    options = ["--valid", valid_file]
    for name, value in typed.items():
        values = map(str, value if isinstance(value, tuple) else [value])
        options += [f"--{name.replace('_', '-')}", *values]
    train(tmp_path / "run", pairs_file, *options)
    assert TranslationRun.resume(tmp_path / "run", DEVICE).trainer.config == TYPED


@pytest.mark.on_cpu(reason="says on how many threads the CPU computes")
def test_a_summary_is_printed_before_training(tmp_path, capsys):
    data = tmp_path / "pairs.tsv"
    lines = ["They arrived .\tIls sont arrivés ."] * 3 + ["They left early .\tIls sont partis ."]
    data.write_text("\n".join([*lines, f"{'so ' * 60}.\tIls ."]), "utf-8")
    options = ["--steps", "1", "--max-length", "60", "--threads", "1", "--device", "cpu"]
    train(tmp_path / "run", str(data), *options)
    heads = capsys.readouterr().err.splitlines()[1:5]
    assert heads[0] == (
        "  corpus      4 sentence pairs, the longest 4; left out: 1 longer than 60 tokens"
    )
    assert heads[1] == ("  vocabulary  source 8, target 8; words that occur fewer than 2 times: 3")
    assert heads[2] == "  tokens      29, 10.34% unknown"
    assert "parameters, 1 thread, fp32" in heads[3]


def test_words_seen_once_are_known_if_asked_for(tmp_path, capsys):
    data = tmp_path / "pairs.tsv"
    data.write_text("They arrived .\tIls sont arrivés .\nThey left .\tIls sont partis .", "utf-8")
    for name, options in ("default", []), ("all", ["--min-count", "1"]):
        train(tmp_path / name, str(data), "--steps", "1", *options)
    known = [Translator.load(tmp_path / name).source_tokenizer for name in ("default", "all")]
    assert [tokenizer.unknown("They left .") for tokenizer in known] == [["left"], []]
    same = ["train", "translation", "--out", str(tmp_path / "all"), "--resume", "--min-count"]
    assert "done already" in shown(capsys, *same, "1")
    assert "--min-count 3: the run" in refused(capsys, *same, "3")


def test_metrics_are_logged_and_the_best_weights_kept(tmp_path, pairs_file, capsys):
    valid = tmp_path / "valid.tsv"
    valid.write_text("They left .\tElles arrivent tôt", "utf-8")  # gets worse as training goes on
    out = tmp_path / "run"
    options = ["--steps", "400", "--lr", "0.02", "--log-every", "5", "--valid", str(valid)]
    train(out, pairs_file, *options, "--valid-every", "10", "--patience", "3")
    output = capsys.readouterr().out
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text("utf-8").splitlines()]
    steps = [line["step"] for line in lines]
    assert steps == list(range(5, steps[-1] + 1, 5))
    assert steps[-1] < 400, "it stopped early"
    losses = {line["step"]: line["validation_loss"] for line in lines if line["step"] % 10 == 0}
    best = min(losses, key=losses.get)
    assert best == steps[-1] - 30
    assert f"the weights of step {best} are kept" in output
    assert f"{losses[best]:.3f}; after step {steps[-1]}" in output
    assert all(line["tokens_per_second"] > 0 < line["gradient_norm"] for line in lines)
    kept = TranslationRun.resume(out, DEVICE).trainer.best
    assert all(torch.equal(kept.weights[name], tensor) for name, tensor in weights(out).items())
    train(out, pairs_file, *options, "--resume")
    assert "stopped early" in capsys.readouterr().out


@pytest.mark.on_cpu(reason="the CPU alone checks every loss at once")
def test_training_that_diverges_ends_with_the_step_and_keeps_the_weights(
    tmp_path, pairs_file, capsys, monkeypatch
):
    out = str(tmp_path / "run")
    options = ["--steps", "9", "--out", out, "--data", pairs_file, "--device", "cpu"]
    real = objectives.next_token_loss
    calls = []

    def diverge(*arguments, **named):
        calls.append(1)
        return real(*arguments, **named) * (float("nan") if len(calls) == 4 else 1)

    monkeypatch.setattr(objectives, "next_token_loss", diverge)
    with pytest.raises(SystemExit) as stopped:
        main(["train", "translation", *options])
    assert stopped.value.code == 1
    output = capsys.readouterr()
    assert "became nan after step 3: it has diverged" in output.err.splitlines()[-1]
    assert "Traceback" not in output.err
    assert "Now try" not in output.out
    assert all(tensor.isfinite().all() for tensor in weights(out).values())
    assert TranslationRun.resume(tmp_path / "run", "cpu").trainer.step == 3


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
    TranslationRun.begin(tmp_path / "run", "word-by-word", [pairs_file], TrainingConfig(), DEVICE)
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
        ([*NEW, "--weight-decay", "-1"], "--weight-decay -1"),
        ([*NEW, "--betas", "0.9", "1"], "--betas 0.9 1: both must be"),
        ([*NEW, "--accumulate", "0"], "--accumulate 0: must be above 0"),
        ([*NEW, "--log-every", "0"], "--log-every 0: must be above 0"),
        ([*NEW, "--precision", "fp8"], "bf16"),
        ([*NEW, "--schedule", "square"], "cosine"),
        ([*NEW, "--patience", "3"], "--patience 3: add --valid"),
        ([*NEW, "--valid-every", "9"], "--valid-every 9: add --valid"),
        ([*NEW, "--valid-every", "9", "--valid", "{data}", "--arch", "word-by-word"],
         "does not go with --arch word-by-word"),
        ([*NEW, "--min-count", "3", "--subwords", "90"], "--min-count does not go with"),
        ([*NEW, "--min-count", "0"], "--min-count 0: must be above 0"),
        ([*NEW, "--data", "{data}", "--max-length", "1"], "no pair has at most 1 tokens"),
        ([*NEW, "--tensorboard"], "pip install tensorboard"),
        ([*NEW, "--arch", "luong", "--reverse"], "but with fixed-vector"),
        ([*NEW, "--n-layers", "2"], "but with transformer"),
        ([*NEW, "--local", "near"], "monotonic"),
        ([*NEW, "--data", "{data}", "--arch", "transformer", "--n-heads", "3"],
         "--arch transformer: 3 heads"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(
    arguments, hint, translator_run, pairs_file, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # not installed
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
    assert "--average-fraction 0 (for luong 0.25, for transformer 0.25), --seed 0." in page


@pytest.mark.on_cpu(reason="runs the command in a process of its own")
def test_ctrl_c_saves_the_run_and_resume_reaches_the_same_weights(tmp_path, pairs_file):
    """A real process gets a real signal; the resumed weights equal those of an unbroken run."""
    command = ["train", "translation", "--data", pairs_file, "--steps", "200"]
    command += ["--device", "cpu", "--out"]
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
