"""The `attention` command: its subcommands by name, and the exit code it ends with."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import Any

from cyclopts import App, CycloptsError, UnknownOptionError

from attention.cli import text_io
from attention.cli.bench import bench_models, bench_translation
from attention.cli.evaluate import evaluate
from attention.cli.fill import fill
from attention.cli.generate import generate
from attention.cli.search import search
from attention.cli.train_language import train_language
from attention.cli.train_translation import train_translation
from attention.cli.translate import translate
from attention.errors import BadInput, NonFiniteLoss, first_line

__all__ = ["EXAMPLES", "app", "main"]

# What stands at the end of each `--help`, without the `attention` in front.
EXAMPLES = {
    "train translation": "train translation --arch transformer --data toy --out runs/t",
    "train language": "train language --arch gpt --data chapters.txt --out runs/gpt",
    "translate": 'translate runs/t "They arrived late ." --beam 5 --n-best 3',
    "evaluate": "evaluate runs/t --data toy-test --json",
    "generate": 'generate runs/gpt "The query" --tokens 40 --top-p 0.9 --samples 3',
    "fill": 'fill runs/bert "the [MASK] economic area" --top 3',
    "search": 'search runs/bert "why divide by a square root" notes.md --index notes.index',
    "bench translation": "bench translation --seconds 30 --plot bleu.svg",
    "bench models": "bench models --seconds 5 --threads 1",
}


def _version() -> str:
    try:
        return metadata.version("attention-in-transformers")
    except metadata.PackageNotFoundError:  # used from a checkout, without an installation
        return "of a checkout that is not installed"


app = App(
    name="attention",
    help="Train, use and measure the models of *Attention in Transformers with PyTorch*.",
    help_epilogue="Begin with: attention train translation --data toy --out runs/first",
    version=lambda: f"attention {_version()}",
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # so that `main` alone decides how the command ends
)
train = App(name="train", help="Train a model and save it in a folder.", help_epilogue="")
bench = App(name="bench", help="Measure models side by side, in one run.", help_epilogue="")


def _add(parent: App, command: Any, name: str) -> None:
    example = f"Example: attention {EXAMPLES[name]}"
    parent.command(command, name=name.split()[-1], help_epilogue=example)


app.command(train)
_add(train, train_translation, "train translation")
_add(train, train_language, "train language")
for command in (translate, evaluate, generate, fill, search):
    _add(app, command, command.__name__)
app.command(bench)
_add(bench, bench_translation, "bench translation")
_add(bench, bench_models, "bench models")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process.

    Raises:
        SystemExit: 2 for bad input and 1 for training that diverges, after one line on standard
            error; 2 where standard output can't be written; 130 for Ctrl-C, as shells report a
            process that SIGINT has ended.
    """
    code = 0
    try:
        text_io.prepare_streams()
        app(arguments, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except BrokenPipeError:  # whatever read our output has closed it, as `head` does
        pass
    except KeyboardInterrupt:
        code = 130
    except (BadInput, CycloptsError, OSError, MemoryError, RuntimeError, NonFiniteLoss) as error:
        if type(error) is RuntimeError and not _is_out_of_memory(error):
            raise
        code = 1 if isinstance(error, NonFiniteLoss) else 2
        with suppress(OSError):
            print(f"attention: {_message(error)}", file=sys.stderr)
    _discard_output_that_cannot_be_written()
    if code:
        sys.exit(code)


def _message(error: Exception) -> str:
    """What is wrong, in one line."""
    if isinstance(error, MemoryError | RuntimeError):
        return f"not enough memory ({first_line(error)})"
    if isinstance(error, UnknownOptionError):
        typed = error.token.keyword or error.token.value
        if " " in typed:  # a sentence, such as a line of dialogue
            return f"{typed!r} begins with a hyphen, so give it after all options, behind a --"
    return " ".join(str(error).split())


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch, whose CPU allocator has no error type of its own, couldn't get memory."""
    return any(words in str(error) for words in ("allocate memory", "not enough memory"))


def _discard_output_that_cannot_be_written() -> None:
    """Keep the interpreter from trying again, at exit, to write what standard output refuses."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
