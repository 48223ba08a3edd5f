"""Numbers in prose, tables, formulas, alt texts and figures are tied to what computes them.

A number with a decimal point, or above 100, is right by one of these: the page's code has it, or
its output; or the code or output of a page that its paragraph links to; an equation beside it gives
it; its paragraph cites where it was published; or a comment after the paragraph says where it is
from:

    <!--computed 7.39: e**2; 0.65: e**2 / (e**2 + 4)-->
    <!--read 2,000: attention.training.config:TrainingConfig.steps-->
    <!--measured .987 .984: seeds 0 and 1 on a CPU, November 2026-->
    <!--cited 26.75 17.82: Bahdanau et al. 2015, table 1-->

Equations in the text are computed again, too: 7.39 / 11.39 = 0.65.
"""

import ast
import math
import operator
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any, NamedTuple

import pytest

from tests.prose import CELL, DOCS, blank, book, prose
from tests.site_fixtures import ROOT
from tools.blocks import Fence, parts

pytestmark = pytest.mark.on_cpu(reason="text only")

NOT_COUNTED = r"(?:19\d\d|20[0-2]\d|100)"  # years; and 100, where every scale ends
NUMBER = re.compile(
    r"(?<![\w.,/])(?<!\w-)"
    rf"(?:\d*\.\d+|\d{{1,3}}(?:,\d{{3}})+|(?!{NOT_COUNTED}(?!\d))\d{{3,}})"
    r"(?!\w|[.,]\d)"
)
ANY_NUMBER = re.compile(r"(?<![A-Za-z_])(?:\d[\d,_]*\.?\d*|\.\d+)(?:e-?\d+)?")
LINK = re.compile(r"\]\(([^)\s]+)\)")
DECIMAL = re.compile(r"(?<![\w.])\d*\.\d+")
TIE = re.compile(r"<!--(computed|read|measured|cited) (.+?)-->", re.DOTALL)
EQUATION = re.compile(
    r"(?<![\w.,])([-\d.(√](?:[-\d. ×·/+()√²]|,(?=\d{3}))*[\d)²]) [=≈] "
    r"(-?(?:\d*\.\d+|\d{1,3}(?:,\d{3})+|\d+))(?!\w|[.,/]\d|[²^]| [×·/+-] [\d(√])"
)
# What has a decimal point and is no number: versions, sections and tables, addresses of papers.
PLACE = (
    r"arXiv|Python|PyTorch|torch|Llama|sections?|tables?|figures?|equations?|appendix|page|version|"
    r"CUDA|GPT|BY|§|Nature|issues?|pull request"
)
NO_NUMBER = re.compile(
    rf"(?:{PLACE})[  -]?[A-Z]?\d*\.?[\d.]*(?:(?:,| and| to) [A-Z]?\d+(?:\.\d+)*)*|version:[\d.]+"
)
# A year with a place in the paper: (Bahdanau et al. 2015, table 1).
CITED = re.compile(
    r"\b(?:19|20)\d\d[a-z]?\b[^.;]{0,60}(?:sections?|tables?|figures?|equation|appendix|page)"
)


class Paragraph(NamedTuple):
    line: int
    text: str


def paragraphs(text: str) -> Iterator[Paragraph]:
    """The paragraphs of a text, and its tables, each with its first line."""
    start, lines = 1, []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip():
            lines = lines or []
            start = start if lines else number
            lines.append(line)
        elif lines:
            yield Paragraph(start, "\n".join(lines))
            lines = []


def code_numbers(name: str) -> list[float]:
    """The numbers in the code of a page and in its outputs."""
    path = DOCS / name
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        markdown, kept = False, []
        for line in text.splitlines():
            if cell := CELL.fullmatch(line):
                markdown = bool(cell["markdown"])
            elif not markdown:
                kept.append(line)
        code = "\n".join(kept)
    else:
        code = "\n".join(part.code for part in parts(path, text) if isinstance(part, Fence))
    return numbers(code)


