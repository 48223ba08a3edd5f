"""`attention evaluate`: measure a trained translator."""

from typing import Annotated

from attention.cli import tables
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.options import JSON, MANY, TranslatorFolder, check_ranges
from attention.cli.translate import load_translator
from attention.data.parallel import load_pairs
from attention.evaluation.metrics import evaluate_translator

__all__ = ["evaluate"]


def evaluate(
    run: TranslatorFolder,
    /,
    *,
    data: Annotated[list[str] | None, MANY] = None,
    beam: int = 1,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Measure a translator: BLEU, chrF, exact match, and alignment error rate.

    The alignment error rate needs gold alignments, which only the toy corpus has.

    Args:
        data: toy-test (the default) or toy-valid; or FILE FILE; or FILE, tab-separated.
        beam: Beam size: how many hypotheses beam search keeps. 1 is greedy decoding, which takes
            the most probable token at each step.
        as_json: One JSON object with all scores.
    """
    check_ranges({"beam": beam})
    translator = load_translator(run, compute)
    pairs = load_pairs(data or ["toy-test"], "test")
    scores = evaluate_translator(translator, pairs, beam)
    tables.print_translation_scores(scores, as_json)
