"""The `attention` command: its subcommands by name, and how it ends."""

import os
import sys
from collections.abc import Sequence

import torch
from cyclopts import App, CycloptsError

from attention.cli import bench as comparison
from attention.cli import search as reading
from attention.cli import train_language as language
from attention.cli import train_translation as translation
from attention.errors import BadInput

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
train.command(translation.train_translation, name="translation")
train.command(language.train_language, name="language")
app.command(translation.translate)
app.command(translation.evaluate)
app.command(language.generate)
app.command(reading.fill_gaps, name="fill")
app.command(reading.search_texts, name="search")
bench = App(name="bench", help="Measure models side by side, in one run.")
app.command(bench)
bench.command(comparison.compare_translators, name="translation")
bench.command(comparison.compare_models, name="models")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; bad input gets one line on standard error and exit code 2."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # models this small run faster on one core than on a shared few
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (BadInput, CycloptsError, OSError) as error:
        line = " ".join(str(error).split())
        print(f"attention: {line}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
