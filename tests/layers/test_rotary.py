"""Rotary position embeddings."""

import math

import pytest
import torch

from attention.layers.positions import Llama3RoPEScaling, RotaryEmbedding

SCALING = Llama3RoPEScaling(original_len=32)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_every_pair_is_rotated_by_the_papers_angle():
    x = torch.randn(5, 6).double()
    rotated = RotaryEmbedding(6, theta=100.0)(x)
    for t in range(5):
        for i in range(3):
            angle = t * 100 ** (-2 * i / 6)
            one, other = x[t, i].item(), x[t, i + 3].item()
            assert rotated[t, i].item() == pytest.approx(
                one * math.cos(angle) - other * math.sin(angle), abs=1e-6
            )
            assert rotated[t, i + 3].item() == pytest.approx(
                other * math.cos(angle) + one * math.sin(angle), abs=1e-6
            )


@pytest.mark.parametrize("scaling", [None, SCALING])
def test_scores_depend_on_the_distance_alone(scaling):
    rotary = RotaryEmbedding(8, scaling=scaling)
    q, k = (torch.randn(8).double().expand(60, 8) for _ in "qk")
    products = rotary(q) @ rotary(k).T
    assert not torch.allclose(products[0, 1], products[1, 0])
    for distance in range(-40, 40):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[0].expand_as(along), rtol=0, atol=1e-5)


def test_norms_stay_and_position_0_is_not_rotated():
    x = torch.randn(2, 3, 50, 8).double()
    rotated = RotaryEmbedding(8)(x)
    torch.testing.assert_close(rotated.norm(dim=-1), x.norm(dim=-1), rtol=1e-6, atol=0)
    assert torch.equal(rotated[..., 0, :], x[..., 0, :])


def test_positions_can_start_at_an_offset():
    x, rotary = torch.randn(2, 9, 8), RotaryEmbedding(8)
    torch.testing.assert_close(
        rotary(x[:, 4:], position_offset=4), rotary(x)[:, 4:], rtol=0, atol=1e-6
    )


def test_tables_made_in_inference_mode_serve_training():
    rotary = RotaryEmbedding(8, theta=77.0)
    with torch.inference_mode():
        rotary(torch.randn(3, 8))
    x = torch.randn(3, 8, requires_grad=True)
    rotary(x).square().sum().backward()
    torch.testing.assert_close(x.grad, 2 * x.detach())  # a rotation keeps norms


def test_llama_3_scaling_lowers_the_low_frequencies():
    """Written out once more, case by case, from the description of Llama 3.1."""
    plain = RotaryEmbedding(64, theta=500_000.0).inverse_frequencies().double()
    scaled = (
        RotaryEmbedding(64, theta=500_000.0, scaling=Llama3RoPEScaling())
        .inverse_frequencies()
        .double()
    )
    seen = set()
    for before, after in zip(plain.tolist(), scaled.tolist(), strict=True):
        wavelength = 2 * math.pi / before
        if wavelength < 8192 / 4:
            case, expected = "fast", before
        elif wavelength > 8192 / 1:
            case, expected = "slow", before / 8
        else:
            share = (8192 / wavelength - 1) / (4 - 1)
            case, expected = "between", (1 - share) * before / 8 + share * before
        seen.add(case)
        assert after == pytest.approx(expected, rel=1e-5)
    assert seen == {"fast", "slow", "between"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_far_positions_in_half_precision(dtype):
    x = torch.randn(1, 8)
    far = RotaryEmbedding(8)(x.to(dtype), position_offset=100_000)
    assert far.dtype == dtype
    torch.testing.assert_close(
        far.float(), RotaryEmbedding(8)(x, position_offset=100_000), rtol=0, atol=0.03
    )


@pytest.mark.on_cpu(reason="refuses before it computes")
def test_refusals():
    with pytest.raises(ValueError, match="7 are an odd number"):
        RotaryEmbedding(7)
    with pytest.raises(ValueError, match="theta is 0"):
        RotaryEmbedding(8, theta=0.0)
    with pytest.raises(ValueError, match="needs a positive factor"):
        Llama3RoPEScaling(low=4.0, high=4.0)


def test_the_tables_grow_and_can_be_rebuilt():
    rotary, x = RotaryEmbedding(8, length=2), torch.randn(1, 9, 8)
    expected = RotaryEmbedding(8, length=100)(x)
    assert torch.equal(rotary(x), expected)
    assert not rotary.state_dict()
    with torch.device("meta"):
        built = RotaryEmbedding(8, length=20)
    assert built.cos.is_meta
    built.reset_buffers(x.device)
    assert torch.equal(built(x), expected)
