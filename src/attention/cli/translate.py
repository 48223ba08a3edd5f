"""`attention translate`: translate sentences with a trained translator."""

from pathlib import Path
from typing import Annotated

from attention.checkpoints import load_json
from attention.cli import console
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.options import FLAG, JSON, TranslatorFolder, check_ranges
from attention.errors import BadInput
from attention.tasks.translation import Translator
from attention.tokenizers.words import split_words

__all__ = ["load_translator", "translate"]


def translate(
    run: TranslatorFolder,
    sentences: Annotated[list[str] | None, FLAG] = None,
    /,
    *,
    beam: int = 1,
    attention: Path | None = None,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Translate sentences, or the lines of standard input.

    Args:
        sentences: What to translate, each in quotes; without any, lines are read from standard
            input, and a blank line gives a blank line.
        beam: Beam size: how many hypotheses beam search keeps. 1 is greedy decoding, which takes
            the most probable token at each step.
        attention: Draw the attention weights into this file (.svg, .png, .pdf); one sentence.
        as_json: One JSON object a sentence: source and target tokens, text and attention weights.
    """
    check_ranges({"beam": beam})
    translator = load_translator(run, compute)
    lines = sentences or console.read_stdin_lines()
    if sentences and not any(map(split_words, sentences)):
        raise BadInput("an empty sentence: there is nothing to translate")
    if attention and len(lines) != 1:
        raise BadInput(f"--attention draws one sentence, and {len(lines)} were given")
    console.warn_about_input(translator, lines)
    translations = translator.translate(lines, beam)
    for translation in translations:
        console.print_translation(translation, as_json)
    if attention:
        console.save_attention(translations[0], attention)


def load_translator(run: Path, compute: ComputeOptions) -> Translator:
    """Load the translator of a folder onto its device.

    Raises:
        BadInput: The folder holds no translator; where it holds another model, the message names
            the commands for that one.
    """
    compute.start()
    config = run / "config.json"
    if config.is_file() and not (run / "translator.json").exists():
        hint = "attention generate generates text with it"
        if load_json(config).get("model_type") == "bert":
            hint = "attention fill and attention search use it"
        elif (run / "run.json").exists():
            command = f"attention train language --out {run} --resume --valid FILE"
            hint += f", and `{command}` evaluates it"
        raise BadInput(f"{run}: holds a language model, not a translator; {hint}")
    translator = Translator.load(run)
    compute.prepare(translator.model)
    return translator