def numbers(code: str) -> list[float]:
    """The numbers in a text of code."""
    found = (re.sub("[,_]", "", number).rstrip(".") for number in ANY_NUMBER.findall(code))
    return [float(number or 0) for number in found]


def agrees(written: str, exact: float, units: float = 0.5) -> bool:
    """Whether a number is written as it is, to its last digit: within half of one, unless told."""
    written = written.replace(",", "")
    decimals = len(written.partition(".")[2])
    return abs(abs(float(written)) - abs(exact)) <= units * 10**-decimals + 1e-9


OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
NAMES = {"e": math.e, "pi": math.pi}


def compute(expression: str) -> float:
    """The value of an arithmetic expression: numbers, e, pi, functions of `math`, + - * / **."""

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(int() | float() as number):
                return number
            case ast.Name(name) if name in NAMES:
                return NAMES[name]
            case ast.BinOp(left, op, right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](value(left), value(right))
            case ast.UnaryOp(ast.USub(), operand):
                return -value(operand)
            case ast.Call(ast.Name(name), arguments) if hasattr(math, name):
                return getattr(math, name)(*map(value, arguments))
        raise ValueError(f"no arithmetic: {expression}")

    return value(ast.parse(expression.strip(), mode="eval").body)


def read(name: str) -> float:
    """A setting of the code, such as `module:CONSTANT`, `module:CONFIGS.of_a_model.field`."""
    module, _, path = name.strip().partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = found[part] if isinstance(found, Mapping) else getattr(found, part)
    return float(found)


def written_out(equation: str) -> str:
    """Arithmetic as it is written in a text, for Python."""
    equation = re.sub(r"√\(", "sqrt(", equation.replace(",", ""))
    equation = re.sub(r"√([\d.]+)", r"sqrt(\1)", equation)
    return equation.replace("×", "*").replace("·", "*").replace("²", "**2")


def faults(page: str, known: list[float], linked: dict[str, list[float]]) -> list[str]:
    """The numbers of a page's prose that nothing computes, and its equations that are wrong.

    Args:
        page: Its prose.
        known: The numbers of its code and outputs.
        linked: The same of the pages that it links to, by the address of the link.
    """
    found, before = [], None
    for tex, sign in {"−": "-", "{,}": ",", r"\cdot": "·", r"\times": "×"}.items():
        page = page.replace(tex, sign)
    for paragraph in [*paragraphs(page), Paragraph(0, "")]:
        ties = TIE.findall(paragraph.text)
        if before is not None:
            found += _paragraph_faults(before, ties, known, linked)
        before = None if ties and not NUMBER.search(TIE.sub("", paragraph.text)) else paragraph
        if before is not None and ties:
            found += _paragraph_faults(before, ties, known, linked)
            before = None
    return found


def _paragraph_faults(
    paragraph: Paragraph,
    ties: list[tuple[str, str]],
    known: list[float],
    linked: dict[str, list[float]],
) -> list[str]:
    text = TIE.sub(blank, paragraph.text)
    text = NO_NUMBER.sub(blank, LINK.sub(blank, text))
    tied: list[str] = []
    exact = list(known)
    for link in LINK.findall(paragraph.text):
        exact += linked.get(link.partition("#")[0], [])
    found = []
    for kind, what in ties:
        if kind in {"measured", "cited"}:
            tied += what.partition(":")[0].split()
            continue
        for entry in what.split(";"):
            written, _, source = entry.partition(":")
            value = compute(source) if kind == "computed" else read(source)
            if not agrees(written.strip(), value):
                found.append(f"{paragraph.line}: {entry.strip()} is {value:.6g}")
            tied.append(written.strip())
            exact += numbers(source)
    for equation in EQUATION.finditer(text):
        try:
            value = compute(written_out(equation[1]))
        except (SyntaxError, ValueError, ZeroDivisionError):
            continue
        if re.search(r"[×·/+√²(]|\d -", equation[1]):
            # What it is computed from may be rounded itself: then its last digit may be one off.
            rounded = "." in equation[1]
            if not agrees(equation[2], value, 1 if rounded else 0.5):
                found.append(f"{paragraph.line}: {equation[0]} is wrong: {value:.6g}")
            tied.append(equation[2].lstrip("-"))
    if CITED.search(paragraph.text):
        return found
    for number in NUMBER.finditer(text):
        if number[0] not in tied and not any(agrees(number[0], value) for value in exact):
            line = paragraph.line + text.count("\n", 0, number.start())
            found.append(f"{line}: {number[0]}")
    return found


