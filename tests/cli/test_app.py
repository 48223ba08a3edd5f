"""How the command ends: exit codes, and one line for whatever cannot work."""

import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch
from cyclopts import App

from attention.cli.app import EXAMPLES, app, main
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.masked_lm import MaskedLM
from attention.tasks.translation import Translator
from tests.cli.commands import refused, shown

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
        (["evaluate", "x", "--data", "toy-test"], LanguageModel),
        (["generate", "x", "--device", "cpu"], LanguageModel),
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


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_command_s_help_ends_with_an_example_of_its_own(name, capsys):
    """Only what the example does is real: its names of folders are made up."""
    page = " ".join(shown(capsys, *name.split(), "--help").split())
    assert page.endswith(f"Example: attention {EXAMPLES[name]}")
    assert "Begin with" not in page
    typed = shlex.split(EXAMPLES[name])
    assert typed[: len(name.split())] == name.split()
    function, _, _ = app.parse_args(typed, exit_on_error=False, print_error=False)
    assert function.__name__.replace("_", " ").split()[-1] == name.split()[-1]


def test_every_command_has_an_example():
    inner = [f"{group} {name}" for group in ("train", "bench") for name in names(app[group])]
    assert sorted(EXAMPLES) == sorted([*inner, *(set(names(app)) - {"train", "bench"})])


def names(commands: App) -> list[str]:
    return [name for name in commands if not name.startswith("-")]


def test_the_version_is_that_of_the_package(capsys):
    assert shown(capsys, "--version") == f"attention {version('attention-in-transformers')}\n"


@pytest.mark.parametrize(
    ("command", "options", "hint"),
    [
        ("translation", "--d-model 2000000000", "--d-model 2000000000: must be at most 32,768"),
        ("translation", "--d-embedding 2000000000", "must be at most"),
        ("translation", "--arch transformer --n-layers 1000000", "must be at most 256"),
        ("translation", "--arch transformer --d-ff 2000000000", "must be at most"),
        ("translation", "--subwords 2000000000", "must be at most"),
        ("language", "--max-len 2000000000", "must be at most 32,768"),
        ("language", "--n-heads 2000000000", "must be at most"),
        ("language", "--n-layers 256 --d-model 32768", "billion parameters or more"),
        ("language", "--n-layers 256 --d-model 8192 --d-ff 262144", "this machine has"),
    ],
)
def test_sizes_beyond_any_use_or_memory_are_refused_at_once(
    command, options, hint, tmp_path, capsys
):
    out = str(tmp_path / "run")
    assert hint in refused(capsys, "train", command, "--out", out, *options.split())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("std::bad_alloc"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("[enforce fail] not enough memory: you tried to allocate 9 bytes"),
        torch.OutOfMemoryError("CUDA out of memory."),
    ],
)
def test_too_little_memory_gets_one_line(error, monkeypatch, capsys):
    def load(run: object) -> None:
        raise error

    monkeypatch.setattr(Translator, "load", load)
    assert f"not enough memory ({error}" in refused(capsys, "translate", "x", "They")


def test_a_fault_of_our_own_is_not_hidden(monkeypatch):
    def load(run: object) -> None:
        raise RuntimeError("a tensor of the wrong shape")

    monkeypatch.setattr(Translator, "load", load)
    with pytest.raises(RuntimeError, match="wrong shape"):
        main(["translate", "x", "They"])


@pytest.mark.on_cpu(reason="runs the command in a process of its own")
def test_the_module_is_the_command():
    command = [sys.executable, "-m", "attention.cli", "translate", "gone", "They"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("attention: gone: no such folder")
