"""Plots of attention and BLEU."""

import pytest
import torch

from attention.inspection import plots

SOURCE, TARGET = ["They", "arrived", "late"], ["Ils", "sont"]
WEIGHTS = torch.tensor([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0]])


def test_the_heat_map_shows_each_weight_at_its_tokens():
    axes = plots.alignment(WEIGHTS, SOURCE, TARGET).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == SOURCE
    assert [label.get_text() for label in axes.get_yticklabels()] == TARGET
    drawn = {(round(c.get_y() + 0.5), round(c.get_x() + 0.5)): c.get_alpha() for c in axes.patches}
    for (t, s), alpha in drawn.items():
        assert alpha == pytest.approx(WEIGHTS[t, s].item())
    assert len(drawn) == 6


def test_the_axes_say_what_is_query_and_what_is_key():
    axes = plots.alignment(WEIGHTS, SOURCE, TARGET).axes[0]
    assert axes.get_xlabel() == "key (source token)"
    assert axes.get_ylabel() == "query (target token)"
    assert axes.yaxis_inverted()  # the first target token on top


def test_a_notebook_displays_a_reproducible_svg_with_text():
    svg = plots.alignment(WEIGHTS, SOURCE, TARGET)._repr_svg_()
    assert "arrived" in svg
    assert svg == plots.alignment(WEIGHTS, SOURCE, TARGET)._repr_svg_()


@pytest.mark.on_cpu(reason="draws from numbers of Python")
def test_each_translator_has_a_line_of_bleu_by_length():
    axes = plots.bleu_by_length({"a": {5: 90.0, 10: 50.0}, "b": {5: 80.0, 10: 70.0}}).axes[0]
    assert {line.get_label(): list(line.get_ydata()) for line in axes.lines} == {
        "a": [90.0, 50.0],
        "b": [80.0, 70.0],
    }
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1 to 5", "6 and more"]


def test_weights_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\) for 3 target and 2 source tokens"):
        plots.alignment(WEIGHTS, TARGET, SOURCE)
