"""Runs of language models in folders: stopped and resumed."""

import pytest

from attention.tasks.runs import LanguageModelRun
from attention.training.trainer import TrainingConfig

TEXT = "The agreement on the European Economic Area was signed in August 1992 .\n" * 8
SIZES = {"d_model": 16, "n_heads": 2, "n_layers": 1, "max_len": 16}


@pytest.mark.parametrize("arch", ["gpt", "llama"])
def test_a_stopped_run_reaches_the_same_weights(tmp_path, arch):
    (tmp_path / "text").write_text(TEXT)
    config = TrainingConfig(steps=5, tokens_per_batch=64, seed=3)
    start = arch, [str(tmp_path / "text")], config, "cpu", 260
    unbroken = LanguageModelRun.begin(tmp_path / "one", *start, **SIZES)
    assert len(list(unbroken.steps())) == 5
    steps = LanguageModelRun.begin(tmp_path / "two", *start, **SIZES).steps()
    next(steps), next(steps)
    steps.close()
    resumed = LanguageModelRun.resume(tmp_path / "two", "cpu")
    assert len(list(resumed.steps())) == 3
    for name in ("training.safetensors", "model.safetensors", "config.json", "tokenizer.json"):
        files = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert len(set(files)) == 1, name
