"""Every public function and module computes on the device of its tensors and of its model.

The walk runs on a GPU where `ATTENTION_DEVICE` chooses one, else on the stand-in. It runs twice.
With the CPU as torch's default device, a forgotten `device=` leaves a tensor behind on the CPU.
With the device as the default, as on a page that chooses it, a generator of the CPU is refused.
"""

import inspect
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

import attention

from . import standin
from .plugin import DEVICE as CHOSEN
from .walk import CASES, DEVICE, check_place, check_values, results

FOLLOWING = [name for name, case in CASES.items() if case.follows_dtype]
ELSEWHERE = {
    "benchmarks": "measured on the device that is asked for",
    "cli": "the commands, of text and files",
    "exercises": "run as blocks of pages are",
    "tokenizers": "of text",
    "data": "of text",
    "errors": "of text",
    "shapes": "names alone",
}
WITHOUT_TENSORS = {
    "has no body: the classes that have it run": """
        attention.generation.beam_search.Autoregressive.prefill
        attention.generation.beam_search.Autoregressive.decode_step
        attention.layers.recurrent_attention.Attention.keys
        attention.layers.recurrent_attention.Attention.scores
        attention.models.causal_lm.CausalLM.embed
        attention.models.causal_lm.CausalLM.logits
        attention.models.rnn.encoder_decoder.RNNDecoder.initial_state
        attention.models.rnn.encoder_decoder.RNNDecoder.step
        attention.models.rnn.encoder_decoder.RNNDecoder.logits
    """,
    "of texts, names and numbers": """
        attention.generation.stop_strings.until_stop
        attention.hub.loader.PretrainedFiles.error
        attention.inspection.fonts.missing_characters
        attention.inspection.plots.bleu_by_length
        attention.tasks.language_modelling.LanguageModel.n_parameters
        attention.tasks.run_data.check_held_out attention.tasks.run_data.count_in_both
        attention.tasks.run_folder.RunFolder.prune
        attention.tasks.start_summary.StartSummary.lines
        attention.tasks.training_run.TrainingRun.data
        attention.tasks.training_run.TrainingRun.locked
        attention.tasks.training_run.TrainingRun.subwords
        attention.tasks.training_run.TrainingRun.valid
        attention.tasks.translation.Translator.n_parameters
    """,
    "of a package that may not be installed": """
        attention.training.metrics_log.TensorBoardLog.__call__
        attention.training.metrics_log.summary_writer
    """,
}


@pytest.fixture(scope="module", autouse=True)
def device() -> Iterator[None]:
    if DEVICE == standin.NAME:
        standin.install()
    yield
    torch.set_default_device(None if CHOSEN == "cpu" else CHOSEN)


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """The results of each case on the CPU; and all functions of the package that have run there."""
    package, names = str(Path(attention.__file__).parent), set()

    def note(frame: Any, event: str, _: Any) -> None:
        if frame.f_code.co_filename.startswith(package):
            names.add((frame.f_globals["__name__"], frame.f_code.co_qualname))

    tracer = sys.gettrace()
    sys.settrace(note)
    try:
        found = {
            name: results(case, tmp_path_factory.mktemp(name), "cpu", torch.float32, "cpu")
            for name, case in CASES.items()
        }
    finally:
        sys.settrace(tracer)
    return found, names


@pytest.mark.parametrize("name", CASES)
def test_results_are_where_the_model_is_and_equal_those_of_the_cpu(
    name: str, tmp_path: Path, on_cpu: Any
):
    case, dtype = CASES[name], torch.float32
    found = results(case, tmp_path, DEVICE, dtype, default="cpu")
    check_place(case, found, dtype, default="cpu")
    check_values(case, found, on_cpu[0][name], dtype)


@pytest.mark.parametrize("name", CASES)
def test_results_are_there_too_where_the_device_is_the_default(name: str, tmp_path: Path):
    """Its generator draws other numbers than the CPU's, so the values are not compared."""
    found = results(CASES[name], tmp_path, DEVICE, torch.float32, default=DEVICE)
    check_place(CASES[name], found, torch.float32, default=DEVICE)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", FOLLOWING)
def test_results_have_the_dtype_of_the_model(name: str, dtype: torch.dtype, tmp_path: Path):
    case = CASES[name]
    found = results(case, tmp_path, DEVICE, dtype, default="cpu")
    check_place(case, found, dtype, default="cpu")
    check_values(case, found, results(case, tmp_path, "cpu", dtype, default="cpu"), dtype)


def public() -> Iterator[tuple[str, str]]:
    """Every public function and method, by module and name."""
    for module in pkgutil.walk_packages(attention.__path__, "attention."):
        if module.name.split(".")[1] in ELSEWHERE and module.name != "attention.data.batching":
            continue
        for name in getattr(import_module(module.name), "__all__", ()):
            one = getattr(import_module(module.name), name)
            if inspect.isfunction(one):
                yield inspect.unwrap(one).__module__, name
            elif inspect.isclass(one):
                yield from ((one.__module__, f"{name}.{each}") for each in methods(one))


def methods(cls: type) -> Iterator[str]:
    for name, value in vars(cls).items():
        is_method = inspect.isfunction(value) or isinstance(value, (property, classmethod))
        if is_method and (name == "__call__" or not name.startswith("_")):
            yield name


def test_every_public_function_and_method_runs_in_the_walk(on_cpu: Any):
    """One that is new needs a case, or a line in the table of those that take no tensors."""
    excepted = {name for names in WITHOUT_TENSORS.values() for name in names.split()}
    assert {f"{module}.{name}" for module, name in set(public()) - on_cpu[1]} == excepted
