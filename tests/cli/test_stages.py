"""What a command says before its results, so that it is never silent for long."""

import sys

import pytest

from attention.cli import stages, tables
from attention.cli.app import main


class Now:
    """A timer whose time is up at once."""

    def __init__(self, seconds, function, arguments):
        self.function, self.arguments = function, arguments

    def start(self):
        self.function(*self.arguments)

    def cancel(self):
        pass

    join = cancel


@pytest.fixture
def every_stage_takes_long(monkeypatch):
    monkeypatch.setattr(stages, "Timer", Now)


def said(capsys) -> list[str]:
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if line.startswith("attention: ")]


def test_the_first_line_comes_before_the_data_is_read(
    tmp_path, pairs_file, capsys, every_stage_takes_long
):
    command = ["train", "translation", "--data", pairs_file, "--steps", "1", "--out"]
    main([*command, str(tmp_path / "run")])
    assert said(capsys) == [
        f"attention: reading {pairs_file} ...",
        "attention: learning the vocabulary, and building the model ...",
        "attention: encoding the data ...",
        "attention: saving the untrained model ...",
    ]
    main(["evaluate", str(tmp_path / "run"), "--data", pairs_file])
    assert said(capsys) == [
        f"attention: reading {pairs_file} ...",
        f"attention: loading {tmp_path / 'run'} ...",
    ]


def test_search_and_bench_say_what_takes_long(
    masked_lm_folder,
    text_file,
    pairs_file,
    held_out_file,
    capsys,
    every_stage_takes_long,
    monkeypatch,
):
    monkeypatch.setattr(tables, "print_results", lambda results, *_: [next(results)])
    main(["search", masked_lm_folder, "agreement", text_file])
    assert said(capsys)[-1] == "attention: computing the embeddings of 9 paragraphs ..."
    command = ["bench", "translation", "--data", pairs_file, "--test", held_out_file]
    main([*command, "--seconds", "0.01"])
    assert said(capsys) == [
        f"attention: reading {pairs_file} {held_out_file} ...",
        "attention: training word by word ...",
        "attention: measuring word by word ...",
    ]


def test_what_takes_a_moment_is_not_worth_a_line(tmp_path, text_file, capsys):
    command = ["train", "language", "--data", text_file, "--subwords", "300", "--steps", "1"]
    main([*command, "--d-model", "16", "--n-layers", "1", "--out", str(tmp_path / "run")])
    assert said(capsys) == []


def test_on_a_terminal_the_next_stage_replaces_the_last(
    capsys, monkeypatch, every_stage_takes_long
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with stages.announced():
        stages.say("reading toy")
        for row in stages.unannounced(["a row"]):
            print(row, file=sys.stderr)
    assert capsys.readouterr().err == "attention: reading toy ...\r\033[Ka row\n"
