"""Each loss equals its formula, written out with logarithms of probabilities."""

import pytest
import torch

from attention.training.losses import (
    contrastive_loss,
    cosine_similarity,
    masked_lm_loss,
    next_token_loss,
)

V = 7


@pytest.fixture
def logits() -> torch.Tensor:
    return 2 * torch.randn(2, 5, V, generator=torch.Generator().manual_seed(0), dtype=torch.double)


@pytest.fixture
def target() -> torch.Tensor:
    return torch.tensor([[2, 5, 6, 4, 3], [2, 4, 3, 0, 0]])


def cross_entropies(logits: torch.Tensor, target: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Minus log p of the target, of which `smoothing` is spread evenly over the vocabulary."""
    log_p = logits.log_softmax(-1)
    correct = log_p.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    return -(1 - smoothing) * correct - smoothing * log_p.sum(-1) / V


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_next_token_loss_is_the_mean_over_all_tokens(logits, target, smoothing):
    by_hand = cross_entropies(logits, target, smoothing)
    torch.testing.assert_close(next_token_loss(logits, target, smoothing), by_hand.mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_next_token_loss_leaves_padding_out(logits, target, smoothing):
    by_hand = cross_entropies(logits, target, smoothing)[target != 0].mean()
    loss = next_token_loss(logits, target, smoothing, padding_id=0)
    torch.testing.assert_close(loss, by_hand)
    longer = torch.cat([logits, 9 * torch.rand(2, 3, V).double()], dim=1)
    padded = torch.cat([target, torch.zeros(2, 3, dtype=torch.long)], dim=1)
    torch.testing.assert_close(next_token_loss(longer, padded, smoothing, padding_id=0), loss)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_masked_lm_loss_is_the_mean_over_the_chosen_tokens(logits, target, smoothing):
    chosen = target > 3
    by_hand = cross_entropies(logits, target, smoothing)[chosen].mean()
    loss = masked_lm_loss(logits[chosen], target[chosen], smoothing)
    torch.testing.assert_close(loss, by_hand)


def test_masked_lm_loss_is_zero_where_nothing_was_chosen():
    logits = torch.zeros(0, V, requires_grad=True)
    loss = masked_lm_loss(logits, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0


def test_cosine_similarity_is_the_cosine():
    q, k = torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0], [4, 4]])
    torch.testing.assert_close(cosine_similarity(q, k), torch.tensor([[1.0, 0.0, -1.0, 0.5**0.5]]))
    assert cosine_similarity(q, torch.zeros(1, 2)).item() == 0


def test_contrastive_loss_is_low_where_each_query_is_closest_to_its_own_key():
    q = torch.eye(4)
    assert contrastive_loss(q, q).item() < 1e-6
    assert contrastive_loss(q, q.roll(1, 0)).item() == pytest.approx(20, abs=1e-3)
    same = torch.ones(4, 4)
    assert contrastive_loss(same, same).item() == pytest.approx(torch.tensor(4.0).log().item())


def test_contrastive_loss_is_infonce():
    generator = torch.Generator().manual_seed(0)
    q, k = (3 * torch.randn(4, 5, generator=generator) for _ in range(2))
    exponentials = (cosine_similarity(q, k) / 0.2).exp()
    by_hand = -(exponentials.diagonal() / exponentials.sum(dim=1)).log().mean()
    torch.testing.assert_close(contrastive_loss(q, k, temperature=0.2), by_hand)
