"""`attention translate`: translate sentences with a trained translator."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from attention.cli import console, text_io
from attention.cli.compute import DEFAULT_COMPUTE, ComputeOptions
from attention.cli.model_kind import check_kind
from attention.cli.options import FLAG, JSON, TranslatorFolder, check_ranges
from attention.errors import BadInput
from attention.tasks.decoding import Search
from attention.tasks.translation import Translator
from attention.tokenizers.words import split_words

__all__ = ["load_translator", "translate"]

HINT = 'give a sentence: attention translate RUN "They arrived late ."'


def translate(
    run: TranslatorFolder,
    sentences: Annotated[list[str] | None, FLAG] = None,
    /,
    *,
    source: Annotated[Path | None, Parameter(name="--input")] = None,
    output: Path | None = None,
    beam: int = 1,
    n_best: int | None = None,
    length_penalty: float | None = None,
    max_length: int = 500,
    batch_size: int = 100,
    attention: Path | None = None,
    as_json: Annotated[bool, JSON] = False,
    compute: ComputeOptions = DEFAULT_COMPUTE,
) -> None:
    """Translate sentences, or the lines of a file or of standard input.

    Args:
        sentences: What to translate, each in quotes; without any, lines are read from --input or
            standard input, and a blank line gives a blank line.
        source: Translate the lines of this file.
        output: Write the translations into this file, all of them or, if anything fails, none.
        beam: Beam size: how many hypotheses beam search keeps. 1 is greedy decoding, which takes
            the most probable token at each step.
        n_best: Print this many hypotheses of each sentence, the best first, each with the number
            of its sentence and its score: its log-probability, normalised by its length.
        length_penalty: Exponent of the length by which beam search divides the log-probability of
            a hypothesis; 1 unless given, and 0 prefers short translations.
        max_length: The most tokens of a sentence that are translated.
        batch_size: Lines that are read, and translated together, before the first of them is
            printed; 1 answers every line at once.
        attention: Draw the attention weights into this file (.svg, .png, .pdf); one sentence.
        as_json: One JSON object a sentence: source and target tokens, text and attention weights;
            with --n-best also hypotheses, each with its text, its tokens and its score.
    """
    _check_options(beam, n_best, length_penalty, max_length, batch_size)
    _check_sentences(sentences, source)
    search = Search(beam, n_best, 1.0 if length_penalty is None else length_penalty, max_length)
    with ExitStack() as stack:
        lines: Iterable[str] = sentences or text_io.iterate_lines(
            stack.enter_context(text_io.open_input(source, HINT)), str(source or "standard input")
        )
        if attention:
            lines = _single(lines)
            console.check_figure_format(attention)
        translator = load_translator(run, compute)
        file = stack.enter_context(text_io.open_output(output))
        translations = translator.stream(_warned(translator, lines, max_length), search, batch_size)
        total = len(lines) if isinstance(lines, list) else None
        for number, translation in enumerate(console.progress(translations, total), start=1):
            if attention:
                console.save_attention(translation, attention)
            console.print_translation(translation, as_json, number, file)


def _check_options(
    beam: int, n_best: int | None, length_penalty: float | None, max_length: int, batch_size: int
) -> None:
    check_ranges(
        {
            "beam": beam,
            "n_best": n_best,
            "length_penalty": length_penalty,
            "max_length": max_length,
            "batch_size": batch_size,
        }
    )
    if n_best is not None and n_best > beam:
        raise BadInput(f"--n-best {n_best}: needs a beam of as many hypotheses: --beam {n_best}")
    if length_penalty is not None and beam == 1:
        raise BadInput("--length-penalty: beam search uses it; give a --beam of 2 or more")


def _check_sentences(sentences: list[str] | None, source: Path | None) -> None:
    if sentences:
        text_io.check_text("sentence", *sentences)
        if source:
            raise BadInput(f"--input {source}: sentences are given too; leave one of them out")
        if not any(map(split_words, sentences)):
            raise BadInput("an empty sentence: there is nothing to translate")


def _single(lines: Iterable[str]) -> list[str]:
    """The only line, of which the attention weights are to be drawn."""
    lines = list(lines) if isinstance(lines, list) else list(islice(lines, 2))
    if len(lines) != 1:
        raise BadInput(f"--attention draws one sentence, and {len(lines)} were given")
    return lines


def _warned(translator: Translator, lines: Iterable[str], max_length: int) -> Iterator[str]:
    """The same lines, each after a warning of what in it can't be translated well."""
    several = not (isinstance(lines, list) and len(lines) == 1)
    for number, line in enumerate(lines, start=1):
        where = f"sentence {number}: " if several else ""
        console.warn_about_input(translator, line, where, max_length)
        yield line


def load_translator(run: Path, compute: ComputeOptions) -> Translator:
    """Load the translator of a folder onto its device.

    Raises:
        BadInput: The folder holds no translator.
    """
    compute.start()
    check_kind(run, "translate")
    translator = Translator.load(run)
    compute.prepare(translator.model)
    return translator
