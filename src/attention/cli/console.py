"""What the `attention` command shows a person: progress, warnings, and what models generate."""

import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from matplotlib.figure import Figure
from tqdm import tqdm

from attention.cli import text_io
from attention.errors import BadInput
from attention.inspection import fonts, plots
from attention.tasks.translation import Translation, Translator
from attention.tokenizers.words import split_words

__all__ = [
    "check_figure_format",
    "print_translation",
    "progress",
    "save_attention",
    "save_figure",
    "warn",
    "warn_about_input",
]

T = TypeVar("T")

LONG = 100  # words; no sentence that a translator of ours is trained on is nearly as long


def progress(items: Iterable[T], total: int | None, unit: str = "sentence") -> Iterator[T]:
    """The items, behind a progress bar on standard error if that is a terminal.

    There is no bar where the terminal shows the results themselves as they come.
    """
    hidden = not sys.stderr.isatty() or sys.stdout.isatty()
    yield from tqdm(items, total=total, unit=unit, mininterval=0.5, disable=hidden)


def warn(message: str) -> None:
    """Print a warning on standard error, above the progress bar if there is one."""
    tqdm.write(f"attention: {message}", file=sys.stderr)


def warn_about_input(
    translator: Translator, sentence: str, where: str = "", max_length: int | None = None
) -> None:
    """Warn of unknown words, and of a sentence that is too long to be translated well.

    Args:
        where: Which of several sentences it is; prepended to each warning.
        max_length: The most tokens that are translated.
    """
    if unknown := translator.source_tokenizer.unknown(sentence):
        names = ", ".join(dict.fromkeys(unknown))
        names = names if len(names) < 200 else f"{names[:200]} ..."
        warn(f"{where}not in the vocabulary: {names}")
    length = len(split_words(sentence))
    if length > LONG:
        warn(f"{where}{length:,} words; a sentence this long is rarely translated well")
    n_tokens = len(translator.source_tokenizer.encode(sentence))
    if max_length is not None and n_tokens > max_length:
        warn(
            f"{where}only the first {max_length:,} of {n_tokens:,} tokens are translated "
            "(--max-length)"
        )


def print_translation(
    translation: Translation, as_json: bool, number: int, file: Any = None
) -> None:
    """Print the translated sentence, or the whole `Translation` as one line of JSON.

    Where there are several hypotheses, each gets a line: the sentence's number, score and text.
    """
    if as_json:
        weights = translation.attention
        values = asdict(translation) | {"attention": None if weights is None else weights.tolist()}
        if not translation.hypotheses:
            del values["hypotheses"]
        text_io.print_json(values, file)
        return
    lines = [f"{number}\t{each.score:.4f}\t{each.text}" for each in translation.hypotheses]
    print("\n".join(lines or [translation.text]), file=file, flush=True)


def save_attention(translation: Translation, path: Path) -> None:
    """Draw the attention weights, in the format that the file's ending names.

    Raises:
        BadInput: The model has no attention or nothing to attend to, or `save_figure` fails.
    """
    if translation.attention is None:
        raise BadInput("this translator has no attention, so there are no weights to draw")
    if not (translation.source and translation.target):
        raise BadInput("an empty sentence or translation has no attention weights to draw")
    if missing := fonts.missing_characters([*translation.source, *translation.target]):
        warn(f"no installed font has {missing}: boxes are drawn instead")
    figure = plots.alignment(translation.attention, translation.source, translation.target)
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the file's ending names.

    Raises:
        BadInput: The file cannot be written, or matplotlib does not know the format.
    """
    check_figure_format(path)
    try:
        with warnings.catch_warnings():  # of the boxes, about which `save_attention` warns
            warnings.filterwarnings("ignore", r"Glyph .* missing from")
            figure.savefig(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be drawn ({error})") from error


def check_figure_format(path: Path) -> None:
    """Refuse a file whose ending names no format that matplotlib writes.

    Raises:
        BadInput: It has another ending, or none.
    """
    if path.suffix.lower().lstrip(".") not in Figure().canvas.get_supported_filetypes():
        raise BadInput(f"{path}: cannot be drawn; give a name that ends in .svg, .png or .pdf")
