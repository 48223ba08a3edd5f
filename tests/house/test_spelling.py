"""No word of the book, a docstring, a comment or a hint is misspelt, says a dictionary and a list.

The dictionary is pyspellchecker's English one. `words.txt` beside this file has what it lacks:
names, terms, British forms, French examples.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from spellchecker import SpellChecker

from tests.prose import DOCS, FORMULAS, blank, book, prose
from tests.site_fixtures import ROOT

pytestmark = pytest.mark.on_cpu(reason="text only")

LIST = Path(__file__).with_name("words.txt")
REFERENCE = ("glossary.md", "notation.md", "facts.md", "how-this-book-is-tested.md")
# What is not prose: addresses, tags, attributes, front matter, code, formulas, names in code.
NO_PROSE = re.compile(
    r"\A---\n.*?\n---\n|\]\([^)]*\)|<[^<>]*>|\{:?[^{}]*\}|&\w+;|``.*?``|`[^`]*`|https?:\S+|"
    r"[\w.*/-]*(?:[_/=]|\w\.\w|\d)[\w./-]*(?:\([^)]*\))?|--[\w-]+|\\\w+",
    re.DOTALL,
)
LETTERS = "[A-Za-z\u00c0-\u017f]+"
WORD = re.compile(rf"{LETTERS}(?:['\u2019]{LETTERS})*")
CODE = re.compile(r"[a-z][A-Z]|[A-Z]{2}")  # camelCase, abbreviations


def words(text: str) -> Iterator[tuple[int, str]]:
    """Each word of a text that a dictionary should know, with its line."""
    for pattern in FORMULAS:
        text = pattern.sub(blank, text)
    text = NO_PROSE.sub(blank, text)
    for found in WORD.finditer(text):
        word = re.sub(r"['\u2019]s$", "", found[0])
        if len(word) > 1 and not CODE.search(word):
            yield text.count("\n", 0, found.start()) + 1, word.replace("\u2019", "'").lower()


def comments_and_strings(code: str) -> str:
    """The comments, docstrings, messages and hints of some code, each in its line."""
    lines = [""] * (code.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]] += f" {token.string}"
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            for number, line in enumerate(node.value.split("\n")):
                lines[min(node.lineno + number, len(lines) - 1)] += f" {line}"
    return "\n".join(lines[1:])


def texts() -> Iterator[tuple[str, str]]:
    for name in [*book(), *(f"reference/{page}" for page in REFERENCE)]:
        yield f"docs/{name}", prose(DOCS / name)
    for folder in ("src/attention", "tools", "images"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "data/toy" not in file.as_posix():  # a grammar of two languages
                where = file.relative_to(ROOT).as_posix()
                yield where, comments_and_strings(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def used() -> dict[str, str]:
    """Every word of the project, and where it comes first."""
    found: dict[str, str] = {}
    for where, text in texts():
        for line, word in words(text):
            found.setdefault(word, f"{where}:{line}")
    return found


def listed() -> set[str]:
    lines = LIST.read_text("utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def test_every_word_is_in_the_dictionary_or_in_the_list(used):
    unknown = SpellChecker().unknown(used.keys()) - listed()
    faults = "\n".join(sorted(f"{used[word]}: {word}" for word in unknown))
    assert not unknown, f"misspelt, or new to {LIST.relative_to(ROOT)}:\n{faults}"


def test_the_list_has_no_word_that_nobody_needs(used):
    needed = SpellChecker().unknown(used.keys())
    assert sorted(listed() - needed) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The atention of `teh` [heads](teh.md) is\n$teh$ don\u2019t", ["atention", "don't"]),
        ("Vaswani's softmax_of(teh) nn.Teh --teh teh2 eg AER", ["vaswani", "eg"]),
    ],
)
def test_only_prose_is_spelt(text, found):
    assert set(found) <= {word for _, word in words(text)}
    assert "teh" not in {word for _, word in words(text)}


def test_a_misspelling_is_found_in_a_docstring_a_comment_and_a_hint():
    code = 'def f():\n    """Give an atention."""\n    return "a hidden\\n staet"  # wiegths\n'
    found = {word: line for line, word in words(comments_and_strings(code))}
    assert SpellChecker().unknown(found) == {"atention", "staet", "wiegths"}
    assert found["atention"] == 2
