"""The formula of attention is the same on every page, root and transposed keys included."""

import re
from collections.abc import Iterator

import pytest

from tests.prose import DOCS, book, formulas, prose
from tools.katex import without_colours

pytestmark = pytest.mark.on_cpu(reason="text only")

PAGES = [*book(), "reference/facts.md", "reference/glossary.md", "reference/notation.md"]
LAYOUT = re.compile(r"\\(?:left|right|operatorname|[!,;:])|[\s(){}]")  # as each page likes it
ATTENTION = re.compile(r"softmax(?:\\fracQK\^\\top\\sqrtd_k(?:\+M)?|QK\^\\top/\\sqrtd_k)V")


def attention_formulas(text: str) -> Iterator[tuple[int, str]]:
    """The formulas of attention in matrices: the line, and the formula without its layout."""
    for line, tex in formulas(text):
        bare = LAYOUT.sub("", without_colours(tex))
        if "softmax" in bare and "QK" in bare:
            yield line, bare


@pytest.mark.parametrize("name", PAGES)
def test_attention_has_its_root_its_transposed_keys_and_its_values(name):
    found = attention_formulas(prose(DOCS / name))
    assert [one for one in found if not ATTENTION.search(one[1])] == []


@pytest.mark.parametrize(
    "formula",
    [
        r"\operatorname{softmax}(\query{Q}\key{K}^\top)\value{V}",
        r"\operatorname{softmax}\left(\frac{\query{Q}\key{K}^\top}{d_k}\right)\value{V}",
        r"\operatorname{softmax}(\query{Q}\key{K} / \sqrt{d_k})\value{V}",
        r"\operatorname{softmax}(\query{Q}\key{K}^\top / \sqrt{d_k})\query{Q}",
    ],
)
def test_a_formula_that_lacks_something_is_found(formula):
    [(line, bare)] = attention_formulas(f"So\n\n$${formula}$$\n")
    assert line == 3
    assert not ATTENTION.search(bare)


def test_the_notation_has_the_formula_to_compare_with():
    assert list(attention_formulas(prose(DOCS / "reference/notation.md")))
