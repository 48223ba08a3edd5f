"""On how many threads a command computes."""

import os

import pytest
import torch

from attention.cli import compute
from attention.cli.app import main
from attention.cli.compute import LARGE, choose_device, choose_threads
from attention.errors import BadInput
from tests.cli.commands import SENTENCES

pytestmark = pytest.mark.on_cpu(reason="counts the threads of the CPU")

COMMANDS = ["train", "translate", "evaluate", "generate", "fill", "search"]


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Eight cores, of which torch takes three unless it is told how many; no OMP_NUM_THREADS."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(compute, "TORCH_THREADS", 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_a_small_model_gets_one_thread_and_a_large_one_those_of_torch():
    assert choose_threads(None) == 1
    assert choose_threads(None, LARGE - 1) == 1
    assert choose_threads(None, LARGE) == 3


def test_omp_num_threads_wins_over_the_size_of_the_model(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # which torch read when it was imported
    assert choose_threads(None) == 3
    assert choose_threads(None, LARGE) == 3


@pytest.mark.parametrize("threads", ["3", None])
def test_the_option_wins_over_everything(monkeypatch, threads):
    if threads:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert choose_threads(2) == 2
    assert choose_threads(2, LARGE) == 2
    assert choose_threads(8) == 8


@pytest.mark.parametrize("threads", [0, -1, 9, 2**40])
def test_more_threads_than_cores_are_refused(threads):
    with pytest.raises(BadInput, match=f"--threads {threads}: from 1 to 8, the cores"):
        choose_threads(threads)


def test_the_cpu_is_a_device():
    assert choose_device("cpu") == "cpu"
    assert choose_device(None) == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device comes first")
def test_the_device_is_torch_s_default():
    with torch.device("meta"):
        assert choose_device(None) == "meta"


@pytest.fixture
def commands(
    translator_run, language_run, masked_lm_folder, pairs_file, text_file, tmp_path
) -> dict[str, list[str]]:
    """A command of each kind that loads or trains a model."""
    train = ["train", "translation", "--data", pairs_file, "--out", str(tmp_path / "x")]
    return {
        "train": [*train, "--steps", "1"],
        "translate": ["translate", translator_run, SENTENCES[0]],
        "evaluate": ["evaluate", translator_run, "--data", pairs_file],
        "generate": ["generate", language_run, "The", "--tokens", "2"],
        "fill": ["fill", masked_lm_folder, "The [MASK]"],
        "search": ["search", masked_lm_folder, "The agreement", text_file],
    }


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(("options", "threads"), [([], 1), (["--threads", "2"], 2)])
def test_commands_compute_on_these_threads(name, options, threads, commands, capsys):
    torch.set_num_threads(3 - threads)
    main([*commands[name], *options, "--device", "cpu"])
    assert torch.get_num_threads() == threads
    if name == "train":
        told = "1 thread" if threads == 1 else "2 threads"
        assert f"18 sentence pairs, 1 steps, {told}\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_know_the_size_of_their_model(name, commands, monkeypatch):
    monkeypatch.setattr(compute, "LARGE", 1000)  # all of them are larger
    main(commands[name])
    assert torch.get_num_threads() == 3


def test_omp_num_threads_is_heeded_by_commands(commands, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    main(commands["translate"])
    assert torch.get_num_threads() == 3
