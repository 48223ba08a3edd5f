"""`attention evaluate`: measure a trained translator or a language model."""

from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from attention.checkpoints import load_json
from attention.cli import console, tables
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.model_kind import check_kind
from attention.cli.options import JSON, MANY, check_ranges
from attention.cli.stages import announced, say
from attention.cli.translate import load_translator
from attention.data.parallel import load_pairs
from attention.data.prose import read_texts
from attention.errors import BadInput
from attention.evaluation.metrics import evaluate_language_model, evaluate_translator
from attention.tasks.language_modelling import LanguageModel
from attention.tasks.run_settings import RunSettings

__all__ = ["evaluate"]

Model = Annotated[
    str,
    Parameter(help="The folder that `attention train` made; or any GPT-2 or Llama: its folder, or "
    "its name on the Hugging Face hub, like gpt2."),
]  # fmt: skip


def evaluate(
    run: Model,
    /,
    *,
    data: Annotated[list[str] | None, MANY] = None,
    beam: int = 1,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Measure a translator or a language model on held-out data.

    A translator: BLEU, chrF, exact match, and alignment error rate, which needs gold alignments;
    only the toy corpus has them. A language model: loss per token, perplexity, and bits per byte,
    which can be compared between vocabularies.

    Args:
        data: Translators: toy-test, toy-valid; or FILE FILE; or FILE, tab-separated. Language
            models: FILE ..., text in UTF-8; toy-test, toy-valid, or book. Of a run on toy,
            toy-test unless given.
        beam: Translators: how many hypotheses beam search keeps. 1 is greedy decoding, which
            takes the most probable token at each step.
        as_json: One JSON object with all scores.
    """
    check_ranges({"beam": beam})
    compute.start()
    check_kind(run, "evaluate")
    data = data or _held_out_data(Path(run))
    if (Path(run) / "translator.json").exists():
        _evaluate_translator(Path(run), data, beam, as_json, compute)
        return
    if beam != 1:
        raise BadInput("--beam goes with a translator; a language model is measured without search")
    with announced():
        say(f"reading {' '.join(data)}")
        texts = read_texts(data)
        say(f"loading {run}")
        language_model = LanguageModel.load(run)
        compute.prepare(language_model.model)
        say("encoding the texts, and measuring")
    track = partial(console.progress, unit="window")
    scores = evaluate_language_model(language_model, texts, track)
    tables.print_language_scores(scores, as_json, data)


def _evaluate_translator(
    run: Path, data: list[str], beam: int, as_json: bool, compute: ComputeOptions
) -> None:
    with announced():
        say(f"reading {' '.join(data)}")
        pairs = load_pairs(data, "test")
        say(f"loading {run}")
        translator = load_translator(run, compute)
    scores = evaluate_translator(translator, pairs, beam, console.progress)
    tables.print_translation_scores(scores, as_json, data)


def _held_out_data(run: Path) -> list[str]:
    """The data that a run is measured on unless other data is named.

    Raises:
        BadInput: There is none: it was trained on something else than the toy corpus.
    """
    if not run.is_dir():
        raise BadInput(f"{run}: no such folder; with a name on the hub, name the --data too")
    other, settings = "not a run on the toy corpus", run / "run.json"
    if settings.is_file():
        sources = RunSettings.from_dict(load_json(settings)).sources
        trained_on = [source.name for source in sources]
        if trained_on in (["toy"], ["toy-train"]):
            return ["toy-test"]
        other = f"trained on {' '.join(trained_on)}"
    raise BadInput(f"{run}: {other}; name held-out data of its kind with --data")
