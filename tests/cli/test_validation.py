"""`--valid`: validation during training, and held-out data that is not held out."""

import json
from pathlib import Path

import pytest

from attention.cli.app import main
from attention.tasks.runs import MaskedLMRun, TranslationRun
from tests.cli.commands import TEXT, refused, shown

SMALL = ["--d-model", "16", "--d-embedding", "16"]
TINY_BERT = ["--arch", "bert", "--d-model", "16", "--n-heads", "2", "--n-layers", "1"]
TINY_BERT += ["--subwords", "100", "--tokens-per-batch", "64"]


def training(out: object, data: str, *options: str) -> list[str]:
    return ["train", "translation", "--data", data, "--out", str(out), *SMALL, *options]


def first_line(file: str) -> str:
    return Path(file).read_text("utf-8").splitlines(keepends=True)[0]


def validations(out) -> dict[int, float]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text("utf-8").splitlines()]
    return {x["step"]: x["validation_loss"] for x in lines if x.get("validation_loss") is not None}


def test_a_tenth_of_the_steps_lies_between_two_validations(tmp_path, pairs_file, valid_file):
    main(training(tmp_path / "run", pairs_file, "--steps", "30", "--valid", valid_file))
    assert list(validations(tmp_path / "run")) == list(range(3, 31, 3))


def test_a_resumed_run_needs_no_option_again(tmp_path, pairs_file, valid_file, monkeypatch):
    """The best weights, and every loss before them, are those of an unbroken run."""
    options = ["--valid", valid_file, "--valid-every", "4", "--patience", "9"]
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    main(training(whole, pairs_file, "--steps", "20", *options))

    real, calls = TranslationRun.save, []

    def stop(run, *arguments):
        real(run, *arguments)
        calls.append(run.trainer.step)
        if run.trainer.step == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(TranslationRun, "save", stop)
    with pytest.raises(SystemExit):
        main(training(broken, pairs_file, "--steps", "20", "--save-every", "8", *options))
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    main(["train", "translation", "--out", str(broken), "--resume"])
    assert validations(broken) == validations(whole)
    assert list(validations(whole)) == [4, 8, 12, 16, 20]
    one, other = ((f / "training.safetensors").read_bytes() for f in (broken, whole))
    assert one == other


def test_what_a_resumed_run_may_change(tmp_path, pairs_file, valid_file, capsys):
    out = tmp_path / "run"
    other = tmp_path / "other.tsv"
    other.write_text("They left .\tElles partent .", "utf-8")
    options = ["--valid", valid_file, "--valid-every", "4", "--patience", "9"]
    main(training(out, pairs_file, "--steps", "4", *options))
    again = training(out, pairs_file, "--resume", "--steps", "8")
    for option in ["--patience", "3"], ["--valid-every", "2"]:
        line = refused(capsys, *again, *option)
        assert f"{option[0]} {option[1]}: the run" in line
        assert "the weights of an unbroken run" in line
    assert f"--valid {other}: the run" in refused(capsys, *again, "--valid", str(other))
    main([*again, "--log-every", "1"])
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == [4, 5, 6, 7, 8]


def test_a_bert_is_validated_on_the_same_masked_tokens_each_time(tmp_path, text_file, capsys):
    valid = tmp_path / "valid.txt"
    valid.write_text("The area was signed .\n\nThe agreement was European .\n", "utf-8")
    command = ["train", "language", "--data", text_file, "--valid", str(valid), *TINY_BERT]
    losses = []
    for name in "one", "again":
        main([*command, "--steps", "4", "--lr", "0.02", "--out", str(tmp_path / name)])
        losses.append(validations(tmp_path / name))
    assert losses[0] == losses[1]
    assert list(losses[0]) == [1, 2, 3, 4]
    best = min(losses[0].values())
    assert f"loss per masked token  {best:.3f}" in capsys.readouterr().out
    run = MaskedLMRun.resume(tmp_path / "one", "cpu")
    assert run.trainer.best.loss == best


