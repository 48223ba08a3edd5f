"""The index of the search: what is cut out of it, what each section is found by, what it weighs."""

import gzip
import json

import pytest

from tests.site_fixtures import Build
from tools.search import ALSO, COMMON, improve

LIMIT = 150 * 1024  # bytes, as an ordinary server sends them
GLOSSARY = """
Gate
:   See [A](../a.md).

Long short-term memory (LSTM)
:   See [A](../a.md).

Else
:   See [A](../a.md).
"""


def improved(*entries: tuple[str, str, str]) -> list[dict[str, object]]:
    """The entries of a small index, improved."""
    docs = [dict(zip(("location", "title", "text"), entry, strict=True)) for entry in entries]
    index = {"config": {}, "docs": docs}
    improve(index, GLOSSARY)
    return index["docs"]


@pytest.fixture(scope="module")
def written(built: Build) -> bytes:
    """The index of this site, as the browser gets it."""
    return (built.site / "search" / "search_index.json").read_bytes()


def test_the_index_is_light(written):
    weight = len(gzip.compress(written, 6))
    assert weight <= LIMIT, f"the search index weighs {weight / 1024:.0f} KiB"


def test_every_name_of_ours_leads_to_a_section(written):
    found_by = {entry["location"]: entry.get("terms", "") for entry in json.loads(written)["docs"]}
    for name, location in ALSO.items():
        assert set(name.lower().split()) <= set(found_by[location].split()), name


def test_the_section_that_names_a_term_is_found_by_it():
    index = improved(
        ("a/", "A", "About gates."),
        ("a/#lstm", "A cell", "The LSTM has gates."),
        ("a/#gates", "Gates", "They open."),
        ("b/", "Gates", "An LSTM."),
    )
    assert [entry.get("terms") for entry in index] == [
        "else",
        "long short-term memory lstm",
        "gate",
        None,
    ]


def test_sections_that_explain_nothing_are_left_out():
    index = improved(
        ("a/", "A", "<p>It opens.</p> <p>You need B.</p> <p>You will be able to</p> <ul>x</ul>"),
        ("a/#recall", "Do you remember?", "An LSTM?"),
        ("a/#exercises", "Exercises", "Write an LSTM."),
        ("a/#read", "Where to read more", "Hochreiter 1997."),
    )
    assert [entry["text"] for entry in index] == ["<p>It opens.</p>"]


def test_rows_of_numbers_are_left_out_and_sentences_stay():
    sentence = "<p>1, 2, 3 are 3 of 4.6 weights W</p>"
    [entry] = improved(("b/", "B", f"{sentence.replace('W', 'W​')} query 0.50 −1 0.25 and"))
    assert entry["text"] == f"{sentence} query and"


def test_of_code_its_classes_and_rare_calls_stay():
    code = "<pre><code>class Line(nn.Module):\n    rare(print(said))\n</code></pre>"
    others = [(f"b{n}/", "B", "<pre>print(n)</pre>") for n in range(COMMON)]
    first, second, *_ = improved(
        ("b/", "B", f"<p>We said it.</p> {code}"), ("b/#c", "C", "<pre>rare(1)</pre>"), *others
    )
    assert first["text"] == "<p>We said it.</p>"
    assert first["classes"] == "Line"
    assert first["called"] == "rare"
    assert "called" not in second, "a page needs to be found by a name but once"


def test_of_the_api_names_and_the_lines_of_modules_stay():
    text = "<pre><code>f() -> None</code></pre> <p>Does it.</p> <p>Returns:</p> <pre>pass</pre>"
    module, function = improved(
        ("reference/api/m/", "attention.m", text),
        ("reference/api/m/#attention.m.Line", "Line  <code>dataclass</code>", text),
    )
    assert (module["title"], module["text"]) == ("attention.m", "<p>Does it.</p>")
    assert (function["title"], function["text"]) == ("Line", "")
    assert function["boost"] < 1
