"""The fused path: the formula's outputs, for any mask, and fewer weights under dropout."""

import pytest
import torch

from attention.functional import causal_mask, combine_causal, scaled_dot_product_attention
from attention.kernels.fused import fused_attention


def qkv(*batch: int, t: int = 5, s: int = 7, k: int = 4, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = [(*batch, t, k), (*batch, s, k), (*batch, s, k)]
    made = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [tensor.to(dtype).requires_grad_() for tensor in made]


def random_mask(*shape: int) -> torch.Tensor:
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(1)) > 0.4
    mask[..., 0] = True  # no query is fully masked
    return mask


@pytest.mark.parametrize("masked", [False, True])
def test_fused_path_equals_formula(masked):
    q, k, v = qkv(2)
    mask = random_mask(2, 5, 7) if masked else None
    if masked:
        mask[0, 3] = False  # and one query is fully masked
    formula = scaled_dot_product_attention(q, k, v, mask)[0]
    torch.testing.assert_close(fused_attention(q, k, v, mask), formula, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("t", "s"), [(5, 5), (1, 5), (1, 1), (2, 5), (0, 0)])
@pytest.mark.parametrize("masked", [False, True])
def test_causal_is_the_lower_half_and_any_mask_besides(t, s, masked):
    """Queries are at the last positions: two of five tokens are the fourth and the fifth."""
    q, k, v = qkv(2, t=t, s=s)
    mask = random_mask(2, t, s) if masked and t else None
    if mask is not None:
        mask[0, 0] = False  # one query is fully masked
    causal = combine_causal(mask, q, k)
    assert torch.equal(combine_causal(None, q, k), causal_mask(s)[s - t :])
    assert torch.equal(causal, causal_mask(s)[s - t :] & (True if mask is None else mask))
    formula = scaled_dot_product_attention(q, k, v, causal)[0]
    output = fused_attention(q, k, v, mask, causal=True)
    torch.testing.assert_close(output, formula, rtol=0, atol=1e-12)
    gradients = torch.autograd.grad(formula.sin().sum(), (q, k, v))
    fused = torch.autograd.grad(output.sin().sum(), (q, k, v))
    torch.testing.assert_close(fused, gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("causal", [False, True])
def test_groups_of_heads_share_keys_and_values(batch, masked, causal):
    q, k, v = (tensor[..., :2, :, :] for tensor in qkv(*batch, 4, t=5, s=5))
    q = torch.cat([q, -q], dim=-3)  # four heads, two keys and values
    mask = random_mask(*batch, 1, 5, 5) if masked else None
    copies = [tensor.repeat_interleave(2, dim=-3) for tensor in (k, v)]
    torch.testing.assert_close(
        fused_attention(q, k, v, mask, causal),
        fused_attention(q, *copies, mask, causal),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize("masked", [False, True])
def test_dropout_drops_weights_and_scales_the_others(masked):
    """With the identity as values, an output is a row of weights: each is 0, or twice as large."""
    torch.manual_seed(0)
    q, k = torch.randn(200, 5, 7).double(), torch.randn(200, 7, 7).double()
    v = torch.eye(7).double().expand(200, 7, 7)
    mask = random_mask(200, 5, 7) if masked else None
    weights = scaled_dot_product_attention(q, k, v, mask)[0]
    dropped = fused_attention(q, k, v, mask, dropout=0.5)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], 2 * weights[kept], rtol=0, atol=1e-12)
    assert kept[weights > 0].double().mean().item() == pytest.approx(0.5, abs=0.02)
