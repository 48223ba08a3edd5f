"""The `attention` command: its subcommands by name, and the exit code it ends with."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from attention.cli.bench import bench_models, bench_translation
from attention.cli.evaluate import evaluate
from attention.cli.fill import fill
from attention.cli.generate import generate
from attention.cli.search import search
from attention.cli.train_language import train_language
from attention.cli.train_translation import train_translation
from attention.cli.translate import translate
from attention.errors import BadInput, NonFiniteLoss

__all__ = ["app", "main"]

app = App(
    name="attention",
    help="Train, use and measure the models of *Attention in Transformers with PyTorch*.",
    help_epilogue="Begin with: attention train translation --data toy --out runs/first",
    version_flags=[],
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # so that `main` alone decides how the command ends
)
train = App(name="train", help="Train a model and save it in a folder.")
app.command(train)
train.command(train_translation, name="translation")
train.command(train_language, name="language")
app.command(translate)
app.command(evaluate)
app.command(generate)
app.command(fill)
app.command(search)
bench = App(name="bench", help="Measure models side by side, in one run.")
app.command(bench)
bench.command(bench_translation, name="translation")
bench.command(bench_models, name="models")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process.

    Raises:
        SystemExit: 2 for bad input, and 1 for training that has diverged, after one line on
            standard error; 130 for Ctrl-C, as shells
            report a process that SIGINT has ended.
    """
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except BrokenPipeError:  # whatever read our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (BadInput, CycloptsError, OSError) as error:
        line = " ".join(str(error).split())
        print(f"attention: {line}", file=sys.stderr)
        sys.exit(2)
    except NonFiniteLoss as error:
        print(f"attention: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
