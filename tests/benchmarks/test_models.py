"""Our models and their peers do the same work with equal weights; the bench says who is faster."""

import json
from importlib.util import find_spec

import pytest
import torch

from attention.benchmarks import models as bench
from attention.benchmarks import timing
from attention.benchmarks.models import Sizes, bench_models
from attention.benchmarks.peers import TorchTransformer
from attention.benchmarks.timing import Comparison
from attention.cli import stages
from attention.cli.app import main
from attention.generation.beam_search import beam_search, greedy_search
from attention.models.transformer import Transformer, TransformerConfig
from tests.device.plugin import DEVICE

TINY = Sizes(
    vocab_size=23, d_model=16, n_heads=4, n_layers=2, batch_size=3, length=12, new_tokens=7
)
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
def without_transformers(monkeypatch):
    """A machine on which the package transformers isn't installed."""
    for module in (bench, timing):
        monkeypatch.setattr(
            module, "find_spec", lambda name: None if name == "transformers" else find_spec(name)
        )


def test_both_implementations_give_the_same_results():
    results = list(bench_models(1e-9, DEVICE, TINY))
    assert [(result.model, result.work, result.peer) for result in results] == ROWS
    for result in results:
        assert result.difference <= (1e-5 if result.work == "training step" else 0)
        assert result.ratio == result.ours / result.theirs > 0
        assert result.repetitions >= 1


def test_losses_are_equal_step_by_step(monkeypatch):
    """So the gradients are equal, too."""
    losses = []

    def compare(names, pair, seconds, device):
        if names[1] == "training step":
            losses.append([[step().item() for _ in range(5)] for step in pair])
        return Comparison(*names)

    monkeypatch.setattr(bench, "compare", compare)
    list(bench_models(1e-9, DEVICE, TINY))
    assert len(losses) == 4
    for ours, theirs in losses:
        assert ours == pytest.approx(theirs, abs=1e-5)
        assert ours[4] < ours[0] - 1e-3


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("search", [greedy_search, beam_search])
@pytest.mark.filterwarnings("ignore")
def test_torch_s_transformer_generates_what_ours_generates(search, norm_first):
    torch.manual_seed(0)
    ours = Transformer(TransformerConfig(11, 13, 8, 2, 2, 12, norm_first=norm_first)).eval()
    source = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0], [10, 0, 0, 0]])
    generated = search(ours, source, 6)
    assert search(TorchTransformer(ours), source, 6) == generated
    assert max(map(len, generated)) == 6


def test_the_command_prints_a_table(tiny, capsys):
    main(["bench", "models", "--seconds", "0.000001", "--device", "cpu"])
    environment, head, *rows = capsys.readouterr().out.splitlines()
    assert environment.startswith(f"torch: {torch.__version__}, transformers: 5.")
    assert f"threads: {torch.get_num_threads()}, device: " in environment
    assert head.split() == ["ours", "theirs", "ratio", "times", "peer"]
    for row, (model, work, peer) in zip(rows, ROWS, strict=True):
        assert row.startswith(f"{model}, {work} ")
        assert row.endswith(f"   {peer}")
        assert row.count(" ms ") == 2


def test_the_command_prints_json(tiny, monkeypatch, capsys):
    monkeypatch.setattr(stages, "MOMENT", 600)  # else a slow machine announces its stages
    main(["bench", "models", "--seconds", "0.000001", "--device", "cpu", "--json"])
    output = capsys.readouterr()
    assert output.err == ""
    results = [json.loads(line) for line in output.out.splitlines()]
    assert [(result["model"], result["work"], result["peer"]) for result in results] == ROWS
    for result in results:
        assert result["ratio"] == result["ours"] / result["theirs"]
        assert result["machine"].keys() == {"torch", "transformers", "threads", "device", "clock"}
        assert all(result["machine"].values())


def test_a_peer_that_is_not_installed_is_not_measured(tiny, without_transformers, capsys):
    main(["bench", "models", "--seconds", "0.000001", "--device", "cpu"])
    environment, _, *rows = capsys.readouterr().out.splitlines()
    assert "transformers: not installed" in environment
    assert ["not installed" in row for row in rows] == [False] * 2 + [True] * 5


@pytest.mark.on_cpu(reason="refuses before it computes")
@pytest.mark.parametrize("wrong", [["--seconds", "0"], ["--device", "nonsense"]])
def test_wrong_options_get_one_line(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "models", *wrong])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
