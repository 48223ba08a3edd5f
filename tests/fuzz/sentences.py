"""Sentences: a line of output for each, in order, and the same as for each of them alone."""

import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.command import Outcome, run, wrong
from tests.fuzz.files import BOM, STRANGE, WORDS, word
from tests.fuzz.runs import Bench

sentence = st.one_of(
    st.lists(word, max_size=8).map(" ".join),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join),
    st.sampled_from(["", " ", "\u2028", "- They left .", "--help", "a " * 3000, *STRANGE]),
    st.text(max_size=12),
)
typed = sentence.map(lambda text: text.replace("\0", "").encode("utf-8", "replace").decode())
broken = st.sampled_from(["caf\udce9", "\udc80"])  # how Python passes on bytes that aren't UTF-8


@dataclass(frozen=True)
class Sentences:
    """Sentences for a command, typed or on its standard input."""

    command: str
    sentences: tuple[str, ...]
    options: tuple[str, ...] = ()
    typed: bool = True


options = st.sampled_from(
    [(), (), ("--beam", "3"), ("--beam", "2", "--n-best", "2"), ("--json",), ("--batch-size", "1")]
)
several = st.lists(typed, max_size=5).map(tuple)
inputs = st.one_of(
    st.builds(Sentences, st.just("translate"), several, options, st.booleans()),
    st.builds(Sentences, st.just("translate"), st.tuples(typed, broken), options),
    st.builds(
        Sentences,
        st.sampled_from(["generate", "fill", "search"]),
        st.tuples(typed | typed.map("the [MASK] {}".format) | broken),
    ),
)


def check(bench: Bench, given: Sentences) -> Outcome:
    """Run the command, and compare with what it gives for each sentence."""
    if given.command != "translate":
        return _check_text(given)
    command = ["translate", "words", *given.options]
    lines = [text.replace("\n", " ") for text in given.sentences]
    if given.typed and lines:
        outcome = run([*command, "--", *lines])
    else:
        outcome = run(command, _encoded(lines))
    unusable = not any(map(str.strip, lines)) if given.typed and lines else False
    is_utf8 = not any("\udc80" <= c <= "\udcff" for line in lines for c in line)
    wrong(outcome.refused and is_utf8 and not unusable, f"refused: {outcome.err}")
    wrong(not outcome.refused and not is_utf8, "text that isn't UTF-8 was accepted")
    if not outcome.refused:
        per_line = 2 if "--n-best" in given.options else 1
        chunks = [outcome.lines[i : i + per_line] for i in range(0, len(outcome.lines), per_line)]
        alone = [run([*command, "--input", _file(line)]).lines for line in lines]
        if "--n-best" in given.options:
            _check_hypotheses(chunks, lines, alone)
        elif "--json" in given.options:
            found = [json.loads(line)["text"] for line in outcome.lines]
            wrong(found != [json.loads(one)["text"] for [one] in alone], "not the same as alone")
        else:
            wrong(chunks != alone, f"not the same as alone: {chunks} {alone}")
    return outcome


def _file(line: str) -> str:
    Path("line").write_bytes(_encoded([line]))
    return "line"


def _encoded(lines: list[str]) -> bytes:
    """A file that begins with a byte order mark, so that none is taken from the first line."""
    return BOM * bool(lines) + "".join(f"{line}\n" for line in lines).encode()


def _check_hypotheses(chunks: list[list[str]], lines: list[str], alone: list[list[str]]) -> None:
    texts = [line.split("\t")[2] for chunk in chunks for line in chunk]
    wrong(texts != [line.split("\t")[2] for one in alone for line in one], "not as alone")


def _check_text(given: Sentences) -> Outcome:
    [text] = given.sentences
    command = {
        "generate": ["generate", "gpt", "--tokens", "3", "--seed", "1", "--json", "--", text],
        "fill": ["fill", "bert", "--json", "--", text],
        "search": ["search", "bert", "--json", "--", text, "text.txt"],
    }[given.command]
    outcome = run(command)
    if outcome.refused:
        return outcome
    values = [json.loads(line) for line in outcome.lines]
    if given.command == "generate":
        wrong(values[0]["prompt"] != text, "another prompt")
    elif given.command == "fill":
        wrong(len(values[0]["predictions"]) != text.count("[MASK]"), "other masks")
    else:
        scores = [hit["score"] for hit in values]
        wrong(scores != sorted(scores, reverse=True), "the most similar isn't first")
    return outcome
