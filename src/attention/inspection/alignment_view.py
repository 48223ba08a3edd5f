"""Attention weights of translators as HTML: tables, which the site makes interactive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from attention.tasks.translation import Translation

__all__ = ["View", "alignment_view"]

VISIBLE = 0.005  # a cell with a smaller weight is not shaded


@dataclass(frozen=True)
class View:
    """HTML that a notebook displays.

    Attributes:
        html: The markup.
    """

    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html


def alignment_view(translations: Mapping[str, Translation], word: str = "") -> View:
    """A table of attention weights for each translator, all of the same source sentence.

    Rows are target tokens (queries) and columns are source tokens (keys). On the site, a custom
    element turns the tables into tokens with lines between them, to hover over and to focus. In a
    notebook they stay tables. Target tokens have the language attribute of French.

    Args:
        translations: The translation of each translator, by the translator's name.
        word: A target token whose weights the custom element shows at first.

    Raises:
        ValueError: There is no translation, or the source sentences differ.
    """
    sentences = {" ".join(translation.source) for translation in translations.values()}
    if len(sentences) != 1:
        raise ValueError(f"translations must be of one source sentence, not of {len(sentences)}")
    tables = "\n".join(_table(name, translation) for name, translation in translations.items())
    label = f"Attention of each translator: {sentences.pop()}"
    # Excluded, or the search would find the sentence once for every row.
    first = f' word="{escape(word)}"' if word else ""
    return View(
        f'<alignment-view label="{escape(label)}"{first} data-search-exclude>\n'
        f"{tables}\n</alignment-view>"
    )


def _table(name: str, translation: Translation) -> str:
    """A row for each target token and a column for each source token, in a scrollable region."""
    keys = "".join(f'<th scope="col">{escape(token)}</th>' for token in translation.source)
    label = f"{name}: {' '.join(translation.source)}"
    rows = "\n".join(
        f'<tr><th scope="row" lang="fr">{escape(token)}</th>{cells}</tr>'
        for token, cells in zip(translation.target, _cells(translation), strict=True)
    )
    return (
        f'<div class="alignment-view-table" role="region" tabindex="0"'
        f' aria-label="{escape(label)}">\n'
        f"<table>\n<caption>{escape(name)}</caption>\n"
        f"<thead><tr><td>query (target token) ↓ key (source token) →</td>{keys}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _cells(translation: Translation) -> list[str]:
    """The cells of each row; one cell across all of them where the translator has no attention."""
    if translation.attention is None:
        size = f'rowspan="{len(translation.target)}" colspan="{len(translation.source)}"'
        return [
            f"<td {size}>no attention</td>" if t == 0 else ""
            for t in range(len(translation.target))
        ]
    return ["".join(map(_cell, row)) for row in translation.attention.tolist()]


def _cell(weight: float) -> str:
    shade = f' style="--shade: {weight:.3f}"' if weight >= VISIBLE else ""
    return f"<td{shade}>{weight:.3f}</td>"
