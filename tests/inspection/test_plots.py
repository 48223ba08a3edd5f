"""Pictures of attention."""

import pytest
import torch

from attention.inspection import plots

SOURCE, TARGET = ["They", "arrived", "late"], ["Ils", "sont"]
WEIGHTS = torch.tensor([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0]])


def test_the_map_shows_every_word_and_weight_in_its_place():
    axes = plots.alignment(WEIGHTS, SOURCE, TARGET).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == SOURCE
    assert [label.get_text() for label in axes.get_yticklabels()] == TARGET
    drawn = {(round(c.get_y() + 0.5), round(c.get_x() + 0.5)): c.get_alpha() for c in axes.patches}
    for (t, s), alpha in drawn.items():
        assert alpha == pytest.approx(WEIGHTS[t, s].item())
    assert len(drawn) == 6


def test_the_axes_say_what_is_query_and_what_is_key():
    axes = plots.alignment(WEIGHTS, SOURCE, TARGET).axes[0]
    assert axes.get_xlabel().startswith("key")
    assert axes.get_ylabel().startswith("query")
    assert axes.yaxis_inverted()  # the first word written stands on top


def test_a_notebook_gets_the_same_svg_each_time_with_its_words_as_text():
    svg = plots.alignment(WEIGHTS, SOURCE, TARGET)._repr_svg_()
    assert "arrived" in svg
    assert svg == plots.alignment(WEIGHTS, SOURCE, TARGET)._repr_svg_()


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3\) for 3 target and 2 source words"):
        plots.alignment(WEIGHTS, TARGET, SOURCE)