def page_faults(name: str) -> list[str]:
    text = prose(DOCS / name)
    text = re.sub(r"\A---\n.*?\n---\n", blank, text, flags=re.DOTALL)
    targets = {link.partition("#")[0] for link in LINK.findall(text)}
    pages = {link: normpath(join(dirname(name), link)) for link in targets if link}
    linked = {
        link: code_numbers(page)
        for link, page in pages.items()
        if page.endswith((".md", ".py")) and (DOCS / page).is_file() and page != name
    }
    return [f"docs/{name}:{fault}" for fault in faults(text, code_numbers(name), linked)]


@pytest.mark.parametrize("name", book())
def test_every_number_in_prose_is_computed_cited_or_measured(name):
    found = page_faults(name)
    assert not found, f"{len(found)} numbers that nothing computes:\n" + "\n".join(found)


MATRIX = re.compile(r"\\begin\{[pb]?matrix\}(.*?)\\end\{[pb]?matrix\}", re.DOTALL)
CELL_OF_MATRIX = re.compile(r"-?\d*\.?\d+")
COLOUR = re.compile(r"\\[a-z]+\{([^{}]*)\}")


def matrices(text: str) -> Iterator[tuple[int, list[str]]]:
    """The matrices of numbers in a page's formulas: the line, and the entries row by row."""
    for matrix in MATRIX.finditer(text):
        rows = COLOUR.sub(r"\1", matrix[1]).replace("−", "-").split("\\\\")
        entries = [entry.strip() for row in rows for entry in row.split("&") if entry.strip()]
        if all(map(CELL_OF_MATRIX.fullmatch, entries)):
            yield text.count("\n", 0, matrix.start()) + 1, entries


def is_among(entries: list[str], known: list[float]) -> bool:
    """Whether numbers stand in code or an output one after the other."""
    n = len(entries)
    runs = (known[i : i + n] for i in range(len(known) - n + 1))
    return any(
        all(agrees(e.lstrip("-"), x) for e, x in zip(entries, run, strict=True)) for run in runs
    )


@pytest.mark.parametrize("name", book())
def test_a_matrix_in_a_formula_is_one_of_the_code(name):
    known = code_numbers(name)
    lost = [found for found in matrices(prose(DOCS / name)) if not is_among(found[1], known)]
    assert lost == [], "no code and no output of the page has these matrices"


def test_a_matrix_that_the_code_does_not_have_is_named():
    text = "$$\nW = \\begin{pmatrix} 1 & \\query{0} \\\\ −1 & 0.62 \\end{pmatrix}\n$$"
    [(line, entries)] = matrices(text)
    assert (line, entries) == (2, ["1", "0", "-1", "0.62"])
    assert is_among(entries, [5, 1, 0, -1, 0.6225])
    assert not is_among(entries, [5, 1, 1, -1, 0.6225])


# Heat maps of too many values to print: each is drawn from a model trained as its page trains it,
# and CI draws it again and compares.
HEAT_MAPS = {"retrieval-fig1.svg"}


def figures(name: str) -> list[Path]:
    """The SVG figures that a page shows."""
    text = (DOCS / name).read_text("utf-8")
    return [ROOT / "images" / file for file in re.findall(r'images/([\w-]+\.svg)[)"]', text)]


