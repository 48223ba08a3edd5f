"""`attention fill`: predict the masked tokens of a text."""

from typing import Annotated

from cyclopts import Parameter

from attention.cli import text_io
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.model_kind import check_kind
from attention.cli.options import JSON, check_ranges
from attention.tasks.masked_lm import MaskedLM, Prediction, fill_mask

__all__ = ["fill"]

Model = Annotated[
    str,
    Parameter(help="The folder that `attention train language --arch bert` made; or any BERT: its "
    "folder, or its name on the Hugging Face hub, like bert-base-uncased."),
]  # fmt: skip


def fill(
    run: Model,
    text: str,
    /,
    *,
    top: int = 5,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Predict the tokens that a text has in place of each [MASK].

    Args:
        text: In quotes, with one [MASK] or several: "the [MASK] economic area".
        top: How many predictions to show for each [MASK], the most probable first.
        as_json: One JSON object: text, with every [MASK] replaced by its most probable token, and
            predictions, a list for each [MASK].
    """
    check_ranges({"top": top})
    text_io.check_text("text", text)
    check_kind(run, "fill")
    compute.start()
    masked_lm = MaskedLM.load(run)
    compute.prepare(masked_lm.model)
    predictions = fill_mask(masked_lm.model, masked_lm.tokenizer, text, top)
    best = [candidates[0].token for candidates in predictions]
    filled = masked_lm.tokenizer.replace_masks(text, best)
    if as_json:
        rows = [[one._asdict() for one in candidates] for candidates in predictions]
        text_io.print_json({"text": filled, "predictions": rows})
    else:
        _print(filled, predictions)


def _print(filled: str, predictions: list[list[Prediction]]) -> None:
    print(filled)
    for number, candidates in enumerate(predictions, start=1):
        print(f"[MASK] {number}" if len(predictions) > 1 else "")
        for token, probability in candidates:
            print(f"  {probability:.3f}  {token}")
