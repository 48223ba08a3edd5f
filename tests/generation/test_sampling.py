"""Sampling: known distributions in, known distributions out; with a KV cache or without."""

import math

import pytest
import torch

from attention.errors import BadInput
from attention.generation.sampling import Sampler, Uncached, generate, stream
from attention.models.gpt import GPT, GPTConfig

PROBABILITIES = torch.tensor([0.125, 0.5, 0.0625, 0.25, 0.0625])
LOGITS = PROBABILITIES.log() + 3


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(GPTConfig(29, d_model=16, n_heads=2, n_layers=2, max_len=40)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def test_temperature_one_changes_nothing():
    torch.testing.assert_close(Sampler().probabilities(LOGITS), PROBABILITIES)
    torch.testing.assert_close(Sampler(top_k=99, top_p=1.0).probabilities(LOGITS), PROBABILITIES)


@pytest.mark.parametrize(("temperature", "power"), [(0.5, 2.0), (2.0, 0.5)])
def test_temperature_raises_probabilities_to_a_power(temperature, power):
    expected = PROBABILITIES**power / (PROBABILITIES**power).sum()
    torch.testing.assert_close(Sampler(temperature=temperature).probabilities(LOGITS), expected)


def test_top_k_keeps_exactly_k():
    for k in range(1, 6):
        assert (Sampler(top_k=k).probabilities(LOGITS) > 0).sum() == k
    torch.testing.assert_close(
        Sampler(top_k=2).probabilities(LOGITS), torch.tensor([0, 2 / 3, 0, 1 / 3, 0])
    )


@pytest.mark.parametrize(
    ("top_p", "kept"), [(1e-9, 1), (0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3), (0.9, 4), (0.99, 5)]
)
def test_top_p_keeps_the_fewest_tokens_that_reach_p(top_p, kept):
    probabilities = Sampler(top_p=top_p).probabilities(LOGITS)
    assert (probabilities > 0).sum() == kept
    best = PROBABILITIES.sort(descending=True, stable=True).values[:kept]
    torch.testing.assert_close(probabilities.sort(descending=True).values[:kept], best / best.sum())


def test_top_p_counts_what_top_k_and_temperature_left():
    # Of the two that top-k leaves, the first has two thirds of the chance: enough for p = 0.6.
    assert Sampler(top_k=2, top_p=0.6).probabilities(LOGITS).tolist() == [0, 1, 0, 0, 0]
    assert (Sampler(top_p=0.6).probabilities(LOGITS) > 0).sum() == 2
    assert (Sampler(temperature=0.5, top_p=0.7).probabilities(LOGITS) > 0).sum() == 1


def test_each_row_has_its_own_distribution():
    rows = torch.stack([LOGITS, LOGITS.flip(0)])
    for sampler in (Sampler(top_k=2), Sampler(top_p=0.7), Sampler(0.3)):
        expected = torch.stack([sampler.probabilities(row) for row in rows])
        torch.testing.assert_close(sampler.probabilities(rows), expected)


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-40, 1e-3])
def test_a_small_temperature_takes_the_most_probable_token(temperature):
    sampler = Sampler(temperature, generator=seeded())
    assert sampler(LOGITS.expand(50, -1)).tolist() == [1] * 50
    assert sampler(1e4 * LOGITS[None]).tolist() == [1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_extreme_logits(dtype):
    logits = torch.tensor([[-6e4, 6e4, 0.0, -math.inf]], dtype=dtype)
    for sampler in (Sampler(), Sampler(1e-3), Sampler(top_k=3, top_p=0.9), Sampler(1e30)):
        probabilities = sampler.probabilities(logits)
        assert probabilities.isfinite().all()
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(1))
        assert probabilities[0, 3] == 0 or sampler.temperature > 1


def test_tokens_are_sampled_as_often_as_their_probabilities_say():
    words = Sampler(generator=seeded())(LOGITS.expand(20_000, -1))
    shares = words.bincount(minlength=5) / 20_000
    torch.testing.assert_close(shares, PROBABILITIES, rtol=0, atol=0.02)
    kept = Sampler(top_k=2, generator=seeded())(LOGITS.expand(1_000, -1))
    assert set(kept.tolist()) == {1, 3}


