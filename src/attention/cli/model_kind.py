"""Whether a command can use the model that a folder holds."""

import os
from pathlib import Path

from attention.checkpoints import load_json
from attention.errors import BadInput

__all__ = ["check_kind"]

NAMES = {"translator": "a translator", "gpt2": "a GPT", "llama": "a Llama", "bert": "a BERT"}
TRANSLATOR = {"translator"}, "a translator (attention train translation)"
CAUSAL = {"gpt2", "llama"}, "a causal language model (attention train language --arch gpt)"
MASKED = {"bert"}, "a masked language model (attention train language --arch bert)"
NEEDS = {
    "translate": TRANSLATOR,
    "generate": CAUSAL,
    "fill": MASKED,
    "search": MASKED,
    "train translation": TRANSLATOR,
    "train language": (CAUSAL[0] | MASKED[0], "a GPT, a Llama or a BERT"),
    "evaluate": (TRANSLATOR[0] | CAUSAL[0], "a translator, a GPT or a Llama"),
}


def check_kind(run: str | os.PathLike[str], command: str) -> None:
    """Refuse the model of a folder that a command can't use, and say which kind it needs.

    A model on the hub, and whatever is no model that we know, is left to the one that loads it.

    Raises:
        BadInput: The folder holds another kind of model.
    """
    kind, (usable, needed) = _kind_of(Path(run)), NEEDS[command]
    if kind in NAMES and kind not in usable:
        raise BadInput(
            f"{run} holds {NAMES[kind]}, which {command} cannot use: {command} needs {needed}"
        )


def _kind_of(folder: Path) -> str:
    if (folder / "translator.json").is_file():
        return "translator"
    config = folder / "config.json"
    return str(load_json(config).get("model_type")) if config.is_file() else ""
