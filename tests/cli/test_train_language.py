"""`attention train language` as a person types it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from attention.cli.app import main
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.runs import LanguageModelRun
from tests.cli.commands import TEXT, TINY, refused, shown
from tests.device.plugin import DEVICE

NEW = ["--out", "{tmp}/x"]


def train(out: object, text: str, *options: str) -> None:
    main(["train", "language", "--data", text, "--out", str(out), *TINY, *options])


def test_it_is_measured_on_held_out_texts(language_run, tmp_path, text_file, capsys):
    """The run is finished, so --resume only measures: low for familiar text, high for another."""
    familiar, new = tmp_path / "familiar", tmp_path / "new"
    familiar.write_text(f"So {TEXT}", "utf-8")  # which makes it held out, as far as lines tell
    new.write_text("Nobody has seen these sentences; how hard is each of them to predict?")
    measured = []
    for valid in map(str, (familiar, new)):
        command = ["train", "language", "--out", language_run, "--resume", "--valid", valid]
        table = dict(re.split(r"  +", line) for line in shown(capsys, *command).splitlines()[2:])
        assert table.pop("data") == valid
        assert list(table) == ["tokens", "loss per token", "perplexity", "bits per byte"]
        measured.append((float(table["loss per token"]), float(table["bits per byte"])))
    (own_loss, own_bits), (loss, bits) = measured
    assert own_loss < 0.5 < 4 < loss
    assert own_bits < 0.5 < 4 < bits


def test_transformers_reads_what_is_saved(language_run):
    """Its logits are ours, and so are its token ids."""
    with torch.device("cpu"):  # onto another device they load by means of accelerate
        theirs = AutoModelForCausalLM.from_pretrained(language_run).to(DEVICE).eval()
    ours = LanguageModel.load(language_run)
    prompt = "Ça va? 🙂\n"
    ids = AutoTokenizer.from_pretrained(language_run)(prompt).input_ids
    assert ids == ours.encode_prompt(prompt)
    row = torch.tensor([ids])
    torch.testing.assert_close(ours.model(row), theirs(row).logits, rtol=0, atol=1e-5)
    assert theirs.config.eos_token_id == ours.eos_ids[0] == ours.bos_id


def test_the_seed_draws_the_initial_weights(tmp_path, text_file):
    """One step of a rate this small leaves them as they were drawn."""
    for name, seed in ("one", "1"), ("again", "1"), ("two", "2"):
        train(tmp_path / name, text_file, "--steps", "1", "--lr", "1e-9", "--seed", seed)
    folders = ("one", "again", "two")
    one, again, two = (load_file(tmp_path / name / "model.safetensors") for name in folders)
    assert all(torch.equal(one[name], again[name]) for name in one)
    matrices = [name for name in one if one[name].dim() == 2]
    assert matrices
    assert all((one[name] - two[name]).abs().max() > 1e-3 for name in matrices)


def test_training_options_reach_the_trainer(tmp_path, text_file):
    options = ["--steps", "2", "--tokens-per-batch", "64", "--lr", "0.5", "--warmup", "7"]
    options += ["--label-smoothing", "0.25", "--average-fraction", "0.125", "--seed", "11"]
    train(tmp_path / "run", text_file, *options)
    config = LanguageModelRun.resume(tmp_path / "run", DEVICE).trainer.config
    assert (config.steps, config.tokens_per_batch, config.lr, config.warmup) == (2, 64, 0.5, 7)
    assert (config.label_smoothing, config.average_fraction, config.seed) == (0.25, 0.125, 11)


def test_resume_takes_the_same_command_and_refuses_another(language_run, text_file, capsys):
    same = ["train", "language", "--out", language_run, "--resume"]
    assert "all 60 steps are done already" in shown(capsys, *same, "--data", text_file, *TINY)
    assert "--seed 7: the run" in refused(capsys, *same, "--seed", "7")
    assert "--subwords 301: the run" in refused(capsys, *same, "--subwords", "301")
    assert "--data" in refused(capsys, *same, "--data", "book")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "--out"),
        (["--out", "{run}"], "holds a run already"),
        ([*NEW, "--arch", "magic"], "llama"),
        ([*NEW, "--data", "gone.txt"], "cannot read gone.txt"),
        ([*NEW, "--data", "{tmp}/empty"], "empty is empty"),
        ([*NEW, "--data", "{tmp}/latin"], "latin:2: not UTF-8"),
        ([*NEW, "--resume"], "no run to resume"),
        ([*NEW, "--valid", "gone.txt"], "cannot read gone.txt"),
        ([*NEW, "--n-kv-heads", "2"], "but with llama"),
        ([*NEW, "--max-len", "0"], "--max-len 0: must be above 0"),
        ([*NEW, "--data", "{text}", "--n-heads", "3"], "--arch gpt: 3 heads"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, language_run, text_file, tmp_path, capsys):
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "latin").write_bytes(b"The\nd\xe9j\xe0\n")
    places = {"run": language_run, "tmp": tmp_path, "text": text_file}
    filled = [argument.format(**places) for argument in arguments]
    assert hint in refused(capsys, "train", "language", *filled)
    assert not (tmp_path / "x").exists()


def test_help_teaches(capsys):
    page = shown(capsys, "train", "language", "--help")
    assert all(word in page for word in ("--arch", "llama", "book", "UTF-8", "--resume"))
    page = " ".join(page.replace("│", " ").split())
    assert "--steps 800 (for bert 150), --tokens-per-batch 512 (for bert 6000), --lr 0.003," in page


@pytest.mark.on_cpu(reason="runs the command in a process of its own")
def test_ctrl_c_saves_the_run(tmp_path: Path, text_file):
    command = [sys.executable, "-m", "attention.cli", "train", "language", "--data", text_file]
    process = subprocess.Popen(
        [*command, *TINY, "--steps", "5000", "--out", str(tmp_path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while "step/s" not in process.stderr.read(40):  # until the bar moves
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "stopped after step" in output
    assert "Traceback" not in errors
    saved = ["config.json", "model.safetensors", "run.json", "tokenizer.json"]
    written = {*os.listdir(tmp_path)} - {"log.jsonl"}  # which there is after some more steps
    assert sorted(written) == [*saved, "training.safetensors"]


def test_a_language_model_is_validated_while_it_trains(tmp_path, text_file, capsys):
    out = tmp_path / "run"
    valid = tmp_path / "valid.txt"
    valid.write_text("The area was signed in the agreement .\n" * 8, "utf-8")
    options = ["--data", text_file, "--valid", str(valid), "--valid-every", "2", *TINY]
    main(["train", "language", "--out", str(out), "--steps", "5", *options, "--log-every", "5"])
    output = capsys.readouterr()
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text("utf-8").splitlines()]
    losses = {line["step"]: line["validation_loss"] for line in lines}
    assert list(losses) == [2, 4, 5], "also after the last step"
    best = min(losses, key=losses.get)
    assert f"the weights of step {best} are kept" in output.out
    assert f"loss per token  {losses[best]:.3f}" in output.out
    assert "  corpus      " in output.err
    assert "  model       " in output.err
    command = ["--arch", "bert", "--data", text_file, "--out", str(tmp_path / "bert")]
    line = refused(capsys, "train", "language", *command, "--valid-every", "2")
    assert "--valid-every 2: add --valid" in line
