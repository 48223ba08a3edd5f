"""The reference has a page for every module, and says what the package says."""

import ast
import re
from pathlib import Path

import attention
from attention import shapes
from attention.inspection.plots import COLOURS
from tests.site_fixtures import ROOT

REFERENCE = ROOT / "docs" / "reference"
PACKAGE = ROOT / "src" / "attention"


def is_public(module: Path) -> bool:
    """A module that says what it offers, in `__all__`, is there for readers."""
    assignments = [
        node for node in ast.parse(module.read_text()).body if isinstance(node, ast.Assign)
    ]
    return any(getattr(node.targets[0], "id", "") == "__all__" for node in assignments)


def dotted(module: Path) -> str:
    parts = module.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def test_every_public_module_has_its_page():
    modules = {dotted(module) for module in PACKAGE.rglob("*.py") if is_public(module)}
    pages = [page.read_text() for page in (REFERENCE / "api").rglob("*.md")]
    shown = [name for page in pages for name in re.findall(r"^::: (\S+)", page, re.MULTILINE)]
    assert sorted(shown) == sorted(modules - {"attention"})


def test_every_name_that_chapters_import_is_listed():
    listed = re.findall(r"\[`(\w+)`\]", (REFERENCE / "api" / "index.md").read_text())
    assert sorted(listed) == sorted(attention.__all__)


def test_the_axes_are_those_of_the_package_in_the_same_words():
    legend = re.findall(r"^\| `(\w)` +\| (.*?): (.*?) *\|", shapes.__doc__, re.MULTILINE)
    axes = (REFERENCE / "notation.md").read_text().partition("## Axes")[2].partition("\n## ")[0]
    table = re.findall(r"^\| \$(\w)\$ \| (.*?) \| (.*?) \|", axes, re.MULTILINE)
    assert table == [(letter, axis, words.replace("`", "$")) for letter, axis, words in legend]
    assert len(table) > 9


def test_every_colour_is_explained():
    notation = (REFERENCE / "notation.md").read_text()
    explained = re.findall(r'<span class="(\w+)">', notation)
    assert explained == [role for role in COLOURS if role != "ink"]
