"""The benchmark of translators: equal training time, results as a table and as JSON."""

import json
from dataclasses import replace

import pytest
import torch

from attention.benchmarks import translators as bench
from attention.benchmarks.translators import BASELINES, bench_translation
from attention.cli.app import main
from attention.data import toy
from attention.tasks.architectures import ARCHITECTURES
from attention.tasks.objectives import translation_trainer
from attention.tasks.translation import Translator

TWO = [("word by word", "word-by-word", {}), ("small", "luong", {"d_model": 8, "d_embedding": 8})]
NAMES = [name for name, _, _ in BASELINES]


@pytest.fixture(scope="module")
def pairs():
    return toy.pairs("train", 50)


@pytest.fixture
def clock(monkeypatch):
    """CPU time: preparing the data takes exactly 1/4 of a second, and each step 1/64."""
    now = [0.0]

    def make_trainer(translator, pairs, config):
        real = translation_trainer(translator, pairs, config)
        steps = real.steps
        now[0] += 1 / 4

        def iterate():
            for loss in steps():
                now[0] += 1 / 64
                yield loss

        real.steps = iterate
        return real

    monkeypatch.setattr(bench, "translation_trainer", make_trainer)
    monkeypatch.setattr(bench.time, "process_time", lambda: now[0])
    return now


def test_each_translator_comes_with_its_result(pairs):
    results = list(bench_translation(pairs, pairs[:10], seconds=0.2, baselines=TWO))
    assert [result.name for _, result in results] == ["word by word", "small"]
    for translator, result in results:
        assert isinstance(translator, Translator)
        assert result.parameters == translator.n_parameters > 0
        assert result.scores.sentences == 10
        assert result.scores.aer is not None
        assert result.by_length.keys() <= {5, 10, 15, 20, 25, 100}
        assert result.seconds > 0
    assert results[1][0].model.config.d_model == 8


def test_training_stops_when_the_time_is_over(pairs, clock):
    (_, ibm_model_1), (_, network) = bench_translation(pairs, pairs[:2], 1.0, TWO)
    assert ibm_model_1.seconds == 1 / 4 + 10 / 64  # ten rounds, however much time there is
    assert network.seconds == 1.0


def test_a_slower_cpu_makes_fewer_steps(pairs, clock):
    steps = []

    def on_step(name):
        steps.append(name)
        if len(steps) == 20:
            clock[0] += 0.25

    ((_, result),) = bench_translation(pairs, pairs[:2], 1.0, TWO[1:], on_step=on_step)
    assert 28 <= len(steps) <= 32
    assert 0.9 < result.seconds <= 1.0


def test_training_equals_that_of_the_command_with_as_many_steps(pairs, clock):
    """The learning rate follows the same schedule, to zero at the last step."""
    ((baseline, _),) = bench_translation(pairs, pairs[:2], 1.25, TWO[1:], seed=3)
    alone = Translator.new("luong", pairs, seed=3, **TWO[1][2])
    config = replace(ARCHITECTURES["luong"].training, seed=3, steps=64)
    for _ in translation_trainer(alone, pairs, config).steps():
        pass
    theirs, ours = baseline.model.state_dict(), alone.model.state_dict()
    assert all(theirs[name].equal(ours[name]) for name in ours)


@pytest.fixture(scope="module")
def data(tmp_path_factory, pairs):
    """A file to train on, and one to measure on."""
    folder = tmp_path_factory.mktemp("data")
    for name, some in (("train.tsv", pairs[:6]), ("test.tsv", pairs[6:12])):
        lines = (f"{pair.source}\t{pair.target}\n" for pair in some)
        (folder / name).write_text("".join(lines), "utf-8")
    return str(folder / "train.tsv"), str(folder / "test.tsv")


def test_the_command_prints_a_table_and_draws_the_curves(data, tmp_path, capsys):
    plot = tmp_path / "lengths.svg"
    command = ["bench", "translation", "--seconds", "0.01", "--data", data[0], "--test", data[1]]
    main([*command, "--plot", str(plot)])
    corpora, head, *rows = capsys.readouterr().out.splitlines()
    assert all(file in corpora for file in data), "what it was trained on, and tested on"
    assert head.split()[:3] == ["BLEU", "exact", "AER"]
    assert [row[:24].rstrip() for row in rows] == NAMES
    assert all(row[24:].split()[2] == "-" for row in rows), "no gold alignment in a file"
    assert plot.read_text().startswith("<?xml")


def test_the_command_prints_a_json_object_a_translator(data, capsys):
    command = ["bench", "translation", "--seconds", "0.01", "--data", data[0], "--test", data[1]]
    main([*command, "--json"])
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["name"] for result in results] == NAMES
    for result in results:
        assert result["scores"]["sentences"] == 6
        assert (result.pop("data"), result.pop("test")) == data
        assert set(result) == {"name", "parameters", "seconds", "scores", "by_length"}


def test_the_command_measures_on_the_test_split_and_heeds_the_seed(monkeypatch, capsys):
    monkeypatch.setattr(toy, "SPLIT_SIZES", {"train": 40, "valid": 10, "test": 20})
    calls = []

    def record(pairs, test, seconds, seed):
        calls.append((pairs, test, seconds, seed))
        return iter([])

    monkeypatch.setattr(bench, "bench_translation", record)
    main(["bench", "translation", "--seconds", "3", "--seed", "5"])
    assert calls == [(toy.pairs("train", 40), toy.pairs("test", 20), 3.0, 5)]


@pytest.mark.on_cpu(reason="refuses before it computes")
def test_data_without_a_test_set_is_refused(data, capsys):
    with pytest.raises(SystemExit):
        main(["bench", "translation", "--data", data[0]])
    assert "--test" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["faster and faster", "slower and slower", "slower at once"])
def test_the_average_of_constant_weights_is_these_weights(pairs, clock, monkeypatch, change):
    """However often the number of steps is estimated anew while training."""
    config = replace(ARCHITECTURES["transformer"].training, lr=1e-12)
    kind = replace(ARCHITECTURES["transformer"], training=config)
    monkeypatch.setitem(ARCHITECTURES, "transformer", kind)
    sizes = {"d_model": 8, "n_heads": 2, "d_ff": 8, "n_layers": 1}
    steps = []

    def on_step(name):
        steps.append(name)
        if change == "faster and faster":
            clock[0] += 1 / (16 + 4 * len(steps))
        elif change == "slower and slower":
            clock[0] += len(steps) / 1024
        elif len(steps) == 30:
            clock[0] += 0.45

    baselines = [("averaged", "transformer", sizes)]
    ((trained, _),) = bench_translation(pairs, pairs[:2], 1.25, baselines, on_step=on_step)
    initial = Translator.new("transformer", pairs, **sizes).model.state_dict()
    assert 10 < len(steps) < 70
    for name, weight in trained.model.state_dict().items():
        torch.testing.assert_close(weight, initial[name], rtol=0, atol=1e-6)
