"""The formula and its masks, against torch."""

import pytest
import torch
from torch.nn import functional as F

from attention.functional import (
    causal_mask,
    masked_softmax,
    padding_mask,
    scaled_dot_product_attention,
)
from attention.kernels.fused import fused_attention
from tests.device.plugin import DEVICE

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def qkv(*batch: int, t: int = 5, s: int = 7, k: int = 4, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = [(*batch, t, k), (*batch, s, k), (*batch, s, k)]
    made = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [tensor.to(dtype).requires_grad_() for tensor in made]


def random_mask(*shape: int) -> torch.Tensor:
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(1)) > 0.4
    mask[..., 0] = True  # no query is fully masked
    return mask


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_formula_equals_torch_with_gradients(batch, masked):
    ours, theirs = qkv(*batch), qkv(*batch)
    mask = random_mask(*batch, 5, 7) if masked else None
    output, weights = scaled_dot_product_attention(*ours, mask)
    expected = F.scaled_dot_product_attention(*theirs, attn_mask=mask)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
    output.sin().sum().backward()
    expected.sin().sum().backward()
    for mine, theirs_ in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, theirs_.grad, rtol=0, atol=1e-12)


def test_true_means_may_attend():
    q, k, v = qkv()
    mask = torch.zeros(5, 7, dtype=torch.bool)
    mask[:, 2] = True
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    assert weights[:, 2].tolist() == [1.0] * 5
    torch.testing.assert_close(output, v[2].expand(5, -1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", [fused_attention, lambda *a: scaled_dot_product_attention(*a)[0]])
def test_a_fully_masked_query_gets_zeros(path, dtype):
    q, k, v = qkv(2, dtype=dtype)
    mask = random_mask(2, 5, 7)
    mask[1, 4] = False
    output = path(q, k, v, mask)
    assert output.dtype == dtype
    assert output[1, 4].tolist() == [0.0] * 4
    assert output.isfinite().all()
    output.sum().backward()
    for tensor in (q, k, v):
        assert tensor.grad.isfinite().all()
    assert q.grad[1, 4].tolist() == [0.0] * 4


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_no_nan_arises_behind_the_zeros():
    """Zeros written over NaN would look the same, but NaN would be in the softmax's gradient."""
    scores = torch.randn(2, 3, requires_grad=True)
    mask = torch.tensor([[False, False, False], [True, False, True]])
    with torch.autograd.detect_anomaly():
        masked_softmax(scores, mask).square().sum().backward()


@pytest.mark.parametrize("dtype", DTYPES)
def test_extreme_scores_stay_finite(dtype):
    scores = torch.tensor([[6e4, -6e4, 0.0]]).to(dtype)
    assert masked_softmax(scores).isfinite().all()
    assert masked_softmax(scores, torch.tensor([[True, False, True]])).tolist() == [[1, 0, 0]]


def test_the_causal_mask_allows_itself_and_the_past():
    assert causal_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_the_padding_mask_masks_padding_for_every_query():
    mask = padding_mask(torch.tensor([[5, 6, 0], [7, 0, 0]]))
    assert mask.tolist() == [[[True, True, False]], [[True, False, False]]]


def test_weights_at_padding_are_exactly_zero():
    q, k, v = qkv(2)
    ids = torch.tensor([[1, 2, 3, 4, 5, 0, 0], [1, 1, 1, 1, 1, 1, 0]])
    weights = scaled_dot_product_attention(q, k, v, padding_mask(ids))[1]
    assert weights[0, :, 5:].abs().max() == 0
    assert weights[1, :, 6:].abs().max() == 0


@pytest.mark.parametrize("path", [fused_attention, lambda *a: scaled_dot_product_attention(*a)[0]])
def test_half_precision_does_not_overflow(path):
    """40 * 40 * 64 is beyond the largest number of float16, and scaled it isn't."""
    q = torch.full((1, 3, 64), 40.0, dtype=torch.float16)
    torch.testing.assert_close(path(q, q, q), q)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_formula_agrees_with_torch_on_torchs_own_samples(dtype):
    """Those samples reach about 9, so in half precision the scores' rounding would show."""
    from torch.testing._internal.common_methods_invocations import op_db

    [operator] = [op for op in op_db if op.name == "nn.functional.scaled_dot_product_attention"]
    compared = 0
    torch.manual_seed(0)
    for sample in operator.sample_inputs(DEVICE, dtype):
        (k, v), causal = sample.args, sample.kwargs["is_causal"]
        if sample.kwargs.get("attn_mask") is not None:
            continue  # one to be added, which our boolean masks are not
        q = sample.input.expand(*k.shape[:-2], *sample.input.shape[-2:])
        mask = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool).tril() if causal else None
        expected = F.scaled_dot_product_attention(sample.input, k, v, is_causal=causal)
        output, weights = scaled_dot_product_attention(q, k, v, mask)
        assert output.dtype == weights.dtype == dtype
        # torch.testing's own tolerance for the dtype, but relative to the largest value, since an
        # output near zero is a sum of values as large as that.
        torch.testing.assert_close(output, expected, atol=v.abs().max() * EPSILON[dtype], rtol=0)
        compared += 1
    assert compared == 24


EPSILON = {  # relative tolerance: two roundings of the dtype
    torch.float64: 1e-13,
    torch.float32: 1e-5,
    torch.bfloat16: 2**-7,
    torch.float16: 2**-10,
}
