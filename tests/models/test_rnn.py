"""Where the recurrent translators look; test_model_promises has what all models promise."""

import pytest
import torch

from attention import record_attention
from attention.models.rnn import (
    Bahdanau,
    BahdanauConfig,
    Luong,
    LuongConfig,
    RNNEncoderDecoder,
    RNNEncoderDecoderConfig,
    Seq2Seq,
)
from attention.models.rnn.fixed_vector import reverse_words

SIZES = {"source_vocab_size": 11, "target_vocab_size": 13, "d_embedding": 6, "d_model": 8}
FIXED = {
    "fixed vector": lambda **sizes: RNNEncoderDecoder(RNNEncoderDecoderConfig(**sizes)),
    "reversed": lambda **sizes: RNNEncoderDecoder(RNNEncoderDecoderConfig(**sizes, reverse=True)),
}
LOOKING = {
    "bahdanau": lambda **sizes: Bahdanau(BahdanauConfig(**sizes)),
    "dot": lambda **sizes: Luong(LuongConfig(**sizes)),
    "general": lambda **sizes: Luong(LuongConfig(**sizes, score="general")),
    "concat": lambda **sizes: Luong(LuongConfig(**sizes, score="concat")),
    "monotonic": lambda **sizes: Luong(LuongConfig(**sizes, local="monotonic")),
    "predictive": lambda **sizes: Luong(LuongConfig(**sizes, score="general", local="predictive")),
}
SOURCE = torch.tensor([[4, 5, 6, 7], [8, 9, 0, 0], [10, 0, 0, 0]])
TARGET = torch.tensor([[2, 5, 6, 7, 8], [2, 9, 10, 0, 0], [2, 11, 0, 0, 0]])


@pytest.fixture(params=[*FIXED, *LOOKING])
def model(request) -> Seq2Seq:
    torch.manual_seed(0)
    return (FIXED | LOOKING)[request.param](**SIZES).double().eval()


@pytest.fixture(params=LOOKING)
def looking(request) -> Seq2Seq:
    torch.manual_seed(0)
    return LOOKING[request.param](**SIZES).double().eval()


def test_a_score_for_every_word_at_every_place(model):
    assert model(SOURCE, TARGET).shape == (3, 5, 13)


def look(model, source, target=TARGET):
    with record_attention(model) as weights:
        logits = model(source, target)
    return weights[model.alignment_layer], logits


def test_recorded_rows_are_weights_over_the_real_words(looking):
    rows, _ = look(looking, SOURCE)
    assert rows.shape == (3, 5, 4)
    assert not rows[1, :, 2:].any()
    assert (rows >= 0).all()
    totals = rows.sum(-1)
    if getattr(looking.config, "local", None) == "predictive":
        assert (totals <= 1).all()  # the Gaussian comes after the softmax, as in the paper
    else:
        torch.testing.assert_close(totals, torch.ones_like(totals))


def test_every_source_word_moves_the_weights_and_the_scores(looking):
    weights, logits = look(looking, SOURCE[:1], TARGET[:1])
    for s in range(4):
        changed = SOURCE[:1].clone()
        changed[0, s] = 3
        other_weights, other_logits = look(looking, changed, TARGET[:1])
        assert not torch.allclose(other_weights, weights)
        assert not torch.allclose(other_logits, logits)


@pytest.mark.parametrize("name", FIXED)
def test_the_fixed_vector_is_all_that_the_decoder_gets(name):
    model = FIXED[name](**SIZES).eval()
    assert model.alignment_layer is None
    state = model.start(SOURCE)
    assert [tensor.shape for tensor in state] == [(3, 8), (3, 8)]


def test_reversing_turns_the_words_and_leaves_the_padding():
    assert reverse_words(SOURCE).tolist() == [[7, 6, 5, 4], [9, 8, 0, 0], [10, 0, 0, 0]]


def test_reading_backwards_is_reading_the_reversed_sentence():
    torch.manual_seed(0)
    forward = FIXED["fixed vector"](**SIZES)
    backward = FIXED["reversed"](**SIZES)
    backward.load_state_dict(forward.state_dict())
    torch.testing.assert_close(backward(SOURCE, TARGET), forward(reverse_words(SOURCE), TARGET))


def test_dropout_is_off_when_evaluating():
    torch.manual_seed(0)
    model = Bahdanau(BahdanauConfig(11, 13, 6, 8, dropout=0.5))
    assert not torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))
    model.eval()
    assert torch.equal(model(SOURCE, TARGET), model(SOURCE, TARGET))