@pytest.mark.on_cpu(reason="refuses before it computes")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -1.0}, "temperature -1.0: must be 0 or a positive number"),
        ({"temperature": math.nan}, "temperature nan: must be 0 or a positive number"),
        ({"temperature": math.inf}, "temperature inf: must be 0 or a positive number"),
        ({"top_k": 0}, "top-k 0: at least one token must be left"),
        ({"top_p": 0.0}, "top-p 0.0: must be a probability above 0"),
        ({"top_p": 1.5}, "top-p 1.5: must be a probability above 0"),
        ({"top_p": math.nan}, "top-p nan: must be a probability above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(BadInput, match=message):
        Sampler(**arguments)


SETTINGS = [{"temperature": 0.0}, {}, {"temperature": 0.7, "top_k": 5}, {"top_p": 0.8}]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("prompt", [1, 6])
def test_with_a_cache_or_without_the_tokens_are_the_same(model, settings, prompt):
    ids = torch.randint(29, (3, prompt), generator=seeded(1))
    cached, uncached = (
        generate(one, ids, 30, Sampler(**settings, generator=seeded(7)))
        for one in (model, Uncached(model))
    )
    assert cached.shape == (3, prompt + 30)
    assert torch.equal(cached, uncached)
    assert torch.equal(cached[:, :prompt], ids)


def test_the_generator_is_the_only_source_of_randomness(model):
    ids = torch.tensor([[3, 4]])
    one, again, other = (
        generate(model, ids, 30, Sampler(generator=seeded(seed))) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_greedy_takes_the_best_of_the_whole_text_each_time(model):
    ids = generate(model, torch.tensor([[3, 4]]), 20, Sampler(0))
    assert torch.equal(model(ids)[0, 1:-1].argmax(-1), ids[0, 2:])


def test_tokens_are_yielded_as_they_are_sampled(model):
    ids = torch.tensor([[3, 4], [5, 6]])
    words = torch.stack(list(stream(model, ids, 9, Sampler(0))), dim=1)
    assert torch.equal(torch.cat([ids, words], dim=1), generate(model, ids, 9, Sampler(0)))
    iterator = stream(model, ids, 38, Sampler(0))
    assert torch.equal(next(iterator), words[:, 0])


class Counter:
    """It counts down from the last token of the prompt, and goes on from 8 below 0."""

    def prefill(self, ids: torch.Tensor, max_new_tokens: int) -> tuple[torch.Tensor, None]:
        return self.decode_step(ids[:, -1], None)

    def decode_step(self, token: torch.Tensor, state: None) -> tuple[torch.Tensor, None]:
        return torch.eye(9)[(token - 1) % 9], None


def test_a_text_ends_where_it_ends_and_the_batch_with_the_last():
    ids = torch.tensor([[5, 2], [5, 4]])
    words = generate(Counter(), ids, 100, Sampler(0), eos_ids=[0])
    assert words.tolist() == [[5, 2, 1, 0, 0, 0], [5, 4, 3, 2, 1, 0]]
    assert generate(Counter(), ids, 3, Sampler(0)).tolist() == [[5, 2, 1, 0, 8], [5, 4, 3, 2, 1]]


def test_any_of_several_end_tokens_ends_a_text():
    ids = torch.tensor([[5, 3], [5, 7]])
    tokens = generate(Counter(), ids, 100, Sampler(0), eos_ids=[0, 5])
    assert tokens.tolist() == [[5, 3, 2, 1, 0], [5, 7, 6, 5, 5]]


def test_no_new_tokens_are_none(model):
    ids = torch.tensor([[3, 4]])
    assert torch.equal(generate(model, ids, 0), ids)


def test_an_empty_prompt_and_a_text_too_long_are_refused(model):
    with pytest.raises(BadInput, match="an empty prompt: give at least one token"):
        generate(model, torch.empty(1, 0, dtype=torch.long), 3)
    with pytest.raises(BadInput, match="41 tokens, but this model has 40 positions"):
        generate(model, torch.tensor([[3, 4]]), 60)
