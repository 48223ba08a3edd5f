"""Plots of attention and BLEU: functions that return a matplotlib Figure, in the book's colours."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from attention.inspection import fonts
from attention.shapes import Float, Tensor

__all__ = ["COLOURS", "alignment", "bleu_by_length"]

# The colour code of the whole book, distinct with any colour vision: after Okabe and Ito 2008.
COLOURS = {
    "query": "#0072B2",
    "key": "#B35900",
    "value": "#00795C",
    "weights": "#A3437F",
    "source": "#4B5BA6",
    "target": "#9C2F2F",
    "ink": "#5C5962",
}


class Plot(Figure):
    """A Figure that a notebook displays as SVG, without a magic command."""

    def _repr_svg_(self) -> str:
        svg = StringIO()
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "attention"}):
            self.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
        return svg.getvalue()


def alignment(
    weights: Float[Tensor, "T S"], source: Sequence[str], target: Sequence[str]
) -> Figure:
    """A heat map of attention weights: the darker a cell, the greater the weight.

    Args:
        weights: A row for each target token; each row sums to one.
        source: The source tokens (keys), which are the columns.
        target: The target tokens (queries), which are the rows.

    Raises:
        ValueError: The shape of the weights is not (target tokens, source tokens).

    Source: the counterpart of Bahdanau et al. 2014, figure 3.
    """
    if weights.shape != (len(target), len(source)):
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} for {len(target)} target "
            f"and {len(source)} source tokens"
        )
    figure = Plot(
        figsize=(1.6 + 0.36 * len(source), 1.6 + 0.36 * len(target)), layout="constrained"
    )
    axes = figure.add_subplot()
    for t, row in enumerate(weights.tolist()):
        for s, weight in enumerate(row):
            cell = Rectangle((s - 0.5, t - 0.5), 1, 1, color=COLOURS["weights"], linewidth=0)
            cell.set_alpha(min(1.0, max(0.0, weight)))
            axes.add_patch(cell)
    axes.set(xlim=(-0.5, len(source) - 0.5), ylim=(len(target) - 0.5, -0.5), aspect="equal")
    families = fonts.fallback_families([*source, *target])
    style: dict[str, Any] = {"parse_math": False}  # a token such as `$x$` is no formula
    style |= {"fontfamily": families} if families else {}
    axes.set_xticks(range(len(source)), source, rotation=90, color=COLOURS["source"], **style)
    axes.set_yticks(range(len(target)), target, color=COLOURS["target"], **style)
    axes.set_xlabel("key (source token)", color=COLOURS["key"])
    axes.set_ylabel("query (target token)", color=COLOURS["query"])
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0)
    axes.spines[:].set_color(COLOURS["ink"])
    axes.spines[:].set_linewidth(0.8)
    return figure


def bleu_by_length(curves: Mapping[str, Mapping[int, float]]) -> Figure:
    """BLEU against the length of the source sentence, a line for each translator.

    Args:
        curves: For each translator's name, the BLEU of each group of sentences by the greatest
            length in it, as `attention.evaluation.metrics.bleu_by_length` gives it.

    Source: the counterpart of Bahdanau et al. 2014, figure 2.
    """
    figure = Plot(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    names = ["query", "key", "value", "weights", "source", "target", "ink"]
    for (name, curve), colour, marker in zip(curves.items(), names, "osD^vPX", strict=False):
        axes.plot(list(curve.values()), color=COLOURS[colour], marker=marker, label=name)
    lengths = list(next(iter(curves.values())))
    shortest = [1, *(length + 1 for length in lengths[:-1])]
    labels = [f"{a} to {b}" for a, b in zip(shortest, lengths, strict=True)]
    axes.set_xticks(range(len(lengths)), [*labels[:-1], f"{shortest[-1]} and more"])
    axes.set(ylim=(0, 103))
    axes.set_xlabel("words in the English sentence", color=COLOURS["ink"])
    axes.set_ylabel("BLEU", color=COLOURS["ink"])
    axes.tick_params(colors=COLOURS["ink"])
    axes.spines[:].set_color(COLOURS["ink"])
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, labelcolor=COLOURS["ink"], loc="outside upper center", ncols=3)
    return figure
