"""Runs that an earlier version saved are still loaded, and resumed where they stopped.

`old_files/` was written before modules and settings got their present names. Each folder is a run
stopped after 2 of its 4 steps; its `expected.json` holds logits that the old version computed.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch

from attention.tasks.architectures import ARCHITECTURES
from attention.tasks.old_files import current_tensors
from attention.tasks.runs import LanguageModelRun, MaskedLMRun, Run, TranslationRun
from tests.device.plugin import DEVICE

OLD_FILES = Path(__file__).parent / "old_files"
KINDS: dict[str, type[Run]] = {
    **dict.fromkeys(ARCHITECTURES, TranslationRun),
    "gpt": LanguageModelRun,
    "llama": LanguageModelRun,
    "bert": MaskedLMRun,
}


@pytest.fixture(params=KINDS)
def run(request, tmp_path, monkeypatch) -> Run:
    shutil.copytree(OLD_FILES, tmp_path / "old_files")
    monkeypatch.chdir(tmp_path / "old_files")  # run.json names its data relative to it
    return KINDS[request.param].resume(Path(request.param), DEVICE)


def test_an_old_run_gives_the_outputs_that_the_old_version_gave(run):
    expected = json.loads((run.folder / "expected.json").read_text(encoding="utf-8"))
    assert run.trainer.step == expected["step"] == 2
    if "text" in expected:
        assert run.task.translate([expected["source"]])[0].text == expected["text"]
    if "logits" in expected:
        inputs = [torch.tensor(expected[k]) for k in ("ids", "target_ids") if k in expected]
        with torch.inference_mode():
            logits = run.task.model(*inputs)[0, -1]
        torch.testing.assert_close(logits, torch.tensor(expected["logits"]), rtol=0, atol=1e-6)


@pytest.mark.on_cpu(reason="reads and writes files")
def test_an_old_run_keeps_its_training_settings(run):
    config = run.trainer.config
    assert (config.steps, config.warmup, config.max_grad_norm) == (4, 1, 1.0)
    if run.task.arch == "transformer":
        assert (config.label_smoothing, config.average_fraction) == (0.1, 0.75)
    assert config.tokens_per_batch == (40 if isinstance(run, TranslationRun) else 64)


def test_an_old_run_trains_to_its_last_step_and_is_saved_by_the_present_names(run):
    before = {name: tensor.clone() for name, tensor in run.trainer.state_dict().items()}
    assert len(list(run.steps())) == 2
    again = type(run).resume(run.folder, DEVICE)
    assert again.trainer.step == 4
    state = again.trainer.state_dict()
    assert state.keys() == before.keys() == current_tensors(state).keys()
    assert any(not torch.equal(state[name], before[name]) for name in state if name != "step")
    if name := next((name for name in state if name.endswith("exp_avg")), None):
        step = state[name.removesuffix("exp_avg") + "step"]
        assert step == 4, "the optimizer state is that of the old run"
