"""Drawing the next word: known chances in, known chances out; with a cache or without."""

import math
from typing import NamedTuple

import pytest
import torch

from attention.errors import BadInput
from attention.generation.sampling import Sampler, Uncached, generate, write
from attention.models.gpt import GPT, GPTConfig

CHANCES = torch.tensor([0.125, 0.5, 0.0625, 0.25, 0.0625])
LOGITS = CHANCES.log() + 3


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


def test_temperature_one_leaves_the_chances_alone():
    torch.testing.assert_close(Sampler().chances(LOGITS), CHANCES)
    torch.testing.assert_close(Sampler(top_k=99, top_p=1.0).chances(LOGITS), CHANCES)


@pytest.mark.parametrize(("temperature", "power"), [(0.5, 2.0), (2.0, 0.5)])
def test_temperature_raises_chances_to_a_power(temperature, power):
    expected = CHANCES**power / (CHANCES**power).sum()
    torch.testing.assert_close(Sampler(temperature=temperature).chances(LOGITS), expected)


def test_top_k_keeps_exactly_k():
    for k in range(1, 6):
        assert (Sampler(top_k=k).chances(LOGITS) > 0).sum() == k
    torch.testing.assert_close(
        Sampler(top_k=2).chances(LOGITS), torch.tensor([0, 2 / 3, 0, 1 / 3, 0])
    )


@pytest.mark.parametrize(
    ("top_p", "kept"), [(1e-9, 1), (0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3), (0.9, 4), (0.99, 5)]
)
def test_top_p_keeps_the_fewest_words_that_reach_p(top_p, kept):
    chances = Sampler(top_p=top_p).chances(LOGITS)
    assert (chances > 0).sum() == kept
    best = CHANCES.sort(descending=True, stable=True).values[:kept]
    torch.testing.assert_close(chances.sort(descending=True).values[:kept], best / best.sum())


def test_top_p_counts_what_top_k_and_temperature_left():
    # Of the two that top-k leaves, the first has two thirds of the chance: enough for p = 0.6.
    assert Sampler(top_k=2, top_p=0.6).chances(LOGITS).tolist() == [0, 1, 0, 0, 0]
    assert (Sampler(top_p=0.6).chances(LOGITS) > 0).sum() == 2
    assert (Sampler(temperature=0.5, top_p=0.7).chances(LOGITS) > 0).sum() == 1


def test_each_row_has_its_own_words():
    rows = torch.stack([LOGITS, LOGITS.flip(0)])
    for sampler in (Sampler(top_k=2), Sampler(top_p=0.7), Sampler(0.3)):
        expected = torch.stack([sampler.chances(row) for row in rows])
        torch.testing.assert_close(sampler.chances(rows), expected)


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-40, 1e-3])
def test_a_small_temperature_takes_the_likeliest(temperature):
    sampler = Sampler(temperature, generator=seeded())
    assert sampler(LOGITS.expand(50, -1)).tolist() == [1] * 50
    assert sampler(1e4 * LOGITS[None]).tolist() == [1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_extreme_scores(dtype):
    logits = torch.tensor([[-6e4, 6e4, 0.0, -math.inf]], dtype=dtype)
    for sampler in (Sampler(), Sampler(1e-3), Sampler(top_k=3, top_p=0.9), Sampler(1e30)):
        chances = sampler.chances(logits)
        assert chances.isfinite().all()
        torch.testing.assert_close(chances.sum(-1), torch.ones(1))
        assert chances[0, 3] == 0 or sampler.temperature > 1


def test_words_come_as_often_as_their_chances_say():
    words = Sampler(generator=seeded())(LOGITS.expand(20_000, -1))
    shares = words.bincount(minlength=5) / 20_000
    torch.testing.assert_close(shares, CHANCES, rtol=0, atol=0.02)
    kept = Sampler(top_k=2, generator=seeded())(LOGITS.expand(1_000, -1))
    assert set(kept.tolist()) == {1, 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -1.0}, "temperature -1.0: not a number from 0 up"),
        ({"temperature": math.nan}, "temperature nan: not a number from 0 up"),
        ({"temperature": math.inf}, "temperature inf: not a number from 0 up"),
        ({"top_k": 0}, "top-k 0: at least one word must be left"),
        ({"top_p": 0.0}, "top-p 0.0: not a probability above 0"),
        ({"top_p": 1.5}, "top-p 1.5: not a probability above 0"),
        ({"top_p": math.nan}, "top-p nan: not a probability above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(BadInput, match=message):
        Sampler(**arguments)


SETTINGS = [{"temperature": 0.0}, {}, {"temperature": 0.7, "top_k": 5}, {"top_p": 0.8}]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("prompt", [1, 6])
def test_with_a_cache_or_without_the_words_are_the_same(model, settings, prompt):
    ids = torch.randint(29, (3, prompt), generator=seeded(1))
    cached, uncached = (
        generate(one, ids, 30, Sampler(**settings, generator=seeded(7)))
        for one in (model, Uncached(model))
    )
    assert cached.shape == (3, prompt + 30)
    assert torch.equal(cached, uncached)
    assert torch.equal(cached[:, :prompt], ids)


def test_the_seed_is_all_the_chance_there_is(model):
    ids = torch.tensor([[3, 4]])
    one, again, other = (
        generate(model, ids, 30, Sampler(generator=seeded(seed))) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_greedy_takes_the_best_of_the_whole_text_each_time(model):
    ids = generate(model, torch.tensor([[3, 4]]), 20, Sampler(0))
    assert torch.equal(model(ids)[0, 1:-1].argmax(-1), ids[0, 2:])


def test_words_are_given_out_as_they_are_written(model):
    ids = torch.tensor([[3, 4], [5, 6]])
    words = torch.stack(list(write(model, ids, 9, Sampler(0))), dim=1)
    assert torch.equal(torch.cat([ids, words], dim=1), generate(model, ids, 9, Sampler(0)))
    first = next(write(model, ids, 10**9, Sampler(0)))
    assert torch.equal(first, words[:, 0])


class Count(NamedTuple):
    said: torch.Tensor


class Counter:
    """It counts down from the last word of the beginning, and on below zero from 8."""

    def start(self, ids: torch.Tensor) -> Count:
        return Count(ids)

    def step(self, word: torch.Tensor, state: Count) -> tuple[torch.Tensor, Count]:
        return torch.eye(9)[(word - 1) % 9], state


def test_a_text_ends_where_it_ends_and_the_batch_with_the_last():
    ids = torch.tensor([[5, 2], [5, 4]])
    words = generate(Counter(), ids, 100, Sampler(0), end=0)
    assert words.tolist() == [[5, 2, 1, 0, 0, 0], [5, 4, 3, 2, 1, 0]]
    assert generate(Counter(), ids, 3, Sampler(0)).tolist() == [[5, 2, 1, 0, 8], [5, 4, 3, 2, 1]]


def test_no_words_are_no_words(model):
    ids = torch.tensor([[3, 4]])
    assert torch.equal(generate(model, ids, 0), ids)


def test_a_beginning_is_needed_and_an_end_in_sight(model):
    with pytest.raises(BadInput, match="no beginning: give one word at least"):
        generate(model, torch.empty(1, 0, dtype=torch.long), 3)
    with pytest.raises(BadInput, match="41 words, but this model has positions for 40"):
        generate(model, torch.tensor([[3, 4]]), 60)
