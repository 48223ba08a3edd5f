"""All heads of a Transformer as HTML: tables, which the site makes interactive."""

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
    translator: Translator,
    source: str,
    target: str | None = None,
    padding: int = 0,
    pair: tuple[str, str] | None = None,
) -> View:
    """Tables of the attention weights of every head, and of each head's contribution.

    On the site, a custom element turns the tables into small maps of all heads, one of which is
    enlarged. In a notebook they stay tables, folded. Target tokens have the language attribute of
    French.

    Args:
        translator: A translator of the architecture `transformer`.
        source: The source sentence.
        target: The translation that the decoder is given; unless given, the translator's own.
        padding: Padding tokens to add to both sentences, as in a batch with longer ones.
        pair: A target token and a source token. The custom element enlarges at first the
            cross-attention head with the largest weight between them.

    Raises:
        ValueError: The translator is of another architecture, or `source` has no tokens.
    """
    maps = head_maps(translator, source, target, padding)
    label = f"Attention of each head: {' '.join(token for (token,) in maps[0].queries)}"
    kinds = "\n".join(_kind([layer for layer in maps if layer.kind == kind]) for kind in KINDS)
    # Excluded, or the search would find the sentence once for every row.
    first = f' target="{escape(pair[0])}" source="{escape(pair[1])}"' if pair else ""
    return View(
        f'<head-view label="{escape(label)}"{first} data-search-exclude>\n{kinds}\n</head-view>'
    )


def _kind(layers: Sequence[HeadMaps]) -> str:
    """All layers of one kind of attention, folded under its name."""
    size = f"{len(layers)} layers of {len(layers[0].weights)} heads"
    summary = f"<summary>{KINDS[layers[0].kind]}: {size}</summary>"
    tables = "\n".join(table for layer in layers for table in _layer(layer))
    return f'<details class="head-view-kind">\n{summary}\n{tables}\n</details>'


def _layer(layer: HeadMaps) -> Iterable[str]:
    """A table of weights for each head, and one of the contributions of all heads."""
    title = f"{KINDS[layer.kind]}, layer {layer.number}"
    attributes = f'data-kind="{layer.kind}" data-layer="{layer.number}"'
    language = LANGUAGES[layer.kind][1]
    keys = "".join(f'<th scope="col"{language}>{escape(token)}</th>' for token in layer.keys)
    reasons = [[layer.mask_reason(t, s) for s in range(len(layer.keys))] for t in _rows(layer)]
    for head, weights in enumerate(layer.weights.tolist(), start=1):
        cells = ["".join(map(_weight, *row)) for row in zip(weights, reasons, strict=True)]
        caption = f"{title}, head {head}: a row for each query, a column for each key"
        yield _table("weights", f'{attributes} data-head="{head}"', caption, layer, keys, cells)
    heads = range(1, len(layer.weights) + 1)
    names = [*(f"head {h}" for h in heads), "sum", *(f"proportion of head {h}" for h in heads)]
    columns = "".join(f'<th scope="col">{name}</th>' for name in names)
    values = [*layer.norms, layer.output_norms, *layer.proportions]
    cells = ["".join(f"<td>{column[t]:.3f}</td>" for column in values) for t in _rows(layer)]
    caption = (
        f"{title}, after W_o: the norm of each head's contribution, and its proportion of the sum"
    )
    yield _table("contributions", attributes, caption, layer, columns, cells)


def _table(
    name: str, attributes: str, caption: str, layer: HeadMaps, columns: str, cells: Sequence[str]
) -> str:
    """A table whose rows begin with the query's token, and in the decoder also its target."""
    corner = ["token"] if layer.kind == "encoder" else ["input", "target"]
    first = "".join(f'<th scope="col">{name}</th>' for name in corner)
    rows = "\n".join(
        f"<tr>{_query(layer, tokens)}{row}</tr>"
        for tokens, row in zip(layer.queries, cells, strict=True)
    )
    return (
        f'<div class="head-view-table" data-table="{name}" {attributes} role="group" tabindex="0"'
        f' aria-label="{caption.split(":")[0]}">\n<table>\n'
        f"<caption>{caption.replace('W_o', 'W<sub>o</sub>')}</caption>\n"
        f"<thead><tr>{first}{columns}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _query(layer: HeadMaps, tokens: tuple[str, ...]) -> str:
    language = LANGUAGES[layer.kind][0]
    return "".join(f'<th scope="row"{language}>{escape(token)}</th>' for token in tokens)


def _weight(weight: float, reason: str) -> str:
    return f'<td class="{reason}">{reason}</td>' if reason else f"<td>{weight:.3f}</td>"


def _rows(layer: HeadMaps) -> range:
    return range(len(layer.queries))
