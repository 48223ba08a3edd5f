"""Ours and theirs do the same work with the same weights; who is faster is for the bench to say."""

import json
from importlib.util import find_spec

import pytest
import torch

from attention.benchmarks import models as bench
from attention.benchmarks.models import Sizes, bench_models
from attention.benchmarks.peers import TorchTransformer
from attention.cli.app import main
from attention.generation.beam_search import beam_search, greedy
from attention.models.transformer import Transformer, TransformerConfig

TINY = Sizes(vocab_size=23, d_model=16, n_heads=4, n_layers=2, batch=3, length=12, tokens=7)
ROWS = [
    ("Transformer", "greedy decoding", "torch.nn.Transformer, no cache"),
    ("Transformer", "training step", "torch.nn.Transformer"),
    ("GPT", "greedy decoding", "transformers"),
    ("GPT", "training step", "transformers"),
    ("Llama", "greedy decoding", "transformers"),
    ("Llama", "training step", "transformers"),
    ("BERT", "training step", "transformers"),
]


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(bench, "Sizes", lambda: TINY)


@pytest.fixture
def alone(monkeypatch):
    """A machine without the package transformers."""
    monkeypatch.setattr(
        bench, "find_spec", lambda name: None if name == "transformers" else find_spec(name)
    )


def test_both_sides_did_the_same():
    results = list(bench_models(1e-9, sizes=TINY))
    assert [(one.model, one.work, one.peer) for one in results] == ROWS
    for one in results:
        assert one.difference <= (1e-5 if one.work == "training step" else 0)
        assert one.ratio == one.ours / one.theirs > 0
        assert one.repetitions >= 1


def test_training_goes_the_same_way_step_by_step(monkeypatch):
    """So the gradients are the same, too."""
    losses = []

    def compare(model, work, peer, pair, seconds, device):
        if work == "training step":
            losses.append([[side().item() for _ in range(5)] for side in pair])
            return bench.Comparison(model, work, peer)

    monkeypatch.setattr(bench, "_compare", compare)
    list(bench_models(1e-9, sizes=TINY))
    assert len(losses) == 4
    for ours, theirs in losses:
        assert ours == pytest.approx(theirs, abs=1e-5)
        assert ours[4] < ours[0] - 1e-3


def test_work_that_differs_shows():
    pair = [lambda: torch.tensor([1, 2]), lambda: torch.tensor([1, 5])]
    assert bench._compare("A", "writing", "B", pair, 1e-9, "cpu").difference == 3
    pair[1] = lambda: torch.tensor([1])
    assert bench._compare("A", "writing", "B", pair, 1e-9, "cpu").difference == float("inf")


def test_they_take_turns_and_the_median_counts(monkeypatch):
    now, done = [0.0], []
    costs = {"ours": iter([9, 1, 5, 1, 1, 1]), "theirs": iter([9, 2, 2, 2, 8, 2])}

    def side(name):
        def work():
            done.append(name)
            now[0] += next(costs[name])
            return torch.zeros(1)

        return work

    monkeypatch.setattr(bench, "_clock", lambda device: lambda: now[0])
    one = bench._compare("A", "running", "B", [side("ours"), side("theirs")], 21.0, "cpu")
    assert (one.ours, one.theirs, one.ratio, one.repetitions) == (1000, 2000, 0.5, 4)
    assert done == ["ours", "theirs", "theirs", "ours"] * 2 + ["ours", "theirs"]


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("search", [greedy, beam_search])
@pytest.mark.filterwarnings("ignore")
def test_torchs_transformer_writes_what_ours_writes(search, norm_first):
    torch.manual_seed(0)
    ours = Transformer(TransformerConfig(11, 13, 8, 2, 2, 12, norm_first=norm_first)).eval()
    source = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0], [10, 0, 0, 0]])
    written = search(ours, source, 6)
    assert search(TorchTransformer(ours), source, 6) == written
    assert max(map(len, written)) == 6


def test_the_command_prints_a_table(tiny, capsys):
    main(["bench", "models", "--seconds", "0.000001", "--device", "cpu"])
    where, head, *rows = capsys.readouterr().out.splitlines()
    assert where.startswith(f"torch: {torch.__version__}, transformers: 5.")
    assert f"threads: {torch.get_num_threads()}, device: " in where
    assert head.split() == ["ours", "theirs", "ratio", "times", "peer"]
    for row, (model, work, peer) in zip(rows, ROWS, strict=True):
        assert row.startswith(f"{model}, {work} ")
        assert row.endswith(f"   {peer}")
        assert row.count(" ms ") == 2


def test_the_command_prints_json(tiny, capsys):
    main(["bench", "models", "--seconds", "0.000001", "--device", "cpu", "--json"])
    output = capsys.readouterr()
    assert output.err == ""
    results = [json.loads(line) for line in output.out.splitlines()]
    assert [(one["model"], one["work"], one["peer"]) for one in results] == ROWS
    for one in results:
        assert one["ratio"] == one["ours"] / one["theirs"]
        assert one["machine"].keys() == {"torch", "transformers", "threads", "device", "clock"}
        assert all(one["machine"].values())


def test_who_is_not_installed_is_not_measured(tiny, alone, capsys):
    main(["bench", "models", "--seconds", "0.000001", "--device", "cpu"])
    where, _, *rows = capsys.readouterr().out.splitlines()
    assert "transformers: not installed" in where
    assert ["not installed" in row for row in rows] == [False] * 2 + [True] * 5


@pytest.mark.parametrize("wrong", [["--seconds", "0"], ["--device", "nonsense"]])
def test_wrong_options_get_one_line(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "models", *wrong])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