def test_validation_leaves_the_draws_of_training_alone(tmp_path, text_file):
    """At so small a rate the best weights are the last ones."""
    valid = tmp_path / "valid.txt"
    valid.write_text("The area was signed .\n", "utf-8")
    command = ["train", "language", "--data", text_file, *TINY_BERT, "--steps", "4", "--out"]
    main([*command, str(tmp_path / "without")])
    main([*command, str(tmp_path / "with"), "--valid", str(valid)])
    without, with_validation = (
        MaskedLMRun.resume(tmp_path / name, "cpu").trainer.state_dict()
        for name in ("without", "with")
    )
    assert all((with_validation[name] == tensor).all() for name, tensor in without.items())


def test_training_data_is_no_held_out_data(tmp_path, pairs_file, text_file, capsys):
    copy = tmp_path / "copy.tsv"
    copy.write_text(first_line(pairs_file), "utf-8")
    new = tmp_path / "x"
    for valid in pairs_file, str(copy):
        line = refused(capsys, *training(new, pairs_file, "--valid", valid))
        assert f"--valid {valid}: all of it is in --data" in line
    line = refused(capsys, *training(new, "toy-valid", "--valid", "toy"))
    assert "--valid toy: all of it is in --data" in line
    for arch in "gpt", "bert":
        command = ["--arch", arch, "--data", text_file, "--valid", text_file, "--out", str(new)]
        assert "all of it is in --data" in refused(capsys, "train", "language", *command)
    assert not new.exists()


def test_an_overlap_is_counted_aloud(tmp_path, pairs_file, text_file, capsys):
    valid = tmp_path / "valid.tsv"
    valid.write_text(f"{first_line(pairs_file)}They left .\tIls sont partis .\n", "utf-8")
    main(training(tmp_path / "run", pairs_file, "--steps", "1", "--valid", str(valid)))
    line = "  validation  2 sentence pairs; NOT held out: 1 are in --data, too"
    assert line in capsys.readouterr().err.splitlines()
    valid.write_text(f"{TEXT}A new line .\n", "utf-8")
    command = ["--data", text_file, "--valid", str(valid), "--subwords", "300", "--steps", "1"]
    main(["train", "language", *command, "--out", str(tmp_path / "gpt")])
    line = "  validation  17 lines of text; NOT held out: 16 are in --data, too"
    assert line in capsys.readouterr().err.splitlines()


def test_a_run_that_stopped_early_goes_on_with_more_steps(tmp_path, pairs_file, capsys):
    """From its last weights, though the best ones are what it has kept until then."""
    valid = tmp_path / "valid.tsv"
    valid.write_text("They left .\tElles arrivent tôt", "utf-8")  # gets worse as training goes on
    out = tmp_path / "run"
    options = ["--valid", str(valid), "--valid-every", "10", "--patience", "2", "--lr", "0.02"]
    first = shown(capsys, *training(out, pairs_file, "--steps", "300", *options))
    steps = list(validations(out))
    assert steps[-1] < 300
    assert f"stopped early, after step {steps[-1]} of 300: 2 validations in a row" in first
    again = ["train", "translation", "--out", str(out), "--resume"]
    assert "stopped early, after step" in shown(capsys, *again)

    best = TranslationRun.resume(out, "cpu")
    last = best.trainer.state_dict()
    kept = best.task.model.state_dict()
    assert any((last[f"model.{name}"] != tensor).any() for name, tensor in kept.items())
    assert all((best.trainer.best.weights[name] == tensor).all() for name, tensor in kept.items())
    extended = TranslationRun.resume(out, "cpu", steps=301)
    now = extended.task.model.state_dict()
    assert all((last[f"model.{name}"] == tensor).all() for name, tensor in now.items())
    del best, extended

    shown(capsys, *again, "--steps", "301")
    assert list(validations(out))[: len(steps) + 1] == [*steps, steps[-1] + 10]
