"""Every axis in a signature is in the legend of `shapes.py`, and means there what it means here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from attention import shapes
from tests.site_fixtures import ROOT

pytestmark = pytest.mark.on_cpu(reason="text only")

PACKAGE = ROOT / "src" / "attention"
KINDS = set(shapes.__all__) - {"Tensor"}
LEGEND = re.findall(r"^\| `(\S+)` +\| (.*?) *\|", shapes.__doc__, re.MULTILINE)
LETTERS = {letter: meaning for letter, meaning in LEGEND if letter.isalpha()}


class Annotation(NamedTuple):
    """A shape, and where it stands."""

    file: Path
    line: int
    shape: str

    @property
    def letters(self) -> set[str]:
        """The named axes; `S+1` is about `S`."""
        return set(re.findall(r"[^\W\d_]\w*", self.shape))

    def __str__(self) -> str:
        return f'{self.file}:{self.line}: "{self.shape}"'


def annotations(file: Path, node: ast.AST) -> Iterator[Annotation]:
    """The shapes in a piece of code: `Float[Tensor, "B T"]` has the shape `B T`."""
    for one in ast.walk(node):
        if isinstance(one, ast.Subscript) and getattr(one.value, "id", "") in KINDS:
            shape = one.slice.elts[1].value
            yield Annotation(file.relative_to(ROOT), one.lineno, shape)


def modules() -> list[tuple[Path, ast.Module]]:
    return [(file, ast.parse(file.read_text("utf-8"))) for file in sorted(PACKAGE.rglob("*.py"))]


def all_annotations() -> list[Annotation]:
    return [one for file, tree in modules() for one in annotations(file, tree)]


def strangers(annotation: Annotation) -> list[str]:
    """The axes of a shape that the legend does not explain."""
    known = rf"(\*?#?(?:{'|'.join(LETTERS)})([+-]\d+)?|\d+|_|\.\.\.)"
    return [axis for axis in annotation.shape.split() if not re.fullmatch(known, axis)]


def test_every_axis_is_in_the_legend():
    unknown = [f"{one} has {axes}" for one in all_annotations() if (axes := strangers(one))]
    assert not unknown, "not in the legend of attention.shapes:\n" + "\n".join(unknown)


def test_every_letter_of_the_legend_is_used():
    used = {letter for one in all_annotations() for letter in one.letters}
    for file, _ in modules():  # in text, a shape is written `(B, T, F)`
        for shape in re.findall(r"\((?:\*?[A-Z\d], ?)+[A-Z\d]?\)", file.read_text("utf-8")):
            used |= set(shape)
    assert list(LETTERS) == [letter for letter in LETTERS if letter in used]


def test_no_letter_has_two_meanings():
    letters = [letter for letter, _ in LEGEND]
    assert len(set(letters)) == len(letters)
    assert len(set(LETTERS.values())) == len(LETTERS), "and no meaning has two letters"


def test_the_vocabulary_has_a_letter_of_its_own():
    """Heads know no vocabulary: beside `K`, a `V` would be the dimension of a value."""
    mistaken = []
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                shapes_here = [*annotations(file, node)]
                if {"K", "V"} <= {letter for one in shapes_here for letter in one.letters}:
                    mistaken += [str(one) for one in shapes_here if "V" in one.letters]
    assert not mistaken, "V is the vocabulary; a value has K components:\n" + "\n".join(mistaken)


@pytest.mark.parametrize(
    ("shape", "unknown"),
    [
        ("*B H T K", []),
        ("*#B 1 #T S+1", []),
        ("N 2", []),
        (" V", []),
        ("... _ D", []),
        ("B T X", ["X"]),
        ("B Tx D", ["Tx"]),
        ("*batch T", ["*batch"]),
        ("B T*2", ["T*2"]),
    ],
)
def test_a_stranger_is_recognised(shape, unknown):
    assert strangers(Annotation(Path("x.py"), 1, shape)) == unknown
