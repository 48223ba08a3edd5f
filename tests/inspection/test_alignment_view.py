"""The markup of the alignment view: real tables, with real weights in them."""

from html.parser import HTMLParser

import pytest
import torch

from attention.inspection.alignment_view import alignment_view
from attention.tasks.translation import Translation

SOURCE = ["They", "arrived", "late", "."]
BAHDANAU = Translation(
    SOURCE,
    ["Ils", "sont", "<unk>"],
    "Ils sont <unk>",
    torch.tensor([[0.9876, 0.0124, 0.0, 0.0], [0.3, 0.7, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]),
)
FIXED = Translation(SOURCE, ["Il", "est"], "Il est", None)


class Cells(HTMLParser):
    """The texts of all cells and captions, row by row, with their tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str, dict[str, str | None]]]] = []
        self.opened: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.opened.append((tag, dict(attrs)))
        if tag in {"tr", "caption"}:
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.opened.pop()[0] == tag, "tags are nested"

    def handle_data(self, data):
        if data.strip():
            self.rows[-1].append((self.opened[-1][0], data, self.opened[-1][1]))


def texts(html: str) -> list[list[str]]:
    return [[text for _, text, _ in row] for row in Cells(html).rows]


def test_each_translator_has_a_table_of_its_tokens_and_weights():
    assert texts(alignment_view({"Bahdanau": BAHDANAU}).html) == [
        ["Bahdanau"],
        ["query (target token) ↓ key (source token) →", "They", "arrived", "late", "."],
        ["Ils", "0.988", "0.012", "0.000", "0.000"],
        ["sont", "0.300", "0.700", "0.000", "0.000"],
        ["<unk>", "0.250", "0.250", "0.250", "0.250"],
    ]


@pytest.mark.on_cpu(reason="text only")
def test_no_attention_is_one_cell_across_all():
    html = alignment_view({"fixed vector": FIXED}).html
    assert texts(html)[2:] == [["Il", "no attention"], ["est"]]
    size = Cells(html).rows[2][1][2]
    assert size == {"rowspan": "2", "colspan": "4"}


def test_tokens_are_the_headers_of_rows_and_columns():
    _, head, *rows = Cells(alignment_view({"Bahdanau": BAHDANAU}).html).rows
    assert [(tag, attributes) for tag, _, attributes in head[1:]] == [("th", {"scope": "col"})] * 4
    for row in rows:
        assert row[0][0] == "th"
        assert row[0][2] == {"scope": "row", "lang": "fr"}
        assert {tag for tag, _, _ in row[1:]} == {"td"}


def test_only_visible_weights_are_shaded():
    rows = Cells(alignment_view({"Bahdanau": BAHDANAU}).html).rows[2:]
    shades = [[attributes.get("style") for *_, attributes in row[1:]] for row in rows]
    assert shades[0] == ["--shade: 0.988", "--shade: 0.012", None, None]


def test_each_table_has_a_label_of_its_own_for_screen_readers():
    html = alignment_view({'the "first"': BAHDANAU, "fixed vector": FIXED}).html
    assert 'aria-label="the &quot;first&quot;: They arrived late ."' in html
    assert 'aria-label="fixed vector: They arrived late ."' in html
    assert 'label="Attention of each translator: They arrived late ."' in html


def test_an_empty_translation_is_a_table_without_rows():
    for attention in (None, torch.zeros(0, 4)):
        html = alignment_view({"silent": Translation(SOURCE, [], "", attention)}).html
        assert len(texts(html)) == 2


def test_a_notebook_displays_the_tables_and_its_repr_is_short():
    view = alignment_view({"Bahdanau": BAHDANAU})
    assert view._repr_html_() == view.html
    assert repr(view) == "View()"


@pytest.mark.on_cpu(reason="text only")
def test_translations_of_different_sentences_are_refused():
    other = Translation(["No", "."], ["Non"], "Non", None)
    with pytest.raises(ValueError, match="not of 2"):
        alignment_view({"a": FIXED, "b": other})
    with pytest.raises(ValueError, match="not of 0"):
        alignment_view({})
