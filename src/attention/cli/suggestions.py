"""Commands to try next, ready to be pasted into a shell."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from attention.data import Pair

__all__ = ["after_language_model", "after_masked_lm", "after_translator", "quoted"]

LONGEST = 60  # characters of a sentence that is shown in a command


def quoted(argument: object) -> str:
    """An argument as it is typed, quoted where the shell needs it."""
    text = str(argument)
    if shlex.quote(text) == text:
        return text
    return shlex.quote(text) if re.search(r'["$`\\!\n]', text) else f'"{text}"'


def after_translator(
    out: Path, data: Sequence[str], valid: Sequence[str] | None, pairs: Sequence[Pair]
) -> list[str]:
    """Translate a sentence, and measure on pairs that the translator wasn't trained on."""
    toy = list(data) in (["toy"], ["toy-train"])
    sentences = (p.source for p in pairs if len(p.source) <= LONGEST and p.source[0] != "-")
    sentence = "They arrived late ." if toy else next(sentences, "SENTENCE")
    held_out = ["toy-test"] if toy else ["FILE"]
    if valid and _paths(valid) != _paths(data):
        held_out = list(valid)
    return [
        _command("translate", _path(out), sentence),
        _command("evaluate", _path(out), "--data", *held_out),
    ]


def after_language_model(out: Path, data: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Continue a prompt: for another text than the book, its own first words."""
    words = texts[0].split()[:3] if texts and list(data) != ["book"] else []
    prompt = " ".join(words)[:LONGEST]
    usable = prompt and not prompt.startswith("-")
    return [_command("generate", _path(out), prompt if usable else "The query")]


def after_masked_lm(out: Path, data: Sequence[str]) -> list[str]:
    """Predict a masked token, and search the files."""
    return [
        _command("fill", _path(out), "the [MASK]"),
        _command("search", _path(out), "query", *data),
    ]


def _paths(names: Sequence[str]) -> list[Path]:
    return [Path(name).resolve() for name in names]


def _path(path: Path) -> str:
    return f"./{path}" if str(path).startswith("-") else str(path)


def _command(*arguments: str) -> str:
    return "attention " + " ".join(map(quoted, arguments))
