"""Attention as HTML: tables that everyone can read, and that the site lets you touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from attention.tasks.translation import Translation

__all__ = ["View", "alignment_view"]

VISIBLE = 0.005  # a smaller weight leaves no shade


@dataclass(frozen=True)
class View:
    """HTML that a notebook shows as it is.

    Attributes:
        html: The markup.
    """

    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html


def alignment_view(translations: Mapping[str, Translation]) -> View:
    """Where each translator looked while it wrote: a table of weights for each of them.

    On the site, the tables become words with lines between them, to hover over and to focus. In
    a notebook they stay tables. The words written are marked as French.

    Args:
        translations: By the translators' names, what each made of the same sentence.

    Raises:
        ValueError: There is no translation, or they are of different sentences.
    """
    sentences = {" ".join(translation.source) for translation in translations.values()}
    if len(sentences) != 1:
        raise ValueError(f"a view is of one sentence, and these are {len(sentences)}")
    tables = "\n".join(_table(name, made) for name, made in translations.items())
    label = f"Where each translator looks: {sentences.pop()}"
    # A search of the site should not find the sentence once for every row.
    return View(
        f'<alignment-view label="{escape(label)}" data-search-exclude>\n{tables}\n</alignment-view>'
    )


def _table(name: str, made: Translation) -> str:
    """A row for each word written, a column for each word read; it scrolls where it is wide."""
    read = "".join(f'<th scope="col">{escape(word)}</th>' for word in made.source)
    label = f"{name}: {' '.join(made.source)}"
    rows = "\n".join(
        f'<tr><th scope="row" lang="fr">{escape(word)}</th>{cells}</tr>'
        for word, cells in zip(made.target, _cells(made), strict=True)
    )
    return (
        f'<div class="alignment-view-table" role="region" tabindex="0"'
        f' aria-label="{escape(label)}">\n'
        f"<table>\n<caption>{escape(name)}</caption>\n"
        f"<thead><tr><td>word written ↓ read →</td>{read}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _cells(made: Translation) -> list[str]:
    """The cells of each row; one large cell where the translator looks nowhere."""
    if made.attention is None:
        size = f'rowspan="{len(made.target)}" colspan="{len(made.source)}"'
        nowhere = f"<td {size}>looks nowhere</td>"
        return [nowhere if t == 0 else "" for t in range(len(made.target))]
    return ["".join(map(_cell, row)) for row in made.attention.tolist()]


def _cell(weight: float) -> str:
    shade = f' style="--shade: {weight:.3f}"' if weight >= VISIBLE else ""
    return f"<td{shade}>{weight:.3f}</td>"
