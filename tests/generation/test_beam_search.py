"""Greedy and beam search, on models whose best sentences are known."""

import math
from functools import partial
from itertools import product
from typing import NamedTuple

import pytest
import torch

from attention.generation.beam_search import (
    _reorder,
    beam_search,
    greedy_search,
    search_hypotheses,
)
from attention.models.rnn import Bahdanau, BahdanauConfig
from attention.tokenizers.special_tokens import BOS, EOS

A, B, C = 4, 5, 6
# The next-token distribution after each token: the most probable first one leads astray.
PROBABILITIES = {
    BOS: {A: 0.6, B: 0.4},
    A: {A: 0.4, B: 0.3, EOS: 0.3},
    B: {C: 0.9, EOS: 0.1},
    C: {EOS: 1.0},
}


class Seen(NamedTuple):
    count: torch.Tensor


class Table:
    """From source token 7 it follows `PROBABILITIES`; from source token 8 it ends at once."""

    def prefill(self, source: torch.Tensor, max_new_tokens: int) -> tuple[torch.Tensor, Seen]:
        return self.decode_step(
            torch.full_like(source[:, 0], BOS), Seen((source[:, 0] == 8).long())
        )

    def decode_step(self, word: torch.Tensor, state: Seen) -> tuple[torch.Tensor, Seen]:
        logits = torch.full((len(word), 7), float("-inf"))
        for i, w in enumerate(word.tolist()):
            for following, probability in PROBABILITIES.get(w, {EOS: 1.0}).items():
                logits[i, following] = torch.tensor(probability).log()
            if state.count[i]:
                logits[i] = float("-inf")
                logits[i, EOS] = 0.0
        return logits, state


SOURCE = torch.tensor([[7], [8], [7]])


def test_greedy_search_takes_the_most_probable_token_each_time():
    assert greedy_search(Table(), SOURCE, 4) == [[A, A, A, A], [], [A, A, A, A]]


def test_beam_search_finds_the_more_probable_sentence():
    # B C </s>: 0.4 * 0.9 = 0.36. The best that begins with A is A </s>: 0.6 * 0.3 = 0.18.
    assert beam_search(Table(), SOURCE, 4, beam_size=3) == [[B, C], [], [B, C]]


def test_length_normalisation_favours_the_longer():
    class Short(Table):
        def decode_step(self, word, state):
            logits, state = super().decode_step(word, state)
            logits[word == BOS] = float("-inf")
            logits[word == BOS, EOS] = torch.tensor(0.38).log()
            logits[word == BOS, B] = torch.tensor(0.40).log()
            return logits, state

    assert beam_search(Short(), SOURCE[:1], 4, beam_size=3, length_penalty=0.0) == [[]]
    assert beam_search(Short(), SOURCE[:1], 4, beam_size=3, length_penalty=1.0) == [[B, C]]
    assert beam_search(Short(), SOURCE[:1], 4, beam_size=3) == [[B, C]], "1 is the default"


@pytest.fixture(scope="module")
def model() -> Bahdanau:
    torch.manual_seed(1)
    return Bahdanau(BahdanauConfig(11, 13, 6, 8)).eval()


IDS = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0], [10, 0, 0, 0]])


def test_a_beam_of_one_is_greedy_search_search(model):
    assert beam_search(model, IDS, 9, beam_size=1) == greedy_search(model, IDS, 9)


@pytest.mark.parametrize("search", [greedy_search, partial(beam_search, beam_size=3)])
def test_batch_equals_single(model, search):
    singles = [search(model, IDS[i : i + 1], 9)[0] for i in range(3)]
    assert search(model, IDS, 9) == singles


@pytest.mark.parametrize("search", [greedy_search, partial(beam_search, beam_size=3)])
def test_never_longer_than_allowed_and_never_a_special_token(model, search):
    for words in search(model, IDS, 5):
        assert len(words) <= 5
        assert min(words, default=4) not in (0, BOS, EOS)


def test_every_tensor_of_a_state_is_reordered_however_deep_it_lies():
    x, rows = torch.arange(6).view(3, 2), torch.tensor([2, 0, 0])
    count, (pair, (one,)) = _reorder((Seen(x), ((x, 2 * x), (3 * x,))), rows)
    assert isinstance(count, Seen)
    assert count.count.tolist() == [[4, 5], [0, 1], [0, 1]]
    assert [part.tolist() for part in pair] == [[[4, 5], [0, 1], [0, 1]], [[8, 10], [0, 2], [0, 2]]]
    assert one.tolist() == [[12, 15], [0, 3], [0, 3]]


def test_hypotheses_come_by_score_which_is_normalised_by_length_with_the_end():
    """Worked by hand from `PROBABILITIES`; the beam is wider than there are hypotheses."""
    probabilities = {(B, C): 0.4 * 0.9, (B,): 0.4 * 0.1, (A,): 0.6 * 0.3, (A, A): 0.6 * 0.4 * 0.3}
    probabilities |= {(A, B): 0.6 * 0.3 * 0.1}
    for penalty in (0.0, 1.0, 2.0):
        [found] = search_hypotheses(Table(), SOURCE[:1], 3, beam_size=20, length_penalty=penalty)
        expected = {
            words: math.log(p) / (len(words) + 1) ** penalty for words, p in probabilities.items()
        }
        assert {tuple(h.ids): h.score for h in found} == pytest.approx(expected, rel=1e-5)
        assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    [_, [only]] = search_hypotheses(Table(), SOURCE[:2], 3, beam_size=20)
    assert only == ([], pytest.approx(0))


def test_incomplete_hypotheses_are_found_only_where_none_is_complete():
    [found] = search_hypotheses(Table(), SOURCE[:1], 1, beam_size=3)
    assert [h.ids for h in found] == [[A], [B]]
    assert [h.score for h in found] == pytest.approx([math.log(0.6), math.log(0.4)])


@pytest.mark.parametrize("search", [greedy_search, beam_search])
def test_each_sentence_has_its_own_maximum_length(model, search):
    limits = torch.tensor([7, 2, 0])
    singles = [search(model, IDS[i : i + 1], int(limits[i]))[0] for i in range(3)]
    assert search(model, IDS, limits) == singles
    assert [len(tokens) for tokens in search(Table(), SOURCE, limits)][2] == 0


def test_a_beam_that_drops_nothing_finds_the_best_sentence_there_is():
    torch.manual_seed(1)
    model = Bahdanau(BahdanauConfig(11, 7, 6, 8)).eval()

    def score(words: tuple[int, ...], row: int) -> float:
        (logits, state), total = model.prefill(IDS[row : row + 1], 9), 0.0
        for following in words:
            logits[:, [0, BOS]] = float("-inf")
            total += logits.log_softmax(-1)[0, following].item()
            logits, state = model.decode_step(torch.tensor([following]), state)
        return total / len(words)

    writable = (1, A, B, C)
    ended = [(*words, EOS) for n in range(3) for words in product(writable, repeat=n)]
    with torch.inference_mode():
        for row, best in enumerate(beam_search(model, IDS, 3, beam_size=150)):
            assert (*best, EOS) == max(ended, key=lambda words: score(words, row))
