"""The `attention` command as a person types it."""

import io
import json
import os
import signal
import subprocess
import sys

import pytest

from attention.cli.app import main

LINES = ["They arrived .\tIls sont arrivés .", "They left early .\tIls sont partis tôt ."] * 9
TRAIN = ["train", "translation", "--out", "{tmp}/x"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "pairs.tsv"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    main(["train", "translation", "--data", data, "--out", str(folder), "--steps", "60"])
    return str(folder)


def refused(capsys, *arguments: str) -> str:
    """Run what must be refused: exit code 2, one line, nothing printed; give the line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    output = capsys.readouterr()
    assert stopped.value.code == 2
    assert output.out == ""
    assert output.err.count("\n") == 1, output.err
    return output.err


def test_train_shows_progress_and_says_what_to_try(tmp_path, data, capsys):
    out = str(tmp_path / "run")
    main(["train", "translation", "--data", data, "--out", out, "--steps", "3", "--valid", data])
    output = capsys.readouterr()
    assert "3/3" in output.err
    assert f"attention evaluate {out}" in output.out
    assert "BLEU" in output.out


def test_translate_prints_a_sentence_a_line(run, capsys):
    capsys.readouterr()
    main(["translate", run, "They arrived .", "They left early ."])
    assert capsys.readouterr().out == "Ils sont arrivés .\nIls sont partis tôt .\n"


def test_translate_json_says_where_it_looked(run, capsys):
    capsys.readouterr()
    main(["translate", run, "They left early .", "--json", "--beam", "2"])
    line = json.loads(capsys.readouterr().out)
    assert line["source"] == ["They", "left", "early", "."]
    assert line["target"] == ["Ils", "sont", "partis", "tôt", "."]
    assert line["text"] == "Ils sont partis tôt ."
    assert [len(row) for row in line["attention"]] == [4] * 5
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in line["attention"])


def feed(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_lines_of_standard_input_keep_their_places(run, capsys, monkeypatch):
    capsys.readouterr()
    feed(monkeypatch, b"They arrived .\n\nThey left early .\r\n")
    main(["translate", run])
    assert capsys.readouterr().out == "Ils sont arrivés .\n\nIls sont partis tôt .\n"


def test_standard_input_that_is_not_utf8(run, capsys, monkeypatch):
    feed(monkeypatch, b"They arrived .\nd\xe9j\xe0\n")
    assert "line 2 is not UTF-8" in refused(capsys, "translate", run)


def test_unknown_words_and_emoji_are_named_and_translated_around(run, capsys):
    capsys.readouterr()
    main(["translate", run, "They teleported 🙂 ."])
    output = capsys.readouterr()
    assert output.err == "attention: never seen in training: teleported, 🙂\n"
    assert output.out.count("\n") == 1


def test_two_thousand_words_are_translated_with_a_warning(run, capsys):
    capsys.readouterr()
    main(["translate", run, "They arrived . " * 700])
    output = capsys.readouterr()
    assert "2,100 words" in output.err
    assert output.out.count("\n") == 1


def test_attention_is_drawn(run, capsys, tmp_path):
    main(["translate", run, "They arrived .", "--attention", str(tmp_path / "map.svg")])
    assert "<svg" in (tmp_path / "map.svg").read_text()
    bad = str(tmp_path / "map.doc")
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["translate", run, "They arrived .", "--attention", bad])
    assert stopped.value.code == 2
    assert "map.doc: cannot be drawn" in capsys.readouterr().err
    assert "2 were given" in refused(capsys, "translate", run, "a", "b", "--attention", bad)


def test_evaluate_prints_a_table_or_one_json_object(run, data, capsys):
    capsys.readouterr()
    main(["evaluate", run, "--data", data, "--json"])
    scores = json.loads(capsys.readouterr().out)
    names = ["bleu", "chrf", "exact_match", "aer", "signature", "sentences"]
    assert list(scores) == names
    assert scores["exact_match"] == 1
    assert scores["aer"] is None
    assert scores["sentences"] == 18
    main(["evaluate", run, "--data", data])
    assert "exact match           1.000" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arch",
    [
        ["word-by-word"],
        ["fixed-vector", "--reverse"],
        ["luong", "--score", "general"],
        ["luong", "--score", "concat", "--local", "predictive"],
        ["luong", "--local", "monotonic"],
        ["luong", "--local"],
        [
            "transformer",
            "--n-heads",
            "2",
            "--n-layers",
            "1",
            "--d-ff",
            "16",
            "--average-fraction",
            "0",
        ],
        ["transformer", "--norm-first", "--subwords", "90", "--average-fraction", "0.2"],
    ],
)
def test_every_architecture_is_trained_kept_used_and_measured(arch, tmp_path, data, capsys):
    out = str(tmp_path / "run")
    steps = [] if arch == ["word-by-word"] else ["--steps", "60"]
    main(["train", "translation", "--arch", *arch, "--data", data, "--out", out, *steps])
    main(["train", "translation", "--arch", *arch, "--data", data, "--out", out, "--resume"])
    capsys.readouterr()
    main(["translate", out, "They arrived .", "--json"])
    line = json.loads(capsys.readouterr().out)
    if arch == ["word-by-word"]:
        assert len(line["target"]) == 3  # a word for a word
    else:
        assert line["text"] == "Ils sont arrivés ."
    assert (line["attention"] is None) == (arch[0] == "fixed-vector")
    main(["evaluate", out, "--data", data, "--json"])
    assert json.loads(capsys.readouterr().out)["sentences"] == 18


def test_a_model_that_looks_nowhere_has_no_map(tmp_path, data, capsys):
    out = str(tmp_path / "run")
    main(
        [
            "train",
            "translation",
            "--arch",
            "fixed-vector",
            "--data",
            data,
            "--out",
            out,
            "--steps",
            "2",
        ]
    )
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["translate", out, "They arrived .", "--attention", str(tmp_path / "map.svg")])
    assert "looks nowhere" in capsys.readouterr().err


def test_resume_takes_the_same_command_and_refuses_another(run, data, capsys):
    same = ["train", "translation", "--out", run, "--resume"]
    main([*same, "--data", data, "--steps", "60"])
    assert "all 60 steps are done already" in capsys.readouterr().out
    assert "--seed 7: the run" in refused(capsys, *same, "--seed", "7")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["translate", "gone", "They"], "gone: no such folder"),
        (["translate", "{run}", " "], "empty sentence"),
        (["translate", "{run}", "They", "--beam", "0"], "--beam 0"),
        (["evaluate", "{run}", "--data", "gone.tsv"], "gone.tsv"),
        (["evaluate", "{run}", "--data", "a", "b", "c"], "3"),
        (["train", "translation"], "--out"),
        (["train", "translation", "--out", "{tmp}/x", "--arch", "magic"], "bahdanau"),
        (["train", "translation", "--out", "{tmp}/x", "--steps", "many"], "many"),
        (["train", "translation", "--out", "{tmp}/x", "--lr", "-1"], "--lr -1"),
        (["train", "translation", "--out", "{tmp}/x", "--resume"], "no run to resume"),
        (["train", "translation", "--out", "{run}"], "holds a run already"),
        (["train", "translation", "--out", "{tmp}/file/x"], "cannot be written"),
        (["train", "translation", "--out", "{tmp}/x", "--device", "abacus"], "abacus"),
        (["train", "translation", "--out", "{tmp}/x", "--score", "dot"], "but with luong"),
        (["train", "translation", "--out", "{tmp}/x", "--score", "magic"], "concat"),
        (
            ["train", "translation", "--out", "{tmp}/x", "--arch", "luong", "--reverse"],
            "fixed-vector",
        ),
        (["train", "translation", "--out", "{tmp}/x", "--dropout", "1.5"], "must be below 1"),
        (
            ["train", "translation", "--out", "{tmp}/x", "--average-fraction", "1"],
            "must be below 1",
        ),
        (
            ["train", "translation", "--out", "{tmp}/x", "--d-model", "7"],
            "--d-model 7: must be even",
        ),
        (["train", "translation", "--out", "{tmp}/x", "--local", "near"], "monotonic"),
        (
            [*TRAIN, "--data", "{data}", "--arch", "transformer", "--n-heads", "3"],
            "3 heads cannot share a width of 64",
        ),
        (["train", "translation", "--out", "{tmp}/x", "--n-layers", "2"], "but with transformer"),
        (["bench", "translation", "--data", "a.tsv"], "--test"),
        (["translate", "x" * 300, "They"], "name too long"),
        (["fly"], "fly"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, run, data, tmp_path, capsys):
    (tmp_path / "file").touch()
    filled = [a.format(run=run, tmp=tmp_path, data=data) for a in arguments]
    assert hint in refused(capsys, *filled)
    assert not (tmp_path / "x").exists()


def test_help_teaches(capsys):
    main(["train", "translation", "--help"])
    page = capsys.readouterr().out
    for word in ("--arch", "--data", "--resume", "toy", "tab-separated"):
        assert word in page
    page = " ".join(page.replace("│", " ").split())
    assert "--steps 2000 (for word-by-word 10, for luong 3000, for transformer 4000)" in page
    assert "--average-fraction 0 (for transformer 0.25), --seed 0." in page


def test_ctrl_c_keeps_what_was_learned_and_resume_ends_at_the_same_weights(tmp_path, data):
    """A real process gets a real signal; the resumed weights equal those of an unbroken run."""
    command = ["train", "translation", "--data", data, "--steps", "200", "--out"]
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

    main([*command, str(broken), "--resume"])
    main([*command, str(whole)])
    one, other = ((f / "training.safetensors").read_bytes() for f in (broken, whole))
    assert one == other
    assert sorted(os.listdir(broken)) == sorted(os.listdir(whole))
