"""Sinusoidal positional encodings."""

import math

import pytest
import torch

from attention.layers.positions import SinusoidalEncoding, sinusoidal_positions


def test_every_component_is_the_papers_formula():
    encodings = sinusoidal_positions(20, 8)
    for t in range(20):
        for i in range(4):
            angle = t / 10_000 ** (2 * i / 8)
            assert encodings[t, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert encodings[t, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_far_positions_are_as_exact_as_near_ones():
    far = sinusoidal_positions(100_001, 4)[100_000]
    assert far[0].item() == pytest.approx(math.sin(100_000), abs=1e-6)


def test_an_odd_dimension_ends_on_a_sine():
    assert sinusoidal_positions(3, 3)[1, 2].item() == pytest.approx(math.sin(10_000 ** (-2 / 3)))


def test_the_product_of_two_positions_depends_on_their_distance_alone():
    encodings = sinusoidal_positions(50, 16).double()
    products = encodings @ encodings.T
    for distance in range(1, 10):
        along = products.diagonal(distance)
        assert torch.allclose(along, along[0].expand_as(along), atol=1e-5)


def test_the_table_grows_where_a_sequence_is_longer():
    layer, x = SinusoidalEncoding(4, length=3), torch.zeros(2, 5, 4)
    expected = sinusoidal_positions(9, 4)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x, position_offset=4), expected[4:].expand(2, 5, 4))
    x.requires_grad_()
    layer(x).sum().backward()  # a table that inference made serves training
    torch.testing.assert_close(layer(x), expected[:5].expand(2, 5, 4))
    assert not layer.state_dict()
