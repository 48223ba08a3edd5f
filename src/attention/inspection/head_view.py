"""All heads of a Transformer as HTML: tables to read, which the site lets you touch."""

from collections.abc import Iterable, Sequence
from html import escape

from attention.inspection.alignment_view import View
from attention.inspection.head_maps import HeadMaps, head_maps
from attention.tasks.translation import Translator

__all__ = ["head_view"]

KINDS = {
    "encoder": "Encoder self-attention",
    "decoder": "Decoder self-attention",
    "cross": "Encoder-decoder attention",
}
FRENCH = ' lang="fr"'
LANGUAGES = {"encoder": ("", ""), "decoder": (FRENCH, FRENCH), "cross": (FRENCH, "")}


def head_view(
    translator: Translator, source: str, target: str | None = None, padding: int = 0
) -> View:
    """Where every head looks while a Transformer translates, and what each adds to its layer.

    On the site, you choose among small maps of all heads and see one of them large. In a notebook
    they stay tables, folded. The words written are marked as French.

    Args:
        translator: One with the architecture `transformer`.
        source: The sentence that is read.
        target: The translation that it is made to write; its own unless given.
        padding: How many places of padding stand behind both sentences, as in a batch with longer
            ones.

    Raises:
        ValueError: The translator is of another architecture, or there is no word to read.
    """
    maps = head_maps(translator, source, target, padding)
    label = f"Where each head looks: {' '.join(word for (word,) in maps[0].queries)}"
    kinds = "\n".join(_kind([layer for layer in maps if layer.kind == kind]) for kind in KINDS)
    # A search of the site should not find the sentence once for every row.
    return View(f'<head-view label="{escape(label)}" data-search-exclude>\n{kinds}\n</head-view>')


def _kind(layers: Sequence[HeadMaps]) -> str:
    """All layers of a kind, folded under its name."""
    size = f"{len(layers)} layers of {len(layers[0].weights)} heads"
    summary = f"<summary>{KINDS[layers[0].kind]}: {size}</summary>"
    tables = "\n".join(table for layer in layers for table in _layer(layer))
    return f'<details class="head-view-kind">\n{summary}\n{tables}\n</details>'


def _layer(layer: HeadMaps) -> Iterable[str]:
    """A table of weights for each head, and one of what the heads add to the output."""
    title = f"{KINDS[layer.kind]}, layer {layer.number}"
    place = f'data-kind="{layer.kind}" data-layer="{layer.number}"'
    language = LANGUAGES[layer.kind][1]
    keys = "".join(f'<th scope="col"{language}>{escape(word)}</th>' for word in layer.keys)
    hidden = [[layer.hidden(t, s) for s in range(len(layer.keys))] for t in _rows(layer)]
    for head, weights in enumerate(layer.weights.tolist(), start=1):
        cells = ["".join(map(_weight, row, why)) for row, why in zip(weights, hidden, strict=True)]
        caption = f"{title}, head {head}: a row for each query, a column for each key"
        yield _table("weights", f'{place} data-head="{head}"', caption, layer, keys, cells)
    heads = range(1, len(layer.weights) + 1)
    names = [*(f"head {h}" for h in heads), "together", *(f"share of head {h}" for h in heads)]
    columns = "".join(f'<th scope="col">{name}</th>' for name in names)
    numbers = [*layer.lengths, layer.output_lengths, *layer.shares]
    cells = ["".join(f"<td>{row[t]:.3f}</td>" for row in numbers) for t in _rows(layer)]
    caption = f"{title}, after W_o: the length of what each head adds, and its share of the sum"
    yield _table("parts", place, caption, layer, columns, cells)


def _table(
    name: str, place: str, caption: str, layer: HeadMaps, columns: str, cells: Sequence[str]
) -> str:
    """Words first in each row: the word read, and in the decoder also the word then written."""
    corner = ["word"] if layer.kind == "encoder" else ["reads", "writes"]
    first = "".join(f'<th scope="col">{word}</th>' for word in corner)
    rows = "\n".join(
        f"<tr>{_query(layer, words)}{row}</tr>"
        for words, row in zip(layer.queries, cells, strict=True)
    )
    return (
        f'<div class="head-view-table" data-table="{name}" {place} role="group" tabindex="0"'
        f' aria-label="{caption.split(":")[0]}">\n<table>\n<caption>{caption}</caption>\n'
        f"<thead><tr>{first}{columns}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _query(layer: HeadMaps, words: tuple[str, ...]) -> str:
    language = LANGUAGES[layer.kind][0]
    return "".join(f'<th scope="row"{language}>{escape(word)}</th>' for word in words)


def _weight(weight: float, hidden: str) -> str:
    return f'<td class="{hidden}">{hidden}</td>' if hidden else f"<td>{weight:.3f}</td>"


def _rows(layer: HeadMaps) -> range:
    return range(len(layer.queries))
