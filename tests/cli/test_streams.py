"""Standard streams that are closed, full, broken, or not in UTF-8."""

import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from attention.cli.app import main
from tests.cli.commands import SENTENCES, TRANSLATIONS

MODULE = [sys.executable, "-m", "attention.cli"]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def run(command: list[str], output: Any) -> subprocess.CompletedProcess:
    """A process that keeps its output until the end, as it does where nobody asks otherwise."""
    return subprocess.run(
        command, stdout=output, stderr=subprocess.PIPE, text=True, check=False, env=BUFFERED
    )


def stopped(capsys, *arguments: str) -> tuple[int, str]:
    """The exit code of a command, and what it prints on standard error."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as error:
        main(list(arguments))
    return error.value.code, capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_output_takes_every_character_in_any_encoding(
    options, encoding, translator_run, monkeypatch
):
    page = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(page, encoding=encoding))
    main(["translate", translator_run, SENTENCES[1], *options])
    printed = page.getvalue().decode(encoding)
    if options:
        assert json.loads(printed)["text"] == TRANSLATIONS[1]
    elif encoding != "ascii":
        assert printed == f"{TRANSLATIONS[1]}\n"
    else:
        assert printed == "Ils sont partis t\\xf4t .\n"


def test_a_full_disk_under_standard_output_gets_one_line(translator_run, monkeypatch, capsys):
    full = io.TextIOWrapper(io.FileIO(os.open("/dev/full", os.O_WRONLY), "w"))
    monkeypatch.setattr(sys, "stdout", full)
    code, line = stopped(capsys, "translate", translator_run, SENTENCES[0])
    assert code == 2
    assert line == "attention: [Errno 28] No space left on device\n"


@pytest.mark.on_cpu(reason="runs the command in a process of its own")
def test_a_full_disk_is_not_reported_twice_when_the_interpreter_exits(translator_run, pairs_file):
    command = [*MODULE, "evaluate", translator_run, "--data", pairs_file]
    with open("/dev/full", "w") as full:
        done = run(command, full)
    assert done.returncode == 2
    *stages, last = done.stderr.splitlines()
    assert last == "attention: [Errno 28] No space left on device"
    assert all(line.endswith(" ...") for line in stages), "what it is doing, on a slow machine"


@pytest.mark.on_cpu(reason="runs the command in a process of its own")
def test_a_reader_that_has_gone_is_no_error(translator_run):
    command = [*MODULE, "translate", translator_run, *SENTENCES]
    reading, writing = os.pipe()
    os.close(reading)
    done = run(command, writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_standard_input_gets_one_line(translator_run, language_run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    code, line = stopped(capsys, "translate", translator_run)
    assert (code, line.count("\n")) == (2, 1)
    assert "give a sentence" in line
    code, line = stopped(capsys, "generate", language_run, "-", "--device", "cpu")
    assert (code, line.count("\n")) == (2, 1)
    main(["generate", language_run, "--tokens", "1", "--device", "cpu"])


def test_closed_standard_output_is_refused_before_the_work(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", None)
    code, line = stopped(capsys, "translate", "gone", "They")
    assert code == 2
    assert "standard output is closed" in line


def test_closed_standard_error_leaves_standard_output_clean(translator_run, monkeypatch, capsys):
    capsys.readouterr()
    monkeypatch.setattr(sys, "stderr", None)
    main(["translate", translator_run, "They teleported ."])
    assert capsys.readouterr().out.count("\n") == 1
