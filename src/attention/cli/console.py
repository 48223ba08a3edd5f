"""What the `attention` command shows a person: progress, warnings, and what models generate."""

import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from attention.errors import BadInput
from attention.inspection import plots
from attention.tasks.runs import Run
from attention.tasks.translation import Translation, Translator
from attention.tokenizers.words import split_words

__all__ = [
    "print_stream",
    "print_translation",
    "read_stdin_lines",
    "save_attention",
    "save_figure",
    "train_with_progress",
    "warn_about_input",
]

LONG = 100  # words; no sentence that a translator of ours is trained on is nearly as long


def train_with_progress(
    run: Run, corpus_size: str, next_commands: Sequence[str], summary: Sequence[str] = ()
) -> None:
    """Train behind a progress bar, until all steps are done or Ctrl-C is pressed.

    Args:
        run: What to train; it is saved whenever training stops.
        corpus_size: The size of its corpus, in words.
        next_commands: Commands to suggest once it is trained.
        summary: Lines to print before training, about its data and its model.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the run has been saved between two steps.
    """
    trainer, start = run.trainer, time.process_time()
    total = trainer.config.steps
    if trainer.finished:
        print(f"{run.folder}: all {trainer.step:,} steps are done already")
        return
    threads = torch.get_num_threads()
    print(
        f"{run.folder}: {corpus_size}, {total:,} steps, {threads} thread{'s' * (threads > 1)}",
        file=sys.stderr,
    )
    print(*summary, sep="\n", end="\n" if summary else "", file=sys.stderr)
    loss = float("nan")
    with (
        _deferred_ctrl_c() as pressed,
        closing(run.steps()) as losses,
        tqdm(initial=trainer.step, total=total, unit="step", mininterval=0.5) as bar,
    ):
        for loss in losses:
            if bar.update():  # it has been drawn anew, so the loss is fetched no more often
                bar.set_postfix(loss=f"{loss:.3f}")
            if pressed:
                break
    if not trainer.finished:
        print(f"stopped after step {trainer.step:,}; saved in {run.folder}, and the same")
        print("command with --resume continues from there")
        raise KeyboardInterrupt
    best = getattr(trainer, "best", None)
    if best and best.weights:
        print(f"the weights of step {best.step:,} are kept: their validation loss is the lowest,")
        print(f"{best.loss:.3f}; after step {trainer.step:,} it was {best.last_loss:.3f}")
    seconds = time.process_time() - start
    print(f"{run.folder}: trained in {seconds:.0f} CPU-seconds, last loss {loss:.3f}. Now try")
    for command in next_commands:
        print(f"  {command}")


@contextmanager
def _deferred_ctrl_c() -> Iterator[list[int]]:
    """A list that Ctrl-C fills, so that it interrupts no step; a second Ctrl-C stops at once."""
    pressed: list[int] = []

    def handle(number: int, frame: Any) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def read_stdin_lines() -> list[str]:
    """All lines of standard input; none where it is empty.

    Raises:
        BadInput: Standard input is a terminal, or is not UTF-8.
    """
    if sys.stdin.isatty():
        raise BadInput('give a sentence: attention translate RUN "They arrived late ."')
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"standard input: line {line} is not UTF-8") from error
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def warn_about_input(translator: Translator, sentences: Sequence[str]) -> None:
    """Warn on standard error of unknown words and of sentences too long to translate well."""
    for number, sentence in enumerate(sentences, start=1):
        where = f"sentence {number}: " if len(sentences) > 1 else ""
        if unknown := translator.source_tokenizer.unknown(sentence):
            names = ", ".join(dict.fromkeys(unknown))
            names = names if len(names) < 200 else f"{names[:200]} ..."
            print(f"attention: {where}not in the vocabulary: {names}", file=sys.stderr)
        if (length := len(split_words(sentence))) > LONG:
            print(
                f"attention: {where}{length:,} words; a sentence this long is rarely "
                "translated well",
                file=sys.stderr,
            )


def print_translation(translation: Translation, as_json: bool) -> None:
    """Print the translated sentence, or the whole `Translation` as one line of JSON."""
    if as_json:
        weights = translation.attention
        values = asdict(translation) | {"attention": None if weights is None else weights.tolist()}
        print(json.dumps(values, ensure_ascii=False))
    else:
        print(translation.text)


def print_stream(prompt: str, tokens: Iterable[str], as_json: bool) -> None:
    """Print the prompt, then the text of each token as it is generated; or one line of JSON."""
    if as_json:
        generated = list(tokens)
        values = {"prompt": prompt, "text": "".join(generated), "tokens": len(generated)}
        print(json.dumps(values, ensure_ascii=False))
        return
    for text in chain([prompt], tokens):
        print(text, end="", flush=True)
    print()


def save_attention(translation: Translation, path: Path) -> None:
    """Draw the attention weights, in the format that the file's ending names.

    Raises:
        BadInput: The model has no attention, or `save_figure` fails.
    """
    if translation.attention is None:
        raise BadInput("this translator has no attention, so there are no weights to draw")
    figure = plots.alignment(translation.attention, translation.source, translation.target)
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the file's ending names.

    Raises:
        BadInput: The file cannot be written, or matplotlib does not know the format.
    """
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be drawn ({error})") from error
