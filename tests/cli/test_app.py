"""How the command ends: exit codes, and one line for whatever cannot work."""

import subprocess
import sys

import pytest

from attention.cli.app import main
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.translation import Translator
from tests.cli.commands import refused

# One of each command that takes --device, with what else it needs.
ON_A_DEVICE = {
    "train translation": ["--out", "{tmp}/x"],
    "train language": ["--out", "{tmp}/x"],
    "translate": ["{tmp}", "They"],
    "evaluate": ["{tmp}"],
    "generate": ["{tmp}", "The"],
    "fill": ["{tmp}", "[MASK]"],
    "search": ["{tmp}", "query"],
    "bench models": [],
}
COMPUTING = ON_A_DEVICE | {"bench translation": []}


def command_line(name: str, arguments: list[str], tmp_path) -> list[str]:
    return [*name.split(), *(argument.format(tmp=tmp_path) for argument in arguments)]


@pytest.mark.parametrize("name", ON_A_DEVICE)
@pytest.mark.parametrize(
    ("device", "hint"),
    [
        ("meta", "--device meta: its tensors have no values; leave it out"),
        ("meta:0", "--device meta:0: its tensors have no values"),
        ("hpu", "--device hpu: not on this machine; leave it out"),
        ("cdua", "--device cdua: not on this machine"),
        ("opengl", "--device opengl: not on this machine"),
        ("", "--device : not on this machine"),
    ],
)
def test_a_device_that_cannot_compute_is_refused(name, device, hint, tmp_path, capsys):
    line = command_line(name, ON_A_DEVICE[name], tmp_path)
    assert hint in refused(capsys, *line, "--device", device)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", COMPUTING)
@pytest.mark.parametrize("threads", ["0", "-1", "1000000"])
def test_a_number_of_threads_that_cannot_be_is_refused(name, threads, tmp_path, capsys):
    line = command_line(name, COMPUTING[name], tmp_path)
    assert f"--threads {threads}: from 1 to" in refused(capsys, *line, "--threads", threads)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        (["translate", "x", "They"], Translator),
        (["evaluate", "x"], Translator),
        (["generate", "x"], LanguageModel),
        (["fill", "x", "[MASK]"], MaskedLM),
    ],
)
def test_ctrl_c_exits_with_130(arguments, model, monkeypatch, capsys):
    def load(run: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "load", load)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_an_unknown_command_is_refused(capsys):
    assert "fly" in refused(capsys, "fly")


def test_a_name_too_long_for_the_file_system_gets_one_line(capsys):
    assert "name too long" in refused(capsys, "translate", "x" * 300, "They")


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "attention.cli", "translate", "gone", "They"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("attention: gone: no such folder")
