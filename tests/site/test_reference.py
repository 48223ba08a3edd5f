"""The reference has a page for every module, and says what the package says."""

import re
from pkgutil import iter_modules

import attention
from attention import shapes
from attention.inspection.plots import COLOURS
from tests.site_fixtures import ROOT
from tools import api_pages

REFERENCE = ROOT / "docs" / "reference"
PACKAGE = ROOT / "src" / "attention"


def test_the_api_pages_are_those_of_the_package():
    written = {page: page.read_text() for page in api_pages.API.rglob("*.md")}
    wanted = api_pages.pages()
    different = {page for page in written | wanted if written.get(page) != wanted.get(page)}
    assert not different, "run `make sync`: " + ", ".join(map(str, sorted(different)))


def test_every_public_module_has_its_page():
    modules = {
        ".".join(module.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for module in PACKAGE.rglob("*.py")
        if re.search("^__all__ = ", module.read_text(), re.MULTILINE)
    }
    shown = re.findall(r"^::: (\S+)", "\n".join(api_pages.pages().values()), re.MULTILINE)
    assert sorted(shown) == sorted(modules - {"attention"})


def test_every_room_has_its_floor():
    assert sorted(api_pages.ROOMS) == sorted(room.name for room in iter_modules(attention.__path__))


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