def figure_faults(svg: str, page: str, known: list[float]) -> list[str]:
    """The numbers in a figure that neither the page's prose nor its code has."""
    labels = re.findall(r"<text[^>]*>([^<]*)", svg)
    shown = [number.lstrip("-") for label in labels for number in DECIMAL.findall(label)]
    said = set(NUMBER.findall(page))
    return [n for n in shown if n not in said and not any(agrees(n, value) for value in known)]


@pytest.mark.parametrize("name", book())
def test_every_number_in_a_figure_is_one_of_its_page(name):
    for figure in figures(name):
        if figure.name in HEAT_MAPS:
            continue
        svg = figure.read_text("utf-8")
        lost = figure_faults(svg, prose(DOCS / name), code_numbers(name))
        assert lost == [], f"{figure.name} shows numbers that {name} doesn't have"


def test_a_number_that_only_a_figure_shows_is_named():
    svg = "<svg><text x='1.5'>0.62</text><text>0.71</text><text>step 3, 0.5</text></svg>"
    assert figure_faults(svg, "About 0.71.", [0.6225]) == ["0.5"]


FAULT_OF_READING = "1: 150: tools.reading_time:WORDS is 200"


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("The weight is 0.62.", ""),
        ("The weight is 0.63.", "1: 0.63"),
        ("First.\n\nThe weight is\nabout 0.63.", "4: 0.63"),
        ("It is −0.63.", "1: 0.63"),
        ("It is 7.39.\n\n<!--computed 7.39: exp(2)-->", ""),
        ("It is 7.38.\n\n<!--computed 7.39: exp(2)-->", "1: 7.38"),
        ("It is 7.38.\n<!--computed 7.38: e ** 2-->", "1: 7.38: e ** 2 is 7.38906"),
        ("It was .987.\n\n<!--measured .987: seed 0-->", ""),
        ("It was .978.\n\n<!--measured .987: seed 0-->", "1: .978"),
        ("So 0.62 / 1.24 = 0.50.", "1: 1.24"),
        ("So 0.62 / 2 = 0.31, and √2 × 3 = 4.24.", ""),
        ("So 0.62 / 2 = 0.33.", "1: 0.62 / 2 = 0.33 is wrong: 0.31"),
        ("BLEU 26.75 (Bahdanau et al. 2015, table 1), section 3.2, Llama 3.1.", ""),
        ("BLEU 26.75, section 3.2, Llama 3.1, Python 3.11, arXiv 1409.0473.", "1: 26.75"),
        ("It had [0.43](other.md#there).", ""),
        ("It had 0.43.", "1: 0.43"),
        ("It has 30,000 words, 100% of them since 2014.", "1: 30,000"),
        ("It has 2 heads, 64 words, and issue 1061.", ""),
        ("So 3 × 64 = 192, $2 \\cdot 8 \\cdot 64 = 1{,}024$, and 2 / 4 = 1/2.", ""),
        ("So 3 × 64 = 191.", "1: 3 × 64 = 191 is wrong: 192"),
        ("It has 30,000 words.\n\n<!--cited 30,000: Bahdanau et al. 2014, section 4.1-->", ""),
        ("It has 200 rows.\n\n<!--read 200: tools.reading_time:WORDS-->", ""),
        ("It has 150 rows.\n\n<!--read 150: tools.reading_time:WORDS-->", FAULT_OF_READING),
        ("| a | b |\n| --- | --- |\n| 0.62 | 0.99 |", "3: 0.99"),
    ],
)
def test_a_number_that_nothing_computes_is_named(page, fault):
    assert faults(page, [0.6225, 2.0], {"other.md": [0.43]}) == [fault] * bool(fault)


def test_only_arithmetic_is_computed():
    assert compute("-(2 + sqrt(4)) / e**0") == -4
    with pytest.raises(ValueError, match="no arithmetic"):
        compute("__import__('os')")
