"""Alignment error rate and bits per byte against cases worked by hand; the rest is sacrebleu's."""

import math

import pytest
import torch

from attention.errors import BadInput
from attention.evaluation.metrics import (
    alignment_error_rate,
    evaluate_language_model,
    hard_alignment,
)
from attention.tasks.language_modelling import LanguageModel

LINKS = frozenset({(0, 0), (1, 1), (2, 1)})


def test_hard_alignment_takes_the_largest_weight_of_each_row():
    weights = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    assert hard_alignment(weights) == LINKS


def test_alignment_error_rate_by_hand():
    gold = [LINKS, frozenset({(0, 0)})]
    assert alignment_error_rate(gold, gold) == 0
    # 4 gold links, 4 found, 3 agreed: 1 - 2*3/8.
    found = [LINKS, frozenset({(0, 1)})]
    assert alignment_error_rate(found, gold) == pytest.approx(0.25)
    assert alignment_error_rate([frozenset({(5, 5)})], [LINKS]) == 1


TEXTS = ["The agreement on the Área was signed .\n" * 3, "They arrived 🙂\n"]


@pytest.fixture
def language() -> LanguageModel:
    sizes = {"d_model": 8, "n_heads": 2, "n_layers": 1, "max_len": 16}
    return LanguageModel.new("gpt", TEXTS, subwords=260, **sizes)


def test_a_model_without_an_opinion_guesses_among_all_pieces(language):
    """All scores 0: one of 260 each time, log2(260) bits, whatever the text."""
    torch.nn.init.zeros_(language.model.embedding.weight)
    scores = evaluate_language_model(language, TEXTS)
    pieces = len(language.stream(TEXTS)) - 1
    assert scores.pieces == pieces > 2 * 16, "several windows"
    assert scores.loss == pytest.approx(math.log(260))
    assert scores.perplexity == pytest.approx(260, rel=1e-5)
    size = sum(len(text.encode()) for text in TEXTS)
    assert size > sum(map(len, TEXTS)), "bytes are not letters"
    assert scores.bits_per_byte == pytest.approx(pieces * math.log2(260) / size)


def test_each_piece_is_guessed_once_from_what_its_window_has_before_it(language):
    with torch.no_grad():
        for parameter in language.model.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    ids, total = language.stream(TEXTS), 0.0
    with torch.no_grad():
        for i in range(1, len(ids)):
            start = (i - 1) // 16 * 16
            chances = language.model(ids[None, start:i])[0, -1].log_softmax(-1)
            total -= chances[ids[i]].item()
    scores = evaluate_language_model(language, TEXTS)
    assert scores.loss == pytest.approx(total / (len(ids) - 1), rel=1e-5)
    assert scores.perplexity == pytest.approx(math.exp(scores.loss), rel=1e-5)


def test_where_nothing_is_left_to_guess_there_is_no_score(language):
    language.ends = []
    with pytest.raises(BadInput, match="nothing is left to guess"):
        evaluate_language_model(language, ["T"])
