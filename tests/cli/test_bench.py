"""`attention bench` as a person types it; what it prints is tested where it is measured."""

import json

import pytest

from attention.benchmarks import models, translators
from attention.cli import compute
from attention.cli.app import main
from attention.evaluation.metrics import TranslationScores
from tests.cli.commands import refused, shown


@pytest.fixture
def calls(monkeypatch) -> list[dict[str, object]]:
    """What the benchmarks are asked for; they don't run."""
    asked = []

    def bench_translation(pairs, test, seconds, seed):
        asked.append({"pairs": len(pairs), "test": len(test), "seconds": seconds, "seed": seed})
        return iter(())

    def bench_models(seconds, device):
        asked.append({"seconds": seconds, "device": device})
        return iter(())

    monkeypatch.setattr(translators, "bench_translation", bench_translation)
    monkeypatch.setattr(models, "bench_models", bench_models)
    return asked


def test_what_is_typed_reaches_the_benchmark(calls, pairs_file, held_out_file):
    data = ["--data", pairs_file, "--test", held_out_file]
    main(["bench", "translation", *data, "--seconds", "3", "--seed", "5"])
    main(["bench", "translation", *data])
    main(["bench", "models", "--seconds", "2", "--device", "cpu"])
    assert calls == [
        {"pairs": 18, "test": 2, "seconds": 3.0, "seed": 5},
        {"pairs": 18, "test": 2, "seconds": 60.0, "seed": 0},
        {"seconds": 2.0, "device": "cpu"},
    ]


@pytest.mark.parametrize("name", ["translation", "models"])
def test_it_measures_on_one_thread_unless_told_otherwise(
    name, calls, pairs_file, held_out_file, monkeypatch
):
    monkeypatch.setattr(compute.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(compute, "TORCH_THREADS", 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    set_to = []
    monkeypatch.setattr(compute.torch, "set_num_threads", set_to.append)
    data = ["--data", pairs_file, "--test", held_out_file] if name == "translation" else []
    main(["bench", name, *data])
    main(["bench", name, *data, "--threads", "2"])
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    main(["bench", name, *data])
    assert set_to == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["translation", "--data", "a.tsv"], "--test"),
        (["translation", "--test", "toy"], "--test toy: all of it is in --data"),
        (["translation", "--seconds", "0"], "--seconds 0.0: must be above 0"),
        (["translation", "--seed", "-1"], "--seed -1: must be 0 or more"),
        (["models", "--seconds", "0"], "--seconds 0.0: must be above 0"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, hint, capsys):
    assert hint in refused(capsys, "bench", *arguments)


def test_the_data_is_named(monkeypatch, pairs_file, capsys):
    scores = TranslationScores(1.0, 2.0, 0.5, None, "signature", 18)
    result = translators.Result("word by word", 7, 1.0, scores, {5: 1.0})
    monkeypatch.setattr(translators, "bench_translation", lambda *_, seed: iter([(None, result)]))
    command = ["bench", "translation", "--data", pairs_file, "--test", "toy-valid"]
    assert shown(capsys, *command).startswith(f"trained on {pairs_file}, measured on toy-valid\n")
    line = json.loads(shown(capsys, *command, "--json"))
    assert (line["data"], line["test"], line["name"]) == (pairs_file, "toy-valid", "word by word")
