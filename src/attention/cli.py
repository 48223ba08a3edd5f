"""The `attention` command: train a translator, use it, measure it."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from cyclopts import App, CycloptsError, Parameter

from attention import console
from attention.errors import BadInput
from attention.evaluation import evaluate
from attention.runs import TranslationRun, choose_device, read_data
from attention.text import split_words
from attention.training import TrainingConfig
from attention.translation import Translator

__all__ = ["app", "main"]

app = App(
    name="attention",
    help="Train, use and measure the models of *Attention in Transformers with PyTorch*.",
    help_epilogue="Begin with: attention train translation --data toy --out runs/first",
    version_flags=[],
    result_action="return_value",
)
train = App(name="train", help="Train a model and keep it in a folder.")
app.command(train)

Many = Parameter(consume_multiple=True, negative=())
Run = Annotated[Path, Parameter(help="The folder that `attention train` made.")]


@train.command(name="translation")
def train_translation(
    *,
    out: Path,
    arch: Literal["bahdanau"] | None = None,
    data: Annotated[list[str] | None, Many] = None,
    valid: Annotated[list[str] | None, Many] = None,
    steps: int | None = None,
    tokens: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    device: str | None = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Train a translator from pairs of sentences.

    Ctrl-C stops between two steps and keeps what was learned; the same command with --resume
    goes on to the very weights that an unbroken run would have reached.

    Args:
        out: Folder for the translator.
        arch: bahdanau (the default): a GRU encoder-decoder with additive attention.
        data: toy (the default), the built-in English-French grammar; or FILE FILE, two files
            whose lines translate each other; or FILE, tab-separated, further columns ignored.
        valid: Pairs to measure the trained translator on, given like --data.
        steps: Updates of the weights; 2000 unless given.
        tokens: Target tokens in each update; 500 unless given.
        lr: Highest learning rate; 0.004 unless given.
        seed: Start of all randomness; 0 unless given.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
        resume: Go on with the run in --out where it stopped.
    """
    given: dict[str, Any] = {"steps": steps, "tokens": tokens, "lr": lr, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    _must_be_positive(given)
    device = choose_device(device)
    valid_pairs = read_data(valid, "valid") if valid else None
    if resume:
        run = TranslationRun.resume(out, device)
        _must_agree(run, given | {"arch": arch, "data": data})
    else:
        config = TrainingConfig(**given)
        run = TranslationRun.begin(out, arch or "bahdanau", data or ["toy"], config, device)
    console.train_to_the_end(run)
    if valid_pairs:
        console.print_scores(evaluate(run.translator, valid_pairs), as_json=False)


@app.command
def translate(
    run: Run,
    sentences: Annotated[list[str] | None, Parameter(negative=())] = None,
    /,
    *,
    beam: int = 1,
    attention: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    device: str | None = None,
) -> None:
    """Translate sentences, or the lines of standard input.

    Args:
        sentences: What to translate, each in quotes; without any, lines are read from standard
            input, and a blank line gives a blank line.
        beam: Beginnings of a translation that are kept alive; 1 takes the best word each time.
        attention: Draw where the model looked into this file (.svg, .png, .pdf); one sentence.
        as_json: One JSON object a sentence: source, target, text and attention.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    _must_be_positive({"beam": beam})
    translator = Translator.load(run)
    translator.model.to(choose_device(device))
    lines = sentences or console.lines_of_standard_input()
    if sentences and not any(map(split_words, sentences)):
        raise BadInput("an empty sentence: there is nothing to translate")
    if attention and len(lines) != 1:
        raise BadInput(f"--attention draws one sentence, and {len(lines)} were given")
    console.warn_of_surprises(translator, lines)
    translations = translator.translate(lines, beam)
    for translation in translations:
        console.print_translation(translation, as_json)
    if attention:
        console.draw_attention(translations[0], attention)


@app.command(name="evaluate")
def evaluate_command(
    run: Run,
    /,
    *,
    data: Annotated[list[str] | None, Many] = None,
    beam: int = 1,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    device: str | None = None,
) -> None:
    """Measure a translator: BLEU, chrF, exact match, and alignment error where gold is known.

    Args:
        data: toy-test (the default) or toy-valid; or FILE FILE; or FILE, tab-separated.
        beam: Beginnings of a translation that are kept alive; 1 takes the best word each time.
        as_json: One JSON object with all of it.
        device: cpu, cuda, mps ...; a CUDA device if there is one, else the CPU.
    """
    _must_be_positive({"beam": beam})
    translator = Translator.load(run)
    translator.model.to(choose_device(device))
    pairs = read_data(data or ["toy-test"], "test")
    console.print_scores(evaluate(translator, pairs, beam), as_json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; bad input gets one line on standard error and exit code 2."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # models this small run faster on one core than on a shared few
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except (BadInput, CycloptsError) as error:
        line = " ".join(str(error).split())
        print(f"attention: {line}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _must_be_positive(numbers: dict[str, Any]) -> None:
    for name, value in numbers.items():
        if value < 0 or (value == 0 and name != "seed"):
            raise BadInput(
                f"--{name} {value}: must be {'0 or more' if name == 'seed' else 'above 0'}"
            )


def _must_agree(run: TranslationRun, given: dict[str, Any]) -> None:
    settings = asdict(run.trainer.config) | {"arch": run.translator.arch, "data": run.data}
    for name, value in given.items():
        if value is not None and value != settings[name]:
            raise BadInput(
                f"--{name} {value}: the run in {run.folder} began with {settings[name]}, "
                "and --resume keeps its settings"
            )
