"""What the `attention` command shows a person: progress, warnings, and what models say."""

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

from matplotlib.figure import Figure
from tqdm import tqdm

from attention.errors import BadInput
from attention.inspection import plots
from attention.tasks.runs import Run
from attention.tasks.translation import Translation, Translator
from attention.tokenizers.words import split_words

__all__ = [
    "draw_attention",
    "lines_of_standard_input",
    "print_translation",
    "print_words",
    "save_figure",
    "train_to_the_end",
    "warn_of_surprises",
]

LONG = 100  # words; no sentence that a translator here learns from is nearly as long


def train_to_the_end(run: Run, amount: str, then: Sequence[str]) -> None:
    """Train behind a progress bar, until all steps are done or Ctrl-C is pressed.

    Args:
        amount: How much there is to learn from.
        then: What to type next.

    Raises:
        KeyboardInterrupt: It was pressed; the run has been saved between two steps.
    """
    trainer, begun = run.trainer, time.process_time()
    total = trainer.config.steps
    if trainer.step >= total:
        print(f"{run.folder}: all {total:,} steps are done already")
        return
    print(f"{run.folder}: {amount}, {total:,} steps", file=sys.stderr)
    loss = float("nan")
    with (
        _ctrl_c() as pressed,
        closing(run.steps()) as losses,
        tqdm(initial=trainer.step, total=total, unit="step", mininterval=0.5) as bar,
    ):
        for loss in losses:
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
            if pressed:
                break
    if trainer.step < total:
        print(f"stopped after step {trainer.step:,}; all is kept in {run.folder}, and the same")
        print("command with --resume goes on from there")
        raise KeyboardInterrupt
    spent = time.process_time() - begun
    print(f"{run.folder}: trained in {spent:.0f} CPU-seconds, last loss {loss:.3f}. Now try")
    for line in then:
        print(f"  {line}")


@contextmanager
def _ctrl_c() -> Iterator[list[int]]:
    """A list that Ctrl-C fills, so that no step is cut in two; a second Ctrl-C stops at once."""
    pressed: list[int] = []

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def lines_of_standard_input() -> list[str]:
    """All lines; none where nothing comes.

    Raises:
        BadInput: Nobody is sending lines, or they are not UTF-8.
    """
    if sys.stdin.isatty():
        raise BadInput('give a sentence: attention translate RUN "They arrived late ."')
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"standard input: line {line} is not UTF-8") from error
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def warn_of_surprises(translator: Translator, sentences: Sequence[str]) -> None:
    """Say on standard error what the translator cannot be expected to do well."""
    for number, sentence in enumerate(sentences, start=1):
        where = f"sentence {number}: " if len(sentences) > 1 else ""
        if unknown := translator.source_tokenizer.unknown(sentence):
            names = ", ".join(dict.fromkeys(unknown))
            names = names if len(names) < 200 else f"{names[:200]} ..."
            print(f"attention: {where}never seen in training: {names}", file=sys.stderr)
        if (length := len(split_words(sentence))) > LONG:
            print(
                f"attention: {where}{length:,} words; expect little of so long a sentence",
                file=sys.stderr,
            )


def print_translation(translation: Translation, as_json: bool) -> None:
    """The sentence, or all about it as one line of JSON."""
    if as_json:
        look = translation.attention
        values = asdict(translation) | {"attention": None if look is None else look.tolist()}
        print(json.dumps(values, ensure_ascii=False))
    else:
        print(translation.text)


def print_words(prompt: str, words: Iterable[str], as_json: bool) -> None:
    """The prompt, and each word after it as soon as it comes; or all as one line of JSON."""
    if as_json:
        written = list(words)
        values = {"prompt": prompt, "text": "".join(written), "tokens": len(written)}
        print(json.dumps(values, ensure_ascii=False))
        return
    for word in chain([prompt], words):
        print(word, end="", flush=True)
    print()


def draw_attention(translation: Translation, path: Path) -> None:
    """Draw where the model looked, in the format that the file's ending names.

    Raises:
        BadInput: The model looks nowhere, or `save_figure` fails.
    """
    if translation.attention is None:
        raise BadInput("this translator looks nowhere, so there is no attention to draw")
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
